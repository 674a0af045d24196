"""The machine's clock, and waits that end with the program."""

import threading

from sensor.wire.clock import SystemClock


def test_a_wait_ends_when_the_program_does():
    """And says so."""
    stopped = threading.Event()
    clock = SystemClock(stopped)
    assert clock.sleep(0.0)
    stopped.set()
    assert not clock.sleep(1000.0)


def test_the_time_goes_on():
    """And is of this century."""
    clock = SystemClock(threading.Event())
    first = clock.now_ns()
    assert 1_700_000_000 * 10**9 < first <= clock.now_ns()
