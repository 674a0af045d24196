"""Read one value of a Zeek log record, in any of its forms, or refuse it by column name.

What comes in is text (a TSV field, unescaped), a JSON value whose fractional numbers were kept as text, or None for
unset. None comes out as None. Anything else that is not a value of the asked type raises Malformed(`bad_<column>`);
nothing is ever rounded into a value or read as 0. Types as in https://docs.zeek.org/en/master/script-reference/types.html.
"""

import re
from datetime import UTC, datetime
from functools import lru_cache

from sensor.errors import Malformed
from sensor.model import addresses

NS = 1_000_000_000
LAST_SECOND = 9_223_372_036
"""ns since 1970 is int64: this second is its last."""
FIRST_MILLIS = 100_000_000_000
"""A time this large (5138 AD in seconds) is in milliseconds, as Zeek's JSON::TS_MILLIS writes it."""
_INT64_MAX = 2**63 - 1
_NUMBER = re.compile(r"([0-9]{1,40})(?:\.([0-9]{1,40}))?(?:[eE]([+-]?[0-9]{1,3}))?", re.ASCII)
_ISO = re.compile(
    r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:\d\d)(?:\.(\d{1,40}))?(?:([Zz])|([+-])([01]\d|2[0-3]):?([0-5]\d))?", re.ASCII
)
_COUNT = re.compile(r"([0-9]{1,19})(?:\.0{1,9})?", re.ASCII)
ADDRESSES_KEPT = 16_384
"""Addresses whose text was read before; a log holds the same few thousand again and again. 4 MB at most."""
_TRUE, _FALSE = ("T", "true"), ("F", "false")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def bad(column: str) -> Malformed:
    """Make the error for a value that does not parse; its text is the reason under which the record is counted."""
    return Malformed("bad_" + column.removeprefix("id."))


def missing(column: str) -> Malformed:
    """Make the error for a value without which the record says nothing."""
    return Malformed("missing_" + column.removeprefix("id."))


def _plain(value: object, column: str) -> str | None:
    """Return a scalar as text, None where it is unset."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool) or not isinstance(value, int):
        raise bad(column)
    return str(value)


def time_ns(value: object, column: str) -> int | None:
    """Read a time as ns since 1970: seconds, milliseconds, or ISO 8601 (UTC where it names no zone)."""
    text = _plain(value, column)
    if text is None:
        return None
    iso = _ISO.fullmatch(text)
    if iso is not None:
        return _iso_ns(iso, column)
    number = _decimal(text, 9, column)
    if number < LAST_SECOND * NS:
        return number
    if not FIRST_MILLIS * NS <= number < LAST_SECOND * 1000 * NS:
        raise bad(column)
    return _decimal(text, 6, column)


def _iso_ns(iso: re.Match[str], column: str) -> int:
    day, clock, fraction, _, sign, hours, minutes = iso.groups()
    try:
        moment = datetime.strptime(f"{day} {clock}", "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC)
    except ValueError:
        raise bad(column) from None
    since = moment - _EPOCH
    seconds = since.days * 86_400 + since.seconds
    if sign:
        offset = int(hours) * 3600 + int(minutes) * 60
        seconds += -offset if sign == "+" else offset
    if not 0 <= seconds < LAST_SECOND:
        raise bad(column)
    return seconds * NS + (_decimal(f"0.{fraction}", 9, column) if fraction else 0)


def _decimal(text: str, places: int, column: str) -> int:
    """Return a non-negative decimal number times 10**places, its next digit rounded half up."""
    match = _NUMBER.fullmatch(text)
    if match is None:
        raise bad(column)
    whole, fraction, exponent = match[1], match[2] or "", int(match[3] or 0)
    mantissa, scale = int(whole + fraction), places + exponent - len(fraction)
    if scale >= 0:
        return mantissa * int(10**scale)
    unit = int(10**-scale)
    return (2 * mantissa + unit) // (2 * unit)


def interval_ns(value: object, column: str) -> int | None:
    """Read a length of time in seconds as ns. A negative one is refused."""
    text = _plain(value, column)
    if text is None:
        return None
    number = _decimal(text, 9, column)
    if number >= LAST_SECOND * NS:
        raise bad(column)
    return number


def seconds(value: object, column: str) -> int | None:
    """Read a length of time as whole seconds."""
    length_ns = interval_ns(value, column)
    return None if length_ns is None else (length_ns + NS // 2) // NS


def count(value: object, column: str, limit: int = _INT64_MAX) -> int | None:
    """Read an unsigned integer of at most `limit`."""
    text = _plain(value, column)
    if text is None:
        return None
    match = _COUNT.fullmatch(text)
    if match is None or int(match[1]) > limit:
        raise bad(column)
    return int(match[1])


def port(value: object, column: str) -> int | None:
    """Read a port, or any other 16-bit number."""
    return count(value, column, 65_535)


@lru_cache(maxsize=ADDRESSES_KEPT)
def known_address(text: str) -> tuple[int, int, str] | None:
    """Return an address's (high, low) words and how Zeek writes it; None where `text` is no address."""
    if "%" in text:
        return None
    try:
        hi, lo = addresses.parse(text)
    except ValueError:
        return None
    return hi, lo, addresses.text(hi, lo)


def _address(value: object, column: str) -> tuple[int, int, str] | None:
    text = _plain(value, column)
    if text is None:
        return None
    found = known_address(text)
    if found is None:
        raise bad(column)
    return found


def address(value: object, column: str) -> tuple[int, int] | None:
    """Read an address as (high, low) words."""
    found = _address(value, column)
    return None if found is None else found[:2]


def address_text(value: object, column: str) -> str | None:
    """Read an address and write it as Zeek does."""
    found = _address(value, column)
    return None if found is None else found[2]


def mac(value: object, column: str) -> int | None:
    """Read a link-layer address as a 48-bit number."""
    text = _plain(value, column)
    if text is None:
        return None
    try:
        return addresses.parse_mac(text)
    except ValueError:
        raise bad(column) from None


def boolean(value: object, column: str) -> bool | None:
    """Read T or F, or JSON's true or false."""
    if isinstance(value, bool):
        return value
    text = _plain(value, column)
    if text is None or text in _TRUE:
        return None if text is None else True
    if text in _FALSE:
        return False
    raise bad(column)


def text(value: object, column: str) -> str | None:
    """Read text. A number is taken as its digits; an empty text is a value."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool) or not isinstance(value, int):
        raise bad(column)
    return str(value)


def texts(value: object, column: str) -> tuple[str, ...]:
    """Read a set or vector of texts, without its unset elements; an unset one is empty."""
    if value is None:
        return ()
    members = value if isinstance(value, list) else [value]
    return tuple(member for member in (text(item, column) for item in members) if member is not None)
