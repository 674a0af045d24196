"""Slots of devices: the kernel against its twin, and what flows leave in them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from baselines.table import Table
from sensor.entities import presence as module
from sensor.entities.presence import CONTACT, DESKTOP, LEASED, MARK, RING, SPEC, VPN, Presence, counted, largest
from sensor.model.times import DAY_NS
from tests.detectors.ticks import entities, tick
from tests.naive import presence as naive
from tests.scenes import DAY, SECRET, START, S, flow, flows

SLOT = START // module.SLOT_NS
ONE = st.tuples(
    st.integers(0, 2), st.integers(0, 400), st.integers(0, 2**64 - 1) | st.just(0), st.integers(0, 100),
    st.integers(0, 2), st.sampled_from([0, 4, 32, 36]),
)  # fmt: skip


@settings(deadline=None)
@given(st.lists(ONE, max_size=200), st.integers(1, 60))
def test_the_kernel_does_what_its_twin_does(marks, stride):
    """Whatever the order, over hours or over more days than are kept."""
    marks = [(row, SLOT + slot * stride, *rest) for row, slot, *rest in marks]
    table = Table(SPEC, 4)
    table.cover(3)
    given_marks = np.zeros(len(marks), MARK)
    if marks:
        for name, column in zip(
            ("row", "slot", "hash", "size", "site", "flags"), zip(*marks, strict=True), strict=True
        ):
            given_marks[name] = np.array(column, MARK[name])
    columns = table.columns
    module.mark(given_marks, *(columns[name] for name in ("cells", "on", "contacts", "counts", "shares", "head")))

    for row, one in naive.mark(marks, module._BIN.tolist()).items():
        assert (one["first"], max(one["days"])) == (columns["head"]["first"][row], columns["head"]["day"][row])
        assert bits(one["on"]) == columns["on"][row].tobytes()
        assert bits(one["contacts"]) == columns["contacts"][row].tobytes()
        for hour in range(24):
            assert one["left"].get(hour, [0] * 16) == columns["counts"][row, hour].tolist()
            assert one["shares"].get(hour, 0) == columns["shares"][row, hour]
        for at in range(RING):
            agree(one["cells"].get(at), columns["cells"][row, at])


def bits(slots):
    held = np.zeros(45 * 288, np.uint8)
    held[[slot % (45 * 288) for slot in slots]] = 1
    return np.packbits(held, bitorder="little").tobytes()


def agree(cell, held):
    """The same slot, addresses, site and flags; the counter's weight is between what it guarantees and the truth."""
    if cell is None:
        assert held["slot"] == 0
        return
    sizes = cell["sizes"]
    assert (cell["slot"], cell["site"], cell["flags"]) == (held["slot"], held["site"], held["flags"])
    assert sum(1 << bit for bit in cell["bits"]) == int(held["names"])
    assert sum(sizes.values()) == pytest.approx(held["total"])
    for peer, size in sizes.items():
        if 2 * size - sum(sizes.values()) > 0:
            assert peer == int(held["peer"])
            assert 2 * size - sum(sizes.values()) <= held["weight"] <= size


def test_histories_are_halved_before_they_overflow():
    """What is older weighs less."""
    marks = np.zeros(40_000, MARK)
    marks["slot"], marks["hash"] = SLOT + np.arange(40_000), 1 << 60
    table = Table(SPEC, 1)
    table.cover(1)
    module.mark(marks, *(table.columns[name] for name in ("cells", "on", "contacts", "counts", "shares", "head")))

    assert table.columns["counts"][0].sum(axis=1).max() <= module.HISTORY_MAX


def taken(*rows, known=None, hosts=None, leased=False, held=None):
    known, held = known or entities(), held or Presence(SECRET)
    one = tick(known, flows(*rows))
    late = held.take(one, hosts or {}, np.full(len(one.flows), leased), one.end_ns)
    return known, held, late


def test_distinct_outside_addresses_are_counted_where_the_flow_began():
    """Not those inside, nor those that did not answer."""
    rows = [flow(resp=f"198.51.100.{k % 9}", at_s=k, duration_s=400) for k in range(1, 30)]
    rows += [flow(resp="10.0.0.9", at_s=30), flow(resp="198.51.100.77", at_s=31, state="S0")]
    known, held, _ = taken(*rows)
    (one,) = held.slots(known.locate(0, "10.0.0.5"), SLOT, SLOT + 1)

    assert (SLOT, 0, 0) == (one.slot, one.site, one.flags)
    assert 7.5 < one.names < 10.5


def test_the_host_behind_a_proxy_counts():
    """Three hosts, one address inside."""
    rows = [flow(resp="10.0.0.9", port=3128, at_s=k) for k in range(3)]
    known, held, _ = taken(*rows, hosts={k: (k + 1) << 60 | 1 for k in range(3)})

    assert 2.5 < held.slots(known.locate(0, "10.0.0.5"), SLOT, SLOT)[0].names < 3.5


def test_tunnels_and_desktops_mark_every_slot_that_they_last():
    """A VPN to the outside, a session on its desktop; a refused one of seconds does not."""
    known, held, _ = taken(
        flow(resp="198.51.100.1", port=51820, proto=17, duration_s=1000),
        flow(orig="10.0.0.7", resp="10.0.0.5", port=3389, at_s=300, duration_s=700),
        flow(orig="10.0.0.5", resp="10.0.0.7", port=3389, at_s=300, duration_s=5),
    )
    device = known.locate(0, "10.0.0.5")

    assert [VPN, VPN | DESKTOP, VPN | DESKTOP, VPN | DESKTOP] == [
        one.flags for one in held.slots(device, SLOT, SLOT + 9)
    ]
    assert [0] == [one.flags for one in held.slots(known.locate(0, "10.0.0.7"), SLOT, SLOT + 9)]


def test_a_peer_that_has_most_bytes_is_seen():
    """Nine parts of ten to one, in two slots."""
    rows = [flow(resp="198.51.100.1", at_s=k * 60, out=9000, back=0) for k in range(8)]
    rows += [flow(resp=f"203.0.113.{k}", at_s=k * 60 + 30, out=1000, back=0) for k in range(8)]
    known, held, _ = taken(*rows)

    assert 0.8 <= largest(held.slots(known.locate(0, "10.0.0.5"), SLOT, SLOT + 2)) <= 0.9
    assert 0.0 == largest([])


def test_notes_and_leases_are_kept_with_their_slot():
    """A contact can be asked for, also days later."""
    known, held, _ = taken(flow(), leased=True)
    device = known.locate(0, "10.0.0.5")
    held.note(device, START + 600 * S, 0, CONTACT)
    held.note(-1, START, 0, CONTACT)
    taken(flow(at_s=20 * 86_400), known=known, held=held)

    assert [True, False] == [held.contacted(device, SLOT + 2, SLOT + 2), held.contacted(device, SLOT, SLOT + 1)]
    assert not held.contacted(99, SLOT, SLOT)
    assert 20.0 == held.history_days(device, SLOT + 20 * 288)


def test_flags_of_a_slot_tell_of_leases():
    """Traffic through a VPN lease is not traffic at the site."""
    known, held, _ = taken(flow(), leased=True)

    assert [LEASED] == [one.flags for one in held.slots(known.locate(0, "10.0.0.5"), SLOT, SLOT)]


def test_late_slots_are_told():
    """Devices whose records come after the slot is over."""
    known, held, none = taken(flow(at_s=0))
    _, _, late = taken(flow(at_s=0, duration_s=3600), known=known, held=held)

    assert ([], [0]) == (none.tolist(), late.tolist())


def test_rows_follow_devices_that_are_one_and_are_given_back(monkeypatch):
    """The longer history stays; a silent device's row is another's."""
    known, held, _ = taken(flow(), flow(orig="10.0.0.6", at_s=DAY_NS // S))
    one, other = known.locate(0, "10.0.0.5"), known.locate(0, "10.0.0.6")
    held.merge(one, other)

    assert (-1, 1.0) == (held.row(one), held.history_days(other, SLOT + 288))
    held.expire(START // DAY + 50)
    assert -1 == held.row(other)
    monkeypatch.setattr(held.table, "limit_rows", 2)
    taken(flow(orig="10.0.0.7"), flow(orig="10.0.0.8"), flow(orig="10.0.0.9"), known=known, held=held)
    assert 1 == held.refused


def test_save_and_load_is_the_identity():
    """Rows, slots, and whose they are."""
    known, held, _ = taken(flow(resp="198.51.100.1"))
    other = Presence(SECRET)
    other.load(held.save())

    assert held.slots(0, SLOT, SLOT) == other.slots(0, SLOT, SLOT)
    assert known.count() == other.table.rows


def test_a_sketch_counts():
    """Linear counting: exact to a few, and rising."""
    assert [0, 1, 5, 11] == [round(counted(bits)) for bits in (0, 1, 5, 10)]
