"""FTP."""

from sensor.flows.engine import FlowEngine
from sensor.packets.ftp import Session
from tests.packets.handed import say
from tests.packets.reading_captures import messages_of

LOGIN = [
    (True, b"USER ben\r\n"),
    (False, b"331 password\r\n"),
    (True, b"PASS secret\r\n"),
    (False, b"230-hi\r\n230 in\r\n"),
]


def test_a_login_is_written_with_its_result_and_without_the_password():
    """One message for USER and PASS."""
    assert [{"user": "ben", "command": "PASS", "reply_code": 230, "reply_msg": "in"}] == say(Session(), *LOGIN)


def test_a_file_is_written_with_its_final_reply():
    """150 only says that it begins; other commands name nothing."""
    turns = [
        *LOGIN,
        (True, b"TYPE I\r\n"),
        (False, b"200 ok\r\n"),
        (True, b"RETR a.txt\r\n"),
        (False, b"150 x\r\n226 y\r\n"),
    ]
    assert {"user": "ben", "command": "RETR", "argument": "a.txt", "reply_code": 226, "reply_msg": "y"} == say(
        Session(), *turns
    )[1]


def test_a_refused_user_and_what_nobody_answered():
    """530 to USER; a command at the end of what was seen."""
    turns = [(True, b"USER x\r\n"), (False, b"530 no\r\n"), (True, b"DELE f\r\n")]
    assert [(530, "USER"), (None, "DELE")] == [
        (found.get("reply_code"), found["command"]) for found in say(Session(), *turns)
    ]


def test_a_reply_code_has_ascii_digits():
    """Superscripts are digits to Python and no code to FTP: the command still waits."""
    turns = [(True, b"DELE f\r\n"), (False, "\u00b2\u00b2\u00b2 x\r\n".encode()), (False, b"250 ok\r\n")]
    assert [250] == [found["reply_code"] for found in say(Session(), *turns)]


def test_after_auth_tls_nothing_is_read():
    """RFC 4217."""
    turns = [(True, b"AUTH TLS\r\n"), (False, b"234 go\r\n"), (True, b"\x16\3\1USER x\r\n")]
    assert [{"command": "AUTH", "argument": "TLS", "reply_code": 234, "reply_msg": "go"}] == say(Session(), *turns)


def test_a_real_capture(data_dir):
    """Anonymous, and a file fetched twice."""
    found = messages_of(FlowEngine, data_dir / "network/zeek-btest/Traces/ftp/ipv4.pcap", "ftp")
    assert [("anonymous", "PASS", 230), *[("anonymous", "RETR", 226)] * 2] == [
        (one.user, one.command, one.reply_code) for one in found
    ]
