"""Elements of BER."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensor.errors import Malformed
from sensor.packets.ber import element, elements


def test_short_and_long_lengths_and_tags():
    """X.690 §8.1.2 and §8.1.3."""
    assert (0x04, b"ab", 4, True) == element(b"\x04\x02ab")
    assert (0x04, b"a" * 200, 203, True) == element(b"\x04\x81\xc8" + b"a" * 200)
    assert (0x7F65, b"a", 4, True) == element(b"\x7f\x65\x01a")
    assert -1 == element(b"\x02\x01\xff").number


def test_a_cut_element_is_given_as_far_as_it_is_there():
    """And says so."""
    assert (0x04, b"ab", 12, False) == element(b"\x04\x0aab")


@pytest.mark.parametrize("data", [b"", b"\x30", b"\x30\x80", b"\x30\x85\1\1\1\1\1", b"\x30\x82\1", b"\x7f\x80\1"])
def test_what_is_no_element_is_refused(data):
    """Indefinite or absurd lengths, and nothing at all."""
    with pytest.raises(Malformed):
        element(data)


@given(st.binary(max_size=60))
def test_any_bytes_give_elements_in_order(data):
    """Walking ends, within the bytes or where the last element would."""
    found = elements(data, 100)
    assert sorted(one.end for one in found) == [one.end for one in found]
