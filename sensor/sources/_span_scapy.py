"""Capture by scapy's sockets (BPF devices, Npcap), where there is no AF_PACKET.

A thread receives, and the engine turns what it got into flows at each report. Slower than a ring by two orders of
magnitude, and neither the operating system's drops nor its VLAN tags can be had: a site of any size wants Linux.
"""

import threading
import time
from collections.abc import Iterator
from typing import Any

import numpy as np

from sensor.flows.engine import LOCAL_NETWORKS, SCRATCH_NEEDED, FlowEngine
from sensor.model.capture import FRAME, LINK_ETHERNET
from sensor.wire.capture_reports import Counts, Report, Task

ROOM_BYTES, ROOM_FRAMES = 8 << 20, 1 << 15
"""What may wait between two reports; more is dropped and counted."""
WAKE_S = 0.2
"""How long closing waits at most for the thread to see it."""
BEHIND_NS = 1_000_000_000
"""How far event time stays behind on an idle wire."""


class ScapyCapture:
    """One interface, in this process."""

    def __init__(self, interface: str, wanted: str, task: Task) -> None:
        """Start. Raises OSError where scapy cannot open the interface, ImportError where it is not installed.

        Args:
            interface: Its name.
            wanted: A packet filter; empty for none.
            task: What to do; it has no ring.
        """
        self.problem = ""
        self._socket = _opened(interface, wanted)
        self._engine = FlowEngine(
            task.max_flows, ignore_checksums=task.ignore_checksums, believe_offload=True, seed=task.seed,
            local_networks=LOCAL_NETWORKS if task.local_networks is None else task.local_networks,
            input_index=task.input_index,
        )  # fmt: skip
        self._bytes = self._dropped = self._last_ns = 0
        self._last_s = time.monotonic()
        self._held: list[tuple[int, bytes]] = []
        self._held_bytes = 0
        self._buf = np.zeros(ROOM_BYTES + 2 * SCRATCH_NEEDED, np.uint8)
        self._lock, self._stop = threading.Lock(), threading.Event()
        self._thread = threading.Thread(target=self._receive, name=f"span-{interface}", daemon=True)
        self._thread.start()

    def reports(self) -> Iterator[Report]:
        """Give what was captured since."""
        engine = self._engine
        with self._lock:
            held, self._held, self._held_bytes = self._held, [], 0
        self._feed(held)
        if self._stop.is_set():
            engine.finish()
        elif not held and self._last_ns:
            engine.tick(self._last_ns + int((time.monotonic() - self._last_s) * 1e9) - BEHIND_NS)
        yield Report(
            counts=self.totals(), flows=engine.drain_flows(), arp=engine.drain_arps(),
            messages=engine.drain_messages(),
        )  # fmt: skip

    def totals(self) -> Counts:
        """Return what became of every frame."""
        engine = self._engine
        return Counts(
            bytes=self._bytes, accepted=engine.accepted, rejected=engine.drops, offloaded=engine.offloaded,
            opened=engine.opened,
        )  # fmt: skip

    def drops(self) -> int:
        """Return the frames that found no room here."""
        return self._dropped

    def stop(self) -> None:
        """Receive no more."""
        self._stop.set()
        self._thread.join()

    def close(self) -> None:
        """Let go of the socket."""
        self.stop()
        self._socket.close()

    def _receive(self) -> None:
        while not self._stop.is_set():
            if not self._socket.select([self._socket], WAKE_S):
                continue
            _, frame, seconds = self._socket.recv_raw()
            if not frame:
                continue
            ts = int(float(seconds or 0.0) * 1e9)
            with self._lock:
                if len(self._held) == ROOM_FRAMES or self._held_bytes + len(frame) > ROOM_BYTES:
                    self._dropped += 1
                else:
                    self._held.append((ts, frame))
                    self._held_bytes += len(frame)

    def _feed(self, held: list[tuple[int, bytes]]) -> None:
        if not held:
            return
        frames, at = np.zeros(len(held), FRAME), 0
        for number, (ts, frame) in enumerate(held):
            self._buf[at : at + len(frame)] = np.frombuffer(frame, np.uint8)
            frames[number] = (ts, at, len(frame), len(frame), LINK_ETHERNET, 0)
            at += len(frame)
        self._bytes += at
        self._last_ns, self._last_s = max(self._last_ns, int(frames["ts"].max())), time.monotonic()
        self._engine.feed(self._buf, frames, ROOM_BYTES)


def _opened(interface: str, wanted: str) -> Any:  # noqa: ANN401 - scapy has no types
    from scapy.all import conf  # from scapy.config alone it has no sockets yet

    return conf.L2listen(iface=interface, filter=wanted or None)
