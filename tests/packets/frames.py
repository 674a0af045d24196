"""Run the decoder on frames in memory, between guard bytes, and read its rows back as the twin's packets."""

from collections import Counter

import numpy as np

from sensor.flows.engine import DEFAULT_SEED, FlowEngine
from sensor.model import capture
from sensor.packets import decode as kernels
from sensor.packets.fragments import PLACE_BYTES
from sensor.packets.reader import CaptureReader
from tests.naive.decode import Decoded
from tests.naive.transport import Packet

GUARD = 0xA5
ROOM = 8 * PLACE_BYTES
"""Scratch behind the frames: more than the decoder demands for one frame."""
MARGIN = 4096


def laid_out(frames, *, room=ROOM):
    """Put frames into a buffer: (buffer, FRAME rows, where scratch begins, the memory around the buffer)."""
    size = sum(len(frame[1]) for frame in frames)
    memory = np.full(MARGIN + size + room + MARGIN, GUARD, np.uint8)
    buf = memory[MARGIN : MARGIN + size + room]
    rows = np.zeros(len(frames), capture.FRAME)
    at = 0
    for k, (ts, octets, wire, link) in enumerate(frames):
        buf[at : at + len(octets)] = np.frombuffer(octets, np.uint8)
        rows[k] = (ts, at, len(octets), max(wire, 0), link, 0)
        at += len(octets)
    return buf, rows, size, memory


def untouched(memory, frames):
    """Tell whether guards and frames are as they were: a decoder writes to its scratch only."""
    octets = b"".join(frame[1] for frame in frames)
    guards = memory[:MARGIN].tobytes() + memory[-MARGIN:].tobytes()
    return guards == bytes([GUARD]) * 2 * MARGIN and memory[MARGIN : MARGIN + len(octets)].tobytes() == octets


class Decoder:
    """The decode kernel and its state over any number of calls."""

    def __init__(self, *, check=True, seed=DEFAULT_SEED, out_rows=512, room=ROOM):
        self.engine = FlowEngine(16, ignore_checksums=not check, believe_offload=check == "offload", seed=seed)
        self.out = np.zeros(out_rows, capture.PACKET)
        self.room, self.rows = room, []
        self.result = Decoded()

    def feed(self, frames):
        """Decode frames and add what comes of them to `result`."""
        engine, ctl = self.engine, self.engine._ctl
        buf, rows, scratch_at, memory = laid_out(frames, room=self.room)
        ctl[kernels.C_SCRATCH_END] = len(buf)
        i = 0
        while i < len(rows):
            ctl[kernels.C_SCRATCH], ctl[kernels.C_PACKETS], ctl[kernels.C_ARPS] = scratch_at, 0, 0
            before = i
            i = kernels.decode(
                buf, rows, i, self.out, engine._arps, engine._places, engine._bits, engine._store,
                engine._fragment_counts, engine._notes, engine._words, engine._facts, ctl, engine._drops,
            )  # fmt: skip
            assert i > before, "the decoder stands still"
            taken = self.out[: ctl[kernels.C_PACKETS]]
            self.rows += [row.copy() for row in taken]
            self.result.packets += [as_packet(row, buf) for row in taken]
            self.result.arps += [tuple(row.tolist()) for row in engine._arps[: ctl[kernels.C_ARPS]]]
        assert untouched(memory, frames)
        self.result.accepted, self.result.drops = engine.accepted, Counter(engine.drops)
        return self.result

    @property
    def waiting(self):
        """Frames that wait for the rest of their datagram."""
        return int(self.engine._fragment_counts[1])


def as_packet(row, buf):
    """Turn a PACKET row into the twin's form."""
    k4 = int(row["k4"])
    lower = (int(row["k0"]) << 64 | int(row["k1"])).to_bytes(16, "big"), k4 >> 48
    higher = (int(row["k2"]) << 64 | int(row["k3"])).to_bytes(16, "big"), k4 >> 32 & 0xFFFF
    (src, sport), (dst, dport) = (higher, lower) if row["dir"] else (lower, higher)
    at, frame = int(row["pay_off"]), int(row["frame_off"])
    return Packet(
        int(row["ts"]), int(row["nth"]), src, dst, sport, dport,
        one_way=bool(k4 & 3), proto=k4 >> 24 & 0xFF, ip_len=int(row["ip_len"]), pay_len=int(row["pay_len"]),
        payload=buf[at : at + int(row["pay_cap"])].tobytes(), seq=int(row["seq"]), ack=int(row["ack"]),
        flags=int(row["flags"]), vlan=int(row["vlan"]), inner_vlan=int(row["inner_vlan"]),
        tunnel=capture.TUNNELS[row["tunnel"]], tunnel_id=int(row["ctx"]),
        macs=None if frame == capture.NO_FRAME else buf[frame : frame + 12].tobytes(), status=int(row["status"]),
    )  # fmt: skip


def run(frames, **options):
    """Decode frames at once."""
    return Decoder(**options).feed(frames)


def of_capture(path, *, limit=None):
    """The frames of a capture file, in the form the twin takes."""
    frames = []
    with path.open("rb") as file:
        for buf, rows in CaptureReader(file, str(path)).blocks():
            for ts, off, cap, wire, link, _ in rows.tolist():
                frames.append((ts, buf[off : off + cap].tobytes(), wire, link))
                if limit and len(frames) == limit:
                    return frames
    return frames


def ethernet(octets, ts=0, wire=None):
    """A frame of Ethernet."""
    return (ts, bytes(octets), len(octets) if wire is None else wire, capture.LINK_ETHERNET)
