"""Interface clocks become nanoseconds exactly."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from sensor.model.capture import FRAME
from sensor.packets.pcapng import Pcapng
from tests.naive.ticks import to_ns
from tests.packets.captures import enhanced, interface, option, section


def walked(ticks, resolution, offset_s):
    """The time our walk gives a packet, None where it drops it."""
    options = option(9, bytes([resolution])) + option(14, offset_s.to_bytes(8, "little", signed=True))
    content = section() + interface(options=options) + enhanced(b"x", ticks)
    frames = np.zeros(2, FRAME)
    walker = Pcapng()
    _, n = walker.walk(np.frombuffer(content, np.uint8).copy(), 0, len(content), frames)
    if walker.take_drops() == {"time_out_of_range": 1}:
        return None
    assert 1 == n
    return int(frames["ts"][0])


EDGES = st.sampled_from([0, 1, 2**31, 2**32 - 1, 2**32, 2**53, 2**63 - 1, 2**63, 2**64 - 1, 9_214_646_400])
TICKS = EDGES | st.integers(0, 2**64 - 1) | st.integers(0, 3 * 10**18)
OFFSETS = st.sampled_from([0, 1, -1, 2**63 - 1, -(2**63), 9_214_646_399, -9_214_646_400]) | st.integers(
    -(2**63), 2**63 - 1
)


@given(TICKS, st.integers(0, 255), OFFSETS)
def test_any_clock_equals_integer_arithmetic(ticks, resolution, offset_s):
    """Every resolution, offset and 64-bit count gives what unbounded integers give, or is out of range."""
    assert to_ns(ticks, resolution, offset_s) == walked(ticks, resolution, offset_s)


@given(st.integers(0, 2**64 - 1), st.sampled_from([0, 3, 6, 7, 9, 12, 19, 20, 28, 128 + 10, 128 + 32, 128 + 63]))
def test_clocks_without_offset_equal_integer_arithmetic(ticks, resolution):
    """The resolutions in use, without if_tsoffset, over the whole range of counts."""
    assert to_ns(ticks, resolution, 0) == walked(ticks, resolution, 0)


def test_the_last_moment_of_2261_is_kept_and_the_next_is_not():
    """The range ends where int64 nanoseconds do, at the turn of the year 2262."""
    last_us = 9_214_646_400 * 10**6 - 1
    assert last_us * 1000 == walked(last_us, 6, 0)
    assert walked(last_us + 1, 6, 0) is None


def test_powers_of_two_are_rounded_down():
    """A third of a second in 2^-10 s units is 341/1024 s."""
    assert 341 * 10**9 // 1024 == walked(341, 128 + 10, 0)
