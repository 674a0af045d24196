"""Build capture files from their specifications, and read them with the reader under test."""

import io
import struct

from sensor.errors import Malformed
from sensor.packets.reader import CaptureReader

MAGICS = (0xA1B2C3D4, 0xA1B23C4D, 0xA1B2CD34)


def pcap(records, order="<", magic=MAGICS[0], version=(2, 4), network=1):
    """A classic capture of (seconds, fraction, bytes, wire length)."""
    parts = [struct.pack(order + "IHHiIII", magic, *version, 0, 0, 65_535, network)]
    for seconds, fraction, content, wire in records:
        lengths = (wire, len(content)) if version < (2, 3) else (len(content), wire)
        parts.append(struct.pack(order + "IIII", seconds, fraction, *lengths))
        if magic == MAGICS[2]:
            parts.append(struct.pack(order + "IHBB", 3, 0x0800, 0, 0))
        parts.append(content)
    return b"".join(parts)


def block(kind, body, order="<"):
    """A pcapng block around a body, which is padded."""
    body += bytes(-len(body) % 4)
    length = struct.pack(order + "I", len(body) + 12)
    return struct.pack(order + "I", kind) + length + body + length


def option(code, value, order="<"):
    """An option, padded."""
    return struct.pack(order + "HH", code, len(value)) + value + bytes(-len(value) % 4)


def section(order="<", length=-1, options=b""):
    """A section header of version 1.0."""
    return block(0x0A0D0D0A, struct.pack(order + "IHHq", 0x1A2B3C4D, 1, 0, length) + options, order)


def interface(order="<", linktype=1, snaplen=0, options=b""):
    """An interface description."""
    return block(1, struct.pack(order + "HHI", linktype, 0, snaplen) + options, order)


def enhanced(content, ticks=0, number=0, wire=None, order="<", options=b"", captured=None):
    """An Enhanced Packet Block."""
    captured = len(content) if captured is None else captured
    wire = len(content) if wire is None else wire
    head = struct.pack(order + "IIIII", number, ticks >> 32, ticks & 0xFFFFFFFF, captured, wire)
    return block(6, head + content + bytes(-len(content) % 4) + options, order)


def obsolete(content, ticks=0, number=0, wire=None, order="<"):
    """The obsolete Packet Block."""
    wire = len(content) if wire is None else wire
    head = struct.pack(order + "HHIIII", number, 7, ticks >> 32, ticks & 0xFFFFFFFF, len(content), wire)
    return block(2, head + content, order)


def simple(content, wire=None, order="<"):
    """A Simple Packet Block."""
    return block(3, struct.pack(order + "I", len(content) if wire is None else wire) + content, order)


class Trickle(io.RawIOBase):
    """A file that cannot seek and gives a few bytes at a time, as a pipe may."""

    def __init__(self, content, sizes=(7, 1, 64, 3)):
        self._content, self._at, self._sizes, self._turn = content, 0, sizes, 0

    def readable(self):
        return True

    def readinto(self, view):
        self._turn += 1
        size = min(len(view), self._sizes[self._turn % len(self._sizes)])
        piece = self._content[self._at : self._at + size]
        view[: len(piece)] = piece
        self._at += len(piece)
        return len(piece)


def read(content, **options):
    """Read a whole capture.

    Returns:
        Frames as (ordinal, ts, bytes, wire, link, interface), and the reader; (None, message) where it is refused.
    """
    file = content if isinstance(content, io.IOBase) else io.BytesIO(content)
    reader = CaptureReader(file, "a.pcap", **options)
    frames = []
    try:
        for buf, rows in reader.blocks():
            for k, row in enumerate(rows.tolist()):
                ts, off, cap, wire, link, number = row
                frames.append((reader.first + k, ts, buf[off : off + cap].tobytes(), wire, link, number))
    except Malformed as error:
        return None, str(error)
    assert reader.frames_seen == len(frames) + reader.duplicates + sum(reader.drops.values())
    return frames, reader
