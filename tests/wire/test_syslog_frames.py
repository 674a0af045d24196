"""Tests for sensor/wire/syslog_frames.py: messages out of a stream, however it is cut into pieces."""

import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sensor.wire.syslog_frames import MESSAGE_BYTES, Cut, Frames

LIMIT = 20


def through(*pieces, is_orderly=True):
    """What comes out of these pieces and their end, with a limit of 20 bytes."""
    frames = Frames(LIMIT)
    cuts = [frames.take(piece) for piece in pieces if not frames.is_broken]
    if not frames.is_broken:
        cuts.append(frames.end(is_orderly=is_orderly))
    refused = {}
    for cut in cuts:
        for reason, count in cut.refused.items():
            refused[reason] = refused.get(reason, 0) + count
    return [message for cut in cuts for message in cut.messages], refused


def test_lines_end_with_lf_or_nul_and_the_last_may_lack_its_end():
    """Also a message that begins with a digit but no count, and empty lines are none."""
    assert ([b"<34>a", b"<34>b", b"2024-01-01 c"], {}) == through(b"<34>a\r\n\n<34>b\x00\n2024-01-01 c")
    assert ([b"2024-01-01 c", b"d"], {}) == through(b"2024-01-01 c\nd\n")
    assert ([b"12"], {}) == through(b"12")
    assert ([b"12", b"x"], {}) == through(b"12\nx")


def test_counted_messages_may_hold_line_ends():
    """A count tells the length; a line end that a sender adds behind it is passed over."""
    assert ([b"<34>a\nb", b"{\n}"], {}) == through(b"7 <34>a\nb", b"\n3 {\n}")


def test_a_message_beyond_the_limit_is_passed_over_and_reading_goes_on():
    """In both framings; the limit itself is taken."""
    long, most = b"<1>" + b"x" * 18, b"<1>" + b"x" * 17
    assert ([b"<1>a", most, b"<1>b"], {"record_too_long": 1}) == through(b"<1>a\n" + long + b"\n" + most + b"\n<1>b")
    counted = b"4 <1>a21 " + long + b"20 " + most + b"4 <1>b"
    assert ([b"<1>a", most, b"<1>b"], {"record_too_long": 1}) == through(counted)
    assert ([], {"record_too_long": 1}) == through(*[b"x" * 15] * 100)
    assert ([b"<1>a"], {"record_too_long": 1}) == through(b"4 <1>a9999999999 ", *[b"x" * 100] * 100)


def test_a_count_that_is_none_breaks_the_stream():
    """What was whole before it is handed out."""
    for bad in (b"04 <1>b", b"x", b"12345678901 ", b"-1 <"):
        assert ([b"<1>a"], {"bad_frame": 1}) == through(b"4 <1>a" + bad)


def test_what_is_cut_short_is_counted():
    """A counted message always, a line where the sender did not end the stream."""
    assert ([b"<1>a"], {"cut_short": 1}) == through(b"4 <1>a9 <1>b")
    assert ([b"<1>a"], {"cut_short": 1}) == through(b"<1>a\n<1>b", is_orderly=False)
    assert ([b"<1>a"], {}) == through(b"<1>a\n", is_orderly=False)


def test_the_limit_is_64_kib():
    """A message of exactly that is taken."""
    assert Cut([b"x" * MESSAGE_BYTES]) == Frames().take(b"x" * MESSAGE_BYTES + b"\n")


@pytest.mark.parametrize("begin", [b"<34>", b"60000 <34>"])
def test_a_message_that_comes_byte_by_byte_costs_no_more_than_its_length(begin):
    """It cost nine seconds when all that is held was searched for a line end at each byte."""
    frames = Frames()
    began = time.process_time()
    messages = [one for byte in begin + b"x" * 59_996 + b"\n" for one in frames.take(bytes([byte])).messages]
    assert time.process_time() - began < 1
    assert [b"<34>" + b"x" * 59_996] == messages


PIECES = st.lists(
    st.binary(max_size=12) | st.sampled_from([b"4 <1>a", b"<1>b\n", b"\n", b"21 ", b"1", b" ", b"<", b"x" * 21])
)


@given(PIECES, st.integers(1, 7))
@example([b"12 <1>3456789", b"\n<"], 1)
def test_any_cutting_gives_the_same_messages(pieces, step):
    """Messages and refusals do not depend on how the stream came."""
    whole = b"".join(pieces)

    assert through(whole) == through(*[whole[at : at + step] for at in range(0, len(whole), step)])
