"""HTTP/1 heads, read from RFC 9112 with regular expressions."""

import re

from sensor.model import metadata as m
from tests.naive.span import little, put

REQUEST = re.compile(rb"([A-Z_-]{1,32}) (.*) HTTP/1\.([\x00-\xff])", re.DOTALL)
STATUS = re.compile(rb"HTTP/1\.[\x00-\xff] ([0-9]{3})(.*)", re.DOTALL)
HEADERS = {
    b"host": m.F_HOST,
    b"user-agent": m.F_USER_AGENT,
    b"referer": m.F_REFERRER,
    b"server": m.F_SERVER,
    b"content-type": m.F_MIME,
}
CUT_METHODS = re.compile(rb"(GET|PUT|HEAD|POST|(?:OPTI|DELE|CONN|PROP|POST|HEAD)[A-Z_-]*) ")


def parse_http(data, wire):
    """Return (status or whole, kind, fields) of the head that opens a stream."""
    nothing = (m.NOT_THIS, m.K_NONE, {})
    if not data.startswith(b"HTTP") and not re.fullmatch(rb"[A-Z_-]{1,32}( .*)?|", data, re.DOTALL):
        return nothing
    is_response = data.startswith(b"HTTP") and data[4:5] in (b"", b"/")
    kind = m.K_HTTP_RESPONSE if is_response else m.K_HTTP_REQUEST
    line, feed, _ = data[:8192].partition(b"\n")
    if not feed:
        if len(data) >= 8192:
            return nothing
        if len(data) == wire:
            return m.NEED_MORE, m.K_NONE, {}
        fields = cut_line(data, is_response)
        return (0, kind, fields) if fields else nothing
    fields = status(strip(line)) if is_response else request(strip(line))
    if fields is None:
        return nothing
    whole = headers(data[len(line) + 1 :], wire == len(data), wire, fields)
    return (whole, kind, fields) if whole != m.NEED_MORE else (whole, m.K_NONE, {})


def strip(line):
    return line.removesuffix(b"\r")


def text(fields, field, value, most=1024):
    value = value.strip(b" \t").rstrip(b" \t\r")
    value = value[:most]
    if value:
        put(fields, field, value)


def cut_line(data, is_response):
    """What a start line says that the capture cut."""
    fields = {}
    if is_response:
        found = STATUS.match(data) if len(data) > 12 else None
        if found:
            put(fields, m.F_STATUS_CODE, little(int(found[1]), 2))
        return fields
    found = CUT_METHODS.match(data)
    if found and len(found[1]) <= 32:
        put(fields, m.F_METHOD, found[1])
    return fields


def request(line):
    found = REQUEST.fullmatch(line)
    if not found:
        return None
    fields = {}
    put(fields, m.F_METHOD, found[1])
    text(fields, m.F_URI, found[2], 2048)
    return fields


def status(line):
    found = STATUS.fullmatch(line)
    if not found:
        return None
    fields = {}
    put(fields, m.F_STATUS_CODE, little(int(found[1]), 2))
    text(fields, m.F_STATUS_MSG, found[2])
    return fields


def headers(rest, all_here, wire, fields):
    """Read the header lines; return whole or NEED_MORE."""
    seen = set()
    for _ in range(128):
        line, feed, rest = rest.partition(b"\n")
        if not feed:
            return m.NEED_MORE if all_here and wire < 16_384 else 0
        line = strip(line)
        if not line:
            return 1
        name, colon, value = line.partition(b":")
        field = HEADERS.get(name.lower()) if colon else None
        if field and field not in seen:
            seen.add(field)
            text(fields, field, value.partition(b";")[0] if field == m.F_MIME else value)
    return 0
