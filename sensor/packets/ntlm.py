"""NTLM CHALLENGE and AUTHENTICATE messages (MS-NLMP §2.2.1.2, §2.2.1.3), wherever a payload carries one.

SMB, LDAP, DCE-RPC and others embed the message as it is; HTTP carries it in base64 (MS-NTHT). Both are found by their
signature near the start of a payload, without reading the protocol around it. UTF-16 names are written as UTF-8; OEM
names (no Unicode flag) as they are. NEGOTIATE messages, which name nobody reliably, are not read.
"""

import numpy as np

from baselines._jit import byte, kernel, le16, le32, ule64
from sensor.model.metadata import (
    F_DOMAINNAME,
    F_HOSTNAME,
    F_MSG_TYPE,
    F_SERVER_DNS_NAME,
    F_SERVER_NB_NAME,
    F_SERVER_TREE_NAME,
    F_USERNAME,
    META_MAX_BYTES,
    NEED_MORE,
    NOT_THIS,
)
from sensor.packets.tlv import BYTES, HEADER, INT, close_field, find_byte, put_bytes, put_number

SIGNATURE = np.uint64(int.from_bytes(b"NTLMSSP\0", "little"))
BASE64_SIGNATURE = np.uint64(int.from_bytes(b"TlRMTVNT", "little"))
"""The first eight characters of the signature in base64; the ninth and tenth are checked after decoding."""

SCAN_MAX = 2048
"""Bytes of a payload searched. SMB, LDAP and RPC put the token within a few hundred; HTTP headers may come first."""
CHALLENGE, AUTHENTICATE = 2, 3
CHALLENGE_BYTES = 48
AUTHENTICATE_BYTES = 64
"""Fixed parts up to TargetInfoFields and NegotiateFlags."""
UNICODE = 1
MESSAGE_MAX = 8192
"""Offsets beyond are damaged: three names, the responses and the target information stay under 2 KiB."""
NAME_MAX = 512
"""Bytes of a name on the wire, UTF-16: 256 characters, the limit of a Windows account, host or DNS name."""
PAIRS_MAX = 16
"""Attribute pairs of a challenge; MS-NLMP §2.2.2.1 defines eleven."""
DECODED_MAX = 3072
"""Bytes of a base64 message decoded, in the arena's tail."""

MISSING, BROKEN, LATER = 0, -1, -2


@kernel(pin=(BYTES, INT, INT))
def scan(buf, pos, cap_end):  # type: ignore[no-untyped-def]
    """Return the position of the first NTLM message, or its base64 form in what looks like HTTP, or -1."""
    end = min(cap_end, pos + SCAN_MAX)
    if end - pos < 12:
        return -1
    text = 65 <= buf[pos] <= 90 and 65 <= buf[pos + 1] <= 90  # "POST …", "HTTP/1.1 …"
    wanted = 77 if text else 78  # "M" is the fourth character of one form, "N" the first of the other
    back = 3 if text else 0
    at = pos + back
    while True:
        at = find_byte(buf, at, end, wanted)
        if at + 8 - back > end:
            return -1
        word = ule64(buf, at - back)
        if word == SIGNATURE or (text and word == BASE64_SIGNATURE):
            return at - back
        at += 1


@kernel(pin=(INT,))
def base64_value(char):  # type: ignore[no-untyped-def]
    """Return the six bits of a base64 character (RFC 4648 §4), or -1."""
    value = -1
    if 65 <= char <= 90:
        value = char - 65
    elif 97 <= char <= 122:
        value = char - 71
    elif 48 <= char <= 57:
        value = char + 4
    elif char == 43:
        value = 62
    elif char == 47:
        value = 63
    return value


@kernel(pin=(BYTES, INT, INT, BYTES, INT, INT))
def decode_base64(buf, pos, end, out, at, most):  # type: ignore[no-untyped-def]
    """Decode from `pos` to the first character that is none of base64's, at most `most` bytes.

    Returns:
        (bytes written at `at`, the position where it stopped).
    """
    write = at
    bits = 0
    held = 0
    while pos < end and write < at + most:
        value = base64_value(byte(buf, pos))
        if value < 0:
            break
        bits = (bits << 6 | value) & 0xFFF
        held += 6
        if held >= 8:
            held -= 8
            out[write] = bits >> held & 255
            write += 1
        pos += 1
    return write - at, pos


@kernel(pin=(BYTES, INT, INT, BYTES, INT, INT))
def put_utf16(buf, start, end, out, at, field):  # type: ignore[no-untyped-def]
    """Write the UTF-16LE text buf[start:end] as UTF-8; a lone surrogate becomes U+FFFD."""
    write = at + HEADER
    i = start
    while i + 2 <= end:
        code = le16(buf, i)
        i += 2
        if 0xD800 <= code <= 0xDFFF:
            low = le16(buf, i) if code < 0xDC00 and i + 2 <= end else 0
            if 0xDC00 <= low <= 0xDFFF:
                code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00)
                i += 2
            else:
                code = 0xFFFD
        if code < 0x80:
            out[write] = code
            write += 1
            continue
        tail = 1 + (code >= 0x800) + (code >= 0x10000)
        out[write] = (0xFF00 >> tail + 1 & 0xFF) | code >> 6 * tail
        for k in range(1, tail + 1):
            out[write + k] = 0x80 | (code >> 6 * (tail - k) & 0x3F)
        write += tail + 1
    return close_field(out, at, field, write)


@kernel(pin=(BYTES, INT, INT, INT, INT, INT, INT, BYTES, INT))
def put_name(buf, base, descriptor, cap_end, wire_end, field, unicode, out, at):  # type: ignore[no-untyped-def]
    """Write the name that the security buffer at `descriptor` points to, in the message at `base`.

    Returns:
        (position after it, 1; or 0 where its bytes were not captured, BROKEN where it cannot be, LATER where it lies
        beyond the wire so far).
    """
    size = le16(buf, descriptor)
    start = base + le32(buf, descriptor + 4)
    if size == 0:
        return at, 1
    if start + size - base > MESSAGE_MAX or size > NAME_MAX or start - base < 32 or (unicode and size & 1):
        return at, BROKEN
    if start + size > wire_end:
        return at, LATER
    if start + size > cap_end:
        return at, MISSING
    if unicode:
        return put_utf16(buf, start, start + size, out, at, field), 1
    return put_bytes(out, at, at + HEADER + NAME_MAX, field, buf, start, start + size), 1


@kernel(pin=(BYTES, INT, INT, INT, BYTES, INT))
def put_authenticate(buf, pos, cap_end, wire_end, out, at):  # type: ignore[no-untyped-def]
    """Write domain, user and workstation of the AUTHENTICATE message at `pos`; return (at or NOT_THIS …, whole)."""
    unicode = le32(buf, pos + 60) & UNICODE
    whole = 1
    for i in range(3):
        field = F_DOMAINNAME if i == 0 else F_USERNAME if i == 1 else F_HOSTNAME
        at, got = put_name(buf, pos, pos + 28 + 8 * i, cap_end, wire_end, field, unicode, out, at)
        if got < 0:
            return (NEED_MORE if got == LATER else NOT_THIS), 0
        whole = min(whole, got)
    return at, whole


@kernel(pin=(BYTES, INT, INT, INT, BYTES, INT))
def put_challenge(buf, pos, cap_end, wire_end, out, at):  # type: ignore[no-untyped-def]
    """Write the server's names from the target information of the CHALLENGE at `pos`; return as put_authenticate."""
    size = le16(buf, pos + 40)
    cursor = pos + le32(buf, pos + 44)
    end = cursor + size
    if size == 0:
        return at, 1
    if end - pos > MESSAGE_MAX or cursor - pos < CHALLENGE_BYTES:
        return NOT_THIS, 0
    if end > wire_end:
        return NEED_MORE, 0
    seen = 0
    for _ in range(PAIRS_MAX):
        if cursor + 4 > end:
            break
        if cursor + 4 > cap_end:
            return at, 0
        kind = le16(buf, cursor)
        first = cursor + 4
        cursor = first + le16(buf, cursor + 2)
        if kind == 0 or cursor > end:
            break
        if cursor > cap_end:
            return at, 0
        # Attribute values are always Unicode (MS-NLMP §2.2.2.1). Each counts once, which also bounds what is written.
        if kind < 8 and not seen >> kind & 1 and cursor > first and cursor - first <= NAME_MAX:
            seen |= 1 << kind
            if kind == 1:
                at = put_utf16(buf, first, cursor, out, at, F_SERVER_NB_NAME)
            elif kind == 3:
                at = put_utf16(buf, first, cursor, out, at, F_SERVER_DNS_NAME)
            elif kind == 5:
                at = put_utf16(buf, first, cursor, out, at, F_SERVER_TREE_NAME)
    return at, 1


@kernel(pin=(BYTES, INT, INT, INT, BYTES, INT))
def parse_ntlm(buf, pos, cap_end, wire_end, out, at):  # type: ignore[no-untyped-def]
    """Read the NTLM message that `scan` found at `pos`.

    Args:
        buf: Bytes, uint8; [pos, cap_end) exist, [cap_end, wire_end) were not captured.
        out: Arena, uint8, with META_MAX_BYTES of room at `at`: three names of at most 771 bytes, and DECODED_MAX.

    Returns:
        (position after the fields, 1 if all names were there), or (NOT_THIS or NEED_MORE, 0).
    """
    source = buf
    inside = True
    if cap_end - pos >= 8 and ule64(buf, pos) == BASE64_SIGNATURE:
        source = out
        inside = False
        tail = at + META_MAX_BYTES - DECODED_MAX
        got, stop = decode_base64(buf, pos, cap_end, out, tail, DECODED_MAX)
        if stop == cap_end and cap_end == wire_end and got < DECODED_MAX:
            return NEED_MORE, 0
        wire_end = tail + got if stop < cap_end else tail + MESSAGE_MAX
        pos, cap_end = tail, tail + got
    if cap_end - pos < 12:
        return (NEED_MORE if cap_end == wire_end and inside else NOT_THIS), 0
    if ule64(source, pos) != SIGNATURE:
        return NOT_THIS, 0
    kind = le32(source, pos + 8)
    if kind != CHALLENGE and kind != AUTHENTICATE:
        return NOT_THIS, 0
    fixed = CHALLENGE_BYTES if kind == CHALLENGE else AUTHENTICATE_BYTES
    if pos + fixed > wire_end:
        return NEED_MORE, 0
    at = put_number(out, at, at + HEADER + 1, F_MSG_TYPE, kind, 1)
    if pos + fixed > cap_end:
        return at, 0
    if kind == CHALLENGE:
        return put_challenge(source, pos, cap_end, wire_end, out, at)
    return put_authenticate(source, pos, cap_end, wire_end, out, at)
