"""Link headers and what stands between them and IP, on slices of bytes instead of offsets."""

import struct
from dataclasses import dataclass, replace

from sensor.model import capture

IPV4, IPV6, ARP, ETHERNET = 0x0800, 0x86DD, 0x0806, 0x6558


class Dropped(Exception):  # noqa: N818 - what happened to the frame, not an error of ours
    """The frame gives no packet, for one of capture.DROP_REASONS; `further` may."""

    further: tuple[bytes, ...] = ()


@dataclass(frozen=True)
class Layer:
    """What follows at some point of a frame: its ethertype, its bytes, and what was learned on the way there."""

    kind: int
    rest: bytes
    vlan: int = 0
    inner_vlan: int = 0
    tunnel: str = ""
    tunnel_id: int = 0
    macs: bytes | None = None
    further: tuple[bytes, ...] = ()  # subframes of an A-MSDU that wait


def need(data, size, reason="malformed_link"):
    if len(data) < size:
        raise Dropped(reason)


def word(data, at):
    return int.from_bytes(data[at : at + 2], "big")


def by_version(data):
    """IPv4 or IPv6, by the first nibble."""
    need(data, 1)
    version = data[0] >> 4
    if version not in (4, 6):
        raise Dropped("not_ip")
    return IPV4 if version == 4 else IPV6


def ppp(data):
    """RFC 1661 §2, RFC 1662 §3.1: (ethertype, rest)."""
    data = data.removeprefix(b"\xff\x03")
    need(data, 2)
    size = 1 if data[0] & 1 else 2
    kind = {0x21: IPV4, 0x57: IPV6, 0x281: 0x8847}.get(int.from_bytes(data[:size], "big"))
    if kind is None:
        raise Dropped("not_ip")
    return kind, data[size:]


def snap(data):
    """RFC 1042, with any organisation code: (ethertype, rest)."""
    need(data, 8)
    if data[:3] != b"\xaa\xaa\x03":
        raise Dropped("not_ip")
    return word(data, 6), data[8:]


def wlan(data, layer):
    """A frame of 802.11 (IEEE 802.11-2020 §9.2)."""
    need(data, 24)
    control, flags, sequence = data[0], data[1], struct.unpack_from("<H", data, 22)[0]
    if control >> 2 & 3 != 2 or control & 0x40:
        raise Dropped("not_ip")
    if flags & 0x40:
        raise Dropped("encrypted_wlan")
    if sequence & 15:
        raise Dropped("not_ip")
    body = data[30 if flags & 3 == 3 else 24 :]
    if control & 0x80:
        need(body, 2)
        aggregated = body[0] & 0x80
        body = body[6 if flags & 0x80 else 2 :]
        if aggregated:
            need(body, 14)
            parts = []
            while len(body) > 14 or not parts:
                parts.append(body[14:])
                size = 14 + word(body, 12)
                body = body[size + -size % 4 :]
            layer = replace(layer, further=tuple(parts[1:17]))
            body = parts[0]
    try:
        kind, rest = snap(body)
    except Dropped as dropped:
        dropped.further = layer.further
        raise
    return replace(layer, kind=kind, rest=rest)


def radio_length(data, order, at, least, size):
    need(data, 8)
    length = int.from_bytes(data[at : at + size], order)
    if length < least or length > len(data):
        raise Dropped("malformed_link")
    return length


def nflog(data):
    """LINKTYPE_NFLOG: (ethertype, rest)."""
    need(data, 4)
    family, data = data[0], data[4:]
    while len(data) >= 4:
        length, kind = struct.unpack_from("<HH", data)
        if length < 4:
            raise Dropped("malformed_link")
        if kind == 9:
            if family not in (2, 10):
                raise Dropped("not_ip")
            return IPV4 if family == 2 else IPV6, data[4:]
        data = data[length + -length % 4 :]
    raise Dropped("not_ip")


def loopback(data):
    need(data, 4)
    for order in ("little", "big"):
        family = int.from_bytes(data[:4], order)
        if family <= 0xFFFF:
            break
    if family not in (2, 10, 24, 28, 30):
        raise Dropped("not_ip")
    return IPV4 if family == 2 else IPV6, data[4:]


def ethernet(data, layer):
    need(data, 14)
    return replace(layer, kind=word(data, 12), rest=data[14:], macs=data[:12])


def link_header(data, link):
    """Open one link header."""
    none = Layer(0, data)
    if link == capture.LINK_ETHERNET:
        return ethernet(data, none)
    if link in (capture.LINK_RAW, capture.LINK_IPV4, capture.LINK_IPV6):
        return replace(none, kind=by_version(data))
    if link in (capture.LINK_SLL, capture.LINK_SLL2):
        size, at = (16, 14) if link == capture.LINK_SLL else (20, 0)
        need(data, size)
        return replace(none, kind=word(data, at), rest=data[size:])
    if link == capture.LINK_PPP_ETHER:
        return replace(none, kind=0x8864)
    if link == capture.LINK_IEEE802_11:
        return wlan(data, none)
    if link == capture.LINK_RADIOTAP:
        return wlan(data[radio_length(data, "little", 2, 8, 2) :], none)
    if link == capture.LINK_PRISM:
        return wlan(data[radio_length(data, "little", 4, 8, 4) :], none)
    if link == capture.LINK_AVS:
        return wlan(data[radio_length(data, "big", 4, 8, 4) :], none)
    readers = {
        capture.LINK_NULL: loopback,
        capture.LINK_LOOP: loopback,
        capture.LINK_PPP: ppp,
        capture.LINK_PPP_HDLC: ppp,
        capture.LINK_NFLOG: nflog,
    }
    if link not in readers:
        raise Dropped("unsupported_linktype")
    kind, rest = readers[link](data)
    return replace(none, kind=kind, rest=rest)


def mpls(layer):
    """A label stack of up to eight (RFC 3032); below it IP, or Ethernet behind a control word of zero nibble."""
    rest = layer.rest
    for _ in range(8):
        need(rest, 4)
        entry, rest = int.from_bytes(rest[:4], "big"), rest[4:]
        if entry & 0x100:
            layer = replace(layer, tunnel="mpls", tunnel_id=entry >> 12)
            need(rest, 1)
            if rest[0] >> 4 == 0:
                return replace(layer, kind=ETHERNET, rest=rest[4:])
            return replace(layer, kind=by_version(rest), rest=rest)
    raise Dropped("too_deep")


def shims(layer):
    """Walk to IPv4, IPv6 or ARP."""
    for _ in range(16):
        if layer.kind in (IPV4, IPV6, ARP):
            return layer
        layer = shim(layer)
    raise Dropped("too_deep")


def shim(layer):
    kind, rest = layer.kind, layer.rest
    if kind in (0x8100, 0x88A8, 0x9100, 0x9200):
        need(rest, 4)
        tag = {"inner_vlan" if layer.vlan else "vlan": word(rest, 0) & 0xFFF}
        return replace(layer, kind=word(rest, 2), rest=rest[4:], **tag)
    if kind in (0x8847, 0x8848):
        return mpls(layer)
    if kind == 0x8864:
        need(rest, 8)
        if rest[0] != 0x11:
            raise Dropped("malformed_link")
        inner, left = ppp(rest[6:])
        return replace(layer, kind=inner, rest=left, tunnel="pppoe", tunnel_id=word(rest, 2))
    if kind == 0x880B:
        inner, left = ppp(rest)
        return replace(layer, kind=inner, rest=left)
    if kind == 0x88E7:
        need(rest, 4)
        return replace(layer, kind=ETHERNET, rest=rest[4:], tunnel="pbb", tunnel_id=int.from_bytes(rest[1:4], "big"))
    if kind == 0x8903:
        need(rest, 2)
        return replace(layer, kind=ETHERNET, rest=rest[2:], tunnel="fabricpath", tunnel_id=word(rest, 0) >> 6)
    if kind == 0x8926:
        need(rest, 6)
        return replace(layer, kind=word(rest, 4), rest=rest[6:], tunnel="vntag", tunnel_id=word(rest, 0) & 0x3FFF)
    if kind == ETHERNET:
        return ethernet(rest, layer)
    if kind < 1536 and len(rest) >= 8 and rest[:6] == b"\xaa\xaa\x03\0\0\0" and word(rest, 6) >= 1536:
        return replace(layer, kind=word(rest, 6), rest=rest[8:])
    raise Dropped("not_ip")
