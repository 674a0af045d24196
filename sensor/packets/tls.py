"""TLS ClientHello and ServerHello (RFC 8446 §4.1, RFC 5246 §7.4.1) over TCP: name, protocols, versions, fingerprints.

Fingerprints are written as texts (`sensor.packets.fingerprints`). QUIC gives `client_hello` another transport letter.
F_ECH says that the extension was offered (RFC 9849, or its ESNI draft): browsers also send it filled with noise.
F_SUPPORTED_VERSION is the highest version offered, or the one chosen. Lists are written only whole. A handshake message
split over several TLS records is joined in the arena's tail. SSL 2 hellos and DTLS are not read.
"""

from baselines._jit import be16, be32, byte, kernel
from sensor.model.metadata import (
    F_ALPN,
    F_CIPHER,
    F_ECH,
    F_JA3S_TEXT,
    F_SERVER_NAME,
    F_SUPPORTED_VERSION,
    F_VERSION,
    K_NONE,
    K_TLS_CLIENT,
    K_TLS_SERVER,
    META_MAX_BYTES,
    NEED_MORE,
    NOT_THIS,
)
from sensor.packets.fingerprints import (
    CIPHERS_MAX,
    EXTENSIONS_MAX,
    LIST_MAX,
    X_ALPN,
    X_SERVER_NAME,
    is_grease,
    put_decimals,
    put_ja3,
    put_ja4,
)
from sensor.packets.tlv import BYTES, HEADER, INT, close_field, put_bytes, put_decimal, put_number

RECORD_HEADER = 5
RECORD_MAX = 1 << 14
"""Longest plaintext record, RFC 8446 §5.1."""
HANDSHAKE = 22
CLIENT_HELLO, SERVER_HELLO = 1, 2

HELLO_MAX = 1 << 16
"""Longest hello believed, bytes. The lists inside hold at most 64 KiB each; real ones stay under 4 KiB."""
RECORDS_MAX = 64
"""Records over which a hello may be spread: one byte a record is an evasion, not a client."""
JOINED_MAX = 4096
"""Room for a hello that is spread over records; half of what the arena guarantees. What is longer counts as missing."""

NAME_MAX = 255
"""RFC 1035 §2.3.4: what is longer is no host name and left out."""
PROTOCOLS_MAX = 8
"""Protocols of an ALPN list written; browsers offer two or three. The list is left out where it holds more."""

X_GROUPS, X_POINT_FORMATS, X_SIGNATURES = 10, 11, 13
X_SUPPORTED_VERSIONS, X_ECH, X_ESNI = 43, 0xFE0D, 0xFFCE


@kernel(pin=(BYTES, INT, INT, INT))
def hello_parts(buf, pos, cap_end, end):  # type: ignore[no-untyped-def]
    """Find the lists of the ClientHello whose version is at `pos`.

    Returns:
        (status, start and end of the suites, start and end of the extensions): status 0, or NOT_THIS where lengths
        contradict each other, or NEED_MORE where bytes were not captured; suites that were found count either way.
    """
    at = pos + 34  # version, random
    if at + 1 > end:
        return NOT_THIS, 0, 0, 0, 0
    if at + 1 > cap_end:
        return NEED_MORE, 0, 0, 0, 0
    at += 1 + byte(buf, at)  # session id
    if buf[pos + 34] > 32 or at + 2 > end:
        return NOT_THIS, 0, 0, 0, 0
    if at + 2 > cap_end:
        return NEED_MORE, 0, 0, 0, 0
    first = at + 2
    last = first + be16(buf, at)
    if (last - first) & 1 or last + 1 > end:
        return NOT_THIS, 0, 0, 0, 0
    if last + 1 > cap_end:
        return NEED_MORE, 0, 0, 0, 0
    at = last + 1 + byte(buf, last)  # compression methods
    if at > end:
        return NOT_THIS, 0, 0, 0, 0
    if at == end:
        return 0, first, last, end, end
    if at + 2 > end:
        return NOT_THIS, 0, 0, 0, 0
    if at + 2 > cap_end:
        return NEED_MORE, first, last, 0, 0
    stop = at + 2 + be16(buf, at)
    if stop > end:
        return NOT_THIS, 0, 0, 0, 0
    return 0, first, last, at + 2, stop


@kernel(pin=(BYTES, INT, INT, BYTES, INT, INT))
def put_server_name(buf, start, end, out, at, limit):  # type: ignore[no-untyped-def]
    """Write the host_name of a server_name extension (RFC 6066 §3), its first entry; `at` where there is none."""
    if end - start < 5 or buf[start + 2] != 0:
        return at
    name_end = start + 5 + be16(buf, start + 3)
    if name_end > end or name_end == start + 5 or name_end > start + 5 + NAME_MAX:
        return at
    return put_bytes(out, at, limit, F_SERVER_NAME, buf, start + 5, name_end)


@kernel(pin=(BYTES, INT, INT, BYTES, INT, INT))
def put_protocols(buf, start, end, out, at, limit):  # type: ignore[no-untyped-def]
    """Write the protocols of an ALPN extension (RFC 7301 §3.1), or none where the list is damaged or too long."""
    if end - start < 2 or start + 2 + be16(buf, start) > end:
        return at
    write = at
    end = start + 2 + be16(buf, start)
    start += 2
    for _ in range(PROTOCOLS_MAX):
        if start >= end:
            break
        stop = start + 1 + byte(buf, start)
        if stop > end:
            return at
        after = put_bytes(out, write, limit, F_ALPN, buf, start + 1, stop)
        if after == write:
            return at
        write = after
        start = stop
    return write if start >= end else at


@kernel(pin=(BYTES, INT, INT, INT))
def inner_list(buf, start, end, width):  # type: ignore[no-untyped-def]
    """Return (start, end) of the vector behind a length of `width` bytes in buf[start:end]; empty if damaged."""
    if end - start < width:
        return end, end
    size = be16(buf, start) if width == 2 else byte(buf, start)
    if start + width + size > end:
        return end, end
    return start + width, start + width + size


@kernel(pin=(BYTES, INT, INT))
def highest_version(buf, start, end):  # type: ignore[no-untyped-def]
    """Return the highest of the 16-bit versions in buf[start:end] that is no GREASE, or -1."""
    highest = -1
    for i in range(start, end - 1, 2):
        value = be16(buf, i)
        if value > highest and not is_grease(value):
            highest = value
    return highest


@kernel(pin=(BYTES, INT, INT, INT, INT, BYTES, INT, INT))
def client_hello(buf, pos, cap_end, end, transport, out, at, limit):  # type: ignore[no-untyped-def]
    """Write the fields of the ClientHello whose version is at `pos` and which ends at `end`.

    Args:
        buf: Bytes, uint8; [pos, cap_end) exist, at least two of them. May be `out`, behind `limit`.
        transport: JA4's first letter, as its code: `t`, or `q` for QUIC.
        out: Arena, uint8, written from `at` on and never at or behind `limit`.

    Returns:
        (position after the fields, 1 if nothing was missing), or (NOT_THIS, 0).
    """
    status, c0, c1, x0, x1 = hello_parts(buf, pos, cap_end, end)
    if status == NOT_THIS:
        return NOT_THIS, 0
    version = be16(buf, pos)
    at = put_number(out, at, limit, F_VERSION, version, 2)
    if status == NEED_MORE:
        return at, 0
    types = limit - 2 * (EXTENSIONS_MAX + CIPHERS_MAX)
    limit = types
    count = 0
    a0 = a1 = g0 = g1 = p0 = p1 = s0 = s1 = 0
    supported = -2  # not offered; -1: offered without a version
    named = hidden = False
    cursor = x0
    whole = 1
    while cursor < x1:
        if cursor + 4 > x1:
            return NOT_THIS, 0
        if cursor + 4 > cap_end:
            whole = 0
            break
        kind = be16(buf, cursor)
        first = cursor + 4
        last = first + be16(buf, cursor + 2)
        if last > x1:
            return NOT_THIS, 0
        if last > cap_end or count == EXTENSIONS_MAX:
            whole = 0
            break
        out[types + 2 * count] = kind >> 8
        out[types + 2 * count + 1] = kind & 255
        count += 1
        cursor = last
        if kind == X_SERVER_NAME:
            if not named:
                at = put_server_name(buf, first, last, out, at, limit)
            named = True
        elif kind == X_ALPN and a1 == 0:
            at = put_protocols(buf, first, last, out, at, limit)
            a0, a1 = inner_list(buf, first, last, 2)
        elif kind == X_SUPPORTED_VERSIONS and supported == -2:
            v0, v1 = inner_list(buf, first, last, 1)
            supported = highest_version(buf, v0, v1)
        elif kind == X_GROUPS and g1 == 0:
            g0, g1 = inner_list(buf, first, last, 2)
        elif kind == X_POINT_FORMATS and p1 == 0:
            p0, p1 = inner_list(buf, first, last, 1)
        elif kind == X_SIGNATURES and s1 == 0:
            s0, s1 = inner_list(buf, first, last, 2)
        elif (kind == X_ECH or kind == X_ESNI) and not hidden:
            hidden = True
            at = put_number(out, at, limit, F_ECH, 1, 1)
    if supported >= 0 or whole:
        at = put_number(out, at, limit, F_SUPPORTED_VERSION, supported if supported >= 0 else version, 2)
    words = (c1 - c0) // 2
    groups = (g1 - g0) // 2
    if not whole or words > CIPHERS_MAX or groups > LIST_MAX or (s1 - s0) // 2 > LIST_MAX or p1 - p0 > LIST_MAX:
        return at, 0
    # Six bytes hold a decimal and its comma, five a hexadecimal word; the rest of a text takes under 32.
    ja3_room = 6 * (words + count + groups) + 4 * (p1 - p0) + 32
    ja4_room = 5 * (words + count + (s1 - s0) // 2) + 32
    if at + ja4_room > limit:
        return at, 0
    if at + ja3_room + ja4_room <= limit:
        at = put_ja3(buf, version, c0, c1, g0, g1 - ((g1 - g0) & 1), p0, p1, types, out, at, count)
    else:
        whole = 0
    if a1 > a0:
        a0, a1 = a0 + 1, min(a1, a0 + 1 + byte(buf, a0))
    if supported < 0:
        supported = version
    s1 -= (s1 - s0) & 1
    at = put_ja4(buf, transport, supported, named, a0, a1, c0, c1, s0, s1, types, out, at, count)
    return at, whole


@kernel(pin=(BYTES, INT, INT, INT, BYTES, INT, INT))
def server_hello(buf, pos, cap_end, end, out, at, limit):  # type: ignore[no-untyped-def]
    """Write the fields of the ServerHello whose version is at `pos` and which ends at `end`; as `client_hello`."""
    cursor = pos + 34
    if cursor + 1 > end:
        return NOT_THIS, 0
    version = be16(buf, pos)
    at = put_number(out, at, limit, F_VERSION, version, 2)
    if cursor + 1 > cap_end:
        return at, 0
    size = byte(buf, cursor)
    cursor += 1 + size
    if size > 32 or cursor + 3 > end:
        return NOT_THIS, 0
    if cursor + 3 > cap_end:
        return at, 0
    cipher = be16(buf, cursor)
    at = put_number(out, at, limit, F_CIPHER, cipher, 2)
    cursor += 3  # suite, compression method
    x1 = cursor
    if cursor < end:
        if cursor + 2 > end:
            return NOT_THIS, 0
        if cursor + 2 > cap_end:
            return at, 0
        x1 = cursor + 2 + be16(buf, cursor)
        if x1 > end:
            return NOT_THIS, 0
        cursor += 2
    types = limit - 2 * EXTENSIONS_MAX
    count = 0
    supported = version
    while cursor < x1:
        if cursor + 4 > x1:
            return NOT_THIS, 0
        if cursor + 4 > cap_end:
            return at, 0
        kind = be16(buf, cursor)
        first = cursor + 4
        last = first + be16(buf, cursor + 2)
        if last > x1:
            return NOT_THIS, 0
        if last > cap_end or count == EXTENSIONS_MAX:
            return at, 0
        out[types + 2 * count] = kind >> 8
        out[types + 2 * count + 1] = kind & 255
        count += 1
        cursor = last
        if kind == X_ALPN:
            at = put_protocols(buf, first, last, out, at, types)
        elif kind == X_SUPPORTED_VERSIONS and last - first == 2:
            supported = be16(buf, first)
    at = put_number(out, at, types, F_SUPPORTED_VERSION, supported, 2)
    if at + 6 * count + 32 > types:
        return at, 0
    write = put_decimal(out, at + HEADER, version, 44)
    write = put_decimal(out, write, cipher, 44)
    write = put_decimals(out, types, types + 2 * count, out, write, 44)
    return close_field(out, at, F_JA3S_TEXT, write - 1), 1


@kernel(pin=(BYTES, INT, INT, INT, INT, BYTES, INT))
def join_records(buf, pos, cap_end, wire_end, most, out, at):  # type: ignore[no-untyped-def]
    """Copy the first `most` bytes of the handshake that starts in the record at `pos` to `at`.

    Returns:
        How many were copied: fewer where the rest was not captured, NEED_MORE where it is still to come, NOT_THIS where
        what follows is no handshake record.
    """
    copied = 0
    for _ in range(RECORDS_MAX):
        if pos + RECORD_HEADER > wire_end:
            return NEED_MORE
        if pos + RECORD_HEADER > cap_end:
            return copied
        size = be16(buf, pos + 3)
        if buf[pos] != HANDSHAKE or buf[pos + 1] != 3 or size == 0 or size > RECORD_MAX:
            return NOT_THIS
        pos += RECORD_HEADER
        wanted = min(size, most - copied)
        if pos + wanted > wire_end:
            return NEED_MORE
        got = max(0, min(wanted, cap_end - pos))
        for i in range(got):
            out[at + copied + i] = buf[pos + i]
        copied += got
        if copied == most or got < wanted:
            return copied
        pos += size
    return NOT_THIS


@kernel(pin=(BYTES, INT, INT, INT, BYTES, INT))
def parse_tls(buf, pos, cap_end, wire_end, out, at):  # type: ignore[no-untyped-def]
    """Read the hello that opens one direction of a TLS connection.

    Args:
        buf: Bytes of the stream so far, uint8; [pos, cap_end) exist, [cap_end, wire_end) were not captured.
        out: Arena, uint8, with META_MAX_BYTES of room at `at`.

    Returns:
        (position after the fields, 1 if nothing was missing, K_TLS_CLIENT or K_TLS_SERVER), or (NOT_THIS or NEED_MORE,
        0, K_NONE).
    """
    known = min(cap_end, wire_end) - pos
    head = be16(buf, pos) if known >= 2 else 0
    if known >= 1 and buf[pos] != HANDSHAKE:
        return NOT_THIS, 0, K_NONE
    if (known >= 2 and head & 255 != 3) or (known >= 3 and buf[pos + 2] > 4):
        return NOT_THIS, 0, K_NONE
    if known < RECORD_HEADER:
        return (NEED_MORE if known == wire_end - pos else NOT_THIS), 0, K_NONE
    record = be16(buf, pos + 3)
    if record == 0 or record > RECORD_MAX:
        return NOT_THIS, 0, K_NONE
    if known >= 6 and buf[pos + 5] != CLIENT_HELLO and buf[pos + 5] != SERVER_HELLO:
        return NOT_THIS, 0, K_NONE

    limit = at + META_MAX_BYTES
    body = pos + RECORD_HEADER
    end = body + 4
    total = max(record, 4)
    if record >= 4 and known >= RECORD_HEADER + 4:
        total = 4 + (be32(buf, body) & 0xFFFFFF)
        if total > HELLO_MAX:
            return NOT_THIS, 0, K_NONE
        end = body + total
    source = buf
    if total > record or record < 4:
        # The message goes on in further records: its length first, then as much of it as there is room for.
        source = out
        if record < 4:
            got = join_records(buf, pos, cap_end, wire_end, 4, out, at)
            if got < 4:
                return (got if got < 0 else NOT_THIS), 0, K_NONE
            total = 4 + (be32(out, at) & 0xFFFFFF)
        if total > HELLO_MAX:
            return NOT_THIS, 0, K_NONE
        room = min(total, JOINED_MAX)
        limit -= room
        body = limit
        got = join_records(buf, pos, cap_end, wire_end, room, out, body)
        if got < 0:
            return got, 0, K_NONE
        cap_end = body + got
        end = body + total
    elif end > wire_end:
        return NEED_MORE, 0, K_NONE
    if cap_end - body < 6:
        return NOT_THIS, 0, K_NONE
    if source[body + 4] != 3 or source[body + 5] > 4:
        return NOT_THIS, 0, K_NONE
    if source[body] == CLIENT_HELLO:
        at, whole = client_hello(source, body + 4, min(cap_end, end), end, 116, out, at, limit)
        return at, whole, K_TLS_CLIENT if at >= 0 else K_NONE
    if source[body] != SERVER_HELLO:
        return NOT_THIS, 0, K_NONE
    at, whole = server_hello(source, body + 4, min(cap_end, end), end, out, at, limit)
    return at, whole, K_TLS_SERVER if at >= 0 else K_NONE
