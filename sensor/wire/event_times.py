"""Times as logs of many products write them, read as ns since 1970.

Read: RFC 3339 with any number of fractional digits, with a space for the `T`, with `Z`, an offset (`-05:00`, `-0500`)
or nothing (UTC: Microsoft's audit log leaves the `Z` out), an hour of one digit too (Entra's risk events);
`3/24/2022 2:42:35 PM` (Microsoft's month first, an offset may follow);
`Thu Mar 16 03:08:58 2023 UTC` (asctime, osquery); `16/Mar/2023:03:08:58 +0000` (common log format); numbers and their
texts as seconds, milliseconds, microseconds or nanoseconds, told apart by their size; .NET's `/Date(1647)/`.
"""

import re
from datetime import UTC, datetime, timedelta, timezone

from sensor.errors import Malformed
from sensor.model.times import SECOND_NS

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_ISO = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)(?:[Tt ](\d{1,2}):(\d\d)(?::(\d\d)(?:[.,](\d+))?)?)?\s*([Zz]|UTC|GMT|[+-]\d\d:?\d\d)?$"
)
_US = re.compile(
    r"(\d{1,2})/(\d{1,2})/(\d{4}),? (\d{1,2}):(\d\d)(?::(\d\d)(?:\.(\d+))?)?(?: ?([AaPp])\.?[Mm]\.?)?"
    r"(?: ?([+-]\d\d:?\d\d))?$"
)
_CLF = re.compile(r"(\d\d)/([A-Za-z]{3})/(\d{4}):(\d\d):(\d\d):(\d\d)(?: ([+-]\d{4}))?$")
_ASCTIME = re.compile(r"(?:[A-Za-z]{3},? )?([A-Za-z]{3}) +(\d{1,2}) (\d\d):(\d\d):(\d\d) (\d{4})(?: (UTC|GMT|Z))?$")
_DOTNET = re.compile(r"\\?/Date\((-?\d+)(?:[+-]\d{4})?\)\\?/$")
_NUMBER = re.compile(r"-?(\d+)(?:\.(\d+))?$")
_MONTHS = {
    name: i
    for i, name in enumerate(("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"), 1)
}
_LIMIT_NS = 1 << 63
"""Times are int64 everywhere behind the readers."""
_UNITS = ((10**11, SECOND_NS), (10**14, 1_000_000), (10**17, 1000))
"""Numbers below each bound are of this unit: seconds may reach the year 5138, milliseconds below 1e11 would be 1973."""


def read_time(value: object) -> int:
    """Read a time as ns since 1970.

    Raises:
        Malformed: `bad_time` where it is none that is known, or beyond 64 bits of ns (the years 1677 to 2262).
    """
    ts = _read(value)
    if ts is None or not -_LIMIT_NS <= ts < _LIMIT_NS:
        raise Malformed("bad_time")
    return ts


def _read(value: object) -> int | None:
    try:
        if isinstance(value, bool) or value is None:
            return None
        if isinstance(value, int | float):
            return _number(repr(value) if isinstance(value, int) else f"{value:.9f}")
        text = str(value).strip()
        for pattern, reader in _READERS:
            found = pattern.match(text)
            if found:
                return reader(found)
    except (ValueError, OverflowError):
        pass
    return None


def _number(text: str) -> int:
    found = _NUMBER.match(text)
    if found is None:
        raise ValueError(text)
    whole, fraction = int(found[1]), found[2] or ""
    unit = next((unit for bound, unit in _UNITS if whole < bound), 1)
    digits = len(str(unit)) - 1
    ns = whole * unit + int((fraction[:digits]).ljust(digits, "0") or 0)
    return -ns if text.startswith("-") else ns


def _moment(year: int, month: int, day: int, hour: int, minute: int, second: int, fraction: str, zone: str) -> int:
    offset = UTC
    if zone[:1] in {"+", "-"}:
        minutes = int(zone[1:3]) * 60 + int(zone[-2:])
        offset = timezone(timedelta(minutes=minutes if zone[0] == "+" else -minutes))
    leap = second == 60
    delta = datetime(year, month, day, hour, minute, 59 if leap else second, tzinfo=offset) - _EPOCH
    seconds = delta.days * 86_400 + delta.seconds + leap
    return seconds * SECOND_NS + int(fraction[:9].ljust(9, "0") or 0)


def _iso(m: re.Match[str]) -> int:
    return _moment(
        int(m[1]), int(m[2]), int(m[3]), int(m[4] or 0), int(m[5] or 0), int(m[6] or 0), m[7] or "", m[8] or ""
    )


def _us(m: re.Match[str]) -> int:
    hour = int(m[4])
    if m[8]:
        hour = hour % 12 + (12 if m[8] in "Pp" else 0)
    return _moment(int(m[3]), int(m[1]), int(m[2]), hour, int(m[5]), int(m[6] or 0), m[7] or "", m[9] or "")


def _clf(m: re.Match[str]) -> int:
    return _moment(int(m[3]), _month(m[2]), int(m[1]), int(m[4]), int(m[5]), int(m[6]), "", m[7] or "")


def _asctime(m: re.Match[str]) -> int:
    return _moment(int(m[6]), _month(m[1]), int(m[2]), int(m[3]), int(m[4]), int(m[5]), "", "")


def _month(name: str) -> int:
    if name.lower() not in _MONTHS:
        raise ValueError(name)
    return _MONTHS[name.lower()]


_READERS = (
    (_ISO, _iso),
    (_NUMBER, lambda m: _number(m[0])),
    (_US, _us),
    (_ASCTIME, _asctime),
    (_CLF, _clf),
    (_DOTNET, lambda m: int(m[1]) * 1_000_000),
)
