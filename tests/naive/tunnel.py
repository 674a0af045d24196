"""Tunnels in IP and UDP payloads. Each function returns the inner layer, not yet walked, or raises Dropped."""

from dataclasses import replace

from tests.naive.link import ETHERNET, IPV4, IPV6, Dropped, by_version, need, wlan, word


def gre(data, layer):
    """RFC 2784, RFC 2890; version 1 is RFC 2637 §4.1; ERSPAN is draft-foschiano-erspan-03."""
    need(data, 4)
    checksum, routing, key, sequence = (bool(data[0] & bit) for bit in (0x80, 0x40, 0x20, 0x10))
    version, inner, rest = data[1] & 7, word(data, 2), data[4:]
    if version > 1:
        raise Dropped("not_ip")
    identifier = 0
    if checksum or routing:
        rest = rest[4:]
    if key:
        need(rest, 4)
        identifier = word(rest, 2) if version else int.from_bytes(rest[:4], "big")
        rest = rest[4:]
    if sequence:
        rest = rest[4:]
    if version and data[1] & 0x80:
        rest = rest[4:]
    tunnel = "gre"
    if inner == 0x88BE or inner == 0x22EB:
        tunnel = "erspan"
        size = (8 if sequence else 0) if inner == 0x88BE else 12
        need(rest, size)
        identifier = word(rest, 2) & 0x3FF if size else identifier
        if size == 12 and rest[11] & 1:
            size = 20
        rest, inner = rest[size:], ETHERNET
    need(rest, 1)
    if inner == 0x9000 or 0x8200 <= inner <= 0x83FF:
        layer = wlan(rest, layer)
        inner, rest = layer.kind, layer.rest
    elif inner == 0x883E:
        inner, rest = IPV4, rest if rest[0] >> 4 == 4 else rest[4:]
    return replace(layer, kind=inner, rest=rest, tunnel=tunnel, tunnel_id=identifier)


def vxlan(data, layer):
    """RFC 7348 §5; at least a whole Ethernet header must follow."""
    if len(data) < 22 or not data[0] & 8:
        raise Dropped("not_ip")
    return replace(layer, kind=ETHERNET, rest=data[8:], tunnel="vxlan", tunnel_id=int.from_bytes(data[4:7], "big"))


def geneve(data, layer):
    """RFC 8926 §3.4."""
    if len(data) < 8 or data[0] >> 6 or len(data) <= 8 + 4 * (data[0] & 63):
        raise Dropped("not_ip")
    rest = data[8 + 4 * (data[0] & 63) :]
    return replace(layer, kind=word(data, 2), rest=rest, tunnel="geneve", tunnel_id=int.from_bytes(data[4:7], "big"))


def gtp(data, layer):
    """3GPP TS 29.281 §5.1, §5.2: up to eight extension headers."""
    if len(data) < 8 or data[0] >> 4 != 3 or data[1] != 255:
        raise Dropped("not_ip")
    rest = data[8:]
    if data[0] & 7:
        need(rest, 4, "not_ip")
        following, rest = rest[3] if data[0] & 4 else 0, rest[4:]
        for _ in range(8):
            if not following:
                break
            if not rest or not rest[0] or len(rest) < 4 * rest[0]:
                raise Dropped("not_ip")
            size = 4 * rest[0]
            following, rest = rest[size - 1], rest[size:]
    kind = by_version(rest)
    return replace(layer, kind=kind, rest=rest, tunnel="gtpv1", tunnel_id=int.from_bytes(data[4:8], "big"))


def teredo(data, layer):
    """RFC 4380 §5.1.1: authentication, then origin, then IPv6."""
    if data[:2] == b"\0\1" and len(data) >= 4:
        data = data[13 + data[2] + data[3] :]
    if data[:2] == b"\0\0" and len(data) >= 8:
        data = data[8:]
    if len(data) < 40 or data[0] >> 4 != 6:
        raise Dropped("not_ip")
    return replace(layer, kind=IPV6, rest=data, tunnel="teredo", tunnel_id=0)


def ayiya(data, layer):
    """draft-massar-v6ops-ayiya-02 §3: identity and signature lengths in the first two bytes, operation 1 = forward."""
    need(data, 8, "not_ip")
    size = 8 + 2 ** (data[0] >> 4) + 4 * (data[1] >> 4)
    kind = {41: IPV6, 4: IPV4}.get(data[3])
    if data[2] & 15 != 1 or len(data) <= size or kind is None:
        raise Dropped("not_ip")
    return replace(layer, kind=kind, rest=data[size:], tunnel="ayiya", tunnel_id=0)


def is_teredo(data):
    """RFC 4380 §2.6 (a relay uses any port), §5.1.1; what Zeek takes for it where no port says so."""
    prefix = bytes.fromhex("20010000")
    if len(data) < 40 or data[0] >> 4 == 6:
        return len(data) >= 40 and prefix in (data[8:12], data[24:28])
    if data[:2] == b"\0\1":
        data = data[13 + data[2] + data[3] :]
    elif data[:2] != b"\0\0":
        return False
    return len(data) >= 48 and data[:2] == b"\0\0" and data[8] >> 4 == 6


BY_PORT = {4789: vxlan, 6081: geneve, 2123: gtp, 2152: gtp, 3544: teredo, 5072: ayiya, 4754: gre}
"""IANA's registered ports; RFC 8086 for GRE."""
