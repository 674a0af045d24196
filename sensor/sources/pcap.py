"""Captures: pcap or pcapng files, plain or compressed, as flows, messages and ARP rows.

Drives the capture reader and the flow engine. With two threads, the second reads and decodes the next block while this
one keeps the table; results are the same. A file is one input: flows do not go on into the next file. What the reader
or the decoder drops is in the account under its reason. Kernels are imported when reading begins.
"""

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from sensor.model.source import Account, Batch, Ledger
from sensor.packets.container import is_capture
from sensor.wire.opening import open_input

if TYPE_CHECKING:
    from sensor.flows.engine import Decoded, FlowEngine
    from sensor.packets.reader import CaptureReader

STDIN = "-"
OFFLOAD_SHARE = 0.05
"""Of all packets: from there on Zeek blames a NIC's offload (base/misc/find-checksum-offloading.zeek)."""
OFFLOAD_LEAST = 3
"""Fewer wrong checksums than this are damage, not a habit."""
OPTIONS: dict[str, type] = {"ignore_checksums": bool, "threads": int}
"""What its table may hold besides `path` and `site`."""
_LOG = logging.getLogger(__name__)


def recognises(head: bytes) -> bool:
    """Tell whether a file that begins with `head` (decompressed) is a capture."""
    return is_capture(head)


def _log(warning: str) -> None:
    _LOG.warning("%s", warning)


class PcapSource:
    """One capture file, or standard input as `-`."""

    def __init__(
        self,
        path: str | Path,
        site: str,
        input_index: int = 0,
        ledger: Ledger | None = None,
        *,
        max_flows: int = 1 << 20,
        ignore_checksums: bool = False,
        believe_offload: bool = True,
        local_networks: Sequence[str] | None = None,
        seed: int | None = None,
        threads: int = 1,
        messages: bool = True,
        rows: bool = True,
        interval: bool = True,
        warn: Callable[[str], None] = _log,
        follow: bool = False,
        wait: Callable[[float], object] = time.sleep,
        stop: Callable[[], bool] = lambda: False,
    ) -> None:
        """Prepare to read; nothing is opened yet.

        Args:
            path: The file, or `-`.
            site: Where it was taken.
            input_index: Its number, which flows carry.
            ledger: Where blocks that were read before are known.
            max_flows: Flows held at once.
            ignore_checksums: Take packets whatever their checksums say.
            believe_offload: Take packets whose checksum the sender's network card had yet to finish.
            local_networks: What counts as local; the engine's default where None.
            seed: Key of the hashes; the documented one where None.
            threads: 2 reads ahead on a thread of its own.
            messages: Hand on metadata as records. It is worked out all the same.
            rows: Hand anything on at all; without, only the account and `opened` are kept.
            interval: Report flows that go on, from time to time; without, a flow is one row.
            warn: Takes each warning, besides `warnings`.
            follow: Go on while the file grows, until `stop` says so; see `CaptureReader`.
            wait: Waits that many seconds.
            stop: Tells that a followed file is to end now.
        """
        self.account = Account(path=str(path), site=site, format="pcap")
        self.warnings: list[str] = []
        self.opened = 0
        """Flows that were opened so far."""
        self._options: dict[str, object] = {
            "ignore_checksums": ignore_checksums, "believe_offload": believe_offload, "input_index": input_index,
            "keep": rows,
        }  # fmt: skip
        if local_networks is not None:
            self._options["local_networks"] = local_networks
        if seed is not None:
            self._options["seed"] = seed
        if not interval:
            self._options["interval_ns"] = 0
        self._max_flows = max_flows
        self._ledger, self._threads = ledger, threads
        self._messages, self._rows, self._warn = messages, rows, warn
        self._follow, self._wait, self._stop = follow, wait, stop
        self._reader: CaptureReader | None = None

    @property
    def position(self) -> int:
        """How many bytes of the file itself were read."""
        return self._reader.position if self._reader is not None else 0

    def batches(self) -> Iterator[Batch]:
        """Read on, a block of about a megabyte at a time.

        Raises:
            Malformed: Nothing of the file can be read; says file, offset, reason and remedy.
            OSError: The file cannot be opened or read.
        """
        with self._open() as file:
            yield from self._read(file)

    def _open(self) -> BinaryIO:
        if self.account.path == STDIN:
            return open(0, "rb", buffering=0, closefd=False)
        return open_input(self.account.path)

    def _read(self, file: BinaryIO) -> Iterator[Batch]:
        from sensor.flows.engine import FlowEngine
        from sensor.packets.reader import CaptureReader

        threaded = self._threads > 1 and not self._follow  # a followed file is read as it comes
        engine = FlowEngine(self._max_flows, threaded=threaded, **self._options)  # type: ignore[arg-type]
        reader = self._reader = CaptureReader(
            file,
            self.account.path,
            buffers=2 if threaded else 1,
            ledger=self._ledger,
            site=self.account.site,
            follow=self._follow,
            wait=self._wait,
            stop=self._stop,
        )
        decoded = _decoded(reader, engine)
        for part in _ahead(decoded) if threaded else decoded:
            if part is not None:
                engine.take(part)
                continue
            self._settle(reader, engine)
            yield self._batch(engine)
        engine.finish()
        self._settle(reader, engine)
        self.account.records = reader.frames_seen
        last = self._batch(engine)
        self.warnings += reader.warnings + self._offload(engine) + self._unread(engine)
        for warning in self.warnings:
            self._warn(warning)
        yield last

    def _offload(self, engine: "FlowEngine") -> list[str]:
        """Say so where checksums are wrong as often as a NIC's offload makes them, or were not finished."""
        if engine.offloaded:
            told = f"{engine.offloaded} packets have checksums that a NIC had yet to finish; they were taken"
            return [f"file {self.account.path}: {told}"]
        wrong, seen = self.account.rejected.get("bad_checksum", 0), self.account.records - self.account.duplicates
        if wrong < OFFLOAD_LEAST or wrong <= OFFLOAD_SHARE * seen:
            return []
        said = f"{wrong} of {seen} packets have wrong TCP, UDP or ICMP checksums, most likely from a NIC's offload"
        return [f"file {self.account.path}: {said}; --ignore-checksums takes them"]

    def _unread(self, engine: "FlowEngine") -> list[str]:
        """Say so where payloads were not read because there were more than there is time for."""
        count = engine.unread.get("too_many", 0)
        return (
            [f"file {self.account.path}: metadata of {count} payloads were not read, too many at once"] if count else []
        )

    def _batch(self, engine: "FlowEngine") -> Batch:
        if not self._rows:
            return Batch()
        if self._messages:
            messages = engine.drain_messages()
        else:
            messages = []
            engine.drain_metas()
        return Batch(flows=engine.drain_flows(), messages=messages, arp=engine.drain_arps())

    def _settle(self, reader: "CaptureReader", engine: "FlowEngine") -> None:
        """Bring the account up to date. Frames that wait for their fragments are in it once decided."""
        account = self.account
        account.format = reader.format or "pcap"
        account.bytes = reader.bytes_seen
        account.accepted, account.duplicates = engine.accepted, reader.duplicates
        account.rejected = dict(reader.drops)
        for reason, count in engine.drops.items():
            account.reject(reason, count)
        account.records = account.accepted + account.duplicates + sum(account.rejected.values())
        self.opened = engine.opened


def _decoded(reader: "CaptureReader", engine: "FlowEngine") -> Iterator["Decoded | None"]:
    """Decode block after block; None stands between blocks."""
    fed = 0
    for buf, frames in reader.blocks():
        if reader.first != fed:
            engine.skip(reader.first - fed)
        fed = reader.first + len(frames)
        yield from engine.decode(buf, frames, reader.scratch_at)
        yield None


def _ahead(parts: Iterator["Decoded | None"]) -> Iterator["Decoded | None"]:
    """Make the next part on another thread while this one is in use; the marks between blocks pass without a wait."""
    with ThreadPoolExecutor(1, "spanline-read") as worker:
        waiting = worker.submit(_next_parts, parts)
        while done := waiting.result():
            waiting = worker.submit(_next_parts, parts)
            yield from done


def _next_parts(parts: Iterator["Decoded | None"]) -> list["Decoded | None"]:
    """Make the next part with packets and the mark before it; empty at the end.

    Never past a second mark: the reader has two buffers, and the part in use lies in one of them.
    """
    made: list[Decoded | None] = []
    for part in parts:
        made.append(part)
        if part is not None or len(made) == 2:
            break
    return made
