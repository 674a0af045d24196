"""A capture process as its parent sees it: started, read, started again where it dies, ended.

What it had taken from the ring and not reported when it died is counted as lost, and the block it died of is not read
again. The ring outlives it: what came meanwhile is captured by the next.
"""

import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Protocol

import msgspec

from sensor.wire.capture_reports import Counts, Report, Task, unpack
from sensor.wire.packet_socket import PacketSocket
from sensor.wire.shared_ring import SharedRing

MODULE = "sensor.sources._span_child"
REPORTS_BYTES = 64 << 20
"""Of the shared ring: 200,000 flows, a second of a SYN flood at 200,000/s; taken as it comes into use."""
RESTART_S = 1.0
"""Between two starts of a process that dies."""
END_S = 3.0
"""What is given to a process to take what its ring still holds, and to say it."""
LOST = "capture_failed"


class Capturing(Protocol):
    """What captures, in whatever way."""

    problem: str
    """Why it does not; empty while it does."""

    def reports(self) -> Iterator[Report]:
        """Give what was captured since."""

    def totals(self) -> Counts:
        """Return what became of every frame."""

    def drops(self) -> int:
        """Return the frames that found no room."""

    def stop(self) -> None:
        """Capture no more; what was captured can still be had from `reports`."""

    def close(self) -> None:
        """Let go of everything."""


class CaptureProcess:
    """One ring and the process that reads it."""

    def __init__(self, port: PacketSocket, task: Task) -> None:
        """Start it.

        Args:
            port: Its socket; stays open when this is closed.
            task: What it does; the descriptors are filled in here.
        """
        self.problem = ""
        self._stopped = False
        self._port, self._ring = port, SharedRing.create(REPORTS_BYTES)
        self._task = msgspec.structs.replace(
            task, socket=port.socket.fileno(), blocks=port.blocks, hardware=port.hardware,
            reports=self._ring.descriptor, reports_bytes=REPORTS_BYTES,
        )  # fmt: skip
        self._now, self._before = Counts(), Counts()
        port.start()
        self._process = self._start()
        self._started_s = time.monotonic()

    @property
    def pid(self) -> int:
        """Number of the process."""
        return self._process.pid

    def reports(self) -> Iterator[Report]:
        """Give what it captured since; start it again where it died."""
        died = self._process.poll() is not None
        for record in self._ring.take():
            report = unpack(record)
            self._now = report.counts
            yield report
        if died and not self._stopped:
            self._restart()

    def totals(self) -> Counts:
        """Return what became of every frame, those of processes that died too."""
        return added(self._before, self._now)

    def drops(self) -> int:
        """Return what the kernel dropped because the ring was full."""
        return self._port.count().drops

    def stop(self) -> None:
        """Have it take what its ring holds, and end."""
        self._stopped = True
        self._port.pause()
        self._process.terminate()
        try:
            self._process.wait(END_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def close(self) -> None:
        """End it, and let go of what it said."""
        if self._process.poll() is None:
            self.stop()
        self._ring.close()

    def _start(self) -> "subprocess.Popen[bytes]":
        process = subprocess.Popen(  # noqa: S603 - our own module
            [sys.executable, "-m", MODULE], stdin=subprocess.PIPE, pass_fds=(self._task.socket, self._task.reports)
        )
        if process.stdin is not None:
            with process.stdin as told:
                told.write(msgspec.json.encode(self._task))
        return process

    def _restart(self) -> None:
        """Count what is lost with a process that died, and start another."""
        self.problem = f"the capture process ended with {self._process.returncode}"
        if time.monotonic() < self._started_s + RESTART_S:
            return
        taken, is_within = self._ring.noted
        lost = taken - (self._now.accepted + self._now.duplicates + sum(self._now.rejected.values()))
        self._before = added(self.totals(), Counts(rejected={LOST: lost} if lost > 0 else {}))
        self._now = Counts()
        self._ring.note(0, 0)
        self._task = msgspec.structs.replace(self._task, skips_block=bool(is_within))
        self._process, self._started_s = self._start(), time.monotonic()
        self.problem = ""


def added(one: Counts, other: Counts) -> Counts:
    """Return two counts as one."""
    rejected = {
        reason: one.rejected.get(reason, 0) + other.rejected.get(reason, 0)
        for reason in sorted(one.rejected.keys() | other.rejected.keys())
    }
    names = [name for name in Counts.__struct_fields__ if name not in {"rejected", "kept_problem"}]
    numbers = {name: getattr(one, name) + getattr(other, name) for name in names}
    return Counts(**numbers, rejected=rejected, kept_problem=other.kept_problem or one.kept_problem)
