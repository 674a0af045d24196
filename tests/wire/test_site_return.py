"""What a hub gives, on its way: read as it was written, by the site it is for, and refused otherwise."""

import msgspec
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from sensor.errors import Malformed
from sensor.model.given import Letter
from sensor.wire.site_return import BYTES_MAX, RAW_MAX, decode, encode

LETTERS = (Letter(7, 1, "a", b"x" * 100), Letter(7, 5, "b", b"y"), Letter(9, 6, "a", b""))


def packed(content):
    return b"SPLR\x01" + zstandard.compress(content)


def test_what_is_written_is_read_again():
    """With its places."""
    assert LETTERS == decode(encode("SYD", LETTERS), "SYD")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "nothing that a hub gives"),
        (b"SPLE\x01", "nothing that a hub gives"),
        (b"SPLR", "version 0"),
        (b"SPLR\x02xx", "version 2"),
        (encode("PER", LETTERS), "for site PER"),
        (encode("SYD", LETTERS)[:-1], "cannot be read"),
        (encode("SYD", LETTERS) + b"x", "cannot be read"),
        (encode("SYD", LETTERS[::-1]), "out of order"),
        (encode("SYD", (LETTERS[0], LETTERS[0])), "out of order"),
        (encode("SYD", (Letter(0, 1, "a", b""),)), "no order"),
        (encode("SYD", (Letter(1, 1, "", b""),)), "no order"),
        (encode("SYD", (Letter(1, 1, "a", bytes(70_000)),)), "no order"),
        (packed(bytes(RAW_MAX + 1)), "longer"),
        (packed(msgspec.msgpack.encode({"site": "SYD"})), "cannot be read"),
        (bytes(BYTES_MAX + 1), "nothing that a hub gives"),
    ],
)
def test_what_is_none_is_refused(content, said):
    """With the reason; lengths before anything is unpacked."""
    with pytest.raises(Malformed, match=said):
        decode(content, "SYD")


@given(st.binary(max_size=200), st.integers(0, 200), st.integers(1, 255))
def test_damage_is_refused_or_harmless(tail, at, flip):
    """No other exception comes of it."""
    for content in (b"SPLR\x01" + tail, encode("SYD", LETTERS)):
        changed = bytearray(content)
        changed[at % len(changed)] ^= flip
        try:
            decode(bytes(changed), "SYD")
        except Malformed:
            continue
