"""Which source reads a file, by its content; never by its name.

Asks each module of this package that has `recognises(head: bytes) -> bool`, where `head` is the beginning of the file,
decompressed; `records` last, which asks those that have `claims(record) -> bool`. So a new source is known by being
there. Every module here must therefore import fast: what needs numba or a client library is imported when it is used.
"""

import importlib
import pkgutil
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

from sensor.packets.inflate import open_stream
from sensor.wire.opening import open_input

HEAD_BYTES = 65_536
"""Enough for the widest header and the longest first record seen (a Defender record of 40 KB)."""

LAST = "records"
"""What is asked when no source with a form of its own knows the file."""


def detect(path: str | Path) -> str | None:
    """Name the source (the module, and the `type` in TOML) that reads a file; None where none does.

    Raises:
        OSError: The file cannot be read.
        Malformed: It is a member of an archive that cannot be unpacked.
    """
    with open_input(str(path)) as file:
        stream = open_stream(file)
        head = bytearray(HEAD_BYTES)
        view, have = memoryview(head), 0
        while have < HEAD_BYTES:
            count = stream.readinto(view[have:])
            if not count:
                break
            have += count
    beginning = bytes(view[:have])
    return next((name for name, recognises in _recognisers() if recognises(beginning)), None)


@cache
def _modules() -> tuple[str, ...]:
    names = (module.name for module in pkgutil.iter_modules([str(Path(__file__).parent)]))
    return tuple(sorted(names, key=lambda name: (name == LAST, name)))


def _recognisers() -> Iterator[tuple[str, Callable[[bytes], bool]]]:
    for name in _modules():
        if name != "detect" and not name.startswith("_"):
            recognises = getattr(importlib.import_module(f"{__package__}.{name}"), "recognises", None)
            if recognises is not None:
                yield name, recognises
