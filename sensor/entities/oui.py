"""The vendor of a link-layer address, from the IEEE's three registries of prefixes (MA-L, MA-M, MA-S).

The table beside this module, `oui.bin`, is made of the npm package oui-data 2.1.9 (BSD-2-Clause, © silverwind; its
licence stands in `oui.LICENSE`) by `.ci/oui.py`: names are the registry's first line, addresses of companies are left
out. A locally administered address has no vendor (IEEE 802-2014 §8.2.2). Not here: what a vendor's devices are.
"""

import functools
import lzma
import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

TABLE = Path(__file__).with_name("oui.bin")
MAGIC = b"spanline oui 1\n"
_DIGITS = (9, 7, 6)
"""Hex digits of an MA-S, MA-M and MA-L prefix; the longest that matches wins."""
_REGISTRY = "IEEE REGISTRATION AUTHORITY"
"""Holds the MA-L prefixes that are given out in smaller pieces; it makes no devices."""
_LOCAL_BIT = 0x0200_0000_0000
_RAW_LIMIT = 16 << 20
"""Bytes the unpacked table may have; today it has 1.1 MB."""

Prefixes = dict[int, tuple[NDArray[np.uint64], NDArray[np.uint16]]]


def pack(vendors: Mapping[str, str]) -> bytes:
    """Write a table.

    Args:
        vendors: Prefix in 6, 7 or 9 hex digits → the registry's text, whose first line is the name.
    """
    named = {prefix: _name(text) for prefix, text in vendors.items()}
    named = {prefix: name for prefix, name in named.items() if name and name.upper() != _REGISTRY}
    names = sorted(set(named.values()))
    number = {name: i for i, name in enumerate(names)}
    parts = [MAGIC]
    blob = "\n".join(names).encode()
    parts += [len(blob).to_bytes(4, "little"), blob]
    for digits in _DIGITS:
        of = sorted((int(prefix, 16), number[name]) for prefix, name in named.items() if len(prefix) == digits)
        prefixes = np.array([prefix for prefix, _ in of], np.uint64)
        parts.append(len(of).to_bytes(4, "little"))
        parts.append(np.diff(prefixes, prepend=np.uint64(0)).astype("<u8").tobytes())
        parts.append(np.array([name for _, name in of], "<u2").tobytes())
    return lzma.compress(b"".join(parts), preset=6 | lzma.PRESET_EXTREME)


def unpack(blob: bytes) -> tuple[list[str], Prefixes]:
    """Read what `pack` wrote. Raises ValueError where it is something else."""
    try:
        raw = lzma.LZMADecompressor(memlimit=64 << 20).decompress(blob, max_length=_RAW_LIMIT)
    except lzma.LZMAError as error:
        raise ValueError(f"vendor table is damaged: {error}") from error
    if not raw.startswith(MAGIC):
        raise ValueError("vendor table is of another version")
    at = len(MAGIC)
    size = int.from_bytes(raw[at : at + 4], "little")
    names = raw[at + 4 : at + 4 + size].decode().split("\n")
    at += 4 + size
    held: Prefixes = {}
    for digits in _DIGITS:
        count = int.from_bytes(raw[at : at + 4], "little")
        gaps = np.frombuffer(raw, "<u8", count, at + 4)
        held[digits] = np.cumsum(gaps, dtype=np.uint64), np.frombuffer(raw, "<u2", count, at + 4 + 8 * count)
        at += 4 + 10 * count
    return names, held


@functools.lru_cache(maxsize=1 << 16)
def vendor(mac: int) -> str | None:
    """Return who a burned-in address was given to, None where nobody is registered."""
    if not mac or mac & _LOCAL_BIT:
        return None
    names, held = _table()
    for digits in _DIGITS:
        prefixes, numbers = held[digits]
        prefix = np.uint64(mac >> (48 - 4 * digits))
        at = int(np.searchsorted(prefixes, prefix))
        if at < len(prefixes) and prefixes[at] == prefix:
            return names[int(numbers[at])]
    return None


@functools.cache
def _table() -> tuple[list[str], Prefixes]:
    return unpack(TABLE.read_bytes())


def _name(text: str) -> str:
    """Take the first line, its white space made single."""
    return re.sub(r"\s+", " ", text.partition("\n")[0]).strip()
