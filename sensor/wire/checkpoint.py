"""How far an API was read, kept on disk: one small file a stream, replaced whole.

A file is written under another name, fsynced, and renamed over the old one, and the folder is fsynced: after a kill or
a power cut it is the old one or the new one. A checksum tells damage from that.

Does not lock: one process reads one stream.
"""

import hashlib
import os
import re
from pathlib import Path

import msgspec

from sensor.errors import Permanent

VERSION = 1
_DIGEST_BYTES = 16
_PLAIN = re.compile(r"[^A-Za-z0-9._-]")


class Position(msgspec.Struct, forbid_unknown_fields=True):
    """Where one stream stands."""

    since_ns: int
    """Everything older was delivered, but what shows up late."""
    seen: dict[bytes, int] = {}
    """Records that may come again, by a digest of their id, with the time from which they no longer do."""
    version: int = VERSION


class Checkpoint:
    """The positions of one API's streams, in a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def load(self, stream: str) -> Position | None:
        """Return a stream's position; None before the first.

        Raises:
            Permanent: The file cannot be read, is damaged, or of another version.
        """
        path = self._path(stream)
        try:
            blob = path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise Permanent(f"{path} cannot be read: {error.strerror}") from error
        digest, body = blob[:_DIGEST_BYTES], blob[_DIGEST_BYTES:]
        try:
            if digest != _digest(body):
                raise msgspec.DecodeError("its checksum differs")
            position = msgspec.msgpack.decode(body, type=Position)
        except msgspec.DecodeError as error:
            raise Permanent(f"{path} is damaged ({error}): without it, reading begins anew") from error
        if position.version != VERSION:
            raise Permanent(f"{path} is of version {position.version}; this release reads {VERSION}")
        return position

    def save(self, stream: str, position: Position) -> None:
        """Replace a stream's position durably. Raises Permanent where the disk refuses."""
        path = self._path(stream)
        body = msgspec.msgpack.encode(position)
        fresh = path.with_suffix(".new")
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            with fresh.open("wb") as file:
                file.write(_digest(body) + body)
                file.flush()
                os.fsync(file.fileno())
            fresh.replace(path)
            folder = os.open(self._folder, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
        except OSError as error:
            raise Permanent(f"{path} cannot be written: {error.strerror}") from error

    def _path(self, stream: str) -> Path:
        return self._folder / f"{_PLAIN.sub('_', stream)}.checkpoint"


def _digest(body: bytes) -> bytes:
    return hashlib.blake2b(body, digest_size=_DIGEST_BYTES).digest()
