"""Feeds polled from threads of their own: bounded, paused for commits, supervised."""

import threading
import time

import numpy as np

from sensor.model.flow import FLOW
from sensor.model.source import Account, Batch
from sensor.pipeline.claims import Claims
from sensor.pipeline.readers import QUEUE_POLLS, Reader
from tests.sources.ledgers import MemoryLedger


class Fake:
    """A feed of one flow a poll; may be held up, or fail."""

    problem = ""

    def __init__(self, polls, fails_at=None):
        self.account = Account(path="x", site="local", format="zeek")
        self.polls, self.fails_at = polls, fails_at
        self.go_on = threading.Event()
        self.go_on.set()
        self.acknowledged, self.closed = 0, False

    def poll(self):
        """Give a flow."""
        self.go_on.wait()
        if self.fails_at == self.account.records:
            raise KeyError("a fault of ours")
        if self.account.records >= self.polls:
            return Batch()
        self.account.records += 1
        return Batch(flows=np.zeros(1, FLOW))

    def position(self):
        """Return how many were given."""
        return str(self.account.records)

    def acknowledge(self):
        """Count it."""
        self.acknowledged += 1

    def close(self):
        """Note it."""
        self.closed = True


def reading(feed):
    """Read a feed."""
    return Reader("a", feed, Claims(MemoryLedger()).of_feed(), threading.Event())


def until(condition):
    """Wait for something."""
    for _ in range(500):
        if condition():
            return
        time.sleep(0.01)
    raise AssertionError("it did not come to that")


def test_a_queue_that_is_full_is_not_polled_for():
    """The source waits until something is taken; each poll goes with the position behind it."""
    feed = Fake(10)
    reader = reading(feed)
    until(lambda: feed.account.records == QUEUE_POLLS)
    time.sleep(0.05)
    assert QUEUE_POLLS == feed.account.records
    first = reader.take()
    until(lambda: feed.account.records == 2 * QUEUE_POLLS)
    reader.close()

    assert [str(one + 1) for one in range(QUEUE_POLLS)] == [one.position for one in first]
    assert [1] * QUEUE_POLLS == [one.account.records for one in first]
    assert feed.closed


def test_it_does_not_poll_while_a_commit_is_made():
    """Acknowledged only where everything that it gave was taken before."""
    feed = Fake(2)
    reader = reading(feed)
    until(lambda: feed.account.records == 2)
    assert reader.pause()
    reader.resume(acknowledge=True)
    assert 0 == feed.acknowledged
    reader.take()
    assert reader.pause()
    reader.resume(acknowledge=True)
    reader.close()

    assert 1 == feed.acknowledged


def test_one_that_hangs_holds_up_no_commit_for_ever():
    """The commit is made without it."""
    feed = Fake(1)
    feed.go_on.clear()
    reader = reading(feed)
    until(reader._polling.locked)
    assert not reader.pause()
    feed.go_on.set()
    reader.close()


def test_one_that_fails_says_so_and_polls_no_more(caplog):
    """What it gave before is taken."""
    feed = Fake(5, fails_at=2)
    reader = reading(feed)
    until(lambda: reader.is_dead)

    assert 2 == len(reader.take())
    assert "KeyError" in reader.problem
    assert [] == reader.abandon()
    reader.close()
