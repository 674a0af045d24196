"""Digests of blocks."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensor.wire.block_digest import KEY_BYTES, keyed

KEY = bytes(range(KEY_BYTES))


def ghash(key, block):
    """Compute GMAC by NIST SP 800-38D, section 6.4 and 7.1, bit by bit; AES from the library that the code uses."""
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

    aes = Cipher(algorithms.AES(key), modes.ECB()).encryptor()  # noqa: S305 - the bare cipher of the definition
    h, mask = (int.from_bytes(aes.update(x), "big") for x in (bytes(16), bytes(15) + b"\1"))
    padded = block + bytes(-len(block) % 16) + (8 * len(block)).to_bytes(8, "big") + bytes(8)
    y = 0
    for start in range(0, len(padded), 16):
        x, v, z = y ^ int.from_bytes(padded[start : start + 16], "big"), h, 0
        for bit in range(127, -1, -1):
            z ^= v if x >> bit & 1 else 0
            v = v >> 1 ^ (0xE1 << 120 if v & 1 else 0)
        y = z
    return (y ^ mask).to_bytes(16, "big")


@given(st.binary(max_size=200))
def test_the_digest_is_gmac(block):
    """Every byte and the length count."""
    assert ghash(KEY, block) == keyed(KEY)(memoryview(block))


def test_other_keys_give_other_digests():
    """A block's digest cannot be known without the key."""
    assert keyed(KEY)(memoryview(b"x")) != keyed(bytes(KEY_BYTES))(memoryview(b"x"))


def test_a_key_of_another_length():
    """It is refused."""
    with pytest.raises(ValueError, match="key"):
        keyed(b"short")
