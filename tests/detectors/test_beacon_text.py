"""What a periodic pair's evidence says, and that its numbers follow from it and from the archive."""

import pytest

from sensor.detectors import beacon_text
from sensor.detectors.beacon_text import INBOUND, KNOWN, NEW, UNNAMED, UNTOLD, p_of
from tests.detectors.test_beacon import DAY_S, calls, opening, run
from tests.scenes import START

COUNTS = {"found": 2.0, "device_days": 84.0}


@pytest.mark.parametrize(
    ("verdict", "basis", "expected"),
    [
        (KNOWN, {}, 1.0),
        (NEW, COUNTS, 3.92 / 100),
        (UNNAMED, COUNTS, 2.5 / 98),
        (UNTOLD, {"found": 0.0, "device_days": 0.0}, 0.12),
        (INBOUND, COUNTS | {"sources": 200.0, "periodic": 1.0}, 1 / 200),
        (INBOUND, COUNTS, 3.92 / 100),
    ],
)
def test_p_is_the_rate_of_such_news(verdict, basis, expected):
    """The reference's count and the site's own; inbound no more than the share of periodic sources."""
    assert pytest.approx(expected) == p_of(verdict, basis)


class Held:
    """An archive of the given times."""

    since_ns = 0

    def __init__(self, times):
        self.times = times

    def rows(self, sql, parameters=()):
        low, high = parameters[-2:]
        assert "resp_h = ?" in sql
        return [(ts,) for ts in self.times if low <= ts <= high]


def test_runs_are_counted_again_from_the_archive():
    """The archive's flows of the pair give the runs that were observed; one more flow gives another number."""
    rows = calls()
    found, _, _ = run(*rows)
    evidence = opening(found)[0].evidence
    times = sorted(int(row["ts"][0]) for row in rows)

    assert evidence.p == beacon_text.again(evidence)
    assert evidence.observed == beacon_text.recount(evidence, Held(times))
    assert evidence.observed + 1 == beacon_text.recount(evidence, Held(sorted([*times, times[3] + 20 * 10**9])))
    late = Held(times)
    late.since_ns = START + 3 * DAY_S * 10**9
    assert beacon_text.recount(evidence, late) is None
