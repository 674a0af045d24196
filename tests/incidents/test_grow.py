"""How cases change."""

import msgspec
import pytest

from sensor.incidents import sequence
from sensor.incidents.grow import Growth
from sensor.model.sequences import SEQUENCES
from sensor.model.times import DAY_NS, rfc3339
from tests.incidents.hands import START, People, act, seen


@pytest.fixture
def growth():
    """No cases, of forty devices."""
    return Growth(People(), 1.0, lambda site: 40, SEQUENCES)


def test_what_opens_brings_the_days_before_with_it(growth):
    """Of an account what weighs or shares a key, the rest as context; counted under what it became."""
    early = act("place", "place", 1e-3, START, stage="entry")
    weak = act("mailbox", "mailbox", 0.1, START)
    for finding in (early, weak):
        growth.counts[growth.keep(finding, None, START)] += 1
    later = act("prompts", "pressure", 1e-7, START + 5 * DAY_NS)
    assert growth.may_open(later, START + 5 * DAY_NS)
    growth.counts[growth.open(later, START + 5 * DAY_NS)] += 1
    case = next(iter(growth.cases.held.values()))

    assert ({early.evidence.id, later.evidence.id}, {weak.evidence.id}) == (set(case.evidence), set(case.context))
    assert {"evidence": 2, "context": 1, "digest": 0, "muted": 0} == growth.counts


def test_rows_of_the_digest_become_part_of_what_opens(growth):
    """The first keeps its id, the others are its duplicates."""
    row = act("place", "place", 1e-2, START)
    other = act("files", "files", 1e-2, START)
    for finding in (row, other):
        growth._row(finding, None, START)
        growth.recent.put("account:user0@example.com", finding, START, "digest")
    growth.open(act("prompts", "pressure", 1e-7, START), START)
    states = {case.id: (case.state, case.tier, len(case.evidence)) for case in growth.cases.held.values()}

    assert [("closed", "digest", 0), ("open", "triage", 3)] == sorted(states.values())


def test_what_opens_weighs_however_little(growth):
    """A rate of one in fifty device-days is under ten decibans, and all that the incident rests on."""
    finding = seen("beacon", "beacon", 0.02, START)
    growth.open(finding, START)
    case = next(iter(growth.cases.held.values()))

    assert {finding.evidence.id} == set(case.evidence)


@pytest.mark.parametrize(
    ("days", "channels", "opened"),
    [((0, 0), ("drift", "accumulation"), False), ((0, 1), ("accumulation", "accumulation"), True),
     ((0, 1), ("drift", "drift"), False), ((0, 3), ("drift", "drift"), True), ((0, 9), ("drift", "drift"), False)],
)  # fmt: skip
def test_a_slow_day_opens_where_another_of_the_week_was_slow(growth, days, channels, opened):
    """Days that look back on the same ones are one look; what is more than a week ago is forgotten."""
    for day in range(30):
        growth.opening.begin(START + day * DAY_NS)
    first, second = (
        seen("volumes", "volume", 1e-3, START + (30 + day) * DAY_NS, opens=False, digest=True, slow=True,
             channel=channel, target=f"{channel} {day}")
        for day, channel in zip(days, channels, strict=True)
    )  # fmt: skip
    at_ns = START + (30 + days[0]) * DAY_NS
    assert not growth.may_open(first, at_ns)
    growth.keep(first, None, at_ns)

    assert opened is growth.may_open(second, START + (30 + days[1]) * DAY_NS)


def test_a_tier_is_raised_once_and_said(growth):
    """In the timeline, in the counts, in what must not be learned."""
    growth.open(seen("scan", "scan", 1e-5, START), START)
    case = next(iter(growth.cases.held.values()))
    growth.promote(case, "page", START + 5)
    growth.promote(case, "page", START + 6)

    assert ["triage from here on", "page from here on"] == [note.text for note in case.notes]
    assert {("SYD", "triage"): 1, ("SYD", "page"): 1} == growth.opened
    assert growth.blocks.flags("device", 1)[0]
    growth.finish(case, "closed", "benign", "ours", START + 7)
    assert not growth.blocks.flags("device", 1)[0]


def withdrawn(finding, at_ns, why="the network saw it"):
    """The withdrawal of a finding."""
    evidence = msgspec.structs.replace(
        finding.evidence, ts=rfc3339(at_ns), text=why, marks=("context", "taken_back"), keys=()
    )
    return msgspec.structs.replace(finding, evidence=evidence, opens=False)


def paged(growth):
    """A page of place, prompts and a rule, whose sequences weigh too."""
    steps = [
        act("place", "place", 1e-4, START, stage="entry", marks=("success", "rare_place"), keys=("address:a",)),
        act("prompts", "pressure", 1e-7, START, stage="entry", keys=("address:a",)),
        act("rules", "hides", 1e-3, START + 60, stage="act", marks=("hides",), keys=("address:a",)),
    ]
    growth.keep(steps[0], None, START)
    growth.open(steps[1], START)
    case = next(iter(growth.cases.held.values()))
    growth.add(case, steps[2], START + 60)
    return case, steps


def test_what_is_taken_back_weighs_nothing_and_is_told(growth):
    """With the sequence that it was a step of; the tier falls where what is left would not have made it."""
    case, (place, prompts, rule) = paged(growth)
    assert ("page", "rule_after_entry") == (
        case.tier, next(kind for one in case.evidence.values() if (kind := sequence.kind_of(one))),
    )  # fmt: skip
    growth.take_back(withdrawn(prompts, START + 120), START + 120)
    growth.take_back(withdrawn(place, START + 120), START + 120)
    said = [one.text for one in case.notes if one.kind == "taken back"]

    assert ("digest", {rule.evidence.id}) == (case.tier, set(case.evidence))
    assert 3 == len(said)
    assert all(text.startswith("taken back: ") for text in said)
    assert any(text.endswith("for the network saw it") for text in said)
    assert {place.evidence.id, prompts.evidence.id} < set(case.context)
    assert not growth.blocks.flags("account", 1)[0]


def test_what_was_taken_back_may_come_again(growth):
    """Under the same id, from elsewhere: it weighs again, and opens the same incident."""
    case, (place, prompts, _) = paged(growth)
    for one in (place, prompts):
        growth.take_back(withdrawn(one, START + 120), START + 120)
    assert growth.may_open(prompts, START + 180)
    growth.open(prompts, START + 180)

    assert ([case.id], True) == ([one.id for one in growth.cases.held.values()], case.is_incident)
    assert prompts.evidence.id in case.evidence


def test_what_is_in_no_incident_is_forgotten_when_it_is_taken_back(growth):
    """It is no first step of anything."""
    place = act("place", "place", 1e-4, START, stage="entry", marks=("success", "rare_place"))
    growth.keep(place, None, START)
    growth.take_back(withdrawn(place, START), START)

    assert ({}, []) == (growth.context, growth.recent.of("account:user0@example.com", 0))


def test_a_verdict_that_is_revised_lowers_the_tier(growth):
    """What replaces an evidence may weigh less."""
    entry = act("place", "place", 1e-4, START, stage="entry", keys=("address:a",))
    seen_away = act("corroboration", "corroboration", 1e-4, START, stage="network", keys=("address:a",))
    prompts = act("prompts", "pressure", 1e-6, START, stage="entry", keys=("address:a",))
    for one in (entry, seen_away):
        growth.keep(one, None, START)
    growth.open(prompts, START)
    case = next(iter(growth.cases.held.values()))
    assert "page" == case.tier
    revised = msgspec.structs.replace(seen_away.evidence, p=1.0, db=0.0, observed=2.0, stage="")
    growth.add(case, msgspec.structs.replace(seen_away, evidence=revised), START + 60)

    assert "triage" == case.tier
