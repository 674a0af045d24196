"""The bounded table: memory a flow, look-up, contexts."""

import numpy as np
from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import Dot1Q, Ether

from sensor.flows import columns
from sensor.flows.table import CONTEXT_ROWS, T_CONTEXTS, T_FREE, T_LIVE, aligned
from tests.flows import chatter
from tests.flows.driving import engine as new_engine
from tests.flows.driving import feed, flows, run
from tests.flows.talk import at, udp


def test_a_flow_takes_at_most_256_bytes():
    """Rows, deadline, place on the free stack, and two index words a flow."""
    rows = columns.KEY.itemsize + 2 * columns.ENDPOINT.itemsize + columns.COLD.itemsize + 2 * columns.TAIL.itemsize
    assert 256 >= rows + 4 + 4 + 16


def test_the_hot_rows_are_cache_lines():
    """Key and endpoints are 64 bytes each and begin on a line."""
    assert (64, 32) == (columns.KEY.itemsize, columns.ENDPOINT.itemsize)
    assert 0 == aligned(100, columns.KEY).ctypes.data % 64


def test_ten_thousand_flows_are_told_apart():
    """Each pair of ports is found again: two packets each."""
    ends = [((1, 1024 + k % 10000), (2, 9999)) for k in range(20000)]
    frames = [chatter.frame(chatter.BEGIN + k, pair, 0, 0, 0, 1, proto=17) for k, pair in enumerate(ends)]
    done = run(frames, max_flows=1 << 14, ignore_checksums=True)
    rows = done.drain_flows()
    assert (10000, {2}) == (len(rows), set((rows["orig_pkts"] + rows["resp_pkts"]).tolist()))


def test_records_come_back():
    """What ended is free again: many times more flows than records, without an eviction."""
    target = new_engine(64)
    for begin in range(0, 2000, 100):
        feed(target, [udp(begin + k / 100, sport=2000 + begin + k) for k in range(40)])
        target.tick(at(begin + 99, b"")[0])
    assert (0, 0) == (target.evicted, int(target._table.state[T_LIVE]))
    assert 40 >= int(target._table.state[T_FREE])


def test_vlan_and_macs_are_shared_between_flows():
    """A hundred flows of one segment need one context; another VLAN needs another."""

    def tagged(k, vlan):
        return at(k, Ether() / Dot1Q(vlan=vlan) / IP(src="10.0.0.1", dst="10.0.0.2") / UDP(sport=5000 + k, dport=7))

    target = new_engine()
    feed(target, [tagged(k, 7) for k in range(50)])
    feed(target, [tagged(k, 8) for k in range(50, 60)])
    target.finish()
    assert {7, 8} == set(target.drain_flows()["vlan"].tolist())
    assert 3 == int(target._table.state[T_CONTEXTS])


def test_contexts_beyond_the_table_are_left_out():
    """A flood of forged MAC addresses fills it; later flows have none, and are counted as ever."""
    octets = np.frombuffer(udp(0)[1], np.uint8)
    frames = []
    for k in range(CONTEXT_ROWS + 10):
        forged = octets.copy()
        forged[6:10] = np.frombuffer(k.to_bytes(4, "big"), np.uint8)
        forged[34:36] = np.frombuffer((1024 + k).to_bytes(2, "big"), np.uint8)
        frames.append((chatter.BEGIN, forged.tobytes(), len(forged), 1))
    rows = flows(frames, max_flows=1 << 15, ignore_checksums=True)
    assert CONTEXT_ROWS + 10 == len(rows)
    assert 11 == sum(row["orig_l2"] == 0 and row["resp_l2"] == 0 for row in rows)
