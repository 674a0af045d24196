"""Threshold random walk and sweeps: kernel against twin, and what they must and must not see."""

import numpy as np

from baselines import walk
from baselines.keyed import KeyedTable
from tests.naive import walk as naive

HOST = {"net": (np.int16, (), 0), "ports": (np.int32, (), 0), "fails": (np.int32, (), 0), "since": (np.int64, (), 0)}
SERVICE = {"tries": (np.int32, (), 0), "answered": (np.uint8, (), 0), "since": (np.int64, (), 0)}
S = 10**9


class Kernel:
    """The kernel with its state, fed in pieces of any size."""

    def __init__(self, subjects):
        self.window, self.seen = np.zeros((subjects, 4), np.uint64), np.zeros(subjects, np.int64)
        self.walks = [np.zeros((subjects, 3), t) for t in (np.int32,) * 4 + (np.int64,) * 2]
        self.hosts, self.services = KeyedTable(HOST, 1 << 16, 1), KeyedTable(SERVICE, 1 << 16, 1)

    def feed(self, flows):
        n = len(flows)
        who, other, proto, outcome, two_way, trusted, target, port, ts = zip(*flows, strict=True) if n else ((),) * 9
        self.hosts.reserve(n)
        self.services.reserve(n)
        events = np.zeros((2 * n + 2, 8), np.int64)
        h, s = self.hosts, self.services
        count = walk.walk(
            np.array(who, np.int32), np.array(other, np.int32), np.array(proto, np.uint8), np.array(outcome, np.int8),
            np.array(two_way, np.uint8), np.array(trusted, np.uint8), np.zeros(n, np.uint64),
            np.array(target, np.uint64), np.array(port, np.uint16), np.array(ts, np.int64),
            self.window, self.seen, *self.walks,
            h.index, h.columns["keys"], h.used, h.columns["last"], h.columns["net"], h.columns["ports"],
            h.columns["fails"], h.columns["since"], h.secret,
            s.index, s.columns["keys"], s.used, s.columns["last"], s.columns["tries"], s.columns["answered"],
            s.columns["since"], events,
        )  # fmt: skip
        return [tuple(row) for row in events[:count].tolist()]


def random_flows(rng, n):
    return [
        (
            int(rng.integers(-1, 4)), int(rng.integers(-1, 4)), int(rng.choice([0, 0, 0, 1, 2, 255])),
            int(rng.choice([-1, 0, 1, 1, 1])), int(rng.random() < 0.3), int(rng.random() < 0.1),
            int(rng.integers(0, 60)), int(rng.integers(0, 12)), k * 40 * S,
        )
        for k in range(n)
    ]  # fmt: skip


def test_kernel_equals_twin_on_random_outcomes():
    """Random mixes of hosts, ports, outcomes and visibility over two days give the twin's events."""
    rng = np.random.default_rng(0)
    flows = random_flows(rng, 5000)
    flows[::100] = [(0, -1, 0, 1, 0, 0, 99, 1, flow[8]) for flow in flows[::100]]

    expected = naive.walk(naive.State(), flows)

    assert expected == Kernel(4).feed(flows)
    assert {0, 1, 2} == {event[1] for event in expected}


def test_any_chunking_gives_the_same_events():
    """Feeding one flow at a time equals feeding all at once."""
    flows = random_flows(np.random.default_rng(1), 600)
    whole = [event[1:] for event in Kernel(4).feed(flows)]
    pieces = Kernel(4)

    assert whole == [event[1:] for flow in flows for event in pieces.feed([flow])]


def test_a_host_seen_one_way_is_never_a_scanner():
    """A hundred unanswered first contacts say nothing where no answer was ever seen, unless the caller trusts them."""
    flows = [(0, -1, 0, 1, 0, 0, k, 445, k * S) for k in range(100)]

    assert [] == Kernel(1).feed(flows)
    assert 97 == len(Kernel(1).feed([(*flow[:5], 1, *flow[6:]) for flow in flows]))


def test_retries_to_one_dead_host_are_no_scan():
    """Only first contacts count: fifty tries at one dead service are a dead peer, not a scan."""
    flows = [(0, -1, 0, 0, 1, 0, 1, 80, 0)] + [(0, -1, 0, 1, 0, 0, 9, 445, k * S) for k in range(1, 16)]

    assert [] == Kernel(1).feed(flows)


def test_p_of_walk_is_the_union_bound():
    """P = walks · 4^−net, never above 1."""
    assert [4.0**-8, 3 * 4.0**-5, 1.0] == [walk.p_of_walk(8, 1), walk.p_of_walk(5, 3), walk.p_of_walk(0, 9)]


def test_two_way_share_counts_the_last_200():
    """After 300 one-way and 100 two-way flows the share is one half."""
    window, seen = np.zeros((2, 4), np.uint64), np.zeros(2, np.int64)
    bits = []
    for k in range(400):
        walk.push_bit(window, seen, 0, k >= 300)
        naive.push_bit(bits, k >= 300)

    assert 0.5 == naive.share_of(bits) == walk.share_of(window, seen, 0) == walk.two_way_share(window, seen)[0]
    assert np.isnan(walk.two_way_share(window, seen)[1])


def test_sweep_equals_twin():
    """Distinct touches within a sliding window, over repeats and pauses."""
    rng = np.random.default_rng(0)
    ts = np.cumsum(rng.choice([1, 2, 5, 70], 3000, p=[0.5, 0.3, 0.19, 0.01])) * S
    who, target = rng.integers(-1, 3, 3000), rng.integers(0, 80, 3000)
    expected = naive.sweep({}, list(zip(who.tolist(), target.tolist(), ts.tolist(), strict=True)), 10, 60 * S)
    table = KeyedTable({}, 1 << 14, 7)
    table.reserve(3000)
    events = np.zeros((3000, 4), np.int64)

    count = walk.sweep(
        who.astype(np.int32), np.zeros(3000, np.uint64), target.astype(np.uint64), ts.astype(np.int64),
        np.zeros((3, 10), np.int64), np.zeros(3, np.int64), np.zeros(3, np.int64), 60 * S,
        table.index, table.columns["keys"], table.used, table.columns["last"], table.secret, events,
    )  # fmt: skip

    assert expected == [(i, w) for i, w, *_ in events[:count].tolist()]
    assert len(expected) > 10
