"""Make the large captures that speed and memory are measured on: mix, small, synflood and synflood10m.

    SPANLINE_DATA=… python -m tests.bench.make_captures FOLDER [mix] [small] [synflood] [synflood10m]

*mix* is real protocol traffic (the captures below `network/` of the shared data) copied some 400 times with rewritten
addresses and shifted times, so that flows interleave; *small* is 200 k TCP connections of 40 frames of 60 bytes;
*synflood* is one SYN each from 3 M (or 10 M) addresses to one server. All checksums are right, every run writes the
same bytes, and what is written is too large to keep in the repository.

It does not model any site's mix of protocols: rates and sizes are those of the captures it copies.
"""

import argparse
import os
import struct
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tests.bench.templates import Templates, fill, load_folder

PCAP_HEADER = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, 1)
START_S = 1_790_000_000  # 2026-09-21T14:13:20Z: any fixed second will do
BLOCK_BYTES = 64 << 20
MIX_PACKETS = 3_500_000
MIX_SPAN_US = 600_000_000
SMALL_FLOWS, SMALL_FRAMES = 200_000, 40
SMALL_SPAN_US = 300_000_000

FRAME60 = np.dtype(
    [
        ("sec", "<u4"),
        ("usec", "<u4"),
        ("cap", "<u4"),
        ("wire", "<u4"),
        ("macs", "u1", 12),
        ("ethertype", ">u2"),
        ("version", "u1"),
        ("tos", "u1"),
        ("total", ">u2"),
        ("id", ">u2"),
        ("frag", ">u2"),
        ("ttl", "u1"),
        ("proto", "u1"),
        ("ip_sum", ">u2"),
        ("orig", ">u4"),
        ("resp", ">u4"),
        ("orig_p", ">u2"),
        ("resp_p", ">u2"),
        ("seq", ">u4"),
        ("ack", ">u4"),
        ("offset", "u1"),
        ("flags", "u1"),
        ("window", ">u2"),
        ("tcp_sum", ">u2"),
        ("urgent", ">u2"),
        ("rest", "u1", 6),
    ]
)
"""A pcap record holding 60 bytes of Ethernet, IPv4 and TCP, with 6 bytes of payload or padding."""


def folded(total: NDArray[np.int64]) -> NDArray[np.uint16]:
    """Fold 32-bit sums to the Internet checksum (RFC 1071).

    Args:
        total: Sums of 16-bit words, int64, shape (n,).
    """
    while np.any(total >> 16):
        total = (total & 0xFFFF) + (total >> 16)
    return (~total & 0xFFFF).astype(np.uint16)


def checksummed(frames: NDArray[np.void]) -> NDArray[np.void]:
    """Set both checksums of FRAME60 rows whose other fields are filled in."""
    n = len(frames)
    frames["ip_sum"] = 0
    frames["tcp_sum"] = 0
    octets = frames.view(np.uint8).reshape(n, FRAME60.itemsize)[:, 30:]  # from the IPv4 header on
    words = octets.view(">u2").astype(np.int64)
    frames["ip_sum"] = folded(words[:, :10].sum(axis=1))
    payload = (frames["total"].astype(np.int64) > 40)[:, None]
    segment = words[:, 10:20].sum(axis=1) + (words[:, 20:] * payload).sum(axis=1)
    pseudo = words[:, 6:10].sum(axis=1) + 6 + frames["total"].astype(np.int64) - 20
    frames["tcp_sum"] = folded(segment + pseudo)
    return frames


def blank(n: int, ts_us: NDArray[np.int64]) -> NDArray[np.void]:
    """Return FRAME60 rows with the constant fields set.

    Args:
        n: How many.
        ts_us: Microseconds since START_S, int64, shape (n,).
    """
    frames = np.zeros(n, FRAME60)
    frames["sec"] = START_S + ts_us // 1_000_000
    frames["usec"] = ts_us % 1_000_000
    frames["cap"] = frames["wire"] = 60
    frames["macs"] = np.frombuffer(bytes.fromhex("00155d20010254e1ad102201"), np.uint8)
    frames["ethertype"], frames["version"], frames["ttl"], frames["proto"] = 0x0800, 0x45, 64, 6
    frames["total"], frames["offset"], frames["window"] = 40, 0x50, 64240
    return frames


def synflood(path: Path, n: int) -> None:
    """Write n SYNs, each from an address of its own, to one server's port 443.

    Args:
        path: File to write.
        n: Packets and flows.
    """
    with path.open("wb") as out:
        out.write(PCAP_HEADER)
        for first in range(0, n, 500_000):
            i = np.arange(first, min(first + 500_000, n), dtype=np.int64)
            frames = blank(len(i), i * 4)  # 250 k packets a second
            # An odd multiplier permutes 24 bits (and one byte more): every address comes once, in no order.
            frames["orig"] = 0x0B000000 + (i * 0x9E3779B1 % (1 << 24))
            frames["resp"], frames["resp_p"] = 0xCB00710A, 443
            frames["orig_p"] = 1024 + i * 7919 % 60000
            frames["seq"] = i * 2654435761 % (1 << 32)
            frames["flags"] = 0x02
            out.write(checksummed(frames).tobytes())


def _small_columns(k: NDArray[np.int64]) -> tuple[NDArray[np.int64], ...]:
    """Return (is_orig, flags, seq, ack, payload) of the k-th frame of a connection, each shape (n,).

    SYN, SYN-ACK, ACK, then requests and answers of 6 bytes in turn, then FIN, FIN, ACK.
    """
    last = SMALL_FRAMES
    exchange = k - 3
    sent_orig = np.clip((exchange + 1) // 2, 0, (last - 6 + 1) // 2) * 6
    sent_resp = np.clip(exchange // 2, 0, (last - 6) // 2) * 6
    data = (k >= 3) & (k < last - 3)
    is_orig = np.where(data, exchange % 2 == 0, (k == 0) | (k == 2) | (k == last - 3) | (k == last - 1)).astype(
        np.int64
    )
    flags = np.select([k == 0, k == 1, data, (k == last - 3) | (k == last - 2)], [0x02, 0x12, 0x18, 0x11], 0x10)
    seq_orig = np.where(k == 0, 0, 1 + sent_orig + (k > last - 3))
    seq_resp = np.where(k == 1, 0, 1 + sent_resp + (k > last - 2))
    ack_by_orig = np.where(k == 0, -1, seq_resp)
    ack_by_resp = seq_orig
    seq = np.where(is_orig == 1, seq_orig, seq_resp)
    ack = np.where(is_orig == 1, ack_by_orig, np.where(k == 1, 1, ack_by_resp))
    return is_orig, flags, seq, ack, data.astype(np.int64) * 6


def small(path: Path, flows: int | None = None) -> None:
    """Write whole connections of SMALL_FRAMES 60-byte frames, interleaved.

    Args:
        path: File to write.
        flows: How many connections; SMALL_FLOWS where None.
    """
    random = np.random.default_rng(0)
    flows = SMALL_FLOWS if flows is None else flows
    start = random.integers(0, SMALL_SPAN_US, flows)
    gaps = random.exponential(400_000, (flows, SMALL_FRAMES)).clip(50, 3_000_000).astype(np.int64)
    ts_us = (start[:, None] + np.cumsum(gaps, axis=1)).ravel()
    order = np.argsort(ts_us, kind="stable")
    with path.open("wb") as out:
        out.write(PCAP_HEADER)
        for first in range(0, len(order), 500_000):
            rows = order[first : first + 500_000]
            flow, k = rows // SMALL_FRAMES, rows % SMALL_FRAMES
            is_orig, flags, seq, ack, payload = _small_columns(k)
            frames = blank(len(rows), ts_us[rows])
            client, server = 0x0A000000 + flow * 40503 % (1 << 20), 0xC6336400 + flow % 250
            client_p, server_p = 1024 + flow * 31 % 60000, np.array([443, 80, 22, 8080])[flow % 4]
            mine = is_orig == 1
            frames["orig"], frames["resp"] = np.where(mine, client, server), np.where(mine, server, client)
            frames["orig_p"], frames["resp_p"] = np.where(mine, client_p, server_p), np.where(mine, server_p, client_p)
            isn = np.where(mine, flow * 2654435761, flow * 40503 + 12345)
            other = np.where(mine, flow * 40503 + 12345, flow * 2654435761)
            frames["seq"] = (isn + seq) % (1 << 32)
            frames["ack"] = np.where(ack < 0, 0, (other + ack) % (1 << 32))
            frames["flags"], frames["total"] = flags, 40 + payload
            frames["rest"] = np.where(payload[:, None] > 0, np.frombuffer(b"sample", np.uint8), 0)
            out.write(checksummed(frames).tobytes())


def mix(path: Path, templates: Templates, packets: int = MIX_PACKETS, span_us: int = MIX_SPAN_US) -> None:
    """Write copies of real captures with other addresses, interleaved.

    Args:
        path: File to write.
        templates: Real packets, from the `network` folder of the shared data.
        packets: How many packets to write at least.
        span_us: The copies start within this time, microseconds.
    """
    m = len(templates.ts_us)
    copies = -(-packets // m)
    random = np.random.default_rng(0)
    starts = random.integers(0, span_us, (copies, templates.captures))
    ts_us = (starts[:, templates.capture] + templates.ts_us[None, :]).ravel()
    order = np.argsort(ts_us, kind="stable")
    lengths = templates.length[order % m].astype(np.int64) + 16
    ends = np.cumsum(lengths)
    buffer = np.empty(BLOCK_BYTES + (1 << 18), np.uint8)
    with path.open("wb") as out:
        out.write(PCAP_HEADER)
        first = 0
        while first < len(order):
            base = int(ends[first - 1]) if first else 0
            last = max(int(np.searchsorted(ends, base + BLOCK_BYTES)), first + 1)
            rows = order[first:last]
            size = fill(buffer, rows % m, rows // m, ts_us[rows] + START_S * 1_000_000, templates.arrays)
            out.write(buffer[:size].data)
            first = last


def main() -> None:
    """Make the captures named on the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("names", nargs="*", default=["mix", "small", "synflood"])
    wanted = parser.parse_args()
    wanted.folder.mkdir(parents=True, exist_ok=True)
    data = Path(os.environ.get("SPANLINE_DATA") or Path(__file__).resolve().parents[3] / "shared" / "data")
    makers = {
        "mix": lambda path: mix(path, load_folder(data / "network")),
        "small": small,
        "synflood": lambda path: synflood(path, 3_000_000),
        "synflood10m": lambda path: synflood(path, 10_000_000),
    }
    for name in wanted.names:
        path = wanted.folder / f"{name}.pcap"
        makers[name](path)
        sys.stdout.write(f"{path}: {path.stat().st_size:,} bytes\n")


if __name__ == "__main__":
    main()
