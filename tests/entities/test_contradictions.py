"""A person at one place while a sign-in comes from another."""

import numpy as np
import pytest

from sensor.entities.contradictions import Absent, Elsewhere, Windows, contradict
from sensor.entities.coverage import Coverage
from sensor.entities.distance import Spot
from sensor.entities.presence import DESKTOP, LEASED, MARK, SLOT_NS, VPN, Presence, mark
from sensor.model.times import HOUR_NS
from tests.scenes import SECRET, START

SYDNEY, DALLAS = Spot("AU", "Sydney", -33.87, 151.21), Spot("US", "Dallas", 32.78, -96.8)
SLOT = START // SLOT_NS
AT = START + 5 * 86_400 * 10**9 + 12 * HOUR_NS
NOON = AT // SLOT_NS


def scene(*, work=range(-40, 40), flags=None, sites=None, days=6, heavy=False):
    """A device that is on day and night for six days, and in use around noon of the last but one."""
    rng, marks = np.random.default_rng(0), []
    for slot in range(NOON - (days - 1) * 288, NOON + 40):
        count = 14 if slot - NOON in work else int(rng.integers(0, 3))
        at = np.zeros(count + 1, MARK)
        at["slot"], at["size"] = slot, 1000
        at["hash"][1:] = rng.integers(1, 1 << 62, count).astype(np.uint64) << np.uint64(2)
        at["site"] = (sites or {}).get(slot - NOON, 0) + 1
        at["flags"] = (flags or {}).get(slot - NOON, 0)
        if heavy and count:
            at["size"][1], at["hash"][1] = 1e6, 1 << 60 | 5
        marks.append(at)
    presence, coverage = Presence(SECRET), Coverage()
    presence.table.cover(1)
    presence._row_of[0] = 0
    columns = presence.table.columns
    mark(np.concatenate(marks), *(columns[name] for name in ("cells", "on", "contacts", "counts", "shares", "head")))
    coverage.place(0, SYDNEY)
    return Windows(presence), coverage


def judged(spot=DALLAS, now=AT + HOUR_NS, **how):
    windows, coverage = scene(**how)
    return contradict(windows, 0, AT, now, spot, coverage)


def test_a_person_who_was_there_before_and_after_contradicts():
    """With the times, the place and the distance."""
    found = judged()

    assert isinstance(found, Elsewhere)
    assert (0, 13_800) == (found.site, round(found.km, -2))
    assert "distinct outside addresses" in found.how


@pytest.mark.parametrize(
    ("how", "why"),
    [
        ({"work": range(-40, 0)}, "half hour after"), ({"work": range(1, 40)}, "half hour before"),
        ({"work": ()}, "half hour before"),
        ({"spot": SYDNEY}, "not too far"), ({"spot": Spot()}, "not too far"), ({"flags": {2: VPN}}, "tunnel"),
        ({"flags": {-2: LEASED}}, "VPN"), ({"flags": {-30: DESKTOP}}, "from afar"), ({"sites": {3: 1}}, "two places"),
        ({"heavy": True}, "tunnel"), ({"days": 2}, "3 days"),
    ],
)  # fmt: skip
def test_what_is_missing_is_said(how, why):
    """Each condition alone is enough to say nothing."""
    found = judged(**how)

    assert isinstance(found, Absent)
    assert why in found.why
    assert 0 == found.again_ns


def test_while_the_half_hour_goes_on_it_is_looked_at_again():
    """After each slot of it."""
    now = AT + 60 * 10**9
    found = judged(now=now, work=range(-40, 0))

    assert now < found.again_ns <= now + 2 * SLOT_NS + 30 * 10**9


def test_a_site_that_no_record_places_is_nowhere():
    """Nothing is far from it."""
    windows, _ = scene()

    assert "where it is" in contradict(windows, 0, AT, AT + HOUR_NS, DALLAS, Coverage()).why
    assert [0, -1] == [windows.site_of(0, AT), windows.site_of(5, AT)]
