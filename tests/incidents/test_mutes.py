"""Suppressions: their scope, and what a benign verdict makes of an incident."""

import msgspec
import pytest

from sensor.incidents import mutes
from sensor.incidents.mutes import Mutes, first_hiding, hides
from sensor.model.mute import Mute
from sensor.model.times import DAY_NS, rfc3339
from tests.incidents.hands import START, incidents, run, seen, shown

EVIDENCE = seen("beacon", "beacon", 1e-5, START, keys=("destination:example.com", "device:dev-0")).evidence


def mute(name="MUTE-1", /, expires_ns=START + DAY_NS, **scope):
    return Mute(id=name, created="", expires=rfc3339(expires_ns), reason="ours", author="ann", **scope)


@pytest.mark.parametrize(
    ("scope", "hidden"),
    [
        ({"entity": "dev-0"}, True), ({"entity": "dev-1"}, False), ({"detector": "beacon"}, True),
        ({"detector": "beacon", "entity": "dev-1"}, False), ({"key": "destination:example.com"}, True),
        ({"key": "example.com"}, True), ({"key": "example.net"}, False), ({"site": "SYD"}, True),
        ({"site": "PER", "detector": "beacon"}, False), ({"entity": "dev-0", "expires_ns": START}, False),
    ],
)  # fmt: skip
def test_all_of_a_scope_must_fit_and_it_must_not_have_expired(scope, hidden):
    """Whether it is looked for by its index or one by one."""
    one = mute(**scope)
    held = Mutes()
    held.replace([mute("MUTE-0", entity="nobody"), one])

    assert hidden == hides(one, EVIDENCE) == (held.of(EVIDENCE) is not None)
    assert hidden == (first_hiding([one], EVIDENCE) is not None)


def test_what_is_new_is_told_once():
    """So that stored findings are looked at once."""
    held, one = Mutes(), mute(entity="dev-0")

    assert [[one], [], [mute("MUTE-2", site="SYD")]] == [
        held.replace(found) for found in ([one], [one], [one, mute("MUTE-2", site="SYD")])
    ]


def test_a_benign_verdict_suppresses_the_same_for_30_days_and_nothing_else():
    """By entity, detector and what it was about; sequences and what weighs little are not named."""
    linked = incidents()
    small = msgspec.structs.replace(seen("volumes", "volume", 0.1, START))
    run(linked, (START, seen("beacon", "beacon", 1e-5, START, keys=("session:s", "destination:d"))), (START, small))
    made = mutes.of_benign(shown(linked)[0], "our updater", "ann", START)

    assert [("dev-0", "beacon", "destination:d", "our updater", "ann")] == [
        (one.entity, one.detector, one.key, one.reason, one.author) for one in made
    ]
    assert rfc3339(START + 30 * DAY_NS) == made[0].expires


def test_hidden_evidence_is_bounded_and_counted(monkeypatch):
    """The oldest of one commit goes."""
    monkeypatch.setattr(mutes, "HIDDEN_MAX", 2)
    held = Mutes()
    for k in range(3):
        held.hide(mute(), msgspec.structs.replace(EVIDENCE, id=f"EV-{k}"))

    assert (2, 1) == (len(held.hidden), held.dropped)
