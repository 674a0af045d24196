"""Scores, what may open, and what pages."""

import msgspec
import numpy as np

from sensor.incidents import rank
from sensor.model.evidence import Entity
from sensor.model.times import DAY_NS
from tests.incidents.hands import HOUR_NS, START, act, seen, weighing
from tests.store.test_state import evidence


def acts(*rows, account=0):
    """Evidence of an account: (family, dB, hours after the start, stage)."""
    return [
        weighing(act(family, family, 0.1, START + hours * HOUR_NS, account=account, stage=stage), db).evidence
        for family, db, hours, stage in rows
    ]


def test_network_evidence_takes_the_largest_and_sources_add():
    """Dependent views of the same packets do not add; an independent source does."""
    rows = [evidence("a", 20.0), evidence("b", 31.0), msgspec.structs.replace(evidence("c", 9.0), source="endpoint")]

    assert 40.0 == rank.score_db(rows)
    assert 0.0 == rank.score_db([])


def test_an_accounts_families_add_and_a_family_counts_once_a_day():
    """The strongest in 24 hours; another day adds; never above the triage level + 5 dB in all."""
    assert 22.0 == rank.score_db(acts(("place", 12.0, 0, ""), ("place", 7.0, 5, ""), ("files", 10.0, 6, "")))
    assert 19.0 == rank.score_db(acts(("place", 12.0, 0, ""), ("place", 7.0, 25, "")))
    assert 25.0 == rank.score_db(acts(*(("place", 12.0, 24 * k, "") for k in range(5))))
    assert 33.0 == rank.score_db(acts(("hides", 60.0, 0, "")), 28.0)


def test_accounts_of_one_incident_do_not_add():
    """A spray of a thousand accounts weighs what its heaviest account does; the network's own evidence adds."""
    rows = [one for k in range(9) for one in acts(("spray", 15.0, 0, "entry"), account=k)]

    assert 15.0 == rank.score_db(rows)
    assert 46.0 == rank.score_db([*rows, evidence("a", 31.0)])


def test_what_is_context_weighs_nothing():
    """It tells the story."""
    one = msgspec.structs.replace(evidence("a", 20.0), marks=("context",))

    assert 0.0 == rank.score_db([one])


def test_a_page_needs_forty_decibans_in_two_stages():
    """Entry alone is triage, whatever it weighs; an act of under 10 dB is no second stage."""
    entry = acts(("place", 25.0, 0, "entry"), ("pressure", 25.0, 0, "entry"))
    cases = [
        entry, [*entry, *acts(("files", 9.0, 1, "act"))], [*entry, *acts(("files", 10.0, 1, "act"))],
        [*acts(("place", 20.0, 0, "entry"), ("files", 12.0, 1, "act"))],
    ]  # fmt: skip

    assert [False, False, True, False] == [rank.pages_identity(rank.score(rows)) for rows in cases]


def test_the_accounts_own_device_is_a_stage_where_it_has_a_null():
    """A beacon of 20 dB is the network's stage; a volume is none."""
    entry = acts(("place", 20.0, 0, "entry"))
    beacon, volume = (seen(name, name, 1e-4, START).evidence for name in ("beacon", "volume"))

    assert [True, False] == [rank.pages_identity(rank.score([*entry, one])) for one in (beacon, volume)]


def test_triage_grows_with_the_accounts():
    """20 dB up to some 150, 25 at 500."""
    assert [20.0, 20.0, 25.0] == [round(rank.level_db(n), 1) for n in (1, 150, 500)]


def test_a_rate_within_the_ceiling_may_open():
    """One a day for a small site, N per 1,000 for a large one."""
    assert [True, False, True] == [rank.may_open(0.004, 16, 1), rank.may_open(0.2, 16, 1), rank.may_open(1e-3, 5000, 1)]
    assert [1.0, 5.0] == [rank.ceiling(10, 1), rank.ceiling(5000, 1)]


def test_paging_needs_a_week_a_small_p_and_the_whole_fleet():
    """p ≤ 1e-4 and Benjamini–Hochberg over all entity-days; never in the first week."""
    worst = np.ones(1000)
    worst[:2] = [1e-6, 1e-3]

    assert [0] == np.nonzero(rank.pages(worst, 8 * DAY_NS))[0].tolist()
    assert not rank.pages(worst, 6 * DAY_NS).any()
    worst[:2] = [9e-5, 1.0]
    assert [True, False] == [
        bool(rank.pages(w, 8 * DAY_NS)[0]) for w in (worst[:1000], np.concatenate([worst, np.ones(9000)]))
    ]


def test_a_new_place_alone_opens_nothing():
    """Nor with weak novelties, nor where a session moved there; with a refused prompt or the network's word it does."""
    place, moved = acts(("place", 20.0, 0, "entry"), ("session", 15.0, 0, "entry"))
    files, prompt, told = acts(("files", 9.0, 0, "act"), ("pressure", 13.0, 0, "entry"), ("corroboration", 5.0, 0, ""))
    supported = msgspec.structs.replace(told, db=0.0, p=1.0)
    honest = msgspec.structs.replace(prompt, marks=("known_device",), db=40.0)

    assert [0.0, 0.0, 0.0, 0.0, 0.0, 33.0, 25.0, 30.0] == [
        rank.opening_db(rows, sequences, 20.0)
        for rows, sequences in (
            ([place], []), ([place, files], []), ([place, moved], []), ([place, honest], []), ([place, supported], []),
            ([place, prompt], []), ([place, told], []),
            ([place], [weighing(act("x", "sequence", 0.1, START), 10.0).evidence]),
        )
    ]  # fmt: skip


def test_a_spraying_source_is_a_step_towards_each_account():
    """About an address, beside the account that it got into."""
    spray, success = acts(("spray", 25.0, 0, "entry"), ("spray", 5.0, 1, "act"))
    source = msgspec.structs.replace(spray, entity=Entity(kind="address", id="203.0.113.66"))
    weighed = rank.score([source, success])

    assert (25.0, {"entry": 25.0, "act": 5.0}) == (weighed.db, weighed.stages)
    assert not rank.pages_identity(rank.score([source]))
