"""Texts of the TLS fingerprints JA3 and JA4, from the lists of a ClientHello. `sensor.packets.messages` hashes them.

- JA3 (https://github.com/salesforce/ja3): `version,suites,extensions,groups,point formats`, decimal, as offered.
- JA4 (https://github.com/FoxIO-LLC/ja4, technical_details/JA4.md): its raw form, suites and extensions sorted,
  `t13d1516h2_1301,…_0005,…_0403,…`.

GREASE values (RFC 8701) are left out of both, as their authors do. A list is taken whole or there is no text.
"""

from baselines._jit import be16, byte, kernel, put16
from sensor.model.metadata import F_JA3_TEXT, F_JA4_TEXT
from sensor.packets.tlv import BYTES, HEADER, INT, close_field, put_decimal, put_hex

CIPHERS_MAX = 256
EXTENSIONS_MAX = 128
LIST_MAX = 128
"""Entries beyond which there is no fingerprint. IANA lists 370 suites and 60 extensions; the longest real offers, made
by scanners, have about 200 and 30. The bounds make the worst sort a few microseconds."""
X_SERVER_NAME, X_ALPN = 0, 16
"""The two extensions that JA4 counts and does not list."""

SHELL_GAPS = (57, 23, 10, 4, 1)
"""Ciura 2001, "Best increments for the average case of Shellsort"."""


@kernel(pin=(INT,))
def is_grease(value):  # type: ignore[no-untyped-def]
    """Tell whether a 16-bit value is one of RFC 8701 §2's sixteen."""
    return value & 0x0F0F == 0x0A0A and value >> 8 == value & 255


@kernel(pin=(BYTES, INT, INT, BYTES, INT, INT))
def put_decimals(words, start, end, out, at, separator):  # type: ignore[no-untyped-def]
    """Write the 16-bit words of words[start:end] in decimal, joined by "-", without GREASE, and then `separator`."""
    first = at
    for i in range(start, end, 2):
        value = be16(words, i)
        if not is_grease(value):
            at = put_decimal(out, at, value, 45)
    if at == first:
        at += 1
    out[at - 1] = separator
    return at


@kernel(pin=(BYTES, INT, INT, BYTES, INT, INT))
def put_hexes(words, start, end, out, at, separator):  # type: ignore[no-untyped-def]
    """Write the 16-bit words of words[start:end] in hexadecimal, joined by ",", no GREASE, and then `separator`."""
    first = at
    for i in range(start, end, 2):
        value = be16(words, i)
        if not is_grease(value):
            at = put_hex(out, at, value, 44)
    if at == first:
        at += 1
    out[at - 1] = separator
    return at


@kernel(pin=(INT,))
def swapped(value):  # type: ignore[no-untyped-def]
    """Return a 16-bit value with its bytes exchanged."""
    return value >> 8 | (value & 255) << 8


@kernel(pin=(BYTES, INT, INT))
def sort_words(out, at, count):  # type: ignore[no-untyped-def]
    """Sort `count` big-endian 16-bit words at `at` in place (Shell's sort)."""
    for gap in SHELL_GAPS:
        for i in range(gap, count):
            value = be16(out, at + 2 * i)
            j = i
            while j >= gap:
                other = be16(out, at + 2 * (j - gap))
                if other <= value:
                    break
                put16(out, at + 2 * j, swapped(other))
                j -= gap
            put16(out, at + 2 * j, swapped(value))


@kernel(pin=(BYTES, INT, INT, INT, INT, BYTES, INT))
def keep_words(words, start, end, drop_a, drop_b, out, at):  # type: ignore[no-untyped-def]
    """Copy the words of words[start:end] but GREASE and two values to `at`; return how many. May work in place."""
    kept = 0
    for i in range(start, end, 2):
        value = be16(words, i)
        put16(out, at + 2 * kept, swapped(value))
        kept += value != drop_a and value != drop_b and not is_grease(value)
    return kept


@kernel(pin=(BYTES, INT, INT))
def put_version(out, at, version):  # type: ignore[no-untyped-def]
    """Write JA4's two characters for a version: 13, 12, 11, 10, s3, s2, d1 - d3, else 00."""
    first, second = 48, 48
    if 0x0301 <= version <= 0x0304:
        first, second = 49, 47 + (version & 255)
    elif version == 0x0300:
        first, second = 115, 51
    elif version == 0x0002:
        first, second = 115, 50
    elif version == 0xFEFF:
        first, second = 100, 49
    elif version == 0xFEFD or version == 0xFEFC:
        first, second = 100, 50 + (version == 0xFEFC)
    out[at] = first
    out[at + 1] = second
    return at + 2


@kernel(pin=(BYTES, INT, INT, BYTES, INT))
def put_alpn_ends(buf, start, end, out, at):  # type: ignore[no-untyped-def]
    """Write JA4's two characters for the first protocol, buf[start:end]."""
    if end <= start:
        out[at] = 48
        out[at + 1] = 48
        return at + 2
    first = byte(buf, start)
    last = byte(buf, end - 1)
    plain = True
    for char in (first, last):
        low = char | 32
        plain = plain and (48 <= char <= 57 or (97 <= low <= 122 and char >= 65))
    if not plain:
        first = (first >> 4) + 48 + (first > 0x9F) * 39
        last = (last & 15) + 48 + ((last & 15) > 9) * 39
    out[at] = first
    out[at + 1] = last
    return at + 2


@kernel(pin=(BYTES, INT, INT, INT, INT, INT, INT, INT, INT, BYTES, INT, INT))
def put_ja3(buf, version, c0, c1, g0, g1, p0, p1, types, out, at, count):  # type: ignore[no-untyped-def]
    """Write JA3's text: suites buf[c0:c1], `count` extension types at out[types], groups, point formats."""
    write = put_decimal(out, at + HEADER, version, 44)
    write = put_decimals(buf, c0, c1, out, write, 44)
    write = put_decimals(out, types, types + 2 * count, out, write, 44)
    write = put_decimals(buf, g0, g1, out, write, 44)
    if p0 == p1:
        return close_field(out, at, F_JA3_TEXT, write)
    for i in range(p0, p1):
        write = put_decimal(out, write, byte(buf, i), 45)
    return close_field(out, at, F_JA3_TEXT, write - 1)


@kernel(pin=(BYTES, INT, INT, INT, INT, INT, INT, INT, INT, INT, INT, BYTES, INT, INT))
def put_ja4(buf, transport, version, named, a0, a1, c0, c1, s0, s1, types, out, at, count):  # type: ignore[no-untyped-def]
    """Write JA4's raw text. The scratch at out[types], `count` extension types and behind it the suites, is sorted."""
    suites = types + 2 * EXTENSIONS_MAX
    suite_count = keep_words(buf, c0, c1, -1, -1, out, suites)
    sort_words(out, suites, suite_count)
    out[at + HEADER] = transport
    write = put_version(out, at + HEADER + 1, version)
    out[write] = 100 if named else 105
    shown = min(suite_count, 99)
    out[write + 1] = 48 + shown // 10
    out[write + 2] = 48 + shown % 10
    count = keep_words(out, types, types + 2 * count, -1, -1, out, types)
    shown = min(count, 99)
    out[write + 3] = 48 + shown // 10
    out[write + 4] = 48 + shown % 10
    write = put_alpn_ends(buf, a0, a1, out, write + 5)
    out[write] = 95
    write = put_hexes(out, suites, suites + 2 * suite_count, out, write + 1, 95)
    count = keep_words(out, types, types + 2 * count, X_SERVER_NAME, X_ALPN, out, types)
    sort_words(out, types, count)
    write = put_hexes(out, types, types + 2 * count, out, write, 95)
    after = put_hexes(buf, s0, s1, out, write, 95)
    # One byte more than the separator only: there were signature algorithms, or else their separator goes too
    return close_field(out, at, F_JA4_TEXT, (after if after > write + 1 else write) - 1)
