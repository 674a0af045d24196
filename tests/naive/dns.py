"""DNS messages, read from RFC 1035 with bytes and exceptions."""

from sensor.model import metadata as m
from tests.naive.span import Damaged, Missing, Span, little, put


def parse_dns(data, wire):
    """Return (NOT_THIS or 1 or 0, fields)."""
    if len(data) < 12:
        return m.NOT_THIS, {}
    ident, flags, questions, answers = (int.from_bytes(data[i : i + 2], "big") for i in range(0, 8, 2))
    if header(data, wire) == m.NOT_THIS:
        return m.NOT_THIS, {}
    fields = {}
    whole = int(len(data) >= wire)
    span = Span(data, wire, 12)
    known = True
    if questions:
        try:
            name = read_name(span)
            if span.left < 4:
                raise Damaged
            kind, qclass = span.number(2), span.number(2)
        except Damaged:
            return m.NOT_THIS, {}
        except Missing:
            known = False
        else:
            name = netbios(name) if kind in (32, 33) else name
            if name:
                put(fields, m.F_QUERY, name)
            put(fields, m.F_QTYPE, little(kind, 2))
            put(fields, m.F_QCLASS, little(qclass, 2))
    put(fields, m.F_TRANS_ID, little(ident, 2))
    put(fields, m.F_FLAGS, little(flags, 2))
    if flags & 0x8000:
        put(fields, m.F_RCODE, little(flags & 15, 1))
    if not flags & 0x8000 or not answers:
        return whole, fields
    if not known or questions > 32:
        return 0, fields
    try:
        for _ in range(questions - 1):
            skip_name(span)
            span.take(4)
        complete = read_answers(span, answers, fields)
    except (Damaged, Missing):
        complete = False
    return whole and int(complete), fields


def header(data, wire):
    """Judge the twelve bytes of a header: NOT_THIS or 0."""
    flags, questions, *others = (int.from_bytes(data[i : i + 2], "big") for i in range(2, 12, 2))
    if flags >> 11 & 15 not in (0, 1, 2, 4, 5, 6, 7, 8, 9, 15):
        return m.NOT_THIS
    fits = 12 + 5 * questions + 11 * sum(others) <= wire
    return 0 if fits or flags & 0x200 else m.NOT_THIS


def read_answers(span, count, fields):
    """Read the answer section; tell whether all of it was read."""
    for number in range(count):
        skip_name(span)
        kind, _, ttl, size = span.number(2), span.number(2), span.number(4), span.number(2)
        if number >= 64 or used(fields) + 4 * 255 + 3 + 16 > m.META_MAX_BYTES:
            return False
        start = span.at
        content = span.take(size)
        value = answer(span.data, start, start + size, span.end, kind, content)
        if value is not None:
            put(fields, *value)
            put(fields, m.F_TTL, little(ttl, 4))
    return True


def used(fields):
    """Bytes that fields take, headers counted."""
    return sum(3 + len(value) for values in fields.values() for value in values)


def answer(data, start, stop, wire, kind, content):
    """Return (field, value) of one record, or None."""
    if (kind, len(content)) in ((1, 4), (28, 16)):
        return m.F_ANSWER_A, content
    if kind == 16:
        text, at = b"", 0
        while at < len(content):
            text += content[at + 1 : at + 1 + content[at]]
            at += 1 + content[at]
        return m.F_ANSWER_TEXT, text[:1024]
    skip = {5: 0, 12: 0, 2: 0, 15: 2, 33: 6}.get(kind)
    if skip is None or len(content) <= skip:
        return None
    try:
        return m.F_ANSWER_NAME, read_name(Span(data[:stop], stop, start + skip))
    except (Damaged, Missing):
        return None


def read_name(span):
    """Read a name and return it as text; the span then stands behind it."""
    labels = []
    length, jumps = 0, 0
    cursor = Span(span.data, span.end, span.at)
    lowest, after = span.at, None
    while True:
        size = cursor.number(1)
        if size == 0:
            break
        if size >= 0xC0:
            target = (size & 0x3F) << 8 | cursor.number(1)
            jumps += 1
            if target >= lowest or target < 12 or jumps > 32:
                raise Damaged
            after = after or cursor.at
            lowest = target
            cursor = Span(span.data, span.end, target)
        elif size >= 0x40:
            raise Damaged
        else:
            length += 1 + size
            if length > 254:
                raise Damaged
            labels.append(cursor.take(size))
    span.at = after or cursor.at
    return b".".join(map(shown, labels)) or b"."


def shown(label):
    """Write one label as text."""
    text = ""
    for char in label.lower():
        text += chr(char) if 0x20 <= char < 0x7F and chr(char) not in ".\\" else f"\\x{char:02x}"
    return text.encode()


def skip_name(span):
    """Step over a name without following it."""
    start = span.at
    while True:
        size = span.number(1)
        if size == 0:
            return
        if size >= 0xC0:
            span.take(1)
            return
        if size >= 0x40:
            raise Damaged
        span.take(size)
        if span.at - start >= 255:
            raise Damaged


def netbios(text):
    """Decode the first-level encoding of RFC 1001 §14.1, where this is one."""
    first = text.split(b".")[0]
    if len(first) != 32 or any(not 0x61 <= char <= 0x70 for char in first):
        return text
    name = bytes((first[i] - 0x61) * 16 + first[i + 1] - 0x61 for i in range(0, 30, 2))
    return name.rstrip(b" \0").lower()


def parse_dns_tcp(data, wire):
    """Return (status or whole, fields) of the first message behind its length."""
    if wire < 2:
        return m.NEED_MORE, {}
    if len(data) < 2:
        return m.NOT_THIS, {}
    size = int.from_bytes(data[:2], "big")
    if size < 12:
        return m.NOT_THIS, {}
    if wire < 2 + size:
        if len(data) >= 14 and header(data[2:14], size) == m.NOT_THIS:
            return m.NOT_THIS, {}
        return m.NEED_MORE, {}
    return parse_dns(data[2 : 2 + size], size)
