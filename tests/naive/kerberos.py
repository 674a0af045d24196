"""Kerberos messages, read from RFC 4120 as a tree of DER elements."""

from sensor.model import metadata as m
from tests.naive.span import Damaged, Missing, Span, little, put

STRINGS = (0x1B, 0x0C, 0x16)


def parse_kerberos(data, wire):
    """Return (NOT_THIS or whole, fields)."""
    try:
        tag, message = element(Span(data, wire))
        kind = tag - 0x60
        if kind not in (10, 11, 12, 13, 14, 15, 30):
            raise Damaged
        tag, body = element(message)
        if tag != 0x30:
            raise Damaged
        base = 1 if kind in (10, 12) else 0
        for number, wanted in ((base, 5), (base + 1, kind)):
            tag, value = element(body)
            if tag != 0xA0 + number or integer(value) != wanted:
                raise Damaged
    except (Damaged, Missing):
        return m.NOT_THIS, {}
    fields = {}
    put(fields, m.F_REQUEST_TYPE, little(kind, 1))
    try:
        for _ in range(16):
            if not body.left:
                break
            tag, value = element(body)
            read_element(kind, tag - 0xA0, value, fields)
    except (Damaged, Missing):
        return 0, fields
    return int(len(data) >= wire), fields


def element(span):
    """Read one element's tag and length; return the tag and its content."""
    if span.left < 2:
        raise Damaged
    tag, size = span.take(2)
    if size >= 0x80:
        count = size & 0x7F
        if not 0 < count <= 4:
            raise Damaged
        size = span.number(count)
    return tag, span.inner(size)


def integer(span):
    """The INTEGER that fills a span, or -1."""
    try:
        tag, value = element(span)
        content = value.take(value.left)
    except (Damaged, Missing):
        return -1
    if tag != 2 or not 0 < len(content) <= 5:
        return -1
    number = int.from_bytes(content, "big", signed=True)
    return number if 0 <= number < 1 << 31 else -1


def string(span):
    """The string that fills a span, or None."""
    try:
        tag, value = element(span)
        content = value.take(value.left)
    except (Damaged, Missing):
        return None
    return content if tag in STRINGS and 0 < len(content) <= 512 else None


def principal(span):
    """The components of a PrincipalName joined by "/", or None where any of it is missing."""
    try:
        tag, names = element(span)
        if tag != 0x30:
            return None
        whole(names)
        tags = []
        for _ in range(2):
            tag, value = element(names)
            tags.append(tag)
        if tags != [0xA0, 0xA1]:
            return None
        tag, names = element(value)
        if tag != 0x30:
            return None
        parts = []
        for _ in range(8):
            if names.left:
                tag, value = element(names)
                if tag not in STRINGS:
                    return None
                parts.append(value.take(value.left))
    except (Damaged, Missing):
        return None
    name = b"/".join(parts)
    return name if name and not names.left and len(name) <= 512 else None


def whole(span):
    """The span itself, if all of it was captured."""
    if len(span.data) < span.end:
        raise Missing
    return span


def put_name(fields, field, value):
    if value is not None:
        put(fields, field, value)


def read_element(kind, number, span, fields):
    """Read element [number] of a message."""
    if kind in (10, 12) and number == 4:
        read_body(span, fields)
    elif kind in (11, 13):
        if number == 3:
            put_name(fields, m.F_REALM, string(span))
        elif number == 4:
            put_name(fields, m.F_CNAME, principal(span))
        elif number == 5:
            read_ticket(span, fields, with_realm=False)
        elif number == 6:
            read_encrypted(span, fields)
    elif kind == 14 and number == 3:
        read_ticket(span, fields, with_realm=True)
    elif kind == 30:
        if number == 6 and (code := integer(span)) >= 0:
            put(fields, m.F_ERROR_CODE, little(code, 4))
        elif number == 7:
            put_name(fields, m.F_REALM, string(span))
        elif number == 8:
            put_name(fields, m.F_CNAME, principal(span))
        elif number == 10:
            put_name(fields, m.F_SNAME, principal(span))


def sequence(span, most):
    """Yield up to `most` elements of the SEQUENCE that fills a span, as far as they can be read."""
    try:
        tag, inner = element(span)
        if tag == 0x30:
            for _ in range(most):
                if not inner.left:
                    return
                yield element(inner)
    except (Damaged, Missing):
        return


def read_body(span, fields):
    for tag, value in sequence(span, 16):
        if tag == 0xA1:
            put_name(fields, m.F_CNAME, principal(value))
        elif tag == 0xA2:
            put_name(fields, m.F_REALM, string(value))
        elif tag == 0xA3:
            put_name(fields, m.F_SNAME, principal(value))
        elif tag == 0xA8 and len(value.data) >= etypes_end(value):
            for number in etypes(value):
                put(fields, m.F_ETYPE, little(number & 0xFFFFFFFF, 4))


def etypes_end(span):
    """Where the list of encryption types ends, or beyond everything where that cannot be read."""
    try:
        _, inner = element(Span(span.data, span.end, span.at))
    except (Damaged, Missing):
        return 1 << 40
    return inner.end


def etypes(span):
    for tag, value in sequence(span, 16):
        if tag != 2 or not 0 < value.left <= 4:
            return
        yield int.from_bytes(value.take(value.left), "big", signed=True)


def read_ticket(span, fields, *, with_realm):
    try:
        tag, ticket = element(span)
    except (Damaged, Missing):
        return
    if tag != 0x61:
        return
    for tag, value in sequence(ticket, 3):
        if tag == 0xA1 and with_realm:
            put_name(fields, m.F_REALM, string(value))
        elif tag == 0xA2:
            put_name(fields, m.F_SNAME, principal(value))


def read_encrypted(span, fields):
    for tag, value in sequence(span, 1):
        if tag == 0xA0 and (number := integer(value)) >= 0:
            put(fields, m.F_ETYPE, little(number, 4))


def parse_kerberos_tcp(data, wire):
    """Return (status or whole, fields) of the first message behind its length."""
    if len(data) < 4:
        if len(data) >= 2 and int.from_bytes(data[:2], "big") > 1:
            return m.NOT_THIS, {}
        return (m.NEED_MORE if len(data) >= wire else m.NOT_THIS), {}
    size = int.from_bytes(data[:4], "big")
    if not 10 <= size <= 1 << 16 or (len(data) > 4 and data[4] - 0x60 not in (10, 11, 12, 13, 14, 15, 30)):
        return m.NOT_THIS, {}
    if wire < 4 + size:
        return m.NEED_MORE, {}
    return parse_kerberos(data[4 : 4 + size], size)
