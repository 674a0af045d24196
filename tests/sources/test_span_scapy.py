"""Where there is no ring, scapy's sockets give the same flows, slower."""

import time
from pathlib import Path

import pytest

from sensor.sources import span
from tests.sources.spans import OFFICE, ended, frames_of, until
from tests.sources.wires import NEAR, send, wire


@pytest.mark.needs_root
@pytest.mark.needs_tool("ip")
def test_flows_come_without_a_ring():
    """Every packet accounted for, every flow there, by the same feed."""
    frames = frames_of(OFFICE)[:600]
    with wire():
        feed = span.SpanFeed("port", span.settings_of({"interface": NEAR}), [], "local", 0, None, Path("/nonexistent"))
        for first in range(0, len(frames), 20):  # what scapy's socket drops nobody counts
            send(frames[first : first + 20])
            time.sleep(0.02)
        batches = until(feed, lambda account: account.records >= len(frames)) + ended(feed)
        account = feed.account
        feed.close()
    seen = sum(int((batch.flows["orig_pkts"] + batch.flows["resp_pkts"]).sum()) for batch in batches)
    arp = sum(len(batch.arp) for batch in batches)
    assert (len(frames), sum(map(len, frames))) == (account.accepted, account.bytes)
    assert len(frames) == seen + arp


@pytest.mark.needs_root
@pytest.mark.needs_tool("ip")
def test_what_waits_for_too_long_is_dropped_and_counted(monkeypatch):
    """Between two polls a number of frames may wait."""
    from sensor.sources import _span_scapy

    monkeypatch.setattr(_span_scapy, "ROOM_FRAMES", 100)
    frames = frames_of(OFFICE)[:300]
    with wire():
        feed = span.SpanFeed("port", span.settings_of({"interface": NEAR}), [], "local", 0, None, Path("/nonexistent"))
        send(frames)
        feed._captures[0].stop()
        feed.poll()
        account = feed.account
        feed.close()
    assert account.records == account.accepted + sum(account.rejected.values())
    assert account.accepted <= 100
    assert account.rejected["kernel_drop"] == account.records - account.accepted
