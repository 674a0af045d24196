"""Malicious mail: what reached somebody and was opened is told, whatever order its records come in."""

import numpy as np
import pytest

from sensor.detectors import phishing
from sensor.detectors.phishing import CLICK_RATE, SENT_RATE, again, detector, is_click, reached, threat_of
from sensor.model.event import Event
from tests.detectors.acts_made import ANN, act, known, run, signin
from tests.scenes import SECRET

MAIL = {"network_message_id": "n1", "message_id": "<1@evil.example>", "sender": "it@evil.example"}
MAIL |= {"recipients": [ANN], "subject": "Payslip", "direction": "inbound"}
BOB = "bob@corp.example"


def came(hour=9.0, **detail):
    return act("email", "Delivered", hour=hour, source="defender", detail=MAIL | {"delivery": "delivered"} | detail)


def click(hour=10.0, outcome="success", **detail):
    own = {"network_message_id": "n1", "clicked": False, "url": "https://login.evil.example/a"} | detail
    action = "ClickAllowed" if outcome == "success" else "ClickBlocked"
    return act("email", action, hour=hour, source="defender", outcome=outcome, detail=own, ip="198.51.100.7")


def zap(hour=13.0):
    detail = {name: MAIL[name] for name in ("network_message_id", "recipients")} | {"delivery": "quarantined"}
    return act("email", "Phish ZAP", hour=hour, source="defender", detail=detail)


def found(*events):
    entities = known()
    return run(entities, [detector(entities, SECRET)], [signin(), signin(account=BOB), *events])


@pytest.mark.parametrize(
    "events",
    [
        (came(threats=["Phish"]), click()),
        (came(), click(), zap()),
        (click(threats=["Phish"]), came(hour=11)),
        (came(threats=["Phish"]), click(outcome="failure", clicked=True)),
        (came(threats=["Phish"]), click(network_message_id=None, message_id="<1@evil.example>")),
    ],
)
def test_an_opened_link_of_a_malicious_message_is_an_entry(events):
    """At the time at which it was opened, even where the verdict came after; not enough to open an incident."""
    (one,) = [one.evidence for one in found(*events) if "clicked" in one.evidence.marks]

    assert ("entry", "email", "phishing", CLICK_RATE) == (one.stage, one.source, one.family, one.p)
    assert one.ts.endswith("T10:00:00.000000Z")
    assert 10 < one.db < 20
    assert "message:n1" in one.keys or "message:<1@evil.example>" in one.keys
    assert np.isclose(again(one), one.p)
    assert len(one.records) == one.observed


def test_what_lay_in_the_mailbox_or_was_blocked_is_context():
    """It tells the story and weighs nothing."""
    for events in ((came(threats=["HighConfPhish"]),), (came(threats=["Phish"]), click(outcome="failure"))):
        rows = found(*events)
        assert [("context",)] == [one.evidence.marks for one in rows]
        assert 'the message "Payslip" from it@evil.example that defender calls' in rows[0].evidence.text


def test_what_was_stopped_is_spam_or_has_no_verdict_is_nothing():
    """Nor a click on a link of an ordinary message."""
    stopped = came(threats=["Phish"], delivery="blocked", network_message_id="n2", message_id="<2@evil.example>")
    assert [] == found(stopped, came(threats=["Spam"]), came(), click())


def test_an_account_of_ours_that_sends_such_is_an_act():
    """To outside or to colleagues; a stranger that sends it is the recipient's story."""
    outward = {"sender": ANN, "recipients": ["x@else.example"], "direction": "outbound", "delivery": "blocked"}
    (one,) = found(came(threats=["Malware"], **outward))

    assert ("act", SENT_RATE, ("T1534",)) == (one.evidence.stage, one.evidence.p, one.techniques)
    assert one.evidence.text.startswith(f"{ANN} sent mail to x@else.example")


def test_each_recipient_has_evidence_of_its_own():
    """One message, two who opened it: the message ties them."""
    mine, theirs = click(), act(
        "email", "ClickAllowed", hour=10.5, source="defender", account=BOB,
        detail={"network_message_id": "n1", "clicked": True},
    )  # fmt: skip
    rows = [one.evidence for one in found(came(threats=["Phish"], recipients=[ANN, BOB]), mine, theirs)]

    assert [ANN, BOB] == sorted(one.entity.id for one in rows if "clicked" in one.marks)


def test_save_and_load_is_identity():
    """A click before, the verdict after a restart."""
    entities = known()
    first = detector(entities, SECRET)
    run(entities, [first], [signin(), came(), click()])
    second = detector(entities, SECRET)
    second.load(first.save())

    assert ["clicked"] == [mark for one in run(entities, [second], [zap()]) for mark in one.evidence.marks]
    assert first.save()["held"].tobytes() != b""
    empty = detector(entities, SECRET)
    empty.load({})
    assert "no_input" == empty.coverage().state


def test_a_flood_is_bounded(monkeypatch):
    """The pair that changed longest ago goes."""
    monkeypatch.setattr(phishing, "MAILS_MAX", 4)
    entities = known()
    one = detector(entities, SECRET)
    run(entities, [one], [came(threats=["Phish"], network_message_id=f"m{k}", message_id=f"<{k}@x>") for k in range(9)])

    assert {"phishing_mails": 1.0} == one.saturation


@pytest.mark.parametrize(
    ("action", "detail", "expected"),
    [
        ("Delivered", {"delivery": "delivered"}, ("", False, True)),
        ("Phish ZAP", {"delivery": "quarantined"}, ("Phish", False, True)),
        ("NotReleased", {"delivery": "quarantined", "threats": ["HighConfPhish"]}, ("HighConfPhish", False, False)),
        ("ClickAllowed", {}, ("", True, False)),
        ("TIUrlClickData", {"clicked": True, "threats": ["Malware"]}, ("Malware", True, False)),
    ],
)
def test_what_a_record_says(action, detail, expected):
    """The threat, whether it is a click, whether the message was in the mailbox."""
    event = Event(ts=0, source="defender", kind="email", action=action, detail=detail)
    assert expected == (threat_of(event), is_click(event), reached(event))
