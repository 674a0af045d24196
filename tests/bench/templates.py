"""Real packets as templates: read them from the shared captures, then stamp out copies with other addresses.

Only whole Ethernet frames that carry unfragmented TCP, UDP, ICMP or ICMPv6 directly over IPv4 or IPv6 are taken (a
tunnel's inner addresses would stay the same in every copy and its flows would melt together). Their checksums are made
right here once; each copy then corrects them for its new addresses (RFC 1624).
"""

import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from baselines._jit import be16, kernel

# Captures above this are left out, so that no single one dominates; so are those of jumbo frames (offloaded
# segments). Together this gives the 14 packets a flow and the 360 bytes a packet of PERFORMANCE.md's mix.
LIMIT_PACKETS = 520
LIMIT_MEAN_BYTES = 1500
LONGEST_GAP_US = 2_000_000  # silences in the captures are cut to this
LEFT_OUT = ("tunnels", "scan-misc", "tcpdump", "gtp", "gre", "ayiya", "mpls", "teredo", "vxlan", "geneve", "synthetic")
SUFFIXES = (".pcap", ".cap", ".trace", ".pcapng")


@dataclass(frozen=True)
class Templates:
    """Packets of all captures, one row each."""

    octets: NDArray[np.uint8]
    start: NDArray[np.int64]
    """First byte of each packet in `octets`."""
    length: NDArray[np.int64]
    network: NDArray[np.int64]
    """Offset of the IP header in the packet; negative for IPv6."""
    checksum: NDArray[np.int64]
    """Offset of the transport checksum in the packet; 0 where addresses are not part of it."""
    ts_us: NDArray[np.int64]
    """Time since the first packet of its capture, with long silences cut."""
    capture: NDArray[np.int64]
    captures: int

    @property
    def arrays(
        self,
    ) -> tuple[NDArray[np.uint8], NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        """The columns that `fill` reads."""
        return self.octets, self.start, self.length, self.network, self.checksum


def _sum16(octets: bytes) -> int:
    if len(octets) % 2:
        octets += b"\0"
    total = sum(struct.unpack(f">{len(octets) // 2}H", octets))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total


def _transport(frame: bytearray, at: int, end: int, proto: int, pseudo: bytes) -> int | None:
    """Correct a transport checksum; returns its offset (0: it does not cover addresses), None if this is not usable."""
    places = {6: (16, 20), 17: (6, 8), 1: (2, 4), 58: (2, 4)}
    if proto not in places or end - at < places[proto][1]:
        return None
    place = at + places[proto][0]
    if proto == 17 and (frame[place : place + 2] == b"\0\0" or struct.unpack_from(">H", frame, at + 4)[0] != end - at):
        return 0 if frame[place : place + 2] == b"\0\0" else None
    frame[place : place + 2] = b"\0\0"
    covered = b"" if proto == 1 else pseudo + struct.pack(">IHBB", end - at, 0, 0, proto)
    value = ~_sum16(covered + bytes(frame[at:end])) & 0xFFFF
    struct.pack_into(">H", frame, place, value or (0xFFFF if proto == 17 else 0))
    return 0 if proto == 1 else place


def prepare(captured: bytes) -> tuple[bytes, int, int] | None:
    """Check one Ethernet frame and correct its checksums; returns (frame, network, checksum) as in Templates."""
    frame = bytearray(captured)
    if len(frame) < 34:
        return None
    ethertype, at = struct.unpack_from(">H", frame, 12)[0], 14
    if ethertype == 0x8100 and len(frame) >= 38:
        ethertype, at = struct.unpack_from(">H", frame, 16)[0], 18
    if ethertype == 0x0800 and frame[at] >> 4 == 4:
        header, total = (frame[at] & 15) * 4, struct.unpack_from(">H", frame, at + 2)[0]
        if (
            header < 20
            or total < header
            or at + total > len(frame)
            or struct.unpack_from(">H", frame, at + 6)[0] & 0x3FFF
        ):
            return None
        frame[at + 10 : at + 12] = b"\0\0"
        struct.pack_into(">H", frame, at + 10, ~_sum16(bytes(frame[at : at + header])) & 0xFFFF)
        checksum = _transport(frame, at + header, at + total, frame[at + 9], bytes(frame[at + 12 : at + 20]))
        return None if checksum is None else (bytes(frame), at, checksum)
    if ethertype == 0x86DD and len(frame) >= at + 40:
        end = at + 40 + struct.unpack_from(">H", frame, at + 4)[0]
        if end > len(frame):
            return None
        checksum = _transport(frame, at + 40, end, frame[at + 6], bytes(frame[at + 8 : at + 40]))
        return None if checksum is None else (bytes(frame), -at, checksum)
    return None


def load_folder(folder: Path) -> Templates:
    """Read every suitable capture below a folder, in the order of their paths."""
    frames: list[bytes] = []
    columns: list[tuple[int, int, int, int]] = []
    captures = 0
    for path in sorted(folder.rglob("*")):
        if path.suffix in SUFFIXES and not any(word in str(path.relative_to(folder)) for word in LEFT_OUT):
            packets = [(ts, *ready) for ts, captured in read_ethernet(path) if (ready := prepare(captured))]
            if (
                packets
                and len(packets) <= LIMIT_PACKETS
                and sum(len(p[1]) for p in packets) <= LIMIT_MEAN_BYTES * len(packets)
            ):
                gaps = np.clip(np.diff([p[0] for p in packets], prepend=packets[0][0]), 0, LONGEST_GAP_US)
                frames += [p[1] for p in packets]
                columns += [(p[2], p[3], int(ts), captures) for p, ts in zip(packets, np.cumsum(gaps), strict=True)]
                captures += 1
    length = np.array([len(frame) for frame in frames], np.int64)
    network, checksum, ts_us, capture = (np.array(column, np.int64) for column in zip(*columns, strict=True))
    octets = np.frombuffer(b"".join(frames), np.uint8).copy()
    return Templates(octets, np.cumsum(length) - length, length, network, checksum, ts_us, capture, captures)


def read_ethernet(path: Path) -> list[tuple[int, bytes]]:
    """Read (time in µs, bytes) of the whole Ethernet frames of a pcap or pcapng file; nothing where it is another link.

    Uses scapy's readers, not ours, so that the benchmark's input does not depend on what it measures.
    """
    from scapy.error import Scapy_Exception
    from scapy.utils import RawPcapNgReader, RawPcapReader

    found: list[tuple[int, bytes]] = []
    try:
        with RawPcapReader(str(path)) as reader:
            ng = isinstance(reader, RawPcapNgReader)
            for captured, meta in reader:
                link = meta.linktype if ng else reader.linktype
                if link == 1 and len(captured) == meta.wirelen:
                    ts = (meta.tshigh << 32 | meta.tslow) * 1_000_000 // meta.tsresol if ng else _micros(reader, meta)
                    found.append((ts, captured))
    except (Scapy_Exception, EOFError, struct.error, ValueError):
        return found  # damaged captures belong to other tests; what came before the damage is good
    return found


def _micros(reader: object, meta: object) -> int:
    nano = bool(getattr(reader, "nano", False))
    sec, usec = int(getattr(meta, "sec")), int(getattr(meta, "usec"))  # noqa: B009 - scapy's untyped tuple
    return sec * 1_000_000 + (usec // 1000 if nano else usec)


@kernel()
def _patched(out: NDArray[np.uint8], at: int, place: int, before: int, after: int, udp: bool) -> None:
    """Correct the checksum at `place` of the frame at `at` for words whose sum changed (RFC 1624, equation 3)."""
    total = (~be16(out, at + place) & 0xFFFF) + before + after
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    value = ~total & 0xFFFF
    if value == 0 and udp:
        value = 0xFFFF
    out[at + place] = value >> 8
    out[at + place + 1] = value & 0xFF


@kernel()
def _rewrite4(out: NDArray[np.uint8], at: int, mask: int) -> tuple[int, int]:
    """Rewrite an IPv4 address in place; returns the sums of complemented old and of new words."""
    first = int(out[at])
    before = (~be16(out, at) & 0xFFFF) + (~be16(out, at + 2) & 0xFFFF)
    # 0.0.0.0/8, loopback, multicast and broadcast mean something and stay.
    if first != 0 and first != 127 and first < 224:
        private = (first == 192 and out[at + 1] == 168) or (first == 172 and (out[at + 1] & 0xF0) == 16)
        if private:
            out[at] = 10
        out[at + 1] ^= mask >> 16 & 0xFF
        out[at + 2] ^= mask >> 8 & 0xFF
        out[at + 3] ^= mask & 0xFF
    return before, be16(out, at) + be16(out, at + 2)


@kernel()
def _rewrite6(out: NDArray[np.uint8], at: int, mask: int) -> tuple[int, int]:
    """Rewrite bytes 5–7 of an IPv6 unicast address in place; returns sums as `_rewrite4`."""
    before = (~be16(out, at + 4) & 0xFFFF) + (~be16(out, at + 6) & 0xFFFF)
    if out[at] != 0xFF and out[at] != 0:
        out[at + 5] ^= mask >> 16 & 0xFF
        out[at + 6] ^= mask >> 8 & 0xFF
        out[at + 7] ^= mask & 0xFF
    return before, be16(out, at + 4) + be16(out, at + 6)


@kernel()
def _stamp(out, row, copy, ts_us, octets, start, length, network, checksum):  # type: ignore[no-untyped-def]
    """Write records for templates `row` in copies `copy` at `ts_us`; returns bytes written. See `fill`."""
    at = 0
    for i in range(len(row)):
        p = row[i]
        n = length[p]
        header = (ts_us[i] // 1_000_000, ts_us[i] % 1_000_000, n, n)
        for word in range(4):
            for byte in range(4):
                out[at + 4 * word + byte] = header[word] >> (8 * byte) & 0xFF
        at += 16
        out[at : at + n] = octets[start[p] : start[p] + n]
        mask = copy[i] * 0x9E3779B1 % (1 << 24)  # an odd multiplier: a different mask for every copy
        ip = network[p]
        if ip > 0:
            b1, a1 = _rewrite4(out, at + ip + 12, mask)
            b2, a2 = _rewrite4(out, at + ip + 16, mask)
            _patched(out, at, ip + 10, b1 + b2, a1 + a2, False)
            udp = out[at + ip + 9] == 17
        else:
            ip = -ip
            b1, a1 = _rewrite6(out, at + ip + 8, mask)
            b2, a2 = _rewrite6(out, at + ip + 24, mask)
            udp = out[at + ip + 6] == 17
        if checksum[p] > 0:
            _patched(out, at, checksum[p], b1 + b2, a1 + a2, udp)
        at += n
    return at


def fill(
    out: NDArray[np.uint8],
    row: NDArray[np.int64],
    copy: NDArray[np.int64],
    ts_us: NDArray[np.int64],
    arrays: tuple[NDArray[np.uint8], NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]],
) -> int:
    """Stamp pcap records of templates into a buffer.

    Args:
        out: Buffer, uint8, large enough for all of them.
        row: Which template, int64, shape (n,).
        copy: In which copy (it chooses the addresses), int64, shape (n,).
        ts_us: When, microseconds since 1970, int64, shape (n,).
        arrays: `Templates.arrays`.

    Returns:
        Bytes written.
    """
    return int(_stamp(out, row, copy, ts_us, *arrays))
