"""A capture process that dies is followed by another, and what is lost with it is counted."""

import os
import signal
import time

import pytest

from sensor.sources import _span_process
from sensor.sources._span_process import added
from sensor.wire.capture_reports import Counts
from tests.sources.spans import OFFICE, ended, feed_on, frames_of, until
from tests.sources.wires import send, wire


@pytest.mark.needs_root
@pytest.mark.needs_tool("ip")
def test_after_a_kill_the_next_goes_on_where_the_ring_is(monkeypatch):
    """Said while there is none; packets of the meantime are captured, and everything that came is accounted for."""
    monkeypatch.setattr(_span_process, "RESTART_S", 0.0)
    frames = frames_of(OFFICE)[:1000]
    with wire(), feed_on(keep_duplicates=True) as feed:
        (capture,) = feed._captures
        send(frames)
        until(feed, lambda account: account.accepted == len(frames))
        first = capture.pid
        os.kill(first, signal.SIGSTOP)
        send(frames)
        time.sleep(0.2)
        os.kill(first, signal.SIGKILL)
        time.sleep(0.2)
        until(feed, lambda account: account.records == 2 * len(frames))
        ended(feed)
        account = feed.account
        assert first != capture.pid

    assert 2 * len(frames) == account.accepted + sum(account.rejected.values())
    assert account.rejected.keys() <= {"capture_failed"}


@pytest.mark.needs_root
@pytest.mark.needs_tool("ip")
def test_a_block_that_killed_a_process_is_not_read_again(monkeypatch):
    """Its packets count as lost with it; the next block is read."""
    monkeypatch.setattr(_span_process, "RESTART_S", 0.0)
    frames = frames_of(OFFICE)[:100]
    with wire(), feed_on(keep_duplicates=True) as feed:
        (capture,) = feed._captures
        until(feed, lambda _account: True)
        time.sleep(1)
        os.kill(capture.pid, signal.SIGSTOP)
        send(frames)
        time.sleep(0.2)
        capture._ring.note(len(frames), 1)  # as it says before it begins with a block
        os.kill(capture.pid, signal.SIGKILL)
        time.sleep(0.2)
        feed.poll()
        send(frames)
        until(feed, lambda account: account.records == 2 * len(frames))
        account = feed.account
    assert (len(frames), {"capture_failed": len(frames)}) == (account.accepted, account.rejected)


def test_counts_add_up():
    """Numbers, reasons of both, the newest problem."""
    one = Counts(bytes=1, accepted=2, rejected={"not_ip": 1, "too_deep": 2}, kept_problem="full")
    other = Counts(bytes=10, accepted=20, rejected={"not_ip": 10}, queue_full=3)
    expected = Counts(bytes=11, accepted=22, rejected={"not_ip": 11, "too_deep": 2}, queue_full=3, kept_problem="full")
    assert expected == added(one, other)
