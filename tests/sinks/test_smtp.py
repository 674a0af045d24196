"""Incidents as mail: when there is one, what is in it, and what a server's refusal means."""

import email
import email.policy
import ssl

import pytest

from sensor.errors import Malformed, Permanent, Transient
from sensor.model.sink import SecretPlace
from sensor.sinks import smtp
from sensor.sinks.smtp import Settings
from tests.sinks.mail_server import mailing
from tests.sinks.samples import NOW_NS, delivery, evidence, fit, incident
from tests.wire.certificates import Authority

MAIL = {"sender": "spanline@example.com", "to": ("soc@example.com", "lead@example.com")}


def sink(server, **options):
    made = Settings(
        host="127.0.0.1", port=server.port, console_url="https://c.example",
        **MAIL | {"security": "none"} | options,
    )  # fmt: skip
    return smtp.build(made, fit(PW="hush"))


def read(server):
    return [email.message_from_bytes(text, policy=email.policy.default) for _, _, text in server.mails]


def test_a_mail_says_what_happened_and_where_to_look():
    """Subject, text, page; to all, one conversation an incident, each version once."""
    with mailing() as server:
        assert ["triage open"] == sink(server).send([delivery()], NOW_NS)
        [(sender, recipients, _)] = server.mails
        [mail] = read(server)

    assert ("mail FROM:<spanline@example.com>", 2) == (sender.split(" size")[0], len(recipients))
    assert "[triage SYD] PC-7 scans the network" == mail["Subject"]
    assert ("<INC-000000000001-1-0a0b0c0d@example.com>", "<INC-000000000001@example.com>") == (
        mail["Message-ID"], mail["References"],
    )  # fmt: skip
    text = mail.get_content()
    for part in (
        "PC-7 tried 90 hosts, usually 0 to 3.", "Check first: Ask who runs PC-7", "+31.0 dB: PC-7 (10.10.0.7) tried",
        "https://c.example/incidents/INC-000000000001", "Against it: a scanner runs here at night",
    ):  # fmt: skip
        assert part in text


def test_only_a_change_of_tier_and_the_end_are_worth_another():
    """What grows meanwhile is noted as had."""
    with mailing() as server:
        made = sink(server)
        grown = incident(score_db=50.0)
        assert ["triage open"] == made.send([delivery(grown, 2, "triage open")], NOW_NS)
        assert ["page open"] == made.send([delivery(incident(tier="page"), 3, "triage open")], NOW_NS)
        closed = incident(tier="page", state="closed", verdict="benign", reason="ours")
        assert ["page closed benign"] == made.send([delivery(closed, 4, "page open")], NOW_NS)
        mails = read(server)

    assert ["[page SYD] PC-7 scans the network", "[page SYD] benign: PC-7 scans the network"] == [
        one["Subject"] for one in mails
    ]
    assert "Verdict: benign, ours" in mails[1].get_content()


def test_text_of_the_network_stays_text():
    """Line ends make neither headers nor lines; much evidence is cut; letters of any script arrive."""
    hostile = "é\r\nBcc: all@example.com\r\n\r\n.\r\nQUIT\r\n"
    found = tuple(evidence(f"EV-{number}", text=hostile) for number in range(30))
    with mailing() as server:
        sink(server).send([delivery(incident(title=hostile, summary=hostile, evidence=found))], NOW_NS)
        [mail] = read(server)

    assert None is mail["Bcc"]
    assert r"[triage SYD] é\r\nBcc: all@example.com\r\n\r\n.\r\nQUIT\r\n" == mail["Subject"]
    lines = mail.get_content().splitlines()
    assert (11, 1) == (sum("Bcc" in one for one in lines) - 1, sum(one == "- and 20 more" for one in lines))
    assert not [one for one in lines if one.startswith(("Bcc", "QUIT", "."))]


@pytest.mark.parametrize("security", ["tls", "starttls"])
def test_tls_is_verified_and_credentials_follow_it(tmp_path, security):
    """By the authority that is named; another's is refused before anything is said."""
    authority, stranger = Authority(tmp_path), Authority(tmp_path, "stranger")
    with mailing(authority.issue("mail"), implicit=security == "tls") as server:
        login = {"user": "u", "password": SecretPlace(env="PW"), "security": security}
        made = sink(server, ca_file=authority.file, **login)
        made.send([delivery()], NOW_NS)
        assert "127.0.0.1 takes mail from spanline@example.com" == made.probe()
        with pytest.raises(ssl.SSLError):
            sink(server, ca_file=stranger.file, **login).send([delivery()], NOW_NS)

        assert (1, 2) == (len(server.mails), len(server.logins))


@pytest.mark.parametrize(
    ("command", "answer", "error"),
    [
        ("MAIL", "550 no", Permanent), ("MAIL", "450 later", Transient), ("RCPT", "550 nobody", Permanent),
        ("RCPT", "451 greylisted", Transient), ("DATA", "554 spam", Malformed), ("DATA", "452 full", Transient),
        ("AUTH", "535 no", Permanent), ("EHLO", "421 busy", OSError),
    ],
)  # fmt: skip
def test_a_refusal_is_of_this_mail_of_all_or_for_now(tmp_path, command, answer, error):
    """The first is passed over, the second waits for somebody, the third is tried again."""
    authority = Authority(tmp_path)
    with mailing(authority.issue("mail"), implicit=True) as server:
        server.refuse = {command: answer} | ({"HELO": answer} if command == "EHLO" else {})
        made = sink(server, security="tls", ca_file=authority.file, user="u", password=SecretPlace(env="PW"))
        with pytest.raises(error):
            made.send([delivery()], NOW_NS)


def test_options_that_will_not_do_are_named():
    """No server, no address of mail, in the clear to another machine, half of the credentials."""
    good = MAIL | {"host": "mail.example"}
    assert smtp.problem(Settings(**good)) is None
    for wrong, told in (
        ({"host": ""}, "needs host"), ({"to": ("x",)}, "'x' is no address"), ({"sender": "a b@c"}, "no address"),
        ({"security": "none"}, "loopback"), ({"user": "u"}, "together"), ({"to": ("a@b\r\nBcc: c@d",)}, "no address"),
    ):  # fmt: skip
        assert told in smtp.problem(Settings(**good | wrong))
