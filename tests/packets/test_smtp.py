"""Mail."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensor.flows.engine import FlowEngine
from sensor.packets.smtp import Session, decoded
from tests.packets.handed import say
from tests.packets.reading_captures import messages_of

ENVELOPE = b"EHLO mx.example\r\nMAIL FROM:<a@example>\r\nRCPT TO:<b@example>\r\nRCPT TO: c@example\r\nDATA\r\n"
HEADERS = b"From: A <a@example>\r\nSubject: one\r\n two\r\nX-Mailer: m\r\n\r\nFrom: not a header\r\n.\r\n"
SAYS = {
    "helo": "mx.example", "mailfrom": "a@example", "rcptto": ("b@example", "c@example"), "sender": "A <a@example>",
    "subject": "one two", "user_agent": "m", "last_reply": "250 taken", "tls": False,
}  # fmt: skip
TAKEN = (False, b"250 taken\r\n")


def test_a_mail_is_written_with_the_answer_to_it():
    """Envelope and headers; the body says nothing."""
    assert [SAYS] == say(Session(), (True, ENVELOPE), (False, b"354 go on\r\n"), (True, HEADERS), TAKEN)


@given(st.integers(0, len(ENVELOPE + HEADERS)), st.integers(0, len(ENVELOPE + HEADERS)))
def test_segments_may_end_anywhere(first, second):
    """The mail is the same."""
    first, second = sorted((first, second))
    whole = ENVELOPE + HEADERS
    turns = [(True, whole[:first]), (True, whole[first:second]), (True, whole[second:]), TAKEN]
    assert [SAYS] == say(Session(), *turns)


def test_a_second_mail_keeps_the_greeting_only():
    """Nothing of the first is in it."""
    again = (True, b"MAIL FROM:<>\r\nRCPT TO:<z@example>\r\nQUIT\r\n")
    found = say(Session(), (True, ENVELOPE), (True, HEADERS), TAKEN, again)
    assert {"helo": "mx.example", "rcptto": ("z@example",), "last_reply": "250 taken", "tls": False} == found[1]


def test_after_starttls_nothing_is_read():
    """The message says that TLS began."""
    turns = [(True, b"EHLO a\r\nSTARTTLS\r\n"), (False, b"220 ready\r\n"), (True, b"MAIL FROM:<x@y>\r\n")]
    assert [{"helo": "a", "last_reply": "220 ready", "tls": True}] == say(Session(), *turns)


def test_a_refused_mail_says_so():
    """DATA was refused; the next command is one."""
    turns = [(True, ENVELOPE), (False, b"554 no\r\n"), (True, b"QUIT\r\n")]
    (found,) = say(Session(), *turns)
    assert ("a@example", "554 no") == (found["mailfrom"], found["last_reply"])


def test_encoded_words_are_decoded_or_left():
    """RFC 2047; an unknown character set stays as it is."""
    assert ("ü", "=?nonesuch?q?x?=") == (decoded("=?iso-8859-1?q?=FC?="), decoded("=?nonesuch?q?x?="))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("=?\u00e9?q?a?=", "=?\u00e9?q?a?="),  # a character set whose name is not ASCII
        ("=?utf-7?q?+2AA-?=", "\\ud800"),  # half of a surrogate pair, which no JSON can hold
        ("=?utf-8?b?A?=", "=?utf-8?b?A?="),
        ("=?zlib?b?AAAA?=", "=?zlib?b?AAAA?="),
    ],
)
def test_hostile_encoded_words_end_nothing(text, said):
    """They stay as they are, or are shown escaped."""
    assert said == decoded(text)


def test_real_captures(data_dir):
    """A delivered mail, one with STARTTLS, one in another character set."""
    arkime = data_dir / "network/arkime"
    (mail,) = messages_of(FlowEngine, arkime / "smtp-zip.pcap", "smtp")
    assert ("xxxxx@xxx.net", "zip test", "250 Ok: queued as 5CF8324407F") == (
        mail.mailfrom,
        mail.subject,
        mail.last_reply,
    )
    assert [True] == [mail.tls for mail in messages_of(FlowEngine, arkime / "smtp-starttls.pcap", "smtp")]
    (mail,) = messages_of(FlowEngine, arkime / "smtp-subject-8859-b.pcap", "smtp")
    assert "test å é î ø ü" == mail.subject
