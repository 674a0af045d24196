"""The log of `run`: JSON lines or text on standard error, each message at most once in REPEAT_S.

A message is an event with `key=value` words behind it, as everything here logs; in JSON each word is a field of its
own. A line holds no line end, whatever its values hold. Does not rotate or keep anything: that is the service
manager's.
"""

import json
import logging
import re
import sys
import time
from collections.abc import Callable

from sensor.model.times import rfc3339

REPEAT_S = 10.0
"""One message of a place and a text each so often; the next says how many were left out."""
KINDS_MAX = 1024
"""Messages that are told apart; beyond, the oldest is forgotten."""
_WORD = re.compile(r"([a-z_][a-z0-9_]*)=(\S+)")


class Repeats(logging.Filter):
    """Lets the first of equal messages through, and counts the others."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._seen: dict[tuple[str, int, str], list[float]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Tell whether to log a record; the first after a pause knows how many were not."""
        key, now_s = (record.name, record.lineno, record.getMessage()), self._clock()
        held = self._seen.pop(key, None)
        if held is not None and now_s - held[0] < REPEAT_S:
            held[1] += 1
            self._seen[key] = held
            return False
        if held is not None and held[1]:
            record.repeated = int(held[1])
        self._seen[key] = [now_s, 0]
        if len(self._seen) > KINDS_MAX:
            del self._seen[next(iter(self._seen))]
        return True


class JsonLines(logging.Formatter):
    """One JSON object a line: `ts`, `level`, `logger`, `event`, and a field for each word of it."""

    def format(self, record: logging.LogRecord) -> str:
        """Write a record."""
        text = record.getMessage()
        line: dict[str, object] = {
            "ts": rfc3339(int(record.created * 1e9)),
            "level": record.levelname.lower(), "logger": record.name, "event": text,
        }  # fmt: skip
        line |= {key: value for key, value in _WORD.findall(text) if key not in line}
        if hasattr(record, "repeated"):
            line["repeated"] = record.repeated
        if record.exc_info:
            line["trace"] = self.formatException(record.exc_info)
        return json.dumps(line)


class TextLines(logging.Formatter):
    """Text, with what would break a line or colour a terminal escaped."""

    def format(self, record: logging.LogRecord) -> str:
        """Write a record."""
        text = "".join(one if one.isprintable() else repr(one)[1:-1] for one in record.getMessage())
        trace = f"\n{self.formatException(record.exc_info)}" if record.exc_info else ""
        return f"{record.levelname} {record.name} {text}{trace}"


def configure(form: str, level: str) -> None:
    """Have everything logged to standard error.

    Args:
        form: `json` or `text`.
        level: `info`, `warning` or `error`.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines() if form == "json" else TextLines())
    handler.addFilter(Repeats())
    logging.basicConfig(handlers=[handler], level=level.upper(), force=True)
