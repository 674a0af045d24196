"""A ring of records in memory that two processes share: one writes, one reads, neither waits for the other.

The memory is a memfd, inherited by descriptor. A record is a length and bytes. It is there once the writer's count has
moved, which is the last thing written, so that a writer that dies leaves whole records alone. Counts are written as one
word; x86 keeps the order of stores, elsewhere the interpreter's own locking between two statements does. Bounded: `put`
says False where there is no room, and the writer decides what becomes of that. Two words beside the records are the
writer's own, to say how far it is, whatever becomes of it.
"""

import mmap
import os
import struct
from collections.abc import Iterator, Sequence

_HEAD = 128
_WRITTEN, _NOTED, _READ = 0, 8, 64
"""Two cache lines, the writer's and the reader's: bytes ever written and two words of its own; bytes ever read."""
_LENGTH = struct.Struct("<I")
_COUNT = struct.Struct("@Q")
_WORDS = struct.Struct("@QQ")


class SharedRing:
    """One end of a ring."""

    def __init__(self, descriptor: int, size: int) -> None:
        """Map the memory.

        Args:
            descriptor: A memfd as `create` gives it.
            size: Bytes for records.
        """
        self.descriptor, self._size = descriptor, size
        self._map = mmap.mmap(descriptor, _HEAD + size)

    @classmethod
    def create(cls, size: int) -> "SharedRing":
        """Make a ring of `size` bytes; its descriptor may be inherited."""
        descriptor = os.memfd_create("spanline-ring")
        os.ftruncate(descriptor, _HEAD + size)
        return cls(descriptor, size)

    @property
    def used(self) -> int:
        """Bytes written and not read yet."""
        return int(_COUNT.unpack_from(self._map, _WRITTEN)[0] - _COUNT.unpack_from(self._map, _READ)[0])

    @property
    def noted(self) -> tuple[int, int]:
        """What the writer noted last."""
        first, second = _WORDS.unpack_from(self._map, _NOTED)
        return int(first), int(second)

    def note(self, first: int, second: int) -> None:
        """Note two numbers, which are there at once."""
        _WORDS.pack_into(self._map, _NOTED, first, second)

    def put(self, parts: Sequence[bytes | memoryview]) -> bool:
        """Append a record, given in parts; False where there is no room for it."""
        views = [memoryview(part).cast("B") for part in parts]
        length = sum(len(view) for view in views)
        at = _COUNT.unpack_from(self._map, _WRITTEN)[0]
        if at + _LENGTH.size + length - _COUNT.unpack_from(self._map, _READ)[0] > self._size:
            return False
        for view in (memoryview(_LENGTH.pack(length)), *views):
            self._write(at, view)
            at += len(view)
        _COUNT.pack_into(self._map, _WRITTEN, at)
        return True

    def take(self) -> Iterator[bytes]:
        """Yield what is there, in order."""
        at, end = _COUNT.unpack_from(self._map, _READ)[0], _COUNT.unpack_from(self._map, _WRITTEN)[0]
        while at < end:
            (length,) = _LENGTH.unpack(self._read(at, _LENGTH.size))
            record = self._read(at + _LENGTH.size, length)
            at += _LENGTH.size + length
            _COUNT.pack_into(self._map, _READ, at)
            yield record

    def close(self) -> None:
        """Let go of the memory."""
        self._map.close()
        os.close(self.descriptor)

    def _write(self, at: int, part: memoryview) -> None:
        start = at % self._size
        first = min(len(part), self._size - start)
        self._map[_HEAD + start : _HEAD + start + first] = part[:first]
        if first < len(part):
            self._map[_HEAD : _HEAD + len(part) - first] = part[first:]

    def _read(self, at: int, length: int) -> bytes:
        start = at % self._size
        first = min(length, self._size - start)
        return self._map[_HEAD + start : _HEAD + start + first] + self._map[_HEAD : _HEAD + length - first]
