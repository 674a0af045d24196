"""HTTP/1 request and response heads (RFC 9112 §3-§5): the start line and the headers that tell who talks to whom.

Reads the first message of each direction. A head that is not complete yet is NEED_MORE up to HEAD_MAX; what is known by
then is written. Obsolete line folding (RFC 9112 §5.2) is not joined: the field keeps its first line. Media types come
from Content-Type, without parameters; the body is not looked at.
"""

from baselines._jit import byte, kernel, le32
from sensor.model.metadata import (
    F_HOST,
    F_METHOD,
    F_MIME,
    F_REFERRER,
    F_SERVER,
    F_STATUS_CODE,
    F_STATUS_MSG,
    F_URI,
    F_USER_AGENT,
    K_HTTP_REQUEST,
    K_HTTP_RESPONSE,
    K_NONE,
    META_MAX_BYTES,
    NEED_MORE,
    NOT_THIS,
)
from sensor.packets.tlv import BYTES, INT, TEXT_MAX, find_byte, put_number, put_text

HEAD_MAX = 16_384
"""Longest head waited for, bytes: twice the 8 KiB at which nginx and Apache refuse a line by default."""
LINE_MAX = 8_192
"""Longest start line. RFC 9112 §3 asks servers for at least 8,000."""
HEADERS_MAX = 128
"""Header lines looked at. Apache refuses more than 100 (LimitRequestFields)."""
METHOD_MAX = 32
"""Longest method of the IANA registry is 16 letters (BASELINE-CONTROL)."""
URI_MAX = 2048
"""URI text kept, bytes. Longer ones are rare and their start tells the resource."""

LF, CR, SPACE, COLON = 10, 13, 32, 58


def _word(text: str) -> int:
    """Return four characters as `le32` loads them."""
    return int.from_bytes(text.encode(), "little")


FOLD = _word("    ")
HTTP, VERSION_1 = _word("HTTP"), _word("P/1.")
HOST = _word("host")
USER, AGE, GENT = _word("user"), _word("-age"), _word("gent")
REFE, ERER = _word("refe"), _word("erer")
CONT, ENT, TYPE = _word("cont"), _word("ent-"), _word("type")
SERV, RVER = _word("serv"), _word("rver")

GET, POST, HEAD, PUT, OPTI, DELE, CONN, PROP = (
    _word(text) for text in ("GET ", "POST", "HEAD", "PUT ", "OPTI", "DELE", "CONN", "PROP")
)
"""Starts of methods that are believed where the capture cut the line before its "HTTP/1."."""

SEEN_HOST, SEEN_AGENT, SEEN_REFERER, SEEN_TYPE, SEEN_SERVER = 1, 2, 4, 8, 16


@kernel(pin=(BYTES, INT, INT))
def method_end(buf, pos, end):  # type: ignore[no-untyped-def]
    """Return where the method that starts at `pos` ends: at a space, or at `end`; -1 where this is none.

    A method is a token (RFC 9110 §9.1); every registered one is made of capitals, "-" and "_".
    """
    stop = min(end, pos + METHOD_MAX + 1)
    for i in range(pos, stop):
        char = buf[i]
        if char == SPACE:
            return i if i > pos else -1
        if not (65 <= char <= 90 or char == 45 or char == 95):
            return -1
    return end if stop == end else -1


@kernel(pin=(BYTES, INT, INT))
def line_end(buf, pos, feed):  # type: ignore[no-untyped-def]
    """Return where the line that starts at `pos` and is closed by the line feed at `feed` ends, without its CR."""
    return feed - 1 if feed > pos and buf[feed - 1] == CR else feed


@kernel(pin=(BYTES, INT, INT, BYTES, INT, INT))
def put_request_line(buf, pos, end, out, at, limit):  # type: ignore[no-untyped-def]
    """Write method and target of the request line buf[pos:end], or return NOT_THIS."""
    space = method_end(buf, pos, end)
    if space < 0 or end - space < 10 or le32(buf, end - 5) != VERSION_1:  # " /" and " HTTP/1.1"
        return NOT_THIS
    if le32(buf, end - 8) != HTTP or buf[end - 9] != SPACE:
        return NOT_THIS
    at = put_text(out, at, limit, F_METHOD, buf, pos, space, METHOD_MAX)
    return put_text(out, at, limit, F_URI, buf, space + 1, end - 9, URI_MAX)


@kernel(pin=(BYTES, INT, INT, BYTES, INT, INT))
def put_status_line(buf, pos, end, out, at, limit):  # type: ignore[no-untyped-def]
    """Write code and reason of the status line buf[pos:end], or return NOT_THIS."""
    if end - pos < 12 or le32(buf, pos + 3) != VERSION_1 or buf[pos + 8] != SPACE:
        return NOT_THIS
    code = 0
    for i in range(pos + 9, pos + 12):
        digit = byte(buf, i) - 48
        if digit < 0 or digit > 9:
            return NOT_THIS
        code = code * 10 + digit
    at = put_number(out, at, limit, F_STATUS_CODE, code, 2)
    return put_text(out, at, limit, F_STATUS_MSG, buf, pos + 12, end, TEXT_MAX)


@kernel(pin=(BYTES, INT, INT))
def header_name(buf, pos, end):  # type: ignore[no-untyped-def]
    """Return (SEEN_ bit, first byte of the value) of the header line buf[pos:end]; bit 0 where it says nothing here."""
    if end - pos < 7:
        return (
            (SEEN_HOST, pos + 5)
            if end - pos > 5 and le32(buf, pos) | FOLD == HOST and buf[pos + 4] == COLON
            else (0, 0)
        )
    word = le32(buf, pos) | FOLD
    if word == HOST and buf[pos + 4] == COLON:
        return SEEN_HOST, pos + 5
    if word == SERV and buf[pos + 6] == COLON and le32(buf, pos + 2) | FOLD == RVER:
        return SEEN_SERVER, pos + 7
    if word == REFE and end - pos > 7 and buf[pos + 7] == COLON and le32(buf, pos + 3) | FOLD == ERER:
        return SEEN_REFERER, pos + 8
    if word == USER and end - pos > 10 and buf[pos + 10] == COLON:
        if le32(buf, pos + 4) | FOLD == AGE and le32(buf, pos + 6) | FOLD == GENT:
            return SEEN_AGENT, pos + 11
    elif word == CONT and end - pos > 12 and buf[pos + 12] == COLON:
        if le32(buf, pos + 4) | FOLD == ENT and le32(buf, pos + 8) | FOLD == TYPE:
            return SEEN_TYPE, pos + 13
    return 0, 0


@kernel(pin=(BYTES, INT, INT, INT, INT, BYTES, INT, INT))
def put_headers(buf, pos, cursor, cap_end, wire_end, out, at, limit):  # type: ignore[no-untyped-def]
    """Write the headers from `cursor` on of the head that starts at `pos`; return (at or NEED_MORE, whole)."""
    seen = 0
    for _ in range(HEADERS_MAX):
        feed = find_byte(buf, cursor, cap_end, LF)
        if feed == cap_end:
            if cap_end == wire_end and wire_end - pos < HEAD_MAX:
                return NEED_MORE, 0
            return at, 0
        end = line_end(buf, cursor, feed)
        if end == cursor:
            return at, 1
        name, value = header_name(buf, cursor, end)
        if name and not seen & name:
            seen |= name
            if name == SEEN_HOST:
                at = put_text(out, at, limit, F_HOST, buf, value, end, TEXT_MAX)
            elif name == SEEN_AGENT:
                at = put_text(out, at, limit, F_USER_AGENT, buf, value, end, TEXT_MAX)
            elif name == SEEN_REFERER:
                at = put_text(out, at, limit, F_REFERRER, buf, value, end, TEXT_MAX)
            elif name == SEEN_SERVER:
                at = put_text(out, at, limit, F_SERVER, buf, value, end, TEXT_MAX)
            else:
                at = put_text(out, at, limit, F_MIME, buf, value, find_byte(buf, value, end, 59), TEXT_MAX)
        cursor = feed + 1
    return at, 0


@kernel(pin=(BYTES, INT, INT, INT, BYTES, INT))
def parse_http(buf, pos, cap_end, wire_end, out, at):  # type: ignore[no-untyped-def]
    """Read the first request or response head of one direction of a connection.

    Args:
        buf: Bytes of the stream so far, uint8; [pos, cap_end) exist, [cap_end, wire_end) were not captured.
        out: Arena, uint8, with META_MAX_BYTES of room at `at`.

    Returns:
        (position after the fields, 1 if the head was whole, K_HTTP_REQUEST or K_HTTP_RESPONSE), or (NOT_THIS or
        NEED_MORE, 0, K_NONE).
    """
    limit = at + META_MAX_BYTES
    known = cap_end - pos
    is_status = known >= 4 and le32(buf, pos) == HTTP
    if not is_status and method_end(buf, pos, cap_end) < 0:
        return NOT_THIS, 0, K_NONE
    kind = K_HTTP_RESPONSE if is_status and (known < 5 or buf[pos + 4] == 47) else K_HTTP_REQUEST
    feed = find_byte(buf, pos, min(cap_end, pos + LINE_MAX), LF)
    if feed == pos + LINE_MAX:
        return NOT_THIS, 0, K_NONE
    if feed == cap_end:
        if cap_end == wire_end:
            return NEED_MORE, 0, K_NONE
        if known < 4:
            return NOT_THIS, 0, K_NONE
        if kind == K_HTTP_RESPONSE:
            # Cut behind the code, so the reason is not known
            at = put_status_line(buf, pos, pos + 12, out, at, limit) if known > 12 else NOT_THIS
            return at, 0, kind if at >= 0 else K_NONE
        word = le32(buf, pos)
        space = method_end(buf, pos, cap_end)
        if space == cap_end or not (
            word == GET
            or word == POST
            or word == HEAD
            or word == PUT
            or word == OPTI
            or word == DELE
            or word == CONN
            or word == PROP
        ):
            return NOT_THIS, 0, K_NONE
        return put_text(out, at, limit, F_METHOD, buf, pos, space, METHOD_MAX), 0, kind
    end = line_end(buf, pos, feed)
    if kind == K_HTTP_RESPONSE:
        at = put_status_line(buf, pos, end, out, at, limit)
    else:
        at = put_request_line(buf, pos, end, out, at, limit)
    if at < 0:
        return NOT_THIS, 0, K_NONE
    at, whole = put_headers(buf, pos, feed + 1, cap_end, wire_end, out, at, limit)
    return at, whole, kind if at >= 0 else K_NONE
