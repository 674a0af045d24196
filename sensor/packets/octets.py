"""Read a payload's bytes in order, for the parsers in plain Python: every read is checked, none goes past the end.

A read of what is not there raises `Malformed("cut")`; `until_damage` keeps what a parser has found by then.
"""

from collections.abc import Iterable
from typing import TypeVar

from sensor.errors import Malformed
from sensor.model import addresses

T = TypeVar("T")


class Octets:
    """A place in bytes, which moves on as it is read."""

    __slots__ = ("at", "data")

    def __init__(self, data: bytes, at: int = 0) -> None:
        """Begin at a place.

        Args:
            data: The bytes.
            at: First byte to read.
        """
        self.data = data
        self.at = at

    @property
    def left(self) -> int:
        """Bytes that are there still."""
        return len(self.data) - self.at

    def take(self, size: int) -> bytes:
        """Return the next `size` bytes.

        Raises:
            Malformed: They are not there.
        """
        end = self.at + size
        if size < 0 or end > len(self.data):
            raise Malformed("cut")
        found = self.data[self.at : end]
        self.at = end
        return found

    def upto(self, size: int) -> bytes:
        """Return the next `size` bytes, or as many of them as are there."""
        found = self.data[self.at : self.at + max(size, 0)]
        self.at += len(found)
        return found

    def skip(self, size: int) -> None:
        """Move over `size` bytes."""
        self.take(size)

    def big(self, size: int) -> int:
        """Return the next `size` bytes as an integer, the highest first."""
        return int.from_bytes(self.take(size), "big")

    def little(self, size: int) -> int:
        """Return the next `size` bytes as an integer, the lowest first."""
        return int.from_bytes(self.take(size), "little")


def until_damage(found: Iterable[T]) -> list[T]:
    """Collect what is found in one payload, up to where it is damaged.

    Raises:
        Malformed: It is damaged before anything was found.
    """
    kept: list[T] = []
    try:
        for one in found:
            kept.append(one)  # noqa: PERF402 - what came before an exception must stay
    except Malformed:
        if not kept:
            raise
    return kept


def address(value: bytes) -> str:
    """Write the address that 4 or 16 bytes hold."""
    if len(value) == 4:
        return ".".join(str(octet) for octet in value)
    return addresses.text(int.from_bytes(value[:8], "big"), int.from_bytes(value[8:], "big"))


def utf16(value: bytes) -> str:
    """Decode little-endian UTF-16 as far as it is valid, without what follows a NUL."""
    return value[: len(value) & ~1].decode("utf-16-le", "replace").split("\0", 1)[0]


def plain(value: bytes) -> str:
    """Decode text as UTF-8, bytes that are none escaped, without what follows a NUL."""
    return value.split(b"\0", 1)[0].decode("utf-8", "backslashreplace")
