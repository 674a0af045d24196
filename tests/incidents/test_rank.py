"""Scores, what may open, and what pages."""

import msgspec
import numpy as np

from sensor.incidents import rank
from sensor.model.times import DAY_NS
from tests.store.test_state import evidence


def test_network_evidence_takes_the_largest_and_sources_add():
    """Dependent views of the same packets do not add; an independent source does."""
    rows = [evidence("a", 20.0), evidence("b", 31.0), msgspec.structs.replace(evidence("c", 9.0), source="identity")]

    assert 40.0 == rank.score_db(rows)
    assert 0.0 == rank.score_db([])


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
