"""Incidents as lines of JSON in a file: the incident as `incidents --json` shows it, and `delivery`, its version's id.

An incident that grows is written again; the last line of an id is what it is now. A line is written once, also where
the program was killed while it wrote.
"""

from collections.abc import Sequence
from pathlib import Path

import msgspec

from sensor.model.sink import Delivery, Fit, Options
from sensor.wire.json_lines_file import JsonLinesFile


class Settings(Options, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Options of the file."""

    path: str = ""
    rotate_bytes: int = 100_000_000
    """Size at which the file is put aside as FILE.1 and a new one begins."""
    keep: int = 5
    """Files put aside that are kept."""


class _Line(msgspec.Struct):
    delivery: str


def problem(settings: Settings) -> str | None:
    """Say what will not do about the options, None where nothing."""
    if not settings.path:
        return 'needs path = "…", the file to write'
    return "rotate_bytes and keep must be above 0" if min(settings.rotate_bytes, settings.keep) < 1 else None


def build(settings: Settings, fit: Fit) -> "Jsonl":  # noqa: ARG001 - needs no secret
    """Make the sink."""
    return Jsonl(settings)


class Jsonl:
    """One file."""

    most, repeat_s = 32, 0.0

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._file: JsonLinesFile | None = None

    def send(self, deliveries: Sequence[Delivery], now_ns: int) -> list[str]:  # noqa: ARG002
        """Append; on disk when this returns. Raises OSError."""
        if self._file is None:
            held = self._settings
            self._file = JsonLinesFile(Path(held.path), held.rotate_bytes, held.keep, _key_of)
        self._file.append([(one.id, _line(one)) for one in deliveries])
        return [one.id for one in deliveries]

    def probe(self) -> str:
        """Open the file. Raises OSError."""
        JsonLinesFile(Path(self._settings.path), 0, 1, _key_of).close()
        return f"{self._settings.path} can be written"

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()


def _line(one: Delivery) -> bytes:
    return msgspec.json.encode({"delivery": one.id, **msgspec.to_builtins(one.incident)})


def _key_of(line: bytes) -> str | None:
    try:
        return msgspec.json.decode(line, type=_Line).delivery
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None
