"""Cases found by entity, evidence and key."""

import time

from sensor.incidents import cases
from sensor.incidents.cases import Cases
from sensor.model.times import DAY_NS
from tests.incidents.hands import START, People, incidents, run, seen
from tests.incidents.test_case import case


def holding(known, key="INC-1", tier="triage", device=0, opened_ns=START):
    one = case(key, tier, opened_ns)
    one.take(
        seen("beacon", "beacon", 1e-5, START, device=device, keys=("destination:x", "device:dev-0")),
        opened_ns,
        weighs=True,
    )
    known.add(one)
    return one


def test_a_case_is_found_until_it_is_finished():
    """By node, by key, by evidence; then its evidence is remembered as spent."""
    known = Cases()
    one = holding(known)
    evidence = next(iter(one.evidence))

    assert [[one], [one], one] == [
        known.of_node("device:dev-0"),
        known.of_key("destination:x"),
        known.of_evidence(evidence),
    ]
    one.state = "closed"
    known.finish(one)
    assert [[], [], None] == [known.of_node("device:dev-0"), known.of_key("destination:x"), known.of_evidence(evidence)]
    assert {evidence: "INC-1"} == known.spent


def test_what_is_due_comes_once_and_not_where_it_grew():
    """A case that got evidence since is asked again at its new time."""
    known = Cases()
    one, other = holding(known), holding(known, "INC-2", device=1)
    other.last_ns += DAY_NS

    assert ["INC-1"] == [case.id for case in known.due(START + 3 * DAY_NS + 1)]
    one.state = "expired"
    assert [[], ["INC-2"]] == [[case.id for case in known.due(START + days * DAY_NS + 2)] for days in (3, 4)]


def test_room_is_made_from_finished_cases_then_from_the_weakest_digest(monkeypatch):
    """Never from an open incident, nor from what is not saved."""
    monkeypatch.setattr(cases, "CASES_MAX", 3)
    monkeypatch.setattr(cases, "_EVICTED", 0)
    known = Cases()
    rows = [holding(known, f"INC-{k}", "digest" if k < 3 else "triage", device=k) for k in range(6)]
    rows[3].state = rows[4].state = "closed"

    assert ["INC-0"] == known.make_room({"INC-4"})[:1]
    assert {"INC-4", "INC-5"} <= set(known.held)
    assert ("INC-3" not in known.held, 3, known.dropped) == (True, len(known.held), 6 - 1 - len(known.held))


def test_ten_thousand_open_incidents_do_not_slow_a_tick():
    """A tick with them costs at most 5 times one without, and 50 ms."""
    people = People(accounts=10, devices=10_200)
    linked = incidents(people, devices=20_000_000)
    for start in range(0, 10_000, 500):
        run(linked, (START, *(seen("scan", "scan", 1e-9, START, device=k) for k in range(start, start + 500))))
    took = []
    for k in range(20):
        found = seen("scan", "scan", 1e-9, START, device=10_100 + k, target="y")
        begin = time.perf_counter()
        linked.expire(START + k)
        linked.take([found], START + k)
        linked.flagged([found], 10_200)
        took.append(time.perf_counter() - begin)

    assert 10_020 == sum(one.is_incident for one in linked.cases.values())
    assert sorted(took)[10] < 0.05
