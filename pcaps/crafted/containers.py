"""Writers of capture files in every form: pcap of both byte orders and clocks, Kuznetzov's variant, pcapng blocks.

Formats: https://datatracker.ietf.org/doc/draft-ietf-opsawg-pcap/ and …-pcapng/. Nothing here compresses or reads.
"""

import struct
from collections.abc import Iterable
from dataclasses import dataclass

START_NS = 1_780_000_000_000_000_000  # 2026-05-28T20:26:40Z
STEP_NS = 10_000_123  # not a whole microsecond, so that the clock of the file shows
ETHERNET = 1


@dataclass(frozen=True)
class Record:
    """One frame: nanoseconds since 1970, the captured bytes, and its length on the wire (0: as captured)."""

    ts_ns: int
    octets: bytes
    wire: int = 0


def timed(frames: Iterable[bytes], *, start_ns: int = START_NS) -> list[Record]:
    """Give frames times, STEP_NS apart."""
    return [Record(start_ns + number * STEP_NS, frame) for number, frame in enumerate(frames)]


def pcap(
    records: list[Record], linktype: int = ETHERNET, *, order: str = "<", nano: bool = False, snaplen: int = 262144
) -> bytes:
    """Return a classic pcap file; a shorter `snaplen` cuts the frames."""
    unit = 1 if nano else 1000
    parts = [struct.pack(order + "IHHiIII", 0xA1B23C4D if nano else 0xA1B2C3D4, 2, 4, 0, 0, snaplen, linktype)]
    for record in records:
        kept = record.octets[:snaplen]
        seconds, rest = divmod(record.ts_ns, 1_000_000_000)
        parts += [
            struct.pack(order + "IIII", seconds, rest // unit, len(kept), record.wire or len(record.octets)),
            kept,
        ]
    return b"".join(parts)


def modified(records: list[Record], linktype: int = ETHERNET) -> bytes:
    """Return Alexey Kuznetzov's modified pcap: magic A1B2CD34, eight more bytes in each record header."""
    parts = [struct.pack("<IHHiIII", 0xA1B2CD34, 2, 4, 0, 0, 262144, linktype)]
    for record in records:
        seconds, rest = divmod(record.ts_ns, 1_000_000_000)
        size = len(record.octets)
        parts += [struct.pack("<IIIIiHBB", seconds, rest // 1000, size, size, 2, 0x0800, 0, 0), record.octets]
    return b"".join(parts)


def _padded(octets: bytes) -> bytes:
    return octets + b"\0" * (-len(octets) % 4)


def option(code: int, octets: bytes, order: str = "<") -> bytes:
    """Return one pcapng option."""
    return struct.pack(order + "HH", code, len(octets)) + _padded(octets)


def block(kind: int, body: bytes, order: str = "<") -> bytes:
    """Return one pcapng block with its two lengths."""
    size = 12 + len(body)
    return struct.pack(order + "II", kind, size) + body + struct.pack(order + "I", size)


def section(order: str = "<", options: bytes = b"") -> bytes:
    """Return a section header of unknown length."""
    return block(0x0A0D0D0A, struct.pack(order + "IHHq", 0x1A2B3C4D, 1, 0, -1) + options, order)


def interface(linktype: int = ETHERNET, order: str = "<", *, options: bytes = b"", snaplen: int = 0) -> bytes:
    """Return an interface description."""
    return block(1, struct.pack(order + "HHI", linktype, 0, snaplen) + options, order)


def enhanced(number: int, ticks: int, octets: bytes, order: str = "<", options: bytes = b"") -> bytes:
    """Return an enhanced packet block; `ticks` are in the interface's own unit."""
    head = struct.pack(order + "IIIII", number, ticks >> 32, ticks & 0xFFFFFFFF, len(octets), len(octets))
    return block(6, head + _padded(octets) + options, order)


def simple(octets: bytes, order: str = "<") -> bytes:
    """Return a simple packet block: no interface, no time."""
    return block(3, struct.pack(order + "I", len(octets)) + _padded(octets), order)


def packet_block(number: int, ticks: int, octets: bytes, order: str = "<") -> bytes:
    """Return an (obsolete) packet block."""
    head = struct.pack(order + "HHIIII", number, 0, ticks >> 32, ticks & 0xFFFFFFFF, len(octets), len(octets))
    return block(2, head + _padded(octets), order)


def pcapng(records: list[Record], linktype: int = ETHERNET, *, order: str = "<") -> bytes:
    """Return the plainest pcapng file: one section, one interface, microseconds."""
    body = [enhanced(0, record.ts_ns // 1000, record.octets, order) for record in records]
    return section(order) + interface(linktype, order) + b"".join(body)
