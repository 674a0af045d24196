"""Fields are written as the model describes them, and never beyond their limit."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from baselines._jit import borrow, kernel, rows
from sensor.model.metadata import fields
from sensor.packets import tlv
from tests.naive import tlv as twin

ARRAY = rows(np.uint8)
INT = "int64"


@kernel(ARRAY, INT, INT, ARRAY, INT, INT, INT)
def write_text(out, limit, field, buf, start, end, most):
    return tlv.put_text(borrow(out), 0, limit, field, borrow(buf), start, end, most)


@kernel(ARRAY, INT, INT, ARRAY, INT, INT)
def write_bytes(out, limit, field, buf, start, end):
    return tlv.put_bytes(borrow(out), 0, limit, field, borrow(buf), start, end)


@kernel(ARRAY, INT, INT, INT, INT)
def write_number(out, limit, field, value, width):
    return tlv.put_number(borrow(out), 0, limit, field, value, width)


@kernel(ARRAY, INT, INT)
def write_decimal(out, value, separator):
    return tlv.put_decimal(borrow(out), 0, value, separator)


@kernel(ARRAY, INT, INT)
def write_hex(out, value, separator):
    return tlv.put_hex(borrow(out), 0, value, separator)


@kernel(ARRAY, INT, INT, INT)
def search(buf, start, end, wanted):
    return tlv.find_byte(borrow(buf), start, end, wanted)


@kernel(ARRAY, INT, INT)
def lookup(out, end, field):
    return tlv.find_field(borrow(out), 0, end, field)


def array(content):
    return np.frombuffer(bytearray(content) + bytearray(16), np.uint8)


def test_every_number_below_65536_is_written_in_both_bases():
    """Exhaustively: decimal without leading zeros, four hexadecimal digits, and the separator behind."""
    out = np.zeros(16, np.uint8)
    for value in range(65536):
        assert twin.put_decimal(value, 45) == out[: write_decimal(out, value, 45)].tobytes()
        assert twin.put_hex(value, 44) == out[: write_hex(out, value, 44)].tobytes()


@given(st.binary(max_size=60), st.integers(0, 60), st.integers(1, 40))
@settings(max_examples=500, deadline=None)
def test_texts_are_trimmed_cut_and_bounded(content, limit, most):
    """Blanks at the ends go, then the first bytes stay; what does not fit under the limit is left out."""
    out = np.zeros(128, np.uint8)
    want = twin.put_text(7, content, most)
    want = want if len(want) <= limit else b""
    at = write_text(out, limit, 7, array(content), 0, len(content), most)
    assert (want, False) == (out[:at].tobytes(), out[max(at, limit) :].any())


@given(st.binary(max_size=60), st.integers(0, 80))
@settings(max_examples=300, deadline=None)
def test_bytes_are_written_whole_or_not(content, limit):
    """A field that does not fit changes nothing."""
    out = np.zeros(128, np.uint8)
    want = twin.put_bytes(3, content)
    at = write_bytes(out, limit, 3, array(content), 0, len(content))
    assert (want if len(want) <= limit else b"") == out[:at].tobytes()
    assert [(3, content)] * (at > 0) == list(fields(out[:at].tobytes()))


@pytest.mark.parametrize("width", [1, 2, 4, 8])
def test_numbers_are_little_endian(width):
    """Of the width asked for; nothing where there is no room."""
    out = np.zeros(32, np.uint8)
    value = (1 << (8 * width - 1)) - 3
    assert twin.put_number(9, value, width) == out[: write_number(out, 32, 9, value, width)].tobytes()
    assert 0 == write_number(out, 2 + width, 9, value, width)


@given(st.lists(st.sampled_from((0, 10, 127, 128, 138, 255)), max_size=40).map(bytes), st.integers(0, 9))
@settings(max_examples=1000, deadline=None)
def test_a_byte_is_found_where_it_first_stands(content, start):
    """At any alignment, among bytes that differ from it in their highest bit only; the end where it is not there."""
    start = min(start, len(content))
    for wanted in (0, 10, 128):
        assert start + twin.find_byte(content[start:], wanted) == search(array(content), start, len(content), wanted)


@given(st.lists(st.tuples(st.integers(1, 4), st.binary(max_size=5)), max_size=6), st.binary(max_size=4))
@settings(max_examples=500, deadline=None)
def test_a_field_is_found_by_its_id(items, tail):
    """Position and length of its first value; a damaged tail is no field."""
    blob = b"".join(twin.put_bytes(*item) for item in items) + tail
    for field in range(1, 5):
        assert twin.find_field(blob, field) == lookup(array(blob), len(blob), field)
