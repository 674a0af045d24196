"""Read a payload's bytes in order, for the parsers in plain Python: every read is checked, none goes past the end.

A read of what is not there raises `Malformed("cut")`; what a parser has found by then is kept by whoever called it.
"""

from sensor.errors import Malformed


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


def utf16(value: bytes) -> str:
    """Decode little-endian UTF-16 as far as it is valid, without what follows a NUL."""
    return value[: len(value) & ~1].decode("utf-16-le", "replace").split("\0", 1)[0]


def plain(value: bytes) -> str:
    """Decode text as UTF-8, bytes that are none escaped, without what follows a NUL."""
    return value.split(b"\0", 1)[0].decode("utf-8", "backslashreplace")
