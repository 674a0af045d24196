"""What a capture process does with its ring: where it begins, what it keeps, what becomes of what finds no room."""

import subprocess
import time

import pytest

from sensor.sources._span_process import REPORTS_BYTES
from sensor.wire.packet_files import listed
from tests.sources.spans import OFFICE, ended, feed_on, flows_of, frames_of, read, unlike, until
from tests.sources.wires import send, wire


@pytest.mark.needs_root
@pytest.mark.needs_tool("ip")
def test_packets_are_kept_as_they_were_captured(tmp_path):
    """A capture of what is kept gives the flows that were reported; copies are left out there too."""
    frames = frames_of(OFFICE)
    with wire(), feed_on(tmp_path, keep_bytes=1 << 26) as feed:
        send([frame for frame in frames[:500] for _ in range(2)] + frames[500:])
        batches = until(feed, lambda account: account.records >= 500 + len(frames)) + ended(feed)
        accepted = feed.account.accepted
    (kept,) = listed(tmp_path)
    assert accepted == len(frames_of(kept))
    assert [] == unlike(flows_of(batches), flows_of(read(kept)))


@pytest.mark.needs_root
@pytest.mark.needs_tool("ip")
def test_it_is_no_fault_where_nothing_can_be_kept(tmp_path):
    """Said as a warning; the capture goes on."""
    frames = frames_of(OFFICE)[:50]
    with wire(), feed_on(tmp_path / "gone", keep_bytes=1 << 26) as feed:
        send(frames)
        until(feed, lambda account: account.accepted == len(frames))
        until(feed, lambda _account: bool(feed.warnings))
        assert [True] == ["recent packets are kept no more" in one for one in feed.warnings]


@pytest.mark.needs_root
@pytest.mark.needs_tool("ip")
def test_packets_that_came_before_it_began_are_taken():
    """A ring is filled from the moment it is open: a start takes a second, and a restart as long."""
    frames = frames_of(OFFICE)[:300]
    with wire(), feed_on(keep_duplicates=True) as feed:
        (capture,) = feed._captures
        subprocess.run(["kill", "-STOP", str(capture.pid)], check=True)
        send(frames)
        time.sleep(0.2)
        subprocess.run(["kill", "-CONT", str(capture.pid)], check=True)
        until(feed, lambda account: account.accepted == len(frames))


@pytest.mark.needs_root
@pytest.mark.needs_tool("ip")
def test_what_nobody_takes_is_dropped_and_counted():
    """The ring between two processes is full: flows are lost, counted, and later ones come again."""
    frames = frames_of(OFFICE)
    with wire(), feed_on(keep_duplicates=True) as feed:
        (capture,) = feed._captures
        until(feed, lambda _account: True)
        time.sleep(1)
        capture._ring._map[64:72] = (0).to_bytes(8, "little")
        blocked = REPORTS_BYTES - 64
        capture._ring._map[0:8] = blocked.to_bytes(8, "little")
        send(frames)
        time.sleep(1)
        capture._ring._map[64:72] = capture._ring._map[0:8]
        batches = until(feed, lambda account: account.rejected.get("queue_full", 0) > 0)
        batches += ended(feed)
        account = feed.account
    assert account.records == account.accepted + sum(account.rejected.values())
    assert len(frames) == account.accepted
