"""The packets behind an incident, carved out of captures and of the ring of recent packets.

An evidence names flows and single packets. A flow's packets are those of its addresses, protocol and ports within its
time; of a capture that is still there single packets are taken by their ordinal, and of a live port, which has none,
the ARP messages of the incident's devices in the minutes before. Captures may have been cut, moved or overwritten: what
is found is said, and what is not. Of a fragmented datagram the last fragment alone is found.
"""

import struct
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import BinaryIO

import msgspec
import numpy as np
from numpy.typing import NDArray

from sensor.errors import Malformed
from sensor.flows.engine import FlowEngine
from sensor.model import times
from sensor.model.addresses import parse
from sensor.model.capture import FRAME, LINK_ETHERNET, LINKTYPES
from sensor.model.incident import Incident
from sensor.model.times import SECOND_NS
from sensor.packets import packet_ring
from sensor.packets.reader import CaptureReader
from sensor.pipeline.privileges import PACKETS
from sensor.store.hunting import asked
from sensor.store.state import State
from sensor.wire.opening import open_input
from sensor.wire.packet_files import listed

ROOM_NS = SECOND_NS
"""Before and after a flow: clocks of captures and rounding of logs."""
BEFORE_NS, AFTER_NS = 300 * SECOND_NS, 10 * SECOND_NS
"""Around an evidence, for ARP of a live port: the longest of its windows is five minutes, a tick ten seconds."""
LIMIT_BYTES = 256 << 20
"""Carved at most, in memory, to be put in order of time."""
_ONE_PORT = np.uint64(0xFFFFFFFFFF000000)
_NO_PORT = np.uint64(0xFF000000)
_ICMP = (1, 58)
_MIX = tuple(np.uint64(word) for word in (
    0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0xD6E8FEB86659FD93, 0xFF51AFD7ED558CCD,
))  # fmt: skip
"""Odd numbers with bits everywhere: a conversation's five words become one, by which it is looked for. Two that share
it by chance would need 2^32 conversations."""


class Wanted(msgspec.Struct):
    """What is looked for."""

    keys: NDArray[np.uint64]
    """Conversations, sorted."""
    since: NDArray[np.int64]
    until: NDArray[np.int64]
    """When, ns, for each key."""
    ordinals: dict[str, set[int]]
    """Single packets of captures, by path."""
    hosts: NDArray[np.uint32]
    """IPv4 addresses whose ARP is wanted of a live port."""
    hosts_since: int = 0
    hosts_until: int = 0
    flows: int = 0

    @property
    def is_empty(self) -> bool:
        """Tell whether nothing is."""
        return not (len(self.keys) or self.ordinals or len(self.hosts))


class Carved(msgspec.Struct):
    """What was found."""

    packets: int = 0
    flows: int = 0
    """Flows that were looked for."""
    read: list[str] = []
    """Captures that were read."""
    unread: list[str] = []
    """Captures that the evidence names and that cannot be read, with why."""
    is_cut: bool = False
    """Whether there was more than LIMIT_BYTES."""


def wanted_of(incident: Incident, state: State, folder: Path) -> Wanted:
    """Return what to look for, from an incident's evidence and the archive's flows."""
    every = (*incident.evidence, *incident.context)
    records = [(record, one) for one in every for record in one.records]
    uids = sorted({record.uid for record, _ in records if record.uid is not None})
    ordinals: dict[str, set[int]] = {}
    arp: list[int] = []
    for record, one in records:
        if record.uid is None and record.offset is not None:
            if Path(record.input).is_file():
                ordinals.setdefault(record.input, set()).add(record.offset)
            else:
                arp.append(times.parse(one.ts))
    keys, since, until = _conversations(uids, state, folder)
    hosts = _addresses(incident, state) if arp else []
    return Wanted(
        keys=keys, since=since, until=until, ordinals=ordinals, hosts=np.array(hosts, np.uint32),
        hosts_since=min(arp, default=0) - BEFORE_NS, hosts_until=max(arp, default=0) + AFTER_NS, flows=len(uids),
    )  # fmt: skip


def carve(incident: Incident, state: State, folder: Path, extra: Sequence[Path], out: BinaryIO) -> Carved:
    """Write an incident's packets as a pcap, in order of time.

    Args:
        incident: Whose.
        state: Opened read-only.
        folder: Where it lies, with its ring of recent packets.
        extra: Further captures to look into.
        out: Takes the file.
    """
    wanted = wanted_of(incident, state, folder)
    named = sorted({record.input for one in (*incident.evidence, *incident.context) for record in one.records})
    captures = [name for name in named if Path(name).is_file()]
    recent = [str(path) for path in listed(folder / PACKETS)] if (folder / PACKETS).is_dir() else []
    carved = Carved(flows=wanted.flows)
    found: list[tuple[int, int, bytes]] = []
    if not wanted.is_empty:
        for path in dict.fromkeys([*captures, *map(str, extra), *recent]):
            try:
                _search(path, wanted, found, carved)
                carved.read.append(path)
            except (Malformed, OSError) as error:
                if path not in recent:  # of the ring, the oldest may go at any time
                    carved.unread.append(f"{path}: {error}")
    found.sort(key=lambda one: one[0])
    _write(found, out, carved)
    return carved


def _conversations(
    uids: Sequence[str], state: State, folder: Path
) -> tuple[NDArray[np.uint64], NDArray[np.int64], NDArray[np.int64]]:
    """Return the keys of flows, both ways round, with their times, sorted by key."""
    rows: list[tuple[int, int, int]] = []
    if uids:
        listed_uids = ", ".join("'" + uid.replace("'", "''") + "'" for uid in uids)
        sql = (
            "SELECT epoch_ns(min(ts)), max(epoch_ns(ts) + greatest(duration, 0)), "  # noqa: S608 - quoted, read-only
            "orig_h, orig_p, resp_h, resp_p, ip_proto "
            f"FROM flows WHERE uid IN ({listed_uids}) GROUP BY ALL"
        )
        with asked(state, folder, sql) as answer:
            for batch in answer.batches():
                for first, last, *ends in batch:
                    since, until = int(str(first)) - ROOM_NS, int(str(last)) + ROOM_NS
                    rows += [(key, since, until) for key in _both_ways(*ends)]
    merged: dict[int, tuple[int, int]] = {}
    for key, since, until in rows:
        before = merged.get(key, (since, until))
        merged[key] = (min(before[0], since), max(before[1], until))
    keys = np.array(sorted(merged), np.uint64)
    spans = np.array([merged[int(key)] for key in keys], np.int64).reshape(-1, 2)
    return keys, spans[:, 0].copy(), spans[:, 1].copy()


def _both_ways(orig_h: object, orig_p: object, resp_h: object, resp_p: object, proto: object) -> list[int]:
    """Return a conversation's key with either end first: which is lower is the decoder's to say."""
    orig, resp = parse(str(orig_h)), parse(str(resp_h))
    number = int(str(proto))
    found = []
    for (a, a_p), (b, b_p) in (((orig, orig_p), (resp, resp_p)), ((resp, resp_p), (orig, orig_p))):
        last = int(str(a_p)) << 48 | int(str(b_p)) << 32 | number << 24
        words = [np.array([word], np.uint64) for word in (*a, *b, last)]
        found.append(int(_key(*words)[0]))
    return found


def _key(*words: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Return one word for five columns k0 … k4; ports of ICMP, which are types, are left out."""
    proto = words[4] >> np.uint64(24) & np.uint64(0xFF)
    has_ports = ~np.isin(proto, np.array(_ICMP, np.uint64))
    columns = (*words[:4], np.where(has_ports, words[4] & _ONE_PORT, words[4] & _NO_PORT))
    key = np.zeros(len(proto), np.uint64)
    for column, odd in zip(columns, _MIX, strict=True):
        key = (key ^ column) * odd
        key ^= key >> np.uint64(29)
    return key


def _addresses(incident: Incident, state: State) -> list[int]:
    """Return the IPv4 addresses of an incident's devices."""
    ids = {party.id for party in incident.entities if party.kind == "device"}
    texts = {text for device in state.devices() if device.id in ids for text in device.addresses}
    return sorted(parse(text)[1] & 0xFFFFFFFF for text in texts if "." in text)


def _search(path: str, wanted: Wanted, found: list[tuple[int, int, bytes]], carved: Carved) -> None:
    """Find what is wanted in one capture."""
    singles = wanted.ordinals.get(path, set())
    engine = FlowEngine(1 << 10, ignore_checksums=True)
    held = sum(len(one[2]) for one in found)
    with open_input(path) as file:
        reader = CaptureReader(file, path)
        for buf, frames in reader.blocks():
            hits = {number - reader.first for number in singles if 0 <= number - reader.first < len(frames)}
            for part in engine.decode(buf, frames, reader.scratch_at):
                hits |= _hits(part.packets[: part.n], wanted)
                if part.arps is not None and len(wanted.hosts):
                    hits |= {int(at) - part.ordinal for at in _arp_hits(part.arps, wanted)}
            for at in sorted(hits):
                record = _record(buf, frames[at : at + 1])
                held += len(record)
                if held > LIMIT_BYTES:
                    carved.is_cut = True
                    return
                found.append((int(frames[at]["ts"]), int(frames[at]["link"]), record))


def _hits(packets: NDArray[np.void], wanted: Wanted) -> set[int]:
    """Return which frames of a block hold packets of the conversations, in their time."""
    if not len(wanted.keys) or not len(packets):
        return set()
    keys = _key(*(packets[name] for name in ("k0", "k1", "k2", "k3", "k4")))
    at = np.minimum(np.searchsorted(wanted.keys, keys), len(wanted.keys) - 1)
    ts = packets["ts"]
    is_hit = (wanted.keys[at] == keys) & (ts >= wanted.since[at]) & (ts <= wanted.until[at])
    return set(packets["nth"][is_hit].tolist())


def _arp_hits(arps: NDArray[np.void], wanted: Wanted) -> Iterable[int]:
    """Return the ordinals of ARP messages of the devices, in their time."""
    of_hosts = np.isin(arps["sender_ip"], wanted.hosts) | np.isin(arps["target_ip"], wanted.hosts)
    in_time = (arps["ts"] >= wanted.hosts_since) & (arps["ts"] <= wanted.hosts_until)
    return [int(at) for at in arps["offset"][of_hosts & in_time]]


def _record(buf: NDArray[np.uint8], frame: NDArray[np.void]) -> bytes:
    """Return a frame as a record of a pcap."""
    out = np.zeros(16 + int(frame["cap"][0]), np.uint8)
    packet_ring.records(buf, np.ascontiguousarray(frame, FRAME), 1, out, 0)
    return out.tobytes()


def _write(found: Sequence[tuple[int, int, bytes]], out: BinaryIO, carved: Carved) -> None:
    """Write a pcap; frames of another link layer than the first's have no place in it."""
    link = found[0][1] if found else LINK_ETHERNET
    linktype = max(number for number, code in LINKTYPES.items() if code == link)
    out.write(struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 262_144, linktype))
    for _, one, record in found:
        if one == link:
            out.write(record)
            carved.packets += 1
