"""Kerberos 5 messages (RFC 4120 §5.4-§5.9): who asked for which ticket, and what became of it.

DER is walked with bounded steps: only definite lengths, no recursion. Names are their components joined by "/" as on
the wire. F_REQUEST_TYPE is the message type's number (10 AS-REQ … 15 AP-REP, 30 KRB-ERROR). F_REALM is the client's
realm; in a TGS-REQ, which names no client, and an AP-REQ the service's. Encrypted parts stay closed.
"""

from baselines._jit import be32, byte, kernel
from sensor.model.metadata import (
    F_CNAME,
    F_ERROR_CODE,
    F_ETYPE,
    F_REALM,
    F_REQUEST_TYPE,
    F_SNAME,
    META_MAX_BYTES,
    NEED_MORE,
    NOT_THIS,
)
from sensor.packets.tlv import BYTES, HEADER, INT, close_field, put_bytes, put_number

AS_REQ, AS_REP, TGS_REQ, TGS_REP, AP_REQ, AP_REP, KRB_ERROR = 10, 11, 12, 13, 14, 15, 30
APPLICATION = 0x60
SEQUENCE, INTEGER = 0x30, 0x02
CONTEXT = 0xA0

MESSAGE_MAX = 1 << 16
"""Longest message believed over TCP, bytes: Windows caps a token at 65,535 (MaxTokenSize), which bounds the ticket."""
ELEMENTS_MAX = 16
"""Elements walked of one SEQUENCE. The longest, KRB-ERROR and KDC-REQ-BODY, have 13 and 12."""
COMPONENTS_MAX = 8
"""Components kept of a name. Services have two or three (MS-KILE); more and the name is left out."""
NAME_MAX = 512
"""Bytes kept of a name with its separators: twice a host name, and a user or realm is shorter than one."""
ETYPES_MAX = 16
"""Encryption types kept; IANA lists 14 in use."""

CUT, BAD = -2, -1


@kernel(pin=(BYTES, INT, INT, INT))
def open_tag(buf, pos, cap_end, end):  # type: ignore[no-untyped-def]
    """Read the tag and length at `pos` of an element that must end by `end`.

    Returns:
        (tag, first byte of the content, its end), or (BAD or CUT, 0, 0).
    """
    if pos + 2 > end:
        return BAD, 0, 0
    if pos + 2 > cap_end:
        return CUT, 0, 0
    size = byte(buf, pos + 1)
    start = pos + 2
    if size >= 0x80:
        count = size & 0x7F
        if count == 0 or count > 4 or start + count > end:  # indefinite, or beyond any message
            return BAD, 0, 0
        if start + count > cap_end:
            return CUT, 0, 0
        size = 0
        for i in range(count):
            size = size << 8 | byte(buf, start + i)
        start += count
    if start + size > end:
        return BAD, 0, 0
    return byte(buf, pos), start, start + size


@kernel(pin=(BYTES, INT, INT, INT))
def small_integer(buf, start, cap_end, end):  # type: ignore[no-untyped-def]
    """Return the INTEGER that fills [start, end), 0 … 2^31 - 1, or -1 where it is missing, negative or larger."""
    tag, first, last = open_tag(buf, start, cap_end, end)
    if tag != INTEGER or last > cap_end or last == first or last - first > 5:
        return -1
    value = 0
    for i in range(first, last):
        value = value << 8 | byte(buf, i)
    return value if buf[first] < 0x80 and value < 1 << 31 else -1


@kernel(pin=(INT,))
def is_string(tag):  # type: ignore[no-untyped-def]
    """Tell whether a tag is GeneralString, or UTF8String or IA5String as some libraries write."""
    return tag == 0x1B or tag == 0x0C or tag == 0x16


@kernel(pin=(BYTES, INT, INT, INT, INT, BYTES, INT))
def put_string(buf, start, cap_end, end, field, out, at):  # type: ignore[no-untyped-def]
    """Write the string that fills [start, end); `at` where it is missing, empty or too long."""
    tag, first, last = open_tag(buf, start, cap_end, end)
    if not is_string(tag) or last > cap_end or last == first or last - first > NAME_MAX:
        return at
    return put_bytes(out, at, at + HEADER + NAME_MAX, field, buf, first, last)


@kernel(pin=(BYTES, INT, INT, INT, INT, BYTES, INT))
def put_principal(buf, start, cap_end, end, field, out, at):  # type: ignore[no-untyped-def]
    """Write the PrincipalName (RFC 4120 §5.2.2) that fills [start, end); `at` where any of it is missing."""
    tag, cursor, last = open_tag(buf, start, cap_end, end)
    if tag != SEQUENCE or last > cap_end:
        return at
    tag, _, cursor = open_tag(buf, cursor, cap_end, last)  # name-type
    if tag != CONTEXT:
        return at
    tag, cursor, last = open_tag(buf, cursor, cap_end, last)
    if tag != CONTEXT | 1:
        return at
    tag, cursor, last = open_tag(buf, cursor, cap_end, last)
    if tag != SEQUENCE:
        return at
    write = at + HEADER
    limit = write + NAME_MAX
    for i in range(COMPONENTS_MAX):
        if cursor >= last:
            break
        tag, first, cursor = open_tag(buf, cursor, cap_end, last)
        if not is_string(tag) or write + (i > 0) + cursor - first > limit:
            return at
        if i > 0:
            out[write] = 47
            write += 1
        for k in range(first, cursor):
            out[write] = buf[k]
            write += 1
    if cursor < last or write == at + HEADER:
        return at
    return close_field(out, at, field, write)


@kernel(pin=(BYTES, INT, INT, INT, BYTES, INT))
def put_etypes(buf, start, cap_end, end, out, at):  # type: ignore[no-untyped-def]
    """Write the encryption types of the SEQUENCE that fills [start, end), as signed numbers modulo 2^32."""
    tag, cursor, last = open_tag(buf, start, cap_end, end)
    if tag != SEQUENCE or last > cap_end:
        return at
    for _ in range(ETYPES_MAX):
        if cursor >= last:
            break
        tag, first, cursor = open_tag(buf, cursor, cap_end, last)
        if tag != INTEGER or cursor == first or cursor - first > 4:
            break
        value = -1 if buf[first] >= 0x80 else 0
        for i in range(first, cursor):
            value = value << 8 | byte(buf, i)
        at = put_number(out, at, at + HEADER + 4, F_ETYPE, value & 0xFFFF_FFFF, 4)
    return at


@kernel(pin=(BYTES, INT, INT, INT, BYTES, INT))
def put_encrypted_etype(buf, start, cap_end, end, out, at):  # type: ignore[no-untyped-def]
    """Write the encryption type of the EncryptedData (RFC 4120 §5.2.9) that fills [start, end)."""
    tag, cursor, last = open_tag(buf, start, cap_end, end)
    if tag != SEQUENCE:
        return at
    tag, first, cursor = open_tag(buf, cursor, cap_end, last)
    value = small_integer(buf, first, cap_end, cursor) if tag == CONTEXT else -1
    return put_number(out, at, at + HEADER + 4, F_ETYPE, value, 4) if value >= 0 else at


@kernel(pin=(BYTES, INT, INT, INT, BYTES, INT))
def put_body(buf, start, cap_end, end, out, at):  # type: ignore[no-untyped-def]
    """Write names, realm and encryption types of the KDC-REQ-BODY (RFC 4120 §5.4.1) that fills [start, end)."""
    tag, cursor, last = open_tag(buf, start, cap_end, end)
    if tag != SEQUENCE:
        return at
    for _ in range(ELEMENTS_MAX):
        if cursor >= last:
            break
        tag, first, cursor = open_tag(buf, cursor, cap_end, last)
        if tag < 0:
            break
        if tag == CONTEXT | 1 or tag == CONTEXT | 3:
            field = F_CNAME if tag == CONTEXT | 1 else F_SNAME
            at = put_principal(buf, first, cap_end, cursor, field, out, at)
        elif tag == CONTEXT | 2:
            at = put_string(buf, first, cap_end, cursor, F_REALM, out, at)
        elif tag == CONTEXT | 8:
            at = put_etypes(buf, first, cap_end, cursor, out, at)
    return at


@kernel(pin=(BYTES, INT, INT, INT, INT, BYTES, INT))
def put_ticket(buf, start, cap_end, end, with_realm, out, at):  # type: ignore[no-untyped-def]
    """Write the service, and if wanted the realm, of the Ticket (RFC 4120 §5.3) that fills [start, end)."""
    tag, cursor, last = open_tag(buf, start, cap_end, end)
    if tag != APPLICATION | 1:
        return at
    tag, cursor, last = open_tag(buf, cursor, cap_end, last)
    if tag != SEQUENCE:
        return at
    for _ in range(3):  # version, realm, sname
        tag, first, cursor = open_tag(buf, cursor, cap_end, last)
        if tag < 0:
            break
        if tag == CONTEXT | 1 and with_realm:
            at = put_string(buf, first, cap_end, cursor, F_REALM, out, at)
        elif tag == CONTEXT | 2:
            at = put_principal(buf, first, cap_end, cursor, F_SNAME, out, at)
    return at


@kernel(pin=(INT, INT, BYTES, INT, INT, INT, BYTES, INT))
def put_element(message, element, buf, start, cap_end, end, out, at):  # type: ignore[no-untyped-def]
    """Write what element [`element`] of a message of type `message` says; its content fills [start, end)."""
    # One call of each helper: the compiler copies it into every place it is called from
    request = message == AS_REQ or message == TGS_REQ
    reply = message == AS_REP or message == TGS_REP
    error = message == KRB_ERROR
    if request and element == 4:
        return put_body(buf, start, cap_end, end, out, at)
    if (reply and element == 5) or (message == AP_REQ and element == 3):
        return put_ticket(buf, start, cap_end, end, message == AP_REQ, out, at)
    if reply and element == 6:
        return put_encrypted_etype(buf, start, cap_end, end, out, at)
    if error and element == 6:
        code = small_integer(buf, start, cap_end, end)
        return put_number(out, at, at + HEADER + 4, F_ERROR_CODE, code, 4) if code >= 0 else at
    if (reply and element == 3) or (error and element == 7):
        return put_string(buf, start, cap_end, end, F_REALM, out, at)
    if (reply and element == 4) or (error and (element == 8 or element == 10)):
        return put_principal(buf, start, cap_end, end, F_SNAME if element == 10 else F_CNAME, out, at)
    return at


@kernel(pin=(BYTES, INT, INT, INT, BYTES, INT))
def parse_kerberos(buf, pos, cap_end, wire_end, out, at):  # type: ignore[no-untyped-def]
    """Read one Kerberos message, the whole of [pos, wire_end) on the wire.

    Args:
        buf: Bytes, uint8; [pos, cap_end) exist, [cap_end, wire_end) were not captured.
        out: Arena, uint8, with META_MAX_BYTES of room at `at`; two names, a realm and the types take at most 1,700.

    Returns:
        (position after the fields, 1 if the message was whole), or (NOT_THIS, 0).
    """
    tag, cursor, last = open_tag(buf, pos, cap_end, wire_end)
    message = tag - APPLICATION
    if not (AS_REQ <= message <= AP_REP or message == KRB_ERROR):
        return NOT_THIS, 0
    tag, cursor, last = open_tag(buf, cursor, cap_end, last)
    if tag != SEQUENCE:
        return NOT_THIS, 0
    # pvno [1] and msg-type [2] in requests to the KDC, [0] and [1] everywhere else
    base = 1 if message == AS_REQ or message == TGS_REQ else 0
    tag, first, cursor = open_tag(buf, cursor, cap_end, last)
    if tag != CONTEXT | base or small_integer(buf, first, cap_end, cursor) != 5:
        return NOT_THIS, 0
    tag, first, cursor = open_tag(buf, cursor, cap_end, last)
    if tag != CONTEXT | (base + 1) or small_integer(buf, first, cap_end, cursor) != message:
        return NOT_THIS, 0
    at = put_number(out, at, at + META_MAX_BYTES, F_REQUEST_TYPE, message, 1)
    whole = 1 if cap_end >= wire_end else 0
    for _ in range(ELEMENTS_MAX):
        if cursor >= last:
            break
        tag, first, cursor = open_tag(buf, cursor, cap_end, last)
        if tag < 0:
            return at, 0
        at = put_element(message, tag - CONTEXT, buf, first, cap_end, cursor, out, at)
    return at, whole


@kernel(pin=(BYTES, INT, INT, INT, BYTES, INT))
def parse_kerberos_tcp(buf, pos, cap_end, wire_end, out, at):  # type: ignore[no-untyped-def]
    """Read one message behind its four-byte length (RFC 4120 §7.2.2); NEED_MORE until all of it was on the wire."""
    known = min(cap_end, wire_end) - pos
    if known < 4:
        if known >= 2 and (buf[pos] != 0 or buf[pos + 1] > 1):
            return NOT_THIS, 0
        return (NEED_MORE if cap_end >= wire_end else NOT_THIS), 0
    size = be32(buf, pos)
    if size < 10 or size > MESSAGE_MAX:
        return NOT_THIS, 0
    if known > 4:
        message = byte(buf, pos + 4) - APPLICATION
        if not (AS_REQ <= message <= AP_REP or message == KRB_ERROR):
            return NOT_THIS, 0
    end = pos + 4 + size
    if wire_end < end:
        return NEED_MORE, 0
    return parse_kerberos(buf, pos + 4, min(cap_end, end), end, out, at)
