"""The spool: numbers, epochs, room, what is dropped first, and damage."""

import itertools
import sqlite3

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from sensor.model.site_packet import KINDS, PACKET_MAX, Packet
from sensor.store.spool import Amount, SpoolReader
from sensor.store.state import State
from tests.store.test_state import commit


def packet(kind="signals", body=b"x", at=0):
    """Make one."""
    return Packet(kind, at, at + 1, body)


def noise(number, size=1000):
    """Make a body that cannot be packed."""
    return bytes((number * 7919 + k * k * 31 + (k >> 3) * 17) % 251 for k in range(size))


def put(state, *packets):
    """Commit packets, with nothing else new."""
    with state._connection:
        state.spool.put(packets)


def kinds(folder):
    """Return (sequence, kind) of what is held."""
    reader = SpoolReader(folder, "SYD", readonly=True)
    try:
        return [(one.sequence, one.kind) for one in reader.read(0, 1000, 1 << 30)]
    finally:
        reader.close()


@pytest.fixture
def state(tmp_path):
    """Open a new state."""
    with State(tmp_path, exclusive=True) as opened:
        yield opened


def test_packets_are_read_in_order_with_what_was_before(state, tmp_path):
    """Each has the next number; the first of all has none before it."""
    put(state, packet("incidents", b"one", 5), packet(body=b"two"))
    put(state, packet(body=b"three"))
    reader = SpoolReader(tmp_path, "SYD")
    found = reader.read(0, 10, 1 << 20)

    assert [(1, 0, 0), (2, 1, 0), (3, 2, 0)] == [(one.sequence, one.previous, one.began) for one in found]
    assert [b"one", b"two", b"three"] == [zstandard.decompress(one.body) for one in found]
    assert [3, 3, 5] == [one.raw_bytes for one in found]
    assert ("incidents", 5, 6, "SYD") == (found[0].kind, found[0].first_ns, found[0].last_ns, found[0].site)
    assert 1 == len({one.epoch for one in found})
    assert (1, 3) == reader.bounds()
    assert [2, 3] == [one.sequence for one in reader.read(1, 10, 1 << 20)]
    assert [2] == [one.sequence for one in reader.read(1, 10, 1)]
    reader.close()


def test_a_commit_has_its_packets_or_neither(state, tmp_path):
    """They are in the transaction of the snapshot."""
    state.commit(columns={}, incidents=[], devices=[], accounts=[], inputs=[], meta={}, packets=[packet()])
    with pytest.raises(ValueError, match="at most"):
        state.commit(
            columns={}, incidents=[], devices=[], accounts=[], inputs=[], meta={"clock_ns": "9"},
            packets=[packet(), packet(body=bytes(PACKET_MAX + 1))],
        )  # fmt: skip
    commit(state)

    assert [(1, "signals")] == kinds(tmp_path)
    assert state.meta("clock_ns") is None


def test_each_process_has_an_epoch_and_numbers_go_on(tmp_path):
    """So what is numbered again, after a state was put back, is not taken for what was sent before."""
    for _ in range(2):
        with State(tmp_path, exclusive=True) as state:
            put(state, packet(), packet())
    reader = SpoolReader(tmp_path, "SYD")
    found = reader.read(0, 10, 1 << 20)

    assert [(1, 0), (2, 0), (3, 2), (4, 2)] == [(one.sequence, one.began) for one in found]
    assert [True, False, True] == [a.epoch == b.epoch for a, b in itertools.pairwise(found)]
    first, second = found[0].epoch, found[2].epoch
    told = [(0, 0), (first, 1), (first, 2), (first, 9), (second, 3), (second, 4), (second, 9), (12345, 3)]
    assert [0, 1, 2, 2, 3, 4, 4, 0] == [reader.after(*one) for one in told]
    reader.acknowledge(2)
    assert 2 == reader.after(12345, 3)
    reader.close()


def test_the_least_valuable_goes_first_and_is_counted(state, tmp_path):
    """Flows, state, old health, signals, the newest health, incidents; the oldest of each first."""
    order = ["incidents", "signals", "health", "flows", "state", "health", "signals", "incidents", "flows"]
    put(state, *(packet(kind, noise(k)) for k, kind in enumerate(order)))
    gone = []
    for _ in order:
        before = kinds(tmp_path)
        state.spool.limit_bytes = sum(len(one.body) for one in SpoolReader(tmp_path, "S").read(0, 99, 1 << 30)) - 1
        put(state, packet("health", b""))
        with state._connection:
            state._connection.execute("DELETE FROM spool WHERE raw_bytes = 0")
        gone += [one for one in before if one not in kinds(tmp_path)]

    assert [4, 9, 5, 3, 6, 2, 7, 1, 8] == [sequence for sequence, _ in gone]
    reader = SpoolReader(tmp_path, "SYD")
    counted = {kind: held.count for (kind, what), held in reader.counts().items() if what == "dropped"}
    assert {"flows": 2, "state": 1, "signals": 2, "incidents": 2} == {k: v for k, v in counted.items() if k != "health"}
    reader.close()


def test_what_the_hub_has_goes_before_anything_and_is_no_loss(state, tmp_path):
    """It is kept as long as there is room for it."""
    put(state, *(packet("incidents", noise(k)) for k in range(3)))
    reader = SpoolReader(tmp_path, "SYD")
    reader.acknowledge(2)
    assert [1, 2, 3] == [sequence for sequence, _ in kinds(tmp_path)]
    state.spool.limit_bytes = 2 * len(noise(0)) + 100
    put(state, packet("flows", b""))

    assert [2, 3, 4] == [sequence for sequence, _ in kinds(tmp_path)]
    assert 0 == reader.read(0, 1, 1)[0].previous
    assert {"put", "kept"} == {what for _, what in reader.counts()}
    state.spool.keep_bytes = 0
    put(state, packet("flows", b""))
    assert [3, 4, 5] == [sequence for sequence, _ in kinds(tmp_path)]
    reader.close()


def test_what_was_dropped_is_seen_in_what_follows(state, tmp_path):
    """`previous` names the last that is still held."""
    put(state, packet("incidents", noise(0)), packet("flows", noise(1)), packet("flows", noise(2)))
    state.spool.limit_bytes = len(noise(0)) + 200
    put(state, packet("incidents", b"last"))
    reader = SpoolReader(tmp_path, "SYD")

    assert [(1, 0), (4, 1)] == [(one.sequence, one.previous) for one in reader.read(0, 9, 1 << 20)]
    assert [(4, 1)] == [(one.sequence, one.previous) for one in reader.read(1, 9, 1 << 20)]
    assert {"incidents": 2} == {kind: held.count for kind, held in reader.held().items()}
    reader.close()


def test_acknowledging_goes_back_with_a_hub_that_was_put_back(state, tmp_path):
    """What is said last holds; ages and sizes follow."""
    put(state, packet(at=10), packet(at=20))
    reader = SpoolReader(tmp_path, "SYD")
    seen = []
    for sequence in (2, 0, 1):
        reader.acknowledge(sequence)
        seen.append((reader.acked(), reader.oldest_ns(), sum(one.count for one in reader.held().values())))

    assert [(2, None, 0), (0, 11, 2), (1, 21, 1)] == seen
    assert reader.size() == sum(one.bytes for (_, what), one in reader.counts().items() if what == "put")
    reader.close()


def test_a_row_that_is_damaged_on_disk_is_passed_over(state, tmp_path):
    """And never sent; the next names the last one that could be read."""
    put(state, packet(), packet(), packet())
    with state._connection:
        state._connection.execute("UPDATE spool SET body = zeroblob(size) WHERE sequence = 2")
    reader = SpoolReader(tmp_path, "SYD")

    assert [(1, 0), (3, 1)] == [(one.sequence, one.previous) for one in reader.read(0, 9, 1 << 20)]
    reader.close()


def test_whoever_only_reads_changes_nothing(state, tmp_path):
    """Another process may look while the sensor runs."""
    put(state, packet())
    reader = SpoolReader(tmp_path, "SYD", readonly=True)
    assert 1 == len(reader.read(0, 9, 1 << 20))
    with pytest.raises(sqlite3.OperationalError):
        reader.acknowledge(1)
    reader.close()


@given(st.lists(st.lists(st.sampled_from(KINDS), max_size=4), max_size=12), st.integers(900, 6000))
@settings(deadline=None, max_examples=30)
def test_the_limit_holds_and_everything_is_accounted_for(tmp_path_factory, commits, limit):
    """Put = held + kept + dropped, of every kind, and numbers only rise."""
    folder = tmp_path_factory.mktemp("spool")
    with State(folder, exclusive=True) as state:
        state.spool.limit_bytes, state.spool.keep_bytes = limit, limit // 3
        reader = SpoolReader(folder, "SYD")
        for number, some in enumerate(commits):
            put(state, *(packet(kind, noise(number + k, 400)) for k, kind in enumerate(some)))
            assert reader.size() <= limit
            if number % 3 == 2:
                reader.acknowledge(reader.bounds()[1] - 1)
        zero, counts = Amount(0, 0), reader.counts()
        held = {kind: sum(one.kind == kind for one in reader.read(0, 999, 1 << 30)) for kind in KINDS}
        for kind in KINDS:
            put_in, kept, dropped = (counts.get((kind, what), zero).count for what in ("put", "kept", "dropped"))
            assert put_in == held[kind] + kept + dropped
        reader.close()
