"""JA3 and JA4 texts, from lists of numbers as their authors describe them."""


def is_grease(value):
    """RFC 8701 §2: 0x0A0A, 0x1A1A … 0xFAFA."""
    return value in [0x1010 * k + 0x0A0A for k in range(16)]


def plain(values):
    """A list without GREASE."""
    return [value for value in values if not is_grease(value)]


def ja3(version, ciphers, extensions, groups, formats):
    """The text whose MD5 is JA3."""
    lists = [plain(ciphers), plain(extensions), plain(groups), formats]
    return ",".join([str(version), *("-".join(map(str, values)) for values in lists)]).encode()


def ja3s(version, cipher, extensions):
    """The text whose MD5 is JA3S."""
    return f"{version},{cipher},{'-'.join(map(str, plain(extensions)))}".encode()


def ja4(transport, version, named, protocol, ciphers, extensions, signatures):
    """The raw form of JA4."""
    names = {0x0304: "13", 0x0303: "12", 0x0302: "11", 0x0301: "10", 0x0300: "s3", 0x0002: "s2"}
    names |= {0xFEFF: "d1", 0xFEFD: "d2", 0xFEFC: "d3"}
    ciphers, extensions, signatures = plain(ciphers), plain(extensions), plain(signatures)
    head = f"{transport}{names.get(version, '00')}{'d' if named else 'i'}"
    head += f"{min(len(ciphers), 99):02d}{min(len(extensions), 99):02d}{alpn_ends(protocol)}"
    listed = sorted(value for value in extensions if value not in (0, 16))
    parts = [head, hexes(sorted(ciphers)), hexes(listed)]
    return "_".join(parts + [hexes(signatures)] * bool(signatures)).encode()


def hexes(values):
    return ",".join(f"{value:04x}" for value in values)


def alpn_ends(protocol):
    """First and last character of a protocol, or of its hexadecimal form."""
    if not protocol:
        return "00"
    ends = bytes((protocol[0], protocol[-1]))
    return ends.decode() if ends.isalnum() else protocol.hex()[0] + protocol.hex()[-1]
