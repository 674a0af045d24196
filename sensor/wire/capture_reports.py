"""What a capture process is told when it starts, and what it says, over a shared ring, of what it captured."""

import struct

import msgspec
import numpy as np
from numpy.typing import NDArray

from sensor.model.capture import ARP
from sensor.model.flow import FLOW
from sensor.model.protocols import AnyMessage
from sensor.model.records import copied

_PARTS = struct.Struct("<IIII")
"""Bytes of the counts, the flows, the ARP rows and the messages, which follow in this order."""
NO_MESSAGES = b"\x90"
"""A list of MessagePack with nothing in it."""
_ENCODER = msgspec.msgpack.Encoder()
_MESSAGES = msgspec.msgpack.Decoder(list[AnyMessage])


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """What a capture process is to do; it finds all else in the descriptors that it inherits."""

    seed: int
    input_index: int
    max_flows: int
    local_networks: tuple[str, ...] | None = None
    """None: the flow engine's own."""
    socket: int = -1
    blocks: int = 0
    hardware: int = 1
    """ARPHRD_ number of the interface."""
    reports: int = -1
    """Descriptor of the shared ring."""
    reports_bytes: int = 0
    keep_duplicates: bool = False
    ignore_checksums: bool = False
    skips_block: bool = False
    """Whether the process before died of the oldest block."""
    keep_folder: str = ""
    """Where recent packets are kept; empty: nowhere."""
    keep_bytes: int = 0
    keep_name: str = ""
    """How the names of its files begin."""


class Counts(msgspec.Struct):
    """What became of every frame a capture process took from its ring, since it started."""

    bytes: int = 0
    accepted: int = 0
    duplicates: int = 0
    rejected: dict[str, int] = msgspec.field(default_factory=dict)
    offloaded: int = 0
    """Frames whose checksum a card had yet to finish."""
    joined: int = 0
    """Frames larger than any wire carries."""
    opened: int = 0
    queue_full: int = 0
    """Flows and messages that the shared ring had no room for."""
    kept_problem: str = ""
    """Why recent packets are kept no longer."""


class Report(msgspec.Struct):
    """One record of the shared ring."""

    counts: Counts
    flows: NDArray[np.void]
    arp: NDArray[np.void]
    messages: list[AnyMessage]


def pack(
    counts: Counts, flows: NDArray[np.void], arp: NDArray[np.void], told: bytes = NO_MESSAGES
) -> list[bytes | memoryview]:
    """Write a report as parts of a record; the columns are not copied.

    Args:
        counts: What became of every frame.
        flows: dtype FLOW.
        arp: dtype ARP.
        told: Messages, a list of MessagePack.
    """
    said = _ENCODER.encode(counts)
    head = _PARTS.pack(len(said), flows.nbytes, arp.nbytes, len(told))
    return [head, said, _bytes(flows), _bytes(arp), told]


def unpack(record: bytes) -> Report:
    """Read a report."""
    sizes, at, parts = _PARTS.unpack_from(record), _PARTS.size, []
    for size in sizes:
        parts.append(record[at : at + size])
        at += size
    return Report(
        counts=msgspec.msgpack.decode(parts[0], type=Counts),
        flows=copied(np.frombuffer(parts[1], FLOW)),
        arp=copied(np.frombuffer(parts[2], ARP)),
        messages=_MESSAGES.decode(parts[3]),
    )


def _bytes(rows: NDArray[np.void]) -> memoryview:
    return memoryview(np.ascontiguousarray(rows).view(np.uint8).reshape(-1).data)
