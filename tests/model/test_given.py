"""What a hub gives, as bytes: read again, bounded, and of a later release passed over."""

import msgspec
import pytest

from sensor.model.given import GIVEN_MAX, Became, decode, encode
from tests.responses.orders import order, outcome

ORDER = order("ACT-1")


def test_what_is_written_is_read_again():
    """Each kind by its tag."""
    became = Became(ts=5, outcome=outcome("ACT-1"))
    assert [ORDER, became] == [decode(encode(ORDER)), decode(encode(became))]


def test_what_is_too_long_is_not_given():
    """Rather at the hub than at every site."""
    with pytest.raises(ValueError, match="at most"):
        encode(order("ACT-1", "x" * GIVEN_MAX))


def test_a_later_release_is_understood_as_far_as_it_can_be():
    """More fields at the end are left out; another kind, or something else altogether, is nothing."""
    tag, *fields = msgspec.msgpack.decode(encode(ORDER))
    assert ORDER == decode(msgspec.msgpack.encode([tag, *fields, "more", 7]))
    assert [None, None, None] == [decode(msgspec.msgpack.encode(one)) for one in (["z9", 5], {"a": 1}, [tag])]
    assert decode(b"\xc1") is None
