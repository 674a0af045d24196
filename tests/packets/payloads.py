"""Payloads of real captures for the tests of the parsers: a slow, plain walk, apart from the sensor's own decoder."""

import struct
from dataclasses import dataclass

import numpy as np
from scapy.utils import RawPcapReader

from sensor.model.metadata import (
    K_NONE,
    K_NTLM,
    META_MAX_BYTES,
    NEED_MORE,
    NOT_THIS,
    fields,
)
from sensor.packets.identify import find_ntlm, identify, parse

TCP, UDP = 6, 17
STREAM_MAX = 32_768
FOLDERS = ("zeek-btest", "arkime", "ipfixprobe", "otrf", "iot-sentinel")


@dataclass(frozen=True)
class Payload:
    """One transport payload: captured bytes, length on the wire, and where it came from."""

    frame: int
    proto: int
    src: bytes
    dst: bytes
    sport: int
    dport: int
    seq: int
    syn: bool
    content: bytes
    wire: int


def captures(data_dir):
    """Every capture of the folders that the parsers are compared on."""
    found = []
    for folder in FOLDERS:
        paths = sorted((data_dir / "network" / folder).rglob("*"))
        found += [path for path in paths if path.is_file() and path.suffix in (".pcap", ".cap", ".trace", ".pcapng")]
    return found


def payloads(path):
    """Yield the TCP and UDP payloads of a capture without tunnels and fragments, in order of frames."""
    with RawPcapReader(str(path)) as reader:
        for number, (frame, meta) in enumerate(reader, 1):
            link = getattr(meta, "linktype", None) or getattr(reader, "linktype", 1)
            wire = getattr(meta, "wirelen", None) or len(frame)
            found = _transport(frame, link, wire, number)
            if found is not None:
                yield found


def _transport(frame, link, wire, number):
    at = _network(frame, link)
    if at is None or len(frame) < at + 20:
        return None
    if frame[at] >> 4 == 4:
        header = (frame[at] & 15) * 4
        total, fragment, proto = struct.unpack_from(">2xHxxHxB", frame, at)
        src, dst = frame[at + 12 : at + 16], frame[at + 16 : at + 20]
        if fragment & 0x3FFF:
            return None
    elif frame[at] >> 4 == 6 and len(frame) >= at + 40:
        total, proto = struct.unpack_from(">4xHB", frame, at)
        header, total = 40, total + 40
        src, dst = frame[at + 8 : at + 24], frame[at + 24 : at + 40]
    else:
        return None
    end = at + (total or wire - at)  # total 0: segmentation offload
    return _ports(frame, at + header, end, proto, src, dst, number)


def _network(frame, link):
    if link == 1:
        kind, at = int.from_bytes(frame[12:14], "big"), 14
        while kind in (0x8100, 0x88A8):
            kind, at = int.from_bytes(frame[at + 2 : at + 4], "big"), at + 4
        return at if kind in (0x0800, 0x86DD) else None
    return {101: 0, 12: 0, 228: 0, 113: 16, 276: 20, 0: 4, 108: 4}.get(link)


def _ports(frame, at, end, proto, src, dst, number):
    if proto == UDP and len(frame) >= at + 8:
        sport, dport, length = struct.unpack_from(">HHH", frame, at)
        end = min(end, at + length) if length >= 8 else end
        return Payload(number, UDP, src, dst, sport, dport, 0, False, frame[at + 8 : end], max(0, end - at - 8))
    if proto == TCP and len(frame) >= at + 20:
        sport, dport, seq = struct.unpack_from(">HHI", frame, at)
        head = (frame[at + 12] >> 4) * 4
        syn = bool(frame[at + 13] & 2)
        return Payload(number, TCP, src, dst, sport, dport, seq, syn, frame[at + head : end], max(0, end - at - head))
    return None


@dataclass(frozen=True)
class Record:
    """One message that the parsers wrote, and the bytes they read it from."""

    frame: int
    proto: int
    kind: int
    whole: int
    fields: dict
    content: bytes
    wire: int
    source: Payload


def run(kind, content, proto, *, wire=None, pos=0):
    """Call `parse` on bytes; return (status or None, whole, kind, fields)."""
    buf = np.frombuffer(bytearray(content) or bytearray(1), np.uint8)
    out = np.zeros(META_MAX_BYTES, np.uint8)
    end = len(content)
    at, whole, kind = parse(kind, buf, pos, end, end if wire is None else wire, 1, proto, out, 0)
    if at < 0:
        return at, whole, kind, {}
    assert 0 < at <= META_MAX_BYTES
    return at, whole, kind, gathered(out[:at].tobytes())


def gathered(blob):
    """The fields of a message by id."""
    found = {}
    for field, value in fields(blob):
        found.setdefault(field, []).append(value)
    return found


def guess(content, wire, proto, sport, dport):
    """Call `identify` on bytes."""
    buf = np.frombuffer(bytearray(content) or bytearray(1), np.uint8)
    return identify(buf, 0, len(content), wire, proto, sport, dport, 1)


def records(path):
    """Yield what the parsers make of a capture: each datagram, and the first message of each direction of a stream."""
    streams = {}
    for item in payloads(path):
        if item.proto == UDP:
            kind = guess(item.content, item.wire, UDP, item.sport, item.dport)
            yield from _attempt(item, kind, item.content, item.wire)
            continue
        key = (item.src, item.dst, item.sport, item.dport)
        if item.syn:
            streams[key] = [(item.seq + 1) & 0xFFFFFFFF, b"", False]
        if not item.content:
            continue
        yield from _ntlm(item)
        state = streams.setdefault(key, [item.seq, b"", False])
        if state[2] or item.seq != state[0]:
            continue
        state[0] = (item.seq + item.wire) & 0xFFFFFFFF
        state[1] += item.content
        wire = len(state[1]) + item.wire - len(item.content)
        kind = guess(state[1], wire, TCP, item.sport, item.dport)
        status, *_ = (NOT_THIS,) if kind == K_NONE else run(kind, state[1], TCP, wire=wire)
        state[2] = status != NEED_MORE or len(state[1]) > STREAM_MAX
        if status != NEED_MORE:
            yield from _attempt(item, kind, state[1], wire)


def _ntlm(item):
    buf = np.frombuffer(bytearray(item.content), np.uint8)
    at = find_ntlm(buf, 0, len(item.content))
    if at >= 0:
        yield from _attempt(item, K_NTLM, item.content[at:], item.wire - at)


def _attempt(item, kind, content, wire):
    if kind == K_NONE:
        return
    status, whole, found, values = run(kind, content, item.proto, wire=wire)
    if status > 0:
        yield Record(item.frame, item.proto, found, whole, values, content, wire, item)
