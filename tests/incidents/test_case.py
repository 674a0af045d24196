"""One incident while it is worked on."""

import msgspec

from sensor.incidents import case as cases
from sensor.incidents.case import Case, oldest
from sensor.model.incident import Party
from sensor.model.times import DAY_NS
from tests.incidents.hands import START, act, seen


def case(key="INC-1", tier="triage", opened_ns=START):
    party = Party(kind="device", site="SYD", id="dev-0", name="LAPTOP-0", role="subject")
    return Case(id=key, site="SYD", tier=tier, subject=party, family="scan", opened_ns=opened_ns, last_ns=opened_ns)


def test_an_account_makes_it_last_14_days():
    """Others last 3 after their last evidence; what is only repeated does not restart that."""
    one = case()
    one.take(seen("scan", "scan", 1e-5, START), START + 5, weighs=True)
    assert START + 5 + 3 * DAY_NS == one.deadline_ns
    one.take(act("place", "place", 1e-5, START), START + 9, weighs=True)
    one.take(act("place", "place", 1e-5, START, target="x", marks=("repeated",)), START + 99, weighs=True)

    assert START + 9 + 14 * DAY_NS == one.deadline_ns


def test_a_repeated_value_is_evidence_once():
    """The same family, account and address again, said to be repeated."""
    one, key = case(), ("address:192.0.2.1",)
    one.take(act("place", "place", 1e-5, START, keys=key), START, weighs=True)
    later = act("place", "place", 1e-5, START + DAY_NS, keys=key, marks=("repeated",))

    assert [True, False, False] == [
        one.repeats(later.evidence), one.repeats(msgspec.structs.replace(later.evidence, keys=())),
        one.repeats(msgspec.structs.replace(later.evidence, marks=())),
    ]  # fmt: skip


def test_daily_work_from_one_place_does_not_keep_an_incident_open():
    """The same kind of act from the same address on another day restarts nothing; another, or from elsewhere, does."""
    one, here, there = case(), ("address:192.0.2.1",), ("address:192.0.2.9",)
    days = []
    for day, (detector, keys) in enumerate((("files", here), ("files", here), ("files", there), ("rule", here))):
        at_ns = START + day * DAY_NS
        done = act(detector, "files", 1e-3, at_ns, keys=keys, target=f"{day}")
        done = msgspec.structs.replace(done, evidence=msgspec.structs.replace(done.evidence, model=f"{detector}/1"))
        one.take(done, at_ns, weighs=True)
        days.append((one.last_ns - START) // DAY_NS)

    assert [0, 0, 2, 3] == days


def test_evidence_beyond_the_cap_is_context(monkeypatch):
    """The weakest goes; nothing grows without end, and what was dropped is counted."""
    monkeypatch.setattr(cases, "EVIDENCE_MAX", 3)
    monkeypatch.setattr(cases, "CONTEXT_MAX", 2)
    one = case()
    for k in range(7):
        one.take(seen("scan", "scan", 10.0 ** -(k + 3), START, target=f"{k}"), START, weighs=True)

    assert (3, 2, 2) == (len(one.evidence), len(one.context), one.dropped)
    assert min(row.db for row in one.evidence.values()) > max(row.db for row in one.context.values())


def test_what_is_absorbed_is_whole():
    """Evidence, context, members and keys of both; the other's id is kept."""
    one, other = case(), case("INC-2")
    one.take(seen("scan", "scan", 1e-5, START), START, weighs=True)
    other.take(seen("beacon", "beacon", 1e-5, START, device=1, keys=("destination:x",)), START + 7, weighs=True)
    other.take(seen("volumes", "volume", 1e-2, START, device=1), START + 7, weighs=False)
    one.absorb(other, START + 8)

    assert (2, 1, {"device:dev-0", "device:dev-1"}) == (len(one.evidence), len(one.context), set(one.members))
    assert (["INC-2"], {"destination:x"}, START + 7) == (one.merged, set(one.keys), one.last_ns)


def test_the_oldest_incident_keeps_its_id():
    """A row of the digest never does beside an incident."""
    rows = [case("INC-1", "digest", START), case("INC-2", opened_ns=START + 9), case("INC-3", opened_ns=START + 5)]

    assert "INC-3" == oldest(rows).id


def test_it_never_has_more_nodes_than_allowed(monkeypatch):
    """Two that would together are left apart."""
    monkeypatch.setattr(cases, "NODES_MAX", 2)
    one, other = case(), case("INC-2")
    one.take(seen("scan", "scan", 1e-5, START), START, weighs=True)
    other.take(seen("scan", "scan", 1e-5, START, device=1), START, weighs=True)

    assert one.is_full_for(other)


def test_what_comes_again_from_elsewhere_is_told_and_its_first_time_stays():
    """The same client from another address: a line of the timeline, and one more key."""
    one = case()
    for k, address in enumerate(("192.0.2.1", "192.0.2.2")):
        marks = ("repeated",) if k else ()
        found = act(
            "place", "place", 1e-5, START + k, target="x", text=address, keys=(f"address:{address}",), marks=marks
        )
        one.take(found, START + k, weighs=True)

    assert (["192.0.2.1"], ["192.0.2.2"]) == (
        [row.text for row in one.evidence.values()],
        [row.text for row in one.notes],
    )
    assert {"address:192.0.2.1", "address:192.0.2.2"} == set(one.keys)
