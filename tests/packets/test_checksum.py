"""The checksum kernels against RFC 1071's own definition."""

import numpy as np
import pytest

from sensor.packets import checksum
from tests.naive import checksum as naive


def swapped(word):
    return (word & 255) << 8 | word >> 8


def test_example_of_the_rfc():
    """RFC 1071 §3 adds 0001 f203 f4f5 f6f7 to ddf2."""
    octets = np.frombuffer(bytes.fromhex("0001f203f4f5f6f7"), np.uint8)
    assert 0xDDF2 == swapped(checksum.fold(checksum.ones_sum(octets, 0, 8)))


@pytest.mark.parametrize("size", [0, 1, 2, 3, 4, 5, 7, 8, 9, 20, 63, 64, 1459, 1460, 65_535])
def test_sums_are_those_of_the_definition(size):
    """Any length, even and odd, at any place of the buffer; carries of a whole segment of 0xff included."""
    rng = np.random.default_rng(size)
    for content in (rng.integers(0, 256, size, np.uint8).tobytes(), b"\xff" * size, bytes(size)):
        for start in (0, 1, 3):
            buf = np.frombuffer(b"\xee" * start + content + b"\xee", np.uint8)
            folded = checksum.fold(checksum.ones_sum(buf, start, start + size))
            assert naive.ones_sum(content) == swapped(folded)


@pytest.mark.parametrize("size", [4, 16])
def test_pseudo_headers_of_both_families(size):
    """The mapped form of an IPv4 address adds nothing of its own."""
    rng = np.random.default_rng(size)
    for _ in range(200):
        src, dst = rng.bytes(size), rng.bytes(size)
        proto, length = int(rng.integers(256)), int(rng.integers(1 << 17))
        words = []
        for address in (src, dst):
            whole = address if size == 16 else bytes(10) + b"\xff\xff" + address
            words += [np.uint64(int.from_bytes(whole[:8], "big")), np.uint64(int.from_bytes(whole[8:], "big"))]
        found = swapped(checksum.fold(checksum.pseudo_sum(*words, proto, length)))
        expected = naive.pseudo_sum(src, dst, proto, length)
        assert expected % 0xFFFF == found % 0xFFFF  # 0 and 0xffff are both zero


def test_a_message_with_its_checksum_adds_up_to_minus_zero():
    """One wrong bit anywhere is found."""
    rng = np.random.default_rng(1)
    content = bytearray(rng.bytes(40))
    content[10:12] = bytes(2)
    content[10:12] = (0xFFFF - naive.ones_sum(content)).to_bytes(2, "big")
    assert naive.right(content)
    for bit in range(0, 320, 7):
        damaged = content.copy()
        damaged[bit // 8] ^= 1 << bit % 8
        sums = [checksum.fold(checksum.ones_sum(np.frombuffer(bytes(x), np.uint8), 0, 40)) for x in (content, damaged)]
        assert [True, False] == [total == 0xFFFF for total in sums]
