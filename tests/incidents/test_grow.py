"""How cases change."""

import pytest

from sensor.incidents.grow import Growth
from sensor.model.sequences import SEQUENCES
from sensor.model.times import DAY_NS
from tests.incidents.hands import START, People, act, seen


@pytest.fixture
def growth():
    """No cases, of forty devices."""
    return Growth(People(), 1.0, lambda site: 40, SEQUENCES)


def test_what_opens_brings_the_days_before_with_it(growth):
    """Of an account what weighs or shares a key, the rest as context; counted under what it became."""
    early = act("place", "place", 1e-3, START, stage="entry")
    weak = act("mailbox", "mailbox", 0.2, START)
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
