"""ClientHello and ServerHello, read from RFC 8446 §4.1 with bytes and exceptions."""

from sensor.model import metadata as m
from tests.naive.fingerprints import ja3, ja3s, ja4, plain
from tests.naive.span import Damaged, Later, Missing, Span, little, put

JOINED = 4096


def parse_tls(data, wire):
    """Return (status or whole, kind, fields) of the hello that opens a stream."""
    try:
        message, length, joined = handshake(data, wire)
        if len(message) < 6 or message[4] != 3 or message[5] > 4:
            raise Damaged
        if message[0] not in (1, 2):
            raise Damaged
        fields = {}
        span = Span(message, length, 4)
        read = read_client if message[0] == 1 else read_server
        whole = int(read(span, fields, room(joined)))
    except Later:
        return m.NEED_MORE, m.K_NONE, {}
    except (Damaged, Missing):
        return m.NOT_THIS, m.K_NONE, {}
    return whole, m.K_TLS_CLIENT if message[0] == 1 else m.K_TLS_SERVER, fields


def room(joined):
    """Bytes the fields may take: the arena without scratch, and without a hello that had to be joined."""
    return m.META_MAX_BYTES - joined, 2 * (128 + 256), 2 * 128


def handshake(data, wire):
    """Return (captured bytes of the handshake message, its length, bytes joined from several records)."""
    for i, good in enumerate((lambda b: b == 22, lambda b: b == 3, lambda b: b <= 4)):
        if i < len(data) and not good(data[i]):
            raise Damaged
    if len(data) < 5:
        raise Later if len(data) == wire else Damaged
    record = int.from_bytes(data[3:5], "big")
    if not 0 < record <= 1 << 14 or (len(data) > 5 and data[5] not in (1, 2)):
        raise Damaged
    if record < 4:
        start = join(data, wire, 4)
    else:
        start = data[5:9]
        if len(start) < 4:
            raise Later if wire < 9 else Damaged
    if len(start) < 4:
        raise Damaged
    length = 4 + int.from_bytes(start[1:4], "big")
    if length > 1 << 16:
        raise Damaged
    if record >= 4 and length <= record:
        if wire < 5 + length:
            raise Later
        return data[5 : 5 + length], length, 0
    most = min(length, JOINED)
    return join(data, wire, most), length, most


def join(data, wire, most):
    """Join the first bytes of the handshake stream over its records; fewer where they were not captured."""
    message, at = b"", 0
    for _ in range(64):
        if at + 5 > wire:
            raise Later
        head = data[at : at + 5]
        if len(head) < 5:
            return message
        size = int.from_bytes(head[3:], "big")
        if head[0] != 22 or head[1] != 3 or not 0 < size <= 1 << 14:
            raise Damaged
        wanted = min(size, most - len(message))
        if at + 5 + wanted > wire:
            raise Later
        got = data[at + 5 : at + 5 + wanted]
        message += got
        if len(message) == most or len(got) < wanted:
            return message
        at += 5 + size
    raise Damaged


def used(fields):
    return sum(3 + len(value) for values in fields.values() for value in values)


def words(content):
    """The 16-bit numbers of a list; an odd byte at its end is dropped."""
    return [int.from_bytes(content[i : i + 2], "big") for i in range(0, len(content) - 1, 2)]


def vector(content, width):
    """The vector behind its length, empty where it is damaged."""
    size = int.from_bytes(content[:width], "big")
    return content[width : width + size] if len(content) >= width + size else b""


def extensions(span):
    """Yield (type, content) of the extensions that were captured; raises Missing where one was not."""
    for _ in range(129):
        if not span.left:
            return
        if span.left < 4:
            raise Damaged
        kind, size = span.number(2), span.number(2)
        yield kind, span.take(size)
    raise Missing


def read_client(span, fields, room):
    """Read a ClientHello behind its handshake header; tell whether nothing was missing."""
    version = span.number(2)
    content = {}
    order = []
    ciphers = b""
    if span.left < 33:
        raise Damaged
    try:
        span.take(32)
        span.inner(span_length(span, 32))
        size = span.number(2)
        if size % 2:
            raise Damaged
        ciphers_at = span.inner(size)
        compression = span.inner(span.number(1))
        body = Span(span.data, span.end, span.end)
        if span.left:
            body = span.inner(span.number(2))
        ciphers = ciphers_at.take(size)
        del compression
    except Missing:
        put(fields, m.F_VERSION, little(version, 2))
        return False
    put(fields, m.F_VERSION, little(version, 2))
    whole = True
    try:
        for number, (kind, value) in enumerate(extensions(body)):
            if number == 128:
                raise Missing
            order.append(kind)
            if kind not in content:
                content[kind] = value
                read_extension(kind, value, fields)
    except Missing:
        whole = False
    if not whole:
        if 43 in content:
            highest = max(plain(words(vector(content[43], 1))), default=None)
            if highest is not None:
                put(fields, m.F_SUPPORTED_VERSION, little(highest, 2))
        return False
    highest = max(plain(words(vector(content.get(43, b""), 1))), default=version)
    put(fields, m.F_SUPPORTED_VERSION, little(highest, 2))
    return fingerprint(version, highest, words(ciphers), order, content, fields, room[0] - room[1])


def span_length(span, most):
    """Read a one-byte length of at most `most`."""
    size = span.number(1)
    if size > most:
        raise Damaged
    return size


def read_extension(kind, value, fields):
    """Read what one extension says of itself."""
    if kind == 0 and len(value) >= 5 and value[2] == 0:
        size = int.from_bytes(value[3:5], "big")
        if 0 < size <= 255 and 5 + size <= len(value):
            put(fields, m.F_SERVER_NAME, value[5 : 5 + size])
    elif kind == 16:
        for protocol in protocols(value) or ():
            put(fields, m.F_ALPN, protocol)
    elif kind in (0xFE0D, 0xFFCE) and m.F_ECH not in fields:
        put(fields, m.F_ECH, b"\1")


def protocols(value):
    """The protocols of an ALPN extension, or None where the list is damaged or holds more than eight."""
    if len(value) < 2:
        return None
    span = Span(value, len(value))
    found = []
    try:
        inner = span.inner(span.number(2))
        while inner.left:
            found.append(inner.take(inner.number(1)))
    except Damaged:
        return None
    return found if len(found) <= 8 else None


def fingerprint(version, highest, ciphers, order, content, fields, limit):
    """Write JA4, and JA3 where there is room for both."""
    groups = vector(content.get(10, b""), 2)
    formats = vector(content.get(11, b""), 1)
    signatures = vector(content.get(13, b""), 2)
    if len(ciphers) > 256 or max(len(groups) // 2, len(signatures) // 2, len(formats)) > 128:
        return False
    ja3_room = 6 * (len(ciphers) + len(order) + len(groups) // 2) + 4 * len(formats) + 32
    ja4_room = 5 * (len(ciphers) + len(order) + len(signatures) // 2) + 32
    if used(fields) + ja4_room > limit:
        return False
    both = used(fields) + ja3_room + ja4_room <= limit
    if both:
        put(fields, m.F_JA3_TEXT, ja3(version, ciphers, order, words(groups), list(formats)))
    listed = vector(content.get(16, b""), 2)
    protocol = listed[1 : 1 + listed[0]] if listed else b""
    text = ja4("t", highest, 0 in order, protocol, ciphers, order, words(signatures))
    put(fields, m.F_JA4_TEXT, text)
    return both


def read_server(span, fields, room):
    """Read a ServerHello behind its handshake header; tell whether nothing was missing."""
    start = span.at
    version = span.number(2)
    put(fields, m.F_VERSION, little(version, 2))
    if span.end < start + 35:
        raise Damaged
    try:
        span.take(32)
        span.inner(span_length(span, 32))
        if span.left < 3:
            raise Damaged
        if len(span.data) < span.at + 3:
            return False
        cipher = span.number(2)
        put(fields, m.F_CIPHER, little(cipher, 2))
        span.take(1)
        body = span.inner(span.number(2)) if span.left else Span(span.data, span.end, span.end)
        supported, order = version, []
        for number, (kind, value) in enumerate(extensions(body)):
            if number == 128:
                raise Missing
            order.append(kind)
            if kind == 16:
                for protocol in protocols(value) or ():
                    put(fields, m.F_ALPN, protocol)
            elif kind == 43 and len(value) == 2:
                supported = int.from_bytes(value, "big")
    except Missing:
        return False
    put(fields, m.F_SUPPORTED_VERSION, little(supported, 2))
    if used(fields) + 6 * len(order) + 32 > room[0] - room[2]:
        return False
    put(fields, m.F_JA3S_TEXT, ja3s(version, cipher, order))
    return True
