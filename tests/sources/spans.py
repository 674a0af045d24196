"""What the tests of live capture share: a feed on a wire, polled until something holds, and flows to compare."""

import contextlib
import time
from collections import Counter
from pathlib import Path

import numpy as np
from scapy.utils import RawPcapReader

from sensor.model.flow import FLOW
from sensor.sources import span
from sensor.sources.pcap import PcapSource
from tests.conftest import ROOT
from tests.sources.wires import NEAR

OFFICE = ROOT / "pcaps" / "demo" / "01-office.pcap"
NOT_COMPARED = frozenset({"uid", "offset", "why"})
"""Of flows: the key of the hashes, which process took them, and that the input ended there."""


def frames_of(path):
    """The frames of a capture."""
    with RawPcapReader(str(path)) as reader:
        return [frame for frame, _ in reader]


@contextlib.contextmanager
def feed_on(folder=Path("/nonexistent"), **options):
    """A feed on the near end, and its sockets."""
    settings = span.settings_of({"interface": NEAR, "buffer_bytes": 16 << 20, **options})
    sockets = span.open_sockets(settings, 77)
    feed = span.SpanFeed("port", settings, sockets, "local", 0, None, folder)
    try:
        yield feed
    finally:
        feed.close()
        for one in sockets:
            one.close()


def until(feed, condition, seconds=90):
    """Poll until something holds of the account; the batches."""
    batches = []
    for _ in range(seconds * 20):
        batches.append(feed.poll())
        if condition(feed.account):
            return batches
        time.sleep(0.05)
    raise AssertionError(f"it did not come to that: {feed.account} {feed.problem}")


def ended(feed):
    """Stop it; the last batches."""
    feed.stop()
    batches = [feed.poll()]
    while len(batches[-1].flows) or batches[-1].messages:
        batches.append(feed.poll())
    return batches


def flows_of(batches):
    """Their flows, by what is compared, sorted."""
    names = [name for name in FLOW.names if name not in NOT_COMPARED]
    rows = np.concatenate([np.empty(0, FLOW), *(batch.flows for batch in batches)])
    return sorted(repr(tuple(row[name] for name in names)) for row in rows)


def said_of(batches):
    """Their messages, without what is not compared."""
    said = (repr(one) for batch in batches for one in batch.messages)
    return sorted(one.split("uid=")[0] + one.split("orig_h=")[1].split(", offset=")[0] for one in said)


def read(path, **options):
    """A capture file's batches."""
    return list(PcapSource(path, "local", warn=lambda _text: None, **options).batches())


def unlike(expected, found):
    """The first few of either that the other has not, so that a failure can be read."""
    missing, more = Counter(expected) - Counter(found), Counter(found) - Counter(expected)
    return [("missing", one) for one in list(missing)[:3]] + [("more", one) for one in list(more)[:3]]
