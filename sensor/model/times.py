"""Times: nanoseconds since 1970 inside, RFC 3339 with `Z` and microseconds outside (RFC 3339 §5.6)."""

from datetime import UTC, datetime, timedelta

SECOND_NS = 1_000_000_000
MINUTE_NS = 60 * SECOND_NS
HOUR_NS = 3600 * SECOND_NS
DAY_NS = 86_400 * SECOND_NS
TICK_NS = 10 * SECOND_NS
"""Batches are cut at event-time ticks of 10 s; timers, scoring and learning run only there."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LAST_S = 253_402_300_799
"""9999-12-31T23:59:59Z, the last second RFC 3339 can write."""


def rfc3339(ts_ns: int) -> str:
    """Write a time as `2009-11-16T08:00:00.123456Z`; times outside 0000–9999 are clamped."""
    micros = max(-62_135_596_800_000_000, min(int(ts_ns) // 1000, _LAST_S * 1_000_000 + 999_999))
    moment = _EPOCH + timedelta(microseconds=micros)
    return moment.replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def parse(text: str) -> int:
    """Read an RFC 3339 time (or a date, meaning its midnight UTC) as ns since 1970.

    Raises:
        ValueError: `text` is neither.
    """
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    delta = moment - _EPOCH
    return (delta.days * 86_400 + delta.seconds) * SECOND_NS + delta.microseconds * 1000


def span(duration_ns: int) -> str:
    """Say a duration for a person: `11 minutes`, `3.2 hours`, `14 days`."""
    seconds = max(0, int(duration_ns)) / SECOND_NS
    if 0 < seconds < 1:
        return "less than a second"
    for limit, unit_s, name in ((120, 1, "second"), (7200, 60, "minute"), (172_800, 3600, "hour")):
        if seconds < limit:
            return _count(seconds / unit_s, name)
    return _count(seconds / 86_400, "day")


def _count(value: float, name: str) -> str:
    shown = f"{value:.0f}" if value >= 10 or value == int(value) else f"{value:.1f}"
    return f"{shown} {name}" if shown == "1" else f"{shown} {name}s"
