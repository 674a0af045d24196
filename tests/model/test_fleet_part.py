"""A part of the fleet's things: digests say nothing without the key, and what cannot be is refused."""

import msgspec
import numpy as np
import pytest

from sensor.model.fleet_part import THINGS_MAX, FleetPart, FleetUse, digest_of, key_of, problem


def part(things, /, sites=None, devices=None, **more):
    """Return a part of these digests."""
    count = len(things)
    return FleetPart(
        **{
            "part": 0, "of_sites": 10, "of_devices": 100, "things": np.array(things, "<u8").tobytes(),
            "sites": np.array(sites or [2] * count, "<u2").tobytes(),
            "devices": np.array(devices or [5] * count, "<u4").tobytes(), **more,
        }
    )  # fmt: skip


def test_sites_that_share_a_secret_share_digests():
    """And nobody else; a destination is no fingerprint."""
    one, other = key_of("a secret"), key_of("another")

    assert digest_of(one, 0, 1, 2) == digest_of(key_of("a secret"), 0, 1, 2)
    assert 4 == len(
        {digest_of(one, 0, 1, 2), digest_of(other, 0, 1, 2), digest_of(one, 1, 1, 2), digest_of(one, 0, 2, 1)}
    )


def test_a_share_is_of_the_other_sites_and_one_more():
    """So that never all of them have it."""
    assert FleetUse(3, 5, 40).share == 0.5


@pytest.mark.parametrize(
    "wrong",
    [
        part([2, 1]), part([1, 1]), part([1], sites=[1, 2]), part([1], devices=[1, 2]), part([], things=b"1234567"),
        part([], part=16), part([], of_sites=-1), part(list(range(THINGS_MAX + 1))),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused(wrong):
    """In a word."""
    assert "bad_columns" == problem(wrong)


def test_a_part_is_taken_as_it_was_written():
    """Through msgpack."""
    one = part([1, 5, 2**64 - 1])

    assert problem(one) is None
    assert one == msgspec.msgpack.decode(msgspec.msgpack.encode(one), type=FleetPart)
