"""Addresses as two 64-bit words, and back to text; IPv4 is kept as ::ffff:a.b.c.d."""

import functools
import ipaddress

import numpy as np
from numpy.typing import NDArray

V4_PREFIX = 0xFFFF_0000_0000


def parse(text: str) -> tuple[int, int]:
    """Return (high, low) words of an address. Raises ValueError where `text` is none."""
    address = ipaddress.ip_address(text)
    if address.version == 4:
        return 0, V4_PREFIX | int(address)
    value = int(address)
    return value >> 64, value & 0xFFFF_FFFF_FFFF_FFFF


def is_address(written: str) -> bool:
    """Tell whether a text is an IPv4 or IPv6 address."""
    try:
        ipaddress.ip_address(written)
    except ValueError:
        return False
    return True


def is_v4(hi: int, lo: int) -> bool:
    """Tell whether the words hold an IPv4 address."""
    return hi == 0 and lo >> 32 == 0xFFFF


def text(hi: int, lo: int) -> str:
    """Write an address as Zeek does: dotted quad, or RFC 5952."""
    hi, lo = int(hi), int(lo)
    if is_v4(hi, lo):
        return f"{lo >> 24 & 255}.{lo >> 16 & 255}.{lo >> 8 & 255}.{lo & 255}"
    return str(ipaddress.IPv6Address(hi << 64 | lo))


def texts(hi: NDArray[np.uint64], lo: NDArray[np.uint64]) -> NDArray[np.object_]:
    """Write many addresses, at about 0.2 µs each where they are IPv4.

    Args:
        hi: High words, uint64, shape (n,).
        lo: Low words, uint64, shape (n,).

    Returns:
        Text, object, shape (n,).
    """
    names = np.empty(len(hi), dtype=object)
    v4 = (hi == 0) & (lo >> np.uint64(32) == 0xFFFF)
    pairs = _octet_pairs()
    low = lo[v4] & np.uint64(0xFFFF_FFFF)
    halves = zip((low >> np.uint64(16)).tolist(), (low & np.uint64(0xFFFF)).tolist(), strict=True)
    names[v4] = [pairs[first] + "." + pairs[second] for first, second in halves]
    seen: dict[tuple[int, int], str] = {}
    for row in np.flatnonzero(~v4).tolist():
        words = int(hi[row]), int(lo[row])
        if words not in seen:
            seen[words] = text(*words)
        names[row] = seen[words]
    return names


@functools.cache
def _octet_pairs() -> list[str]:
    """Return `a.b` for every 16 bits."""
    return [f"{pair >> 8}.{pair & 255}" for pair in range(1 << 16)]


def mac(value: int) -> str:
    """Write a 48-bit link-layer address as aa:bb:cc:dd:ee:ff."""
    return ":".join(f"{int(value) >> shift & 255:02x}" for shift in range(40, -1, -8))


def parse_mac(text: str) -> int:
    """Return the 48-bit value of a link-layer address. Raises ValueError where `text` is none."""
    digits = text.replace("-", "").replace(":", "").replace(".", "")
    if len(digits) != 12:
        raise ValueError(f"not a link-layer address: {text!r}")
    return int(digits, 16)
