"""NTLM messages, read from MS-NLMP §2.2.1 with slices."""

import base64
import re
import struct

from sensor.model import metadata as m
from tests.naive.span import little, put

SIGNATURE = b"NTLMSSP\0"
BASE64 = base64.b64encode(SIGNATURE)[:8]


def scan(data):
    """Return the position of the first message, or its base64 form in what looks like HTTP, or -1."""
    data = data[:2048]
    if len(data) < 12:
        return -1
    text = all(65 <= char <= 90 for char in data[:2])
    found = [at for at in (data.find(SIGNATURE), data.find(BASE64) if text else -1) if at >= 0]
    return min(found, default=-1)


def parse_ntlm(data, wire):
    """Return (status or whole, fields) of the message that starts here."""
    encoded = data.startswith(BASE64)
    if encoded:
        characters = re.match(rb"[A-Za-z0-9+/]*", data)[0][:4096]
        usable = characters[: len(characters) - (len(characters) % 4 == 1)]
        decoded = base64.b64decode(usable + b"=" * (-len(usable) % 4))
        if len(characters) == len(data) == wire and len(decoded) < 3072:
            return m.NEED_MORE, {}
        wire = len(decoded) if len(characters) < len(data) else 8192
        data = decoded
    if len(data) < 12:
        return (m.NEED_MORE if len(data) == wire and not encoded else m.NOT_THIS), {}
    if data[:8] != SIGNATURE or int.from_bytes(data[8:12], "little") not in (2, 3):
        return m.NOT_THIS, {}
    kind = data[8]
    fixed = 48 if kind == 2 else 64
    if wire < fixed:
        return m.NEED_MORE, {}
    fields = {m.F_MSG_TYPE: [little(kind, 1)]}
    if len(data) < fixed:
        return 0, fields
    return (challenge if kind == 2 else authenticate)(data, wire, fields)


def authenticate(data, wire, fields):
    unicode = data[60] & 1
    whole = 1
    for at, field in ((28, m.F_DOMAINNAME), (36, m.F_USERNAME), (44, m.F_HOSTNAME)):
        size, _, start = struct.unpack_from("<HHI", data, at)
        if not size:
            continue
        if start + size > 8192 or size > 512 or start < 32 or (unicode and size % 2):
            return m.NOT_THIS, {}
        if start + size > wire:
            return m.NEED_MORE, {}
        if start + size > len(data):
            whole = 0
            continue
        value = data[start : start + size]
        put(fields, field, utf16(value) if unicode else value)
    return whole, fields


def challenge(data, wire, fields):
    size, start = struct.unpack_from("<H2xI", data, 40)
    if not size:
        return 1, fields
    if start + size > 8192 or start < 48:
        return m.NOT_THIS, {}
    if start + size > wire:
        return m.NEED_MORE, {}
    names = {1: m.F_SERVER_NB_NAME, 3: m.F_SERVER_DNS_NAME, 5: m.F_SERVER_TREE_NAME}
    at, end = start, start + size
    for _ in range(16):
        if at + 4 > end:
            break
        if at + 4 > len(data):
            return 0, fields
        kind, length = struct.unpack_from("<HH", data, at)
        if not kind or at + 4 + length > end:
            break
        if at + 4 + length > len(data):
            return 0, fields
        field = names.get(kind)
        if field and field not in fields and 0 < length <= 512:
            put(fields, field, utf16(data[at + 4 : at + 4 + length]))
        at += 4 + length
    return 1, fields


def utf16(value):
    """UTF-8 of a UTF-16LE text; each lone surrogate becomes U+FFFD, an odd byte is dropped."""
    text = value[: len(value) // 2 * 2].decode("utf-16-le", "surrogatepass")
    return "".join("\ufffd" if 0xD800 <= ord(char) <= 0xDFFF else char for char in text).encode()
