r"""DNS messages (RFC 1035 §4; multicast DNS RFC 6762; NetBIOS names RFC 1002 §4.2): the question and its answers.

A name is written as text: labels joined by dots, letters lower-cased; bytes outside printable ASCII, and dots and
backslashes inside a label, as \xNN, so that no label can pass for two. The root is ".". A NetBIOS name (RFC 1001
§14.1) is decoded, without its padding and its service byte.

Every answer that is written is followed by its F_TTL, in the order of the message. Only the first question and the
answer section are read: not authority, additional records or EDNS.
"""

from baselines._jit import be16, be32, byte, kernel
from sensor.model.metadata import (
    F_ANSWER_A,
    F_ANSWER_NAME,
    F_ANSWER_TEXT,
    F_FLAGS,
    F_QCLASS,
    F_QTYPE,
    F_QUERY,
    F_RCODE,
    F_TRANS_ID,
    F_TTL,
    META_MAX_BYTES,
    NEED_MORE,
    NOT_THIS,
)
from sensor.packets.tlv import BYTES, HEADER, INT, close_field, put_bytes, put_number

HEADER_BYTES = 12
RECORD_BYTES = 10
"""Type, class, TTL and length of a resource record, RFC 1035 §4.1.3."""
TRUNCATED = 0x0200
RESPONSE = 0x8000

NAME_MAX = 255
"""RFC 1035 §2.3.4; as text each byte can take four (\\xNN)."""
POINTERS_MAX = 32
"""Compression pointers followed in one name. A name has at most 127 labels and compressors emit one pointer; the bound
keeps 64 answers from costing more than 64 x 32 jumps."""
QUESTIONS_MAX = 32
"""Questions stepped over before the answers. Only multicast DNS sends more than one, and they fit one packet."""
ANSWERS_MAX = 64
"""Answers read of one message. A 512-byte response holds at most 31 addresses; large EDNS ones stay under this."""
TEXT_MAX = 1024
"""Text kept of one TXT record, bytes: four full character-strings, more than DKIM or SPF need."""

ANSWER_ROOM = 4 * NAME_MAX + HEADER + 16
"""The most that one answer and its TTL take."""

A, NS, CNAME, PTR, MX, TXT, AAAA, SRV, NB, NBSTAT = 1, 2, 5, 12, 15, 16, 28, 33, 32, 33

DAMAGED = -1
CUT = -2
"""What a name reader gives instead of a position: broken, or reaching into bytes that were not captured."""


@kernel(pin=(BYTES, INT, INT))
def header_fits(buf, pos, wire_end):  # type: ignore[no-untyped-def]
    """Tell whether 12 bytes at `pos` can head a DNS message of this length: opcode, and records that find room."""
    flags = be16(buf, pos + 2)
    opcode = flags >> 11 & 15
    # 3 is unassigned; 0-6 are DNS, 5-9 and 15 NetBIOS name service (RFC 1002 §4.2.1.1 and Windows' multi-homed form)
    if opcode == 3 or 9 < opcode < 15:
        return False
    records = be16(buf, pos + 6) + be16(buf, pos + 8) + be16(buf, pos + 10)
    least = HEADER_BYTES + be16(buf, pos + 4) * 5 + records * (RECORD_BYTES + 1)
    return least <= wire_end - pos or flags & TRUNCATED != 0


@kernel(pin=(BYTES, INT, INT, INT, INT, BYTES, INT, INT))
def put_name(buf, base, pos, cap_end, wire_end, out, at, field):  # type: ignore[no-untyped-def]
    """Write the name at `pos` of the message at `base`.

    Returns:
        The position after the field, and the position after the name, or DAMAGED or CUT with nothing written.
    """
    write = at + HEADER
    after = -1
    lowest = pos
    length = 0
    pointers = 0
    while True:
        if pos >= cap_end:
            return at, CUT if pos < wire_end else DAMAGED
        size = byte(buf, pos)
        if size == 0:
            break
        if size >= 0xC0:
            if pos + 2 > cap_end:
                return at, CUT if pos + 2 <= wire_end else DAMAGED
            target = base + (be16(buf, pos) & 0x3FFF)
            pointers += 1
            # Strictly backwards, so that no chain of pointers can close a circle
            if target >= lowest or target < base + HEADER_BYTES or pointers > POINTERS_MAX:
                return at, DAMAGED
            if after < 0:
                after = pos + 2
            lowest = target
            pos = target
            continue
        length += size + 1
        if size >= 0x40 or length >= NAME_MAX:
            return at, DAMAGED
        if pos + 1 + size > cap_end:
            return at, CUT if pos + 1 + size <= wire_end else DAMAGED
        if write > at + HEADER:
            out[write] = 46
            write += 1
        for i in range(pos + 1, pos + 1 + size):
            char = byte(buf, i)
            if 65 <= char <= 90:
                char |= 32
            if 32 <= char <= 126 and char != 46 and char != 92:
                out[write] = char
                write += 1
            else:
                out[write] = 92
                out[write + 1] = 120
                out[write + 2] = (char >> 4) + 48 + (char > 0x9F) * 39
                out[write + 3] = (char & 15) + 48 + ((char & 15) > 9) * 39
                write += 4
        pos += size + 1
    if after < 0:
        after = pos + 1
    if write == at + HEADER:
        out[write] = 46
        write += 1
    return close_field(out, at, field, write), after


@kernel(pin=(BYTES, INT, INT))
def skip_name(buf, pos, cap_end):  # type: ignore[no-untyped-def]
    """Return the position after the name at `pos`, or DAMAGED where it does not end among the captured bytes."""
    start = pos
    while pos < cap_end:
        size = byte(buf, pos)
        if size == 0:
            return pos + 1
        if size >= 0xC0:
            return pos + 2 if pos + 2 <= cap_end else DAMAGED
        pos += size + 1
        if size >= 0x40 or pos - start >= NAME_MAX:
            return DAMAGED
    return DAMAGED


@kernel(pin=(BYTES, INT, INT))
def decode_netbios(out, at, end):  # type: ignore[no-untyped-def]
    """Decode in place the name field out[at:end] where it is a NetBIOS one (RFC 1001 §14.1); return its new end."""
    value = at + HEADER
    if end - value < 32 or (end - value > 32 and out[value + 32] != 46):
        return end
    for i in range(32):
        if out[value + i] < 97 or out[value + i] > 112:
            return end
    last = value
    for i in range(15):  # the sixteenth byte says which service, not who
        char = (byte(out, value + 2 * i) - 97) * 16 + byte(out, value + 2 * i + 1) - 97
        if 65 <= char <= 90:
            char |= 32
        out[value + i] = char
        if char != 32 and char != 0:
            last = value + i + 1
    if last == value:
        return at
    return close_field(out, at, F_QUERY, last)


@kernel(pin=(BYTES, INT, INT, BYTES, INT))
def put_texts(buf, pos, end, out, at):  # type: ignore[no-untyped-def]
    """Write the character-strings of a TXT record (RFC 1035 §3.3.14), joined, their first TEXT_MAX bytes."""
    write = at + HEADER
    while pos < end:
        size = byte(buf, pos)
        stop = min(pos + 1 + size, end)
        for i in range(pos + 1, stop):
            if write < at + HEADER + TEXT_MAX:
                out[write] = buf[i]
                write += 1
        pos = stop
    return close_field(out, at, F_ANSWER_TEXT, write)


@kernel(pin=(BYTES, INT, INT, INT, INT, INT, INT, BYTES, INT))
def put_answer(buf, base, pos, size, kind, cap_end, wire_end, out, at):  # type: ignore[no-untyped-def]
    """Write the data, `size` captured bytes at `pos`, of a record of type `kind`; `at` where the type says nothing."""
    if (kind == A and size == 4) or (kind == AAAA and size == 16):
        return put_bytes(out, at, at + ANSWER_ROOM, F_ANSWER_A, buf, pos, pos + size)
    if kind == TXT:
        return put_texts(buf, pos, pos + size, out, at)
    skip = -1
    if kind == CNAME or kind == PTR or kind == NS:
        skip = 0
    elif kind == MX:
        skip = 2  # preference
    elif kind == SRV and size > 6:
        skip = 6  # priority, weight, port
    if skip < 0 or size <= skip:
        return at
    at, _ = put_name(buf, base, pos + skip, min(cap_end, pos + size), wire_end, out, at, F_ANSWER_NAME)
    return at


@kernel(pin=(BYTES, INT, INT, INT, INT, INT, BYTES, INT, INT))
def put_answers(buf, base, pos, count, cap_end, wire_end, out, at, limit):  # type: ignore[no-untyped-def]
    """Write up to ANSWERS_MAX records from `pos` on; return the new position, and 0 where some were left out."""
    for i in range(count):
        pos = skip_name(buf, pos, cap_end)
        if pos < 0 or pos + RECORD_BYTES > cap_end or i == ANSWERS_MAX or at + ANSWER_ROOM > limit:
            return at, 0
        kind = be16(buf, pos)
        ttl = be32(buf, pos + 4)
        size = be16(buf, pos + 8)
        pos += RECORD_BYTES
        if pos + size > cap_end:
            return at, 0
        before = at
        at = put_answer(buf, base, pos, size, kind, cap_end, wire_end, out, at)
        if at > before:
            at = put_number(out, at, limit, F_TTL, ttl, 4)
        pos += size
    return at, 1


@kernel(pin=(BYTES, INT, INT, INT, BYTES, INT))
def parse_dns(buf, pos, cap_end, wire_end, out, at):  # type: ignore[no-untyped-def]
    """Read one DNS message, the whole of [pos, wire_end) on the wire.

    Args:
        buf: Bytes, uint8, shape (n,); [pos, cap_end) exist, [cap_end, wire_end) were not captured.
        out: Arena, uint8, with META_MAX_BYTES of room at `at`.

    Returns:
        (position after the fields, 1 if the message was whole), or (NOT_THIS, 0).
    """
    if cap_end - pos < HEADER_BYTES or not header_fits(buf, pos, wire_end):
        return NOT_THIS, 0
    start = at
    limit = at + META_MAX_BYTES
    flags = be16(buf, pos + 2)
    questions = be16(buf, pos + 4)
    cursor = pos + HEADER_BYTES
    whole = 1 if cap_end >= wire_end else 0
    if questions > 0:
        at, cursor = put_name(buf, pos, cursor, cap_end, wire_end, out, at, F_QUERY)
        if cursor == DAMAGED or (cursor >= 0 and cursor + 4 > wire_end):
            return NOT_THIS, 0
        if cursor >= 0 and cursor + 4 <= cap_end:
            kind = be16(buf, cursor)
            if kind == NB or kind == NBSTAT:
                at = decode_netbios(out, start, at)
            at = put_number(out, at, limit, F_QTYPE, kind, 2)
            at = put_number(out, at, limit, F_QCLASS, be16(buf, cursor + 2), 2)
            cursor += 4
        else:
            # A NetBIOS name is known as one only by its type, so without the type there is no name
            at, cursor = start, CUT
    at = put_number(out, at, limit, F_TRANS_ID, be16(buf, pos), 2)
    at = put_number(out, at, limit, F_FLAGS, flags, 2)
    if flags & RESPONSE:
        at = put_number(out, at, limit, F_RCODE, flags & 15, 1)
    if be16(buf, pos + 6) == 0 or flags & RESPONSE == 0:
        return at, whole
    if questions > QUESTIONS_MAX:
        return at, 0
    for _ in range(questions - 1):
        if cursor >= 0:
            cursor = skip_name(buf, cursor, cap_end)
            cursor = cursor + 4 if cursor >= 0 else DAMAGED
    if cursor < 0:
        return at, 0
    at, all_read = put_answers(buf, pos, cursor, be16(buf, pos + 6), cap_end, wire_end, out, at, limit)
    return at, min(whole, all_read)


@kernel(pin=(BYTES, INT, INT, INT, BYTES, INT))
def parse_dns_tcp(buf, pos, cap_end, wire_end, out, at):  # type: ignore[no-untyped-def]
    """Read one DNS message behind its two-byte length (RFC 1035 §4.2.2); NEED_MORE until all of it was on the wire."""
    if wire_end - pos < 2:
        return NEED_MORE, 0
    if cap_end - pos < 2:
        return NOT_THIS, 0
    size = be16(buf, pos)
    if size < HEADER_BYTES:
        return NOT_THIS, 0
    end = pos + 2 + size
    if wire_end < end:
        if cap_end - pos >= 2 + HEADER_BYTES and not header_fits(buf, pos + 2, end):
            return NOT_THIS, 0
        return NEED_MORE, 0
    return parse_dns(buf, pos + 2, min(cap_end, end), end, out, at)
