r"""Read a syslog line's header: who sent it and when; the message behind it is handed on as it is.

Read: RFC 5424 §6 (`<34>1 2003-10-11T22:14:15.003Z host app pid id [sd] message`), RFC 3164 §4.1
(`<34>Oct 11 22:14:15 host tag[pid]: message`), both as they stand in files: without the `<34>`, behind an octet count
(RFC 6587 §3.4.1), with rsyslog's RFC 3339 time, with a year (Cisco), with a fraction of a second.

RFC 3164 says no year and no zone: the year is the one that puts the time nearest to, and not more than a day after, the
reference time the caller gives; the zone is taken as UTC. Without a reference the time is None. Not read: the message,
which is whatever product's; a line without any header.
"""

import re

from sensor.errors import Malformed
from sensor.model.times import DAY_NS
from sensor.wire.event_times import read_time

_COUNT = re.compile(rb"\d{1,10} (?=<\d{1,3}>)")
_PRIORITY = re.compile(rb"<(\d{1,3})>")
_HEADER = re.compile(rb"(\d{1,2}) (\S{1,64}) (\S{1,255}) (\S{1,128}) (\S{1,128}) (\S{1,64})(?: |$)")
"""Lengths allow for senders beyond RFC 5424 §6's 255, 48, 128 and 32 in the application's and message's names."""
_ELEMENT = re.compile(rb"\[([^\s=\]\"]{1,128})")
_PARAMETER = re.compile(rb" ([^\s=\]\"]{1,128})=\"((?:[^\"\\\]]|\\.)*)\"", re.DOTALL)
_ESCAPED = re.compile(rb"\\([\"\\\]])")
_OLD_TIME = re.compile(
    rb"[*.]?(Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) {1,2}(\d{1,2})(?: (\d{4}))? "
    rb"(\d\d:\d\d:\d\d)(\.\d{1,9})?(?: (\d{4})(?= ))?(?: (?:UTC|GMT)(?= ))?:? +"
)
_ISO_TIME = re.compile(rb"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:?\d\d))[: ] *")
_HOST = re.compile(rb"([A-Za-z0-9_][\w.:%-]{0,254})(?: +: | +)")
_TAG = re.compile(rb"(?!(?:CEF|LEEF):)([A-Za-z_][\w./()@+-]{0,63})(?:\[([^\]\s]{1,32})\]: ?|: |:$)")
"""`CEF:` and `LEEF:` begin a message, whether a space follows or not."""
_MONTHS = {
    month: f"{number:02}"
    for number, month in enumerate(
        (b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec"), 1
    )
}
ELEMENTS_MAX = 64
"""Structured data elements, and parameters of each, that are kept: Cisco and Microsoft write fewer than ten."""
_BOM = b"\xef\xbb\xbf"

Header = dict[str, object]
"""timestamp (ns or None), hostname, appname, procid, msgid (text or None), priority (0–191 or None), and structured
({element: {name: value}}) where there is any."""


def parse(line: bytes, received_ns: int | None) -> tuple[Header, bytes] | None:
    """Split a line into its syslog header and its message.

    Args:
        line: One line or datagram, without its newline.
        received_ns: A time close to when it was written: of receipt, or the file's. It gives RFC 3164 its year.

    Returns:
        Header and message; None where the line has no syslog header.
    """
    counted = _COUNT.match(line)
    at = counted.end() if counted else 0
    priority = None
    found = _PRIORITY.match(line, at)
    if found:
        priority = int(found[1])
        if priority > 191:
            return None
        at = found.end()
    new = _HEADER.match(line, at)
    if new and (found or new[2] != b"-"):
        split = _rfc5424(line, new, priority)
        if split is not None:
            return split
    return _rfc3164(line, at, priority, received_ns)


def _header(timestamp: int | None, priority: int | None, *names: bytes | None) -> Header:
    texts = [None if name is None or name == b"-" else name.decode("utf-8", "replace") for name in names]
    words = ("hostname", "appname", "procid", "msgid")
    return {"timestamp": timestamp, "priority": priority, **dict(zip(words, texts, strict=True))}


def _rfc5424(line: bytes, new: re.Match[bytes], priority: int | None) -> tuple[Header, bytes] | None:
    stamp = None
    if new[2] != b"-":
        if b"T" not in new[2]:
            return None
        try:
            stamp = read_time(new[2].decode("ascii", "replace"))
        except Malformed:
            return None
    header = _header(stamp, priority, new[3], new[4], new[5], new[6])
    structured, at = _structured(line, new.end())
    if structured:
        header["structured"] = structured
    message = line[at:]
    return header, message.removeprefix(_BOM)


def _structured(line: bytes, at: int) -> tuple[dict[str, dict[str, str]], int]:
    """Read structured data from `at` on; return it and where the message begins."""
    if line.startswith(b"-", at) and line[at + 1 : at + 2] in {b"", b" "}:
        return {}, at + 2
    start = at
    elements: dict[str, dict[str, str]] = {}
    while len(elements) < ELEMENTS_MAX:
        name = _ELEMENT.match(line, at)
        if name is None:
            break
        at = name.end()
        values: dict[str, str] = {}
        while len(values) < ELEMENTS_MAX:
            pair = _PARAMETER.match(line, at)
            if pair is None:
                break
            values[pair[1].decode("utf-8", "replace")] = _ESCAPED.sub(rb"\1", pair[2]).decode("utf-8", "replace")
            at = pair.end()
        if line[at : at + 1] != b"]":
            return {}, start
        elements[name[1].decode("utf-8", "replace")] = values
        at += 1
    return elements, at + (line[at : at + 1] == b" ")


def _rfc3164(line: bytes, at: int, priority: int | None, received_ns: int | None) -> tuple[Header, bytes] | None:
    stamp = None
    old = _OLD_TIME.match(line, at)
    new = None if old else _ISO_TIME.match(line, at)
    if old:
        stamp, at = _time(old, received_ns), old.end()
    elif new:
        try:
            stamp = read_time(new[1].decode())
        except Malformed:
            return None
        at = new.end()
    elif priority is None:
        return None
    host = None
    tag = _TAG.match(line, at)
    if tag is None and (old or new):
        host = _HOST.match(line, at)
        if host:
            at = host.end()
            tag = _TAG.match(line, at)
    elif tag is None:
        return _header(None, priority, None, None, None, None), line[at:]
    if tag:
        at = tag.end()
    name = host[1].rstrip(b":") if host else None
    appname, procid = (tag[1], tag[2]) if tag else (None, None)
    return _header(stamp, priority, name, appname, procid, None), line[at:]


def _time(old: re.Match[bytes], received_ns: int | None) -> int | None:
    """Read `Oct 11 22:14:15`; the year from beside it, or from the reference time."""
    day = f"{_MONTHS[old[1]]}-{int(old[2]):02}T{(old[4] + (old[5] or b'')).decode()}Z"
    written = old[3] or old[6]
    if written:
        return _in_year(int(written), day)
    if received_ns is None:
        return None
    year = 1970 + int(received_ns / (365.2425 * DAY_NS))
    near = [_in_year(one, day) for one in (year + 1, year, year - 1, year - 2, year - 3, year - 4)]
    # Six years, so that a 29 February finds its leap year.
    return next((ts for ts in near if ts is not None and ts <= received_ns + DAY_NS), None)


def _in_year(year: int, day: str) -> int | None:
    try:
        return read_time(f"{year:04}-{day}")
    except Malformed:
        return None
