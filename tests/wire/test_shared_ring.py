"""Records go from one process to another in order, whole or not at all."""

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensor.wire.shared_ring import SharedRing


@pytest.fixture
def ring():
    """A ring of 64 bytes."""
    made = SharedRing.create(64)
    yield made
    made.close()


@given(st.lists(st.one_of(st.none(), st.binary(max_size=70)), max_size=60))
def test_what_is_put_is_taken(steps):
    """Like a queue of bytes of the same bound, over many turns of the ring; None takes what is there."""
    ring = SharedRing.create(64)
    waiting, used = [], 0
    for step in steps:
        if step is None:
            assert waiting == list(ring.take())
            waiting, used = [], 0
        else:
            fits = used + 4 + len(step) <= 64
            assert fits == ring.put([step[:3], memoryview(step)[3:]])
            if fits:
                waiting.append(step)
                used += 4 + len(step)
        assert used == ring.used
    ring.close()


def test_columns_are_written_as_their_bytes(ring):
    """A view of wider items counts by its bytes."""
    ring.put([memoryview(b"12345678").cast("Q")])
    assert [b"12345678"] == list(ring.take())


def test_another_process_writes_into_it(ring):
    """What a child put before it died is there for its parent, and what it noted."""
    child = os.fork()
    if child == 0:
        other = SharedRing(ring.descriptor, 64)
        other.note(7, 1)
        other.put([b"said"])
        os._exit(1)
    os.waitpid(child, 0)
    assert ([b"said"], (7, 1)) == (list(ring.take()), ring.noted)
