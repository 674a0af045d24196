"""Reports of capture processes are read as they were written."""

import msgspec
import numpy as np

from sensor.model.capture import ARP
from sensor.model.flow import FLOW
from sensor.model.metadata import Dns
from sensor.wire.capture_reports import Counts, pack, unpack

QUERY = Dns(ts=5, uid="C1", orig_h="10.0.0.1", orig_p=5353, resp_h="10.0.0.2", resp_p=53, proto=17, query="a.example")


def written(*parts):
    """A report as bytes."""
    return b"".join(bytes(part) for part in pack(*parts))


def test_a_report_is_read_as_it_was_written():
    """Counts, flows, ARP rows and messages; the columns may be written to."""
    flows, arp = np.zeros(3, FLOW), np.zeros(1, ARP)
    flows["orig_p"], flows["uid"], arp["op"] = [1, 2, 3], [b"CA", b"CB", b"CC"], 2
    counts = Counts(bytes=9, accepted=3, rejected={"not_ip": 1}, kept_problem="disk full")
    read = unpack(written(counts, flows, arp, msgspec.msgpack.encode([QUERY])))

    assert (counts, [QUERY]) == (read.counts, read.messages)
    assert (flows.tobytes(), arp.tobytes()) == (read.flows.tobytes(), read.arp.tobytes())
    assert (FLOW, ARP, True) == (read.flows.dtype, read.arp.dtype, read.flows.flags.writeable)


def test_an_empty_report_is_one():
    """Counts alone."""
    read = unpack(written(Counts(), np.empty(0, FLOW), np.empty(0, ARP)))
    assert (Counts(), 0, 0, []) == (read.counts, len(read.flows), len(read.arp), read.messages)
