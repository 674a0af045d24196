"""Events cut out of XML that was not written for us."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensor.wire.xml_stream import RECORD_BYTES, XmlStream, spans_lines

ONE = b"<Event xmlns='x'><System><EventID>1</EventID></System>\n  <EventData/>\n</Event>"
DECLARATION = b'<?xml version="1.0" encoding="utf-8" standalone="yes"?>\n'


def cut(text, size=1 << 16):
    pieces = iter([text[at : at + size] for at in range(0, len(text), size)])
    return list(XmlStream(lambda: next(pieces, b"")))


@pytest.mark.parametrize(
    "text",
    [
        ONE + ONE,
        ONE + b"\r\n" + ONE + b"\n",
        DECLARATION + b"<Events>" + ONE + b"\n" + ONE + b"</Events>\n",
        b"Record 1\n" + DECLARATION + ONE + b"\nRecord 2\n" + DECLARATION + ONE,
        b"\xef\xbb\xbf<!-- saved -->" + ONE + ONE,
    ],
)
@pytest.mark.parametrize("size", [1, 7, 64, 1 << 16])
def test_events_are_cut_out_whatever_stands_between_and_however_it_was_read(text, size):
    """Piece by piece as in one."""
    assert [ONE, ONE] == cut(text, size)


def test_an_event_with_an_event_inside_is_one():
    """AD FS's Admin log writes such; its last tags are nothing else."""
    inner = b"<Event xmlns='y'><EventData><Data>a</Data></EventData></Event>"
    outer = b"<Event xmlns='x'><System/>\n<UserData>" + inner
    ends = b"\n</UserData>\n</Event>\n"
    assert [outer, outer, ONE] == cut(outer + ends + outer + ends + ONE, 7)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"", []),
        (b"junk" + ONE, ["not_a_record", ONE]),
        (ONE + b"junk", [ONE, "not_a_record"]),
        (ONE + ONE[:-3], [ONE, "cut_short"]),
        (b"<Event>" + b"x" * RECORD_BYTES + b"</Event>" + ONE, ["record_too_long", ONE]),
        (b"<Event>" + b"x" * (2 * RECORD_BYTES) + ONE, ["record_too_long", ONE]),
        (b"<Eventful>", ["not_a_record"]),
    ],
)
def test_what_is_no_event_is_counted_and_passed(text, expected):
    """Reading goes on at the next event."""
    assert expected == cut(text)


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (ONE, True),
        (b"<Event a='1'></Event>\n<Event a='2'></Event>\n", False),
        (b"<Event></Event><Event></Event>\n", True),
        (b"<Event></Event>\n" + ONE + b"\n", True),
        (DECLARATION + b"<Events>", True),
        (b"Record 1\n" + DECLARATION + ONE, True),
        (b"<Event></Event>\n<Event><Sys", False),
        (b"<13>May  1 10:00:00 pc1 x: <Event>\n", False),
        (b"<html>", False),
        (b"", False),
    ],
)
def test_files_with_an_event_on_each_line_stay_lines(head, expected):
    """A last line that was not read to its end says nothing."""
    assert expected == spans_lines(head)


@pytest.mark.parametrize(
    "piece", [b"<Event ", b"<", b" ", b"</Event>", b"<!-- ", b"Record 1", b"<Event></Event>", b"</UserData>"]
)
def test_the_work_is_linear(piece):
    """Four megabytes of any of it are passed in under a second."""
    text = piece * ((4 << 20) // len(piece))
    began = time.process_time()
    cut(text)
    assert time.process_time() - began < 1


@given(
    st.lists(st.sampled_from([b"<Event>", b"</Event>", b"<Event ", b"a>", b"\n", b"<", b"x"]), max_size=40),
    st.integers(1, 9),
)
def test_any_text_gives_the_same_in_any_pieces(parts, size):
    """How the stream was cut does not show."""
    text = b"".join(parts)
    assert cut(text) == cut(text, size)
