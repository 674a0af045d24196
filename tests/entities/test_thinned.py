"""Slots of presence, as a site tells of them and as the hub makes them again."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sensor.entities.presence import CONTACT, MARK, SHARE, SLOT_NS, VPN, Presence, largest, mark
from sensor.entities.thinned import marks, thin
from sensor.model.report import decode, encode
from tests.detectors.ticks import entities, tick
from tests.scenes import SECRET, START, flows

SLOT = START // SLOT_NS
DEVICE = "dev-00ff10203040"
FLOW = st.tuples(
    st.integers(0, 3), st.integers(0, 2**64 - 1), st.integers(0, 10**9), st.sampled_from([0, CONTACT, VPN])
)


def held(rows, presence=None):
    """Presence that has had (slot after SLOT, hash, size, flags) of device 0 at site 3."""
    presence = Presence(SECRET) if presence is None else presence
    given_marks = np.zeros(len(rows), MARK)
    if rows:
        for name, column in zip(("slot", "hash", "size", "flags"), zip(*rows, strict=True), strict=True):
            given_marks[name] = np.array(column, MARK[name])
    given_marks["slot"] += SLOT
    given_marks["site"] = 4
    presence._rows(np.zeros(1, np.int32))
    columns = presence.table.columns
    mark(given_marks, *(columns[name] for name in ("cells", "on", "contacts", "counts", "shares", "head")))
    return presence


def at_hub(site, slots, hub=None, number=7):
    """The hub's presence after a report of a site's slots."""
    cells = site.table.columns["cells"][0, np.array(slots) % 96]
    report = thin(START, [DEVICE], np.zeros(len(slots), np.int64), np.array(slots, np.int64), cells)
    hub = Presence(SECRET) if hub is None else hub
    (again,) = decode(encode([report]), "SYD")
    hub.report(marks(again, np.array([0], np.int32), number))
    hub.take(tick(entities(), flows()), {}, np.empty(0, np.bool_), START)
    return hub


@settings(deadline=None)
@given(st.lists(FLOW, min_size=1, max_size=80))
def test_what_a_verdict_asks_of_a_slot_survives(rows):
    """Distinct addresses, flags and site exactly; bytes within 12 %, the largest peer's share within some percents."""
    site = held(rows)
    slots = sorted({SLOT + row[0] for row in rows})
    hub = at_hub(site, slots)

    for mine, theirs in zip(hub.slots(0, SLOT, SLOT + 3), site.slots(0, SLOT, SLOT + 3), strict=True):
        assert (theirs.slot, theirs.names, theirs.flags, 7) == (mine.slot, mine.names, mine.flags, mine.site)
        assert mine.total == pytest.approx(theirs.total, rel=0.13, abs=1)
        if theirs.total > 100 and largest([theirs]) >= 0.3:
            assert largest([mine]) == pytest.approx(largest([theirs]), abs=0.03)
            assert mine.peer == max(1, theirs.peer & 0xFF)
        elif theirs.total > 100:
            assert largest([mine]) < 0.35


def test_a_slot_told_again_replaces_what_was_told():
    """A long flow is known when it is over: its slot is told of again, and nothing counts twice."""
    first = [(0, 5 << 58 | 1, 1000, 0), (1, 9 << 58 | 2, 50, SHARE)]
    site = held(first)
    hub = at_hub(site, [SLOT, SLOT + 1])
    held([(0, 8 << 58 | 3, 500, VPN)], site)
    at_hub(site, [SLOT], hub)

    zero, one = hub.slots(0, SLOT, SLOT + 1)
    assert (1500, 50) == (pytest.approx(zero.total, rel=0.13), pytest.approx(one.total, rel=0.13))
    assert (VPN, SHARE, 2.0) == (zero.flags, one.flags, round(zero.names))


def test_a_device_at_two_sites_at_once_is_at_neither():
    """Two sites tell of the same slot: it spoke at two places."""
    site = held([(0, 5 << 58 | 1, 1000, 0)])
    hub = at_hub(site, [SLOT], at_hub(site, [SLOT]), number=8)

    assert [-2] == [one.site for one in hub.slots(0, SLOT, SLOT)]


def test_a_device_that_is_not_known_leaves_no_mark():
    """Its row at the hub is −1."""
    site = held([(0, 5 << 58 | 1, 1000, 0)])
    report = thin(START, [DEVICE], np.zeros(1, np.int64), np.array([SLOT]), site.table.columns["cells"][0, [SLOT % 96]])

    assert 0 == len(marks(report, np.array([-1], np.int32), 7))
