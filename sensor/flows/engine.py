"""The flow engine: blocks of frames in, flows, metadata and ARP rows out.

Results do not depend on how frames were cut into blocks, nor on the number of threads: one thread decodes, one keeps
the table, in order.
"""

import ipaddress
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from baselines._jit import JIT_DISABLED, bind, borrow, kernel, kind_of, rows
from sensor.flows import expiry
from sensor.flows import update as steps
from sensor.flows.table import T_ARENA, T_EVICTED, T_INPUT, T_METAS, T_OPENED, T_ORDINAL, T_OUT, borrowed, new_table
from sensor.model.capture import ARP, DROP_REASONS, PACKET
from sensor.model.flow import FLOW
from sensor.model.metadata import META
from sensor.model.protocols import AnyMessage
from sensor.packets import fragments
from sensor.packets.decode import (
    C_ACCEPTED,
    C_ARPS,
    C_CHECK,
    C_COUNT,
    C_OFFLOADED,
    C_ORDINAL,
    C_PACKETS,
    C_SCRATCH,
    C_SCRATCH_END,
    C_SEED,
    CHECK_ALL,
    CHECK_BUT_OFFLOAD,
    CHECK_NOTHING,
    I_COUNT,
    MAX_JOINED,
    decode,
)
from sensor.packets.link import N_COUNT
from sensor.packets.messages import Packed, packed
from sensor.packets.reading import read_payload

if TYPE_CHECKING:
    from sensor.packets.conversations import Conversations

DEFAULT_SEED = 0x5350414E4C494E45
"""The documented key of `replay`: results repeat. `run` has a secret of its own."""
LOCAL_NETWORKS = (
    *("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "169.254.0.0/16", "127.0.0.0/8"),
    *("fc00::/7", "fe80::/10", "::1/128", "::/128"),
)
"""RFC 1918, RFC 6598, RFC 3927, RFC 4193, RFC 4291 and loopback."""
INTERVAL_NS = 3_600_000_000_000
"""A flow that goes on is reported every hour."""
PACKET_ROWS = 4096
"""Packets decoded before the table takes them. They pass through the second-level cache, but each batch costs two calls
of kernels with many arrays: against 512 rows, which fit the first level, 10 % less on mix and 17 % on small."""
THREADED_PACKET_ROWS = 1 << 14
"""With two threads a hand-over costs some 50 microseconds, so a batch is a whole block."""
FLOW_ROWS = 1 << 14
ARP_ROWS = 4096
META_ROWS = 1 << 13
ARENA_BYTES = 1 << 20
SCRATCH_NEEDED = MAX_JOINED * fragments.PLACE_BYTES
"""Room behind the frames that one turn of the decoder asks for, bytes."""
FRAGMENT_INCOMPLETE = DROP_REASONS.index("fragment_incomplete")


class Sink(NamedTuple):
    """Where the table writes what is finished."""

    flows: NDArray[np.void]
    raw: NDArray[np.uint8]
    metas: NDArray[np.void]
    arena: NDArray[np.uint8]


class Outlet(NamedTuple):
    """A sink's arrays as bare pointers, with their sizes."""

    flows: Any
    raw: Any
    capacity: Any
    metas: Any
    meta_capacity: Any
    arena: Any
    arena_bytes: Any


@kernel()
def opened(sink):  # type: ignore[no-untyped-def]
    """Borrow a sink's arrays."""
    return Outlet(
        borrow(sink.flows),
        borrow(sink.raw),
        len(sink.flows),
        borrow(sink.metas),
        len(sink.metas),
        borrow(sink.arena),
        len(sink.arena),
    )


def network_words(networks: Iterable[str]) -> NDArray[np.uint64]:
    """Return networks as masks and values, uint64, shape (4 m,): mask high, low, value high, low."""
    table = []
    for text in networks:
        net = ipaddress.ip_network(text, strict=False)
        mask, value = int(net.netmask), int(net.network_address)
        if net.version == 4:
            mask, value = mask | ((1 << 96) - 1 << 32), value | 0xFFFF_0000_0000
        low = (1 << 64) - 1
        table.append((mask >> 64, mask & low, value >> 64, value & low))
    return np.array(table, np.uint64).reshape(-1)


def new_sink() -> Sink:
    """Make the buffers for rows that go out."""
    flows = np.zeros(FLOW_ROWS, FLOW)
    return Sink(flows, flows.view(np.uint8), np.zeros(META_ROWS, META), np.zeros(ARENA_BYTES, np.uint8))


_TABLE = kind_of(new_table(16, network_words(LOCAL_NETWORKS), 0, 0, 0))
_SINK = kind_of(new_sink())
_BUF = rows(np.uint8)


class Decoded(NamedTuple):
    """A batch of packets between the two halves of the engine."""

    buf: NDArray[np.uint8]
    packets: NDArray[np.void]
    n: int
    ordinal: int
    """Of the first frame of the block the packets' `nth` counts from."""
    arps: NDArray[np.void] | None


FEED, TICK, FINISH = 0, 1, 2


@kernel(_TABLE, _SINK, _BUF, rows(PACKET), "int64", "int64", "int64")
def drive(table, sink, buf, packets, mode, i, n):  # type: ignore[no-untyped-def]
    """Run the table: one kernel for all that is done to it, because each would be compiled with everything below.

    Args:
        table: A Table.
        sink: A Sink.
        buf: Read buffer the packets point into, uint8.
        packets: dtype PACKET.
        mode: FEED takes packets i … n-1; TICK moves event time to `n` (ns); FINISH writes everything out.
        i: First packet.
        n: See `mode`.

    Returns:
        FEED: the first packet that was not taken because rows ran out. Otherwise 1 where all went out, else 0.
    """
    live, outlet = borrowed(table), opened(sink)
    if mode == FEED:
        return steps.update(live, outlet, borrow(buf), borrow(packets), i, n)
    if mode == TICK:
        return np.int64(expiry.tick(live, outlet, n))
    return np.int64(expiry.flush(live, outlet))


class FlowEngine:
    """Packets to flows for one input. Not thread-safe: one caller."""

    def __init__(
        self,
        max_flows: int = 1 << 20,
        *,
        ignore_checksums: bool = False,
        believe_offload: bool = False,
        local_networks: Iterable[str] = LOCAL_NETWORKS,
        seed: int = DEFAULT_SEED,
        input_index: int = 0,
        interval_ns: int = INTERVAL_NS,
        keep: bool = True,
        threaded: bool = False,
    ) -> None:
        """Make an engine with an empty table.

        Args:
            max_flows: Live flows at a time; 256 bytes each, taken as they come into use.
            ignore_checksums: Whether packets with a wrong checksum are believed.
            believe_offload: Whether those are whose checksum the sender's network card had yet to finish.
            local_networks: What `local_orig` and `local_resp` are told by.
            seed: Key of the hashes.
            input_index: Number of the input, noted in every row.
            interval_ns: How often a flow that goes on is reported, ns; 0 never.
            keep: Without it finished rows are counted and forgotten.
            threaded: Make larger batches, for `decode` and `take` on two threads.
        """
        reader = read_payload if JIT_DISABLED else read_payload.address
        self._table = new_table(max_flows, network_words(local_networks), seed, interval_ns, reader)
        self._sink = new_sink()
        self._table.state[T_INPUT] = input_index
        rows_each = THREADED_PACKET_ROWS if threaded else PACKET_ROWS
        self._packets = [np.zeros(rows_each, PACKET) for _ in range(2)]
        self._turn = 0
        self._arps = np.zeros(ARP_ROWS, ARP)
        self._places = np.zeros(fragments.SLOTS, fragments.PLACE)
        self._bits = np.zeros(fragments.SLOTS * fragments.UNITS, np.uint64)
        self._store = np.zeros(fragments.SLOTS * fragments.PLACE_BYTES, np.uint8)
        self._fragment_counts = np.zeros(2, np.int64)
        self._notes, self._facts = np.zeros(N_COUNT, np.int64), np.zeros(I_COUNT, np.int64)
        self._words, self._drops = np.zeros(4, np.uint64), np.zeros(len(DROP_REASONS), np.int64)
        self._ctl = np.zeros(C_COUNT, np.int64)
        how = CHECK_NOTHING if ignore_checksums else CHECK_BUT_OFFLOAD if believe_offload else CHECK_ALL
        self._ctl[C_SEED], self._ctl[C_CHECK] = seed, how
        self._conversations: Conversations | None = None
        self._decode, self._drive = self._bound()
        self._keep = keep
        self._finished = False
        self.finished = 0
        """Flow rows finished so far."""
        self._done_flows: list[NDArray[np.void]] = []
        self._done_arps: list[NDArray[np.void]] = []
        self._done_metas: list[tuple[NDArray[np.void], NDArray[np.uint8]]] = []

    def _bound(self) -> tuple[Callable[..., int], Callable[..., int]]:
        """Return `decode` and `drive` with the engine's own arrays given."""
        decoding = bind(
            decode, arps=self._arps, places=self._places, bits=self._bits, store=self._store,
            frag_counts=self._fragment_counts, notes=self._notes, words=self._words, facts=self._facts, ctl=self._ctl,
            drops=self._drops,
        )  # fmt: skip
        return decoding, bind(drive, self._table, self._sink)

    def feed(self, buf: NDArray[np.uint8], frames: NDArray[np.void], scratch_at: int) -> None:
        """Take a batch of frames.

        Args:
            buf: Read buffer, uint8; what lies from `scratch_at` on may be overwritten.
            frames: dtype FRAME, shape (n,), in the order of the input.
            scratch_at: Where the free part of `buf` begins.
        """
        for decoded in self.decode(buf, frames, scratch_at):
            self.take(decoded)

    def decode(self, buf: NDArray[np.uint8], frames: NDArray[np.void], scratch_at: int) -> Iterator[Decoded]:
        """Do the first half of `feed`; `take` does the second, on another thread if one likes.

        What is yielded may be taken while the next is being made, not later: two sets of memory are used in turn.
        """
        ctl = self._ctl
        half = (len(buf) - scratch_at) // 2
        if half < SCRATCH_NEEDED:
            raise ValueError(
                f"{len(buf) - scratch_at} bytes behind the frames, at least {2 * SCRATCH_NEEDED} are needed"
            )
        i, n = 0, len(frames)
        while i < n:
            self._turn ^= 1
            packets = self._packets[self._turn]
            ctl[C_SCRATCH] = scratch_at + self._turn * half
            ctl[C_SCRATCH_END] = ctl[C_SCRATCH] + half
            ctl[C_PACKETS] = ctl[C_ARPS] = 0
            i = self._decode(buf, frames, i, packets)
            arps = self._arps[: ctl[C_ARPS]].copy() if ctl[C_ARPS] and self._keep else None
            yield Decoded(buf, packets, int(ctl[C_PACKETS]), int(ctl[C_ORDINAL]), arps)
        ctl[C_ORDINAL] += n

    def take(self, decoded: Decoded) -> None:
        """Put decoded packets into the table."""
        if decoded.arps is not None:
            self._done_arps.append(decoded.arps)
        self._table.state[T_ORDINAL] = decoded.ordinal
        i = 0
        while i < decoded.n:
            i = self._drive(decoded.buf, decoded.packets, FEED, i, decoded.n)
            if i < decoded.n or not self._keep:
                self._collect()

    def skip(self, count: int) -> None:
        """Count frames of the input that are not fed (known before, or dropped by the reader) in later ordinals."""
        self._ctl[C_ORDINAL] += count

    def _collect(self) -> None:
        state, sink = self._table.state, self._sink
        self.finished += int(state[T_OUT])
        if state[T_OUT] and self._keep:
            self._done_flows.append(sink.flows[: state[T_OUT]].copy())
        if state[T_METAS] and self._keep:
            self._done_metas.append((sink.metas[: state[T_METAS]].copy(), sink.arena[: state[T_ARENA]].copy()))
        state[T_OUT] = state[T_METAS] = state[T_ARENA] = 0

    def tick(self, now_ns: int) -> None:
        """Move event time on, so that what has ended by then is written out without another packet."""
        self._until_done(TICK, now_ns)

    def finish(self) -> None:
        """Write out everything at the end of the input."""
        self._drops[FRAGMENT_INCOMPLETE] += self._fragment_counts.sum()
        self._fragment_counts[:] = 0
        self._until_done(FINISH, 0)
        self._finished = True

    def _until_done(self, mode: int, value: int) -> None:
        while not self._drive(self._store, self._packets[0], mode, 0, value):
            self._collect()
        self._collect()

    def drain_flows(self) -> NDArray[np.void]:
        """Return the flows finished since the last call, dtype FLOW, in the order in which they ended."""
        self._collect()
        flows = np.concatenate(self._done_flows) if self._done_flows else np.empty(0, FLOW)
        self._done_flows = []
        return flows

    def drain_metas(self) -> list[tuple[NDArray[np.void], NDArray[np.uint8]]]:
        """Return the metadata since the last call: META rows with the arena that they point into."""
        self._collect()
        metas, self._done_metas = self._done_metas, []
        return metas

    def drain_messages(self) -> list[AnyMessage]:
        """Return the metadata since the last call as records; the last ones of the input once it is finished."""
        return [message for part in self.drain_packed() for message in part.messages()]

    def drain_packed(self) -> list[Packed]:
        """Return the metadata since the last call as `drain_messages` does, in MessagePack."""
        # Imported where it is needed: who wants flows alone starts without the parsers in Python.
        from sensor.packets.conversations import Conversations

        source = int(self._table.state[T_INPUT])
        handed = self._conversations = self._conversations or Conversations()
        found = list[Packed]()
        for rows_, arena in self.drain_metas():
            found += packed(rows_, arena, source=source, handed=handed)
        if self._finished and (last := handed.flush()):
            found.append(Packed.of(last))
        return found

    @property
    def unread(self) -> dict[str, int]:
        """Payloads whose metadata were not read, by reason; only reasons that occurred."""
        return dict(self._conversations.dropped) if self._conversations is not None else {}

    def drain_arps(self) -> NDArray[np.void]:
        """Return the ARP messages since the last call, dtype ARP."""
        arps = np.concatenate(self._done_arps) if self._done_arps else np.empty(0, ARP)
        self._done_arps = []
        return arps

    @property
    def accepted(self) -> int:
        """Frames that became part of a flow or an ARP row; fragments count once their datagram is whole."""
        return int(self._ctl[C_ACCEPTED])

    @property
    def offloaded(self) -> int:
        """Packets that were believed though a network card had yet to finish their checksum."""
        return int(self._ctl[C_OFFLOADED])

    @property
    def drops(self) -> dict[str, int]:
        """Frames that did not, by reason; only reasons that occurred."""
        drops = self._drops.copy()
        drops[FRAGMENT_INCOMPLETE] += self._fragment_counts[fragments.GIVEN_UP]
        return {reason: int(n) for reason, n in zip(DROP_REASONS, drops, strict=True) if n}

    @property
    def opened(self) -> int:
        """Flows that were opened."""
        return int(self._table.state[T_OPENED])

    @property
    def evicted(self) -> int:
        """Flows that were written out early because the table was full."""
        return int(self._table.state[T_EVICTED])
