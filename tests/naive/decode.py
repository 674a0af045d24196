"""Frames to packets with plain Python: IP headers, fragments, tunnels in any order, and the account of every frame."""

from collections import Counter
from dataclasses import dataclass, field, replace

from sensor.model import capture
from tests.naive import transport, tunnel
from tests.naive.checksum import right
from tests.naive.fragments import Fragments
from tests.naive.link import ARP, IPV4, IPV6, Dropped, Layer, link_header, need, shims, snap, word

MAX_DEPTH = 8
MAX_JOINED = 4
MAPPED = bytes(10) + b"\xff\xff"


class Waits(Exception):  # noqa: N818
    """A fragment waits for the rest of its datagram."""


@dataclass
class Decoded:
    """Everything that came of some frames; `fragments` is what waits."""

    packets: list = field(default_factory=list)
    arps: list = field(default_factory=list)
    accepted: int = 0
    drops: Counter = field(default_factory=Counter)
    fragments: Fragments = field(default_factory=Fragments)
    joined: int = 0
    further: list = field(default_factory=list)


@dataclass(frozen=True)
class Ip:
    src: bytes
    dst: bytes
    proto: int
    header: int
    total: int
    offset: int = 0
    more: bool = False
    ident: int = 0
    routed: bool = False


def ipv4(data, wire, check):
    """RFC 791 §3.1; a total length of 0 is left by segmentation offload."""
    need(data, 20, "malformed_ip")
    header, total = 4 * (data[0] & 15), word(data, 2) or wire
    if data[0] >> 4 != 4 or header < 20 or len(data) < header or not header <= total <= wire:
        raise Dropped("malformed_ip")
    if check and not right(data[:header]) and (check != "offload" or word(data, 10)):
        raise Dropped("bad_ip_checksum")
    part = word(data, 6)
    return Ip(
        MAPPED + data[12:16], MAPPED + data[16:20], data[9], header, total,
        8 * (part & 0x1FFF), bool(part & 0x2000), word(data, 4),
    )  # fmt: skip


def ipv6(data, wire):
    """RFC 8200 §3."""
    need(data, 40, "malformed_ip")
    total = 40 + word(data, 4)
    if total == 40 and data[6] in (0, 6, 17):
        total = wire
    if data[0] >> 4 != 6 or total > wire:
        raise Dropped("malformed_ip")
    proto, at, found = extensions(data, data[6], 40, total)
    return Ip(data[8:24], data[24:40], proto, at, total, **found)


def extensions(data, proto, at, total):
    """RFC 8200 §4: up to eight extension headers; those behind a fragment header belong to the datagram's payload."""
    found = {"offset": 0, "more": False, "ident": 0, "routed": False}
    for _ in range(8):
        if proto not in (0, 43, 44, 51, 60, 135):
            break
        need(data, at + 8, "malformed_ip")
        following, size = data[at], 8 * (data[at + 1] + 1)
        if proto == 43 and data[at + 3]:
            found["routed"] = True
        if proto == 51:
            size = 4 * (data[at + 1] + 2)
        elif proto == 44:
            size, part = 8, word(data, at + 2)
            found |= {
                "offset": part & 0xFFF8,
                "more": bool(part & 1),
                "ident": int.from_bytes(data[at + 4 : at + 8], "big"),
            }
        proto, at = following, at + size
        if found["offset"] or found["more"]:
            break
    if at > min(total, len(data)):
        raise Dropped("malformed_ip")
    return proto, at, found


def join(ip, data, ts, result, frame):
    """Add a fragment; the datagram's (payload, IP length) once it is whole. `frame` is 0 where it has been counted."""
    payload = data[ip.header : ip.total]
    if result.joined == MAX_JOINED:
        raise Dropped("too_deep")
    key = (ip.src, ip.dst, ip.proto, ip.ident)
    header = ip.header - (8 if data[0] >> 4 == 6 else 0)  # without the fragment header
    whole = result.fragments.add(key, ts, ip.offset, ip.more, header, payload, frame)
    if whole is False:
        raise Dropped("malformed_ip")
    if whole is None:
        raise Waits
    result.joined += 1
    result.accepted += whole[2] - frame
    return whole[0], whole[1] + len(whole[0])


def within_ip(proto, data, layer, result, slack):
    """The IP packet that GRE, IP in IP or IPv6 in IP carries, or None."""
    if proto == 47:
        try:
            inner = tunnel.gre(data, layer)
            result.further += [(part, inner, slack) for part in inner.further]
            inner = shims(inner)
        except Dropped as dropped:
            known = replace(layer, tunnel="gre", tunnel_id=0)
            result.further += [(part, known, slack) for part in dropped.further]
            return None
        return inner if inner.kind in (IPV4, IPV6) else None
    if proto in (4, 41):
        return replace(layer, kind=IPV4 if proto == 4 else IPV6, rest=data, tunnel="ip", tunnel_id=0)
    return None


def within_udp(packet, layer, result, slack):
    """The IP packet that a UDP tunnel carries, or None; the lower endpoint's port is asked first."""
    (_, _, _, _, k4), _ = transport.flow_key(packet)
    ports = [port for port in (k4 >> 48, k4 >> 32 & 0xFFFF) if port in tunnel.BY_PORT]
    if not ports and tunnel.is_teredo(packet.payload):
        ports = [3544]
    if not ports or (layer.tunnel == "gtpv1" and ports[0] in (2123, 2152)):  # what a phone sends is no GTP
        return None
    try:
        inner = tunnel.BY_PORT[ports[0]](packet.payload, layer)
        result.further += [(part, inner, slack) for part in inner.further]
        inner = shims(inner)
    except Dropped:
        return None
    return inner if inner.kind in (IPV4, IPV6) else None


def network(layer, wire, ts, nth, check, result, frame):
    """Yield (packet, reason for a drop or None) from the outermost IP packet to the innermost."""
    status, slack, exact = 0, wire - len(layer.rest), False
    for _ in range(MAX_DEPTH):
        data = layer.rest
        ip = ipv4(data, wire, check) if layer.kind == IPV4 else ipv6(data, wire)
        if exact and ip.total != wire:
            return
        exact = False
        payload, size, ip_len = data[ip.header : ip.total], ip.total - ip.header, ip.total
        cut = len(payload) < size
        if cut and ip.offset:
            raise Dropped("fragment_incomplete")
        if not cut and (ip.offset or ip.more):
            payload, ip_len = join(ip, data, ts, result, frame)
            size, slack = len(payload), 0
            status |= capture.STATUS_FRAGMENT
            if layer.kind == IPV6:
                proto, at, found = extensions(payload, ip.proto, 0, size)
                ip = replace(ip, proto=proto, routed=ip.routed or found["routed"])
                payload, size = payload[at:], size - at
        slack = slack if len(data) <= ip.total else 0
        inner = within_ip(ip.proto, payload, layer, result, slack)
        if inner is not None:
            layer, wire = inner, size - (len(payload) - len(inner.rest))
            continue
        if ip.proto == 59 and status & capture.STATUS_INNER:
            return
        found, failure = transport.fields(ip.proto, payload, size, ip.src, ip.dst, False if ip.routed else check)
        found["status"] |= status
        packet = transport.Packet(
            ts, nth, ip.src, ip.dst, proto=ip.proto, ip_len=ip_len, vlan=layer.vlan, inner_vlan=layer.inner_vlan,
            tunnel=layer.tunnel, tunnel_id=layer.tunnel_id, macs=layer.macs, **found,
        )  # fmt: skip
        yield packet, failure
        if failure or ip.proto != 17:
            return
        frame = 0
        slack = slack if len(packet.payload) == len(payload) - 8 else 0
        inner = within_udp(packet, layer, result, slack)
        if inner is None:
            return
        layer, wire = inner, packet.pay_len - (len(packet.payload) - len(inner.rest))
        exact = inner.tunnel in ("gtpv1", "teredo")
        status |= capture.STATUS_INNER
    raise Dropped("too_deep")


def arp(data, ts, nth, vlan):
    """RFC 826 for Ethernet and IPv4."""
    if len(data) < 28 or data[:6] != bytes.fromhex("000108000604"):
        raise Dropped("malformed_transport")
    number = [int.from_bytes(data[a:b], "big") for a, b in ((6, 8), (8, 14), (14, 18), (18, 24), (24, 28))]
    op, sender_mac, sender_ip, target_mac, target_ip = number
    return (ts, sender_mac, target_mac, sender_ip, target_ip, op, vlan, nth)


def one(layer, wire, ts, nth, check, result, frame):
    """Take one IP packet or ARP message; raises Dropped or Waits where nothing of it is accepted."""
    if layer.kind == ARP:
        result.arps.append(arp(layer.rest, ts, nth, layer.vlan))
        return
    try:
        for packet, failure in network(layer, wire, ts, nth, check, result, frame):
            result.packets.append(packet)
            if failure:
                raise Dropped(failure)
            frame = 0
    except (Dropped, Waits):
        if frame:
            raise


def decode(frames, *, check=True, result=None):
    """Decode frames.

    Args:
        frames: (ts, captured bytes, bytes on the wire, LINK_ code) of each.
        check: Whether checksums count; "offload": those count that a network card has finished.
        result: What came of earlier frames, to go on with.
    """
    result = result or Decoded()
    for nth, (ts, data, said, link) in enumerate(frames):
        wire = max(said, len(data))
        slack = wire - len(data)
        result.joined, result.further = 0, []
        try:
            layer = link_header(data, link)
            result.further = [(part, Layer(0, b""), slack) for part in layer.further]
            layer = shims(layer)
            one(layer, len(layer.rest) + slack, ts, nth, check, result, 1)
            result.accepted += 1
        except Dropped as dropped:
            result.further += [(part, Layer(0, b""), slack) for part in dropped.further]
            result.drops[str(dropped)] += 1
        except Waits:
            pass
        for part, before, slack in result.further[:16]:
            subframe(part, before, slack, ts, nth, check, result)
    return result


def subframe(part, before, slack, ts, nth, check, result):
    """Take a further subframe of an A-MSDU: what is wrong with it is not counted, its frame has been."""
    try:
        kind, rest = snap(part)
        layer = shims(replace(before, kind=kind, rest=rest))
        if layer.kind != ARP:
            one(layer, len(layer.rest) + slack, ts, nth, check, result, 0)
    except (Dropped, Waits):
        pass
