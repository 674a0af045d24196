"""A capture process: one packet ring in, flow columns, messages and ARP rows out, over a shared ring.

Blocks are decoded where the kernel wrote them. Event time moves on without packets, by how long the ring has been
empty, so that flows end on an idle wire. It needs nothing but what it inherits: a socket that is open, and memory.

A restart goes on at the oldest block that nobody has taken. What the flows in this process's table were is lost with
it; what it reported is not.
"""

import select
import time
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from sensor.flows.engine import LOCAL_NETWORKS, SCRATCH_NEEDED, FlowEngine
from sensor.model.capture import FRAME, LINK_ETHERNET
from sensor.packets import packet_ring
from sensor.packets.messages import Packed
from sensor.wire import packet_files
from sensor.wire.capture_reports import Counts, Task, pack
from sensor.wire.packet_socket import BLOCK_BYTES, map_ring
from sensor.wire.shared_ring import SharedRing

REPORT_S = 0.25
"""Between two reports; the core waits for a second at least."""
IDLE_MS = 100
"""How long an empty ring is waited for."""
BEHIND_NS = 1_000_000_000
"""How far event time stays behind on an idle wire: a block may be RETIRE_MS late, and processes start in their time."""
PATIENCE = 50
"""How many times IDLE_MS the last report waits for room at the end."""


class Capture:
    """One ring, its flow table and its reports."""

    def __init__(self, task: Task) -> None:
        """Map what was inherited."""
        self._task, self._poll = task, select.poll()
        self._poll.register(task.socket, select.POLLIN | select.POLLERR)
        self._ring_bytes = task.blocks * BLOCK_BYTES
        self._buf = map_ring(task.socket, self._ring_bytes, 2 * SCRATCH_NEEDED)
        window_ns = 0 if task.keep_duplicates else packet_ring.DUPLICATE_NS
        self._state, self._seen = packet_ring.new_state(task.hardware, window_ns=window_ns)
        self._frames = np.zeros(BLOCK_BYTES // packet_ring.SMALLEST_FRAME, FRAME)
        self._engine = FlowEngine(
            task.max_flows, ignore_checksums=task.ignore_checksums, believe_offload=True, seed=task.seed,
            local_networks=LOCAL_NETWORKS if task.local_networks is None else task.local_networks,
            input_index=task.input_index,
        )  # fmt: skip
        self._reports = SharedRing(task.reports, task.reports_bytes)
        self._counts = Counts()
        self._said = b""
        self._frames_taken = 0
        self._at = self._oldest(skips=task.skips_block)
        self._last_s = time.monotonic()
        self._kept: packet_files.PacketFiles | None = None
        if task.keep_folder:
            is_ethernet = self._state[packet_ring.S_LINK] == LINK_ETHERNET
            linktype = packet_files.LINK_ETHERNET if is_ethernet else packet_files.LINK_RAW
            self._kept = packet_files.PacketFiles(Path(task.keep_folder), task.keep_name, task.keep_bytes, linktype)
            self._out = np.zeros(BLOCK_BYTES, np.uint8)  # a record's header is smaller than the ring's

    def run(self, stopped: list[bool]) -> None:
        """Capture until told to stop; then take what is in the ring, and write out every flow."""
        due = 0.0
        while not stopped:
            if not self._take() and not self._poll.poll(IDLE_MS):
                self._idle()
            now = time.monotonic()
            if now >= due:
                self._report()
                due = now + REPORT_S
        while self._take():
            pass
        self._engine.finish()
        self._report(last=True)

    def _take(self) -> bool:
        """Take one block; False where the kernel still has it."""
        buf, pos = self._buf, self._at * BLOCK_BYTES
        status = buf[pos + packet_ring.BLOCK_STATUS : pos + packet_ring.BLOCK_STATUS + 4].view(np.uint32)
        if not status[0] & packet_ring.OF_USER:
            return False
        head = buf[pos : pos + 32].view(np.uint32)
        self._frames_taken += int(head[packet_ring.BLOCK_PACKETS // 4])
        self._reports.note(self._frames_taken, 1)
        duplicates = int(self._state[packet_ring.S_DUPLICATES])
        n = packet_ring.walk(buf, pos, self._state, self._seen, self._frames)
        duplicates = int(self._state[packet_ring.S_DUPLICATES]) - duplicates
        if n:
            self._engine.feed(buf, self._frames[:n], self._ring_bytes)
            if self._kept is not None:
                self._keep(n)
        self._engine.skip(duplicates)
        status[0] = 0
        self._reports.note(self._frames_taken, 0)
        self._at = (self._at + 1) % self._task.blocks
        if n + duplicates:
            self._last_s = time.monotonic()
        return True

    def _idle(self) -> None:
        """Move event time on, where there has been any."""
        last_ns = int(self._state[packet_ring.S_LAST])
        if last_ns:
            self._engine.tick(last_ns + int((time.monotonic() - self._last_s) * 1e9) - BEHIND_NS)

    def _keep(self, n: int) -> None:
        if self._kept is not None and not self._kept.problem:
            end = packet_ring.records(self._buf, self._frames[:n], n, self._out, 0)
            self._kept.write(self._out[:end].data, int(self._frames["ts"][0]))

    def _report(self, *, last: bool = False) -> None:
        """Say what came since the last report; what finds no room waits, and then is dropped."""
        engine, counts, state = self._engine, self._counts, self._state
        counts.bytes, counts.duplicates = int(state[packet_ring.S_BYTES]), int(state[packet_ring.S_DUPLICATES])
        counts.joined, counts.offloaded = int(state[packet_ring.S_JOINED]), engine.offloaded
        counts.accepted, counts.rejected, counts.opened = engine.accepted, engine.drops, engine.opened
        counts.kept_problem = self._kept.problem if self._kept is not None else ""
        said = msgspec.msgpack.encode(counts)
        messages, flows, arp = engine.drain_packed(), engine.drain_flows(), engine.drain_arps()
        if not (messages or len(flows) or len(arp)) and said == self._said:
            return
        if self._put(flows, arp, messages, last=last):
            self._said = said

    def _put(self, flows: NDArray[np.void], arp: NDArray[np.void], messages: list[Packed], *, last: bool) -> bool:
        """Write a report, in pieces that fit; True where all of it went."""
        step = max(1, self._task.reports_bytes // 8 // (2 * flows.dtype.itemsize))
        whole = True
        first = True
        while first or len(flows) or messages or len(arp):
            first = False
            part = messages[0] if messages else Packed(0, b"")
            parts = pack(self._counts, flows[:step], arp[:step], part.encoded)
            patience = PATIENCE if last else 0
            while not (fits := self._reports.put(parts)) and patience:
                patience -= 1
                time.sleep(IDLE_MS / 1000)
            if not fits:
                self._counts.queue_full += len(flows[:step]) + len(arp[:step]) + part.count
                whole = False
            flows, arp, messages = flows[step:], arp[step:], messages[1:]
        return whole

    def _oldest(self, *, skips: bool) -> int:
        """Return the block to begin with: the oldest that is ours, or the one that the kernel is filling.

        Args:
            skips: Give the oldest back unread: the process before died of it, and counted its frames.
        """
        heads = self._buf[: self._ring_bytes].reshape(self._task.blocks, BLOCK_BYTES)[:, :32].copy()
        status = heads[:, packet_ring.BLOCK_STATUS :][:, :4].copy().view(np.uint32)[:, 0]
        sequence = heads[:, packet_ring.BLOCK_SEQUENCE :][:, :8].copy().view(np.uint64)[:, 0].astype(np.int64)
        ours = np.flatnonzero(status & packet_ring.OF_USER)
        if not len(ours):
            return int(np.argmax(sequence))
        first = int(ours[np.argmin(sequence[ours])])
        if not skips:
            return first
        self._buf[first * BLOCK_BYTES :][packet_ring.BLOCK_STATUS :][:4] = 0
        return (first + 1) % self._task.blocks
