"""Flow records of NetFlow and IPFIX as FLOW rows (https://www.iana.org/assignments/ipfix: the elements by number).

Most exporters write each direction as a record of its own. Two such records of one exporter and one batch, whose
endpoints are each other's and whose starts lie within PAIR_NS, become one row; what finds no partner stays one-way.
A record of both directions (RFC 5103, or initiator and responder counts) is a row by itself.

Who began is not said for paired records. It is the side that alone sent a SYN; where both did, so that the beginning
was seen, the one whose first packet was earlier; else the side that does not have the service's port (below 1024, or
below 32,768 against one above), else the earlier, else the higher port. A one-way record from a service's port is an
answer, unless it is a bare SYN: its counts are the responder's and the originator's stay 0. A one-way TCP record with
an ACK was answered, out of this exporter's sight or batch: then the other side's counts stay unset, and the state too.

A record written at an active timeout is a row of its own, with the part it counts. Times by uptime (elements 21, 22)
are taken modulo 2³² ms before the export. Counts of a sampling exporter are not scaled.
"""

import functools
from collections import deque
from collections.abc import Iterable, Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sensor.errors import Malformed
from sensor.model import addresses
from sensor.model.flow import ENDINGS, ICMP, ICMPV6, TCP
from sensor.wire.flow_rows import SYN, blank, bounded, conn_state, icmp_ports, payload
from sensor.wire.netflow_packets import Packet

PAIR_NS = 60_000_000_000
"""Between the starts of two directions: the usual active timeout of routers is 60 s, so that a later piece of the
same conversation is not taken for the answer to an earlier one."""
AHEAD_NS = 3_600_000_000_000
"""How far a start may lie after the export: the clocks of a chassis differ, but not by an hour."""
WELL_KNOWN, DYNAMIC = 1024, 32_768
"""RFC 6335 §6, and the first ephemeral port of Linux (net.ipv4.ip_local_port_range)."""
ACK = 16
"""TCP flag (RFC 9293 §3.1)."""
REVERSE = "e29305."
"""netflume's prefix of elements that count the other direction (RFC 5103 §6.1)."""
_REVERSED = tuple(f"{REVERSE}{number}" for number in (1, 2, 85, 86))
_REQUESTS = {ICMP: {8, 10, 13, 15, 17}, ICMPV6: {128, 130, 133, 135, 139}}
"""ICMP types that ask (https://www.iana.org/assignments/icmp-parameters, icmpv6-parameters)."""
_CREATED = 1
"""firewallEvent (element 233) of a flow that only begins; its end is told again, with counts."""
_REVERSE_INITIATOR = 2
"""biflowDirection (element 239) of a record whose source is the responder."""
_WHY = {1: "timeout", 2: "timeout", 4: "evicted", 5: "evicted"}
"""By flowEndReason (element 136)."""
_UNITS = (("us", 1_000_000_000), ("ns", 1_000_000_000), ("ms", 1_000_000), ("s", 1_000_000_000))
"""Nanoseconds of a unit; netflume gives micro- and nanoseconds as seconds."""
_MS, _UINT32, _INT64_MAX = 1_000_000, 0xFFFF_FFFF, (1 << 63) - 1
_CACHED_ADDRESSES = 65_536

Words = tuple[int, int]
Record = Mapping[str, object]


class Sent(NamedTuple):
    """What one side sent; -1 or None where it is not known."""

    pkts: int
    ip_bytes: int
    flags: int | None
    payload: int
    """Payload bytes, where the record has them itself."""

    @property
    def seen(self) -> int:
        """Return packets, at least 1 where there were bytes."""
        return self.pkts if self.pkts >= 0 else int(max(self.ip_bytes, self.payload) > 0)


class Way(NamedTuple):
    """One record."""

    stream: tuple[str, int]
    start: int
    end: int
    proto: int
    from_h: Words
    from_p: int
    to_h: Words
    to_p: int
    sent: Sent
    back: Sent | None
    """Of the other direction; None where the record has one direction."""
    l2: tuple[int, int]
    vlan: int
    why: int
    offset: int


NOTHING, UNSEEN = Sent(0, 0, None, 0), Sent(-1, -1, None, -1)


def way_of(record: Record, packet: Packet, offset: int) -> Way | None:
    """Read a record; None for one that tells no traffic. Raises Malformed: `missing_address`, `bad_time`."""
    if record.get("ie233") == _CREATED or ("ie230" in record and not {"octets", "packets", "ie231"} & record.keys()):
        return None
    from_h = _address(record.get("src_addr") or record.get("post_nat_src_addr"))
    to_h = _address(record.get("dst_addr") or record.get("post_nat_dst_addr"))
    proto = _number(record, "proto") & 0xFF
    from_p, to_p = _ports(record, proto)
    start, end = _times(record, packet)
    vlan = max(_number(record, "dot1q_vlan"), _number(record, "vlan")) & 0xFFF
    way = Way(
        (packet.exporter, packet.domain), start, end, proto, from_h, from_p, to_h, to_p, *_counts(record),
        (_mac(record, "src_mac"), _mac(record, "dst_mac")), vlan,
        ENDINGS.index(_WHY.get(_number(record, "flow_end_reason"), "ended")), offset,
    )  # fmt: skip
    return _turned(way) if way.back is not None and record.get("ie239") == _REVERSE_INITIATOR else way


def flows(ways: Iterable[Way]) -> NDArray[np.void]:
    """Pair the directions of one batch and make its rows, in order of their first record; dtype FLOW, shape (n,)."""
    rows = sorted((_row(way) for way in _paired(ways)), key=lambda row: row[-1])
    made = blank(len(rows))
    for name, column in zip(_COLUMNS, zip(*rows, strict=True), strict=False):
        made[name] = np.array(column, made.dtype[name])
    return made


_COLUMNS = (
    "ts", "duration", "orig_hi", "orig_lo", "resp_hi", "resp_lo", "orig_p", "resp_p", "proto", "conn_state",
    "orig_bytes", "resp_bytes", "orig_pkts", "orig_ip_bytes", "resp_pkts", "resp_ip_bytes", "orig_l2", "resp_l2",
    "vlan", "why", "offset",
)  # fmt: skip
"""In the order of `_row`."""


def _row(way: Way) -> tuple[int, ...]:
    """Lay out a way from originator to responder."""
    orig, resp = way.sent, way.back or NOTHING
    v4 = addresses.is_v4(*way.from_h)
    payloads = [
        one.payload if one.payload >= 0 else payload(one.ip_bytes, one.pkts, way.proto, v4=v4) for one in (orig, resp)
    ]
    known = orig is not UNSEEN and resp is not UNSEEN
    state = conn_state(way.proto, (orig.flags, resp.flags), (orig.seen, resp.seen)) if known else 0
    return (
        way.start, max(0, way.end - way.start), *way.from_h, *way.to_h, way.from_p, way.to_p, way.proto, state,
        *payloads, orig.pkts, orig.ip_bytes, resp.pkts, resp.ip_bytes, *way.l2, way.vlan, way.why, way.offset,
    )  # fmt: skip


def _paired(ways: Iterable[Way]) -> list[Way]:
    """Join records whose endpoints are each other's, each with the earliest that waits."""
    done: list[Way] = []
    waiting: dict[tuple[object, ...], deque[Way]] = {}
    for way in sorted(ways, key=lambda one: (one.start, one.offset)):
        if way.back is not None:
            done.append(way)
            continue
        here, there = (way.from_h, way.from_p), (way.to_h, way.to_p)
        opposite = waiting.get((way.stream, way.proto, there, here))
        while opposite and way.start - opposite[0].start > PAIR_NS:
            done.append(_alone(opposite.popleft()))
        if opposite:
            done.append(_joined(opposite.popleft(), way))
        else:
            waiting.setdefault((way.stream, way.proto, here, there), deque()).append(way)
    return done + [_alone(way) for queue in waiting.values() for way in queue]


def _joined(first: Way, second: Way) -> Way:
    """Make one of two directions, `first` the earlier."""
    orig, resp = (second, first) if _began_second(first, second) else (first, second)
    return orig._replace(
        start=first.start, end=max(first.end, second.end), back=resp.sent, vlan=orig.vlan or resp.vlan,
        l2=(orig.l2[0] or resp.l2[1], orig.l2[1] or resp.l2[0]), offset=min(first.offset, second.offset),
    )  # fmt: skip


def _began_second(first: Way, second: Way) -> bool:
    if first.proto in _REQUESTS:
        asks = _REQUESTS[first.proto]
        return second.from_p in asks and first.from_p not in asks
    later = second.start > first.start
    if first.proto == TCP:
        syn, answer = (first.sent.flags or 0) & SYN, (second.sent.flags or 0) & SYN
        if syn != answer:
            return bool(answer)
        if syn and later:
            return False
    if _answers(first) or _answers(second):
        return _answers(first)
    return not later and second.from_p > first.from_p


def _answers(way: Way) -> bool:
    """Tell whether the record comes from a service's port."""
    return any(way.from_p < bound <= way.to_p for bound in (WELL_KNOWN, DYNAMIC))


def _alone(way: Way) -> Way:
    """Finish a record that has no other direction."""
    flags = way.sent.flags or 0
    bare = way.proto == TCP and flags & SYN and not flags & ACK
    other = UNSEEN if way.proto == TCP and flags & ACK else NOTHING
    if way.proto not in _REQUESTS and _answers(way) and not bare:
        return _turned(way._replace(back=other))
    return way._replace(back=other)


def _turned(way: Way) -> Way:
    """Put the destination in the originator's place."""
    return way._replace(
        from_h=way.to_h, from_p=way.to_p, to_h=way.from_h, to_p=way.from_p, sent=way.back or NOTHING, back=way.sent,
        l2=way.l2[::-1],
    )  # fmt: skip


def _counts(record: Record) -> tuple[Sent, Sent | None]:
    """Read both sides' counts; a firewall counts payload by initiator and responder (elements 231, 232, 298, 299)."""
    if "ie231" in record or "ie232" in record:
        sides = [
            Sent(_count(record, pkts), -1, None, _count(record, octets))
            for octets, pkts in (("ie231", "ie298"), ("ie232", "ie299"))
        ]
        return sides[0], sides[1]
    sent = Sent(
        _count(record, "packets", "packets_total", "out_packets"),
        _count(record, "octets", "octets_total", "out_octets"),
        _flags(record, "tcp_flags"), -1,
    )  # fmt: skip
    if not any(name in record for name in _REVERSED):
        return sent, None
    return sent, Sent(
        _count(record, f"{REVERSE}2", f"{REVERSE}86"), _count(record, f"{REVERSE}1", f"{REVERSE}85"),
        _flags(record, f"{REVERSE}6"), -1,
    )  # fmt: skip


def _times(record: Record, packet: Packet) -> tuple[int, int]:
    """Return start and end; one stands for the other, and the export for both."""
    start, end = (
        _moment(record, packet, f"flow_{side}", switched, delta)
        for side, switched, delta in (("start", "first_switched", "ie158"), ("end", "last_switched", "ie159"))
    )
    if start is None and end is None:
        start = _number(record, "observation_time_ms") * _MS or packet.sent_ns
    begin = start if start is not None else end or 0
    if not 0 < begin <= packet.sent_ns + AHEAD_NS:
        raise Malformed("bad_time")
    return begin, end if end is not None and end - begin <= _INT64_MAX else begin


def _moment(record: Record, packet: Packet, absolute: str, switched: str, delta: str) -> int | None:
    for unit, factor in _UNITS:
        value = record.get(f"{absolute}_{unit}")
        if isinstance(value, (int, float)) and value:
            return int(value * factor)
    uptime = record.get(switched)
    if isinstance(uptime, int) and packet.uptime_ms is not None:
        age = packet.uptime_ms - uptime & _UINT32
        return packet.sent_ns - (age - _UINT32 - 1 if age * _MS > (_UINT32 * _MS - AHEAD_NS) else age) * _MS
    before = record.get(delta)
    return packet.sent_ns - before * 1000 if isinstance(before, int) else None


def _ports(record: Record, proto: int) -> tuple[int, int]:
    from_p, to_p = _number(record, "src_port") & 0xFFFF, _number(record, "dst_port") & 0xFFFF
    if proto not in _REQUESTS:
        return from_p, to_p
    if "icmp_type" in record:
        return icmp_ports(proto, _number(record, "icmp_type"), _number(record, "icmp_code"))
    # Where there is no element of its own, type and code stand in the destination's port.
    both = next((_number(record, key) for key in ("icmp_type_code", "icmp_type_code_v6") if key in record), to_p)
    return icmp_ports(proto, both >> 8, both & 0xFF)


def _number(record: Record, key: str) -> int:
    value = record.get(key)
    return value if isinstance(value, int) else 0


def _count(record: Record, *keys: str) -> int:
    value = next((record[key] for key in keys if key in record), None)
    return bounded(value if isinstance(value, int) else None)


def _flags(record: Record, key: str) -> int | None:
    value = record.get(key)
    return value & 0xFF if isinstance(value, int) else None


def _mac(record: Record, key: str) -> int:
    try:
        return addresses.parse_mac(str(record.get(key) or "")) if key in record else 0
    except ValueError:
        return 0


@functools.lru_cache(_CACHED_ADDRESSES)
def _parse(text: str) -> Words:
    return addresses.parse(text)


def _address(value: object) -> Words:
    """Read an address; an element of another length than its kind's comes as a number or hexadecimal digits."""
    try:
        return _parse(value if isinstance(value, str) else "")
    except ValueError as error:
        raise Malformed("missing_address") from error
