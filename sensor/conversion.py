"""Captures to flow records only: the job of `spanline flows`.

Apart from `sensor.pipeline`, so that converting a capture neither loads nor compiles what judging it would need. Each
file is an input of its own; one that cannot be read is named and the others are still converted. A flow is one record,
written when it has ended, however long it goes on.
"""

import contextlib
import importlib
import shutil
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import BinaryIO, Protocol

import msgspec
import numpy as np
from numpy.typing import NDArray

from baselines._jit import compile_pinned
from sensor.errors import ConfigError, Malformed, Permanent
from sensor.sources.pcap import PcapSource

SITE = "local"
ROWS = 1 << 14
"""Flows turned into text at once: a few megabytes of strings."""
SPOOL_BYTES = 16 << 20
"""ARP messages wait in memory up to this, then in a temporary file, until the flows are written."""
KERNELS = (
    *("sensor.packets.pcap", "sensor.packets.pcapng", "sensor.packets.decode", "sensor.packets.reading"),
    "sensor.flows.engine",
)
"""Modules whose kernels the flow engine runs."""


class Totals(msgspec.Struct):
    """What became of all files: packets = accepted + sum(dropped), exactly."""

    packets: int = 0
    bytes: int = 0
    flows: int = 0
    accepted: int = 0
    dropped: dict[str, int] = msgspec.field(default_factory=dict)
    elapsed_s: float = 0.0


class Writer(Protocol):
    """Where records go."""

    def write(self, flows: NDArray[np.void]) -> None:
        """Take flows: dtype FLOW, shape (n,)."""

    def write_arp(self, arps: NDArray[np.void]) -> None:
        """Take ARP messages: dtype ARP, shape (n,)."""

    def close(self) -> None:
        """Write what is still to be written."""


def load_kernels() -> None:
    """Load what has kernels, so that they are ready before the clock starts."""
    for module in KERNELS:
        importlib.import_module(module)
        compile_pinned(module)


def open_writer(form: str, target: str, out: BinaryIO, *, arp: bool) -> Writer:
    """Return the writer of a format.

    Args:
        form: zeek, json, parquet or none.
        target: Name of the file, `-` for standard output.
        out: The file itself.
        arp: Whether ARP messages will come.

    Raises:
        ConfigError: Two Parquet tables cannot go to one stream.
    """
    if form == "zeek":
        return _Zeek(out)
    if form == "json":
        from sensor.flows.json_lines import JsonLines

        return JsonLines(out)
    if form == "parquet":
        if arp and target == "-":
            raise ConfigError("--arp with --format parquet makes a second table, FILE.arp.parquet: give -o FILE")
        return _Parquet(out, Path(f"{target}.arp.parquet") if arp else None)
    return _Nothing()


def convert(
    captures: Sequence[str],
    writer: Writer,
    say: Callable[[str], None],
    progress: Callable[[str, int], None],
    *,
    arp: bool = False,
    ignore_checksums: bool = False,
    threads: int = 1,
) -> tuple[Totals, int]:
    """Read captures one after the other and write their records.

    Args:
        captures: What to read: paths, or `-`.
        writer: Where records go.
        say: Takes errors and warnings, a line each.
        progress: Called after each block with the path and how many bytes of the file were read.
        arp: Write ARP messages too.
        ignore_checksums: Take packets whatever their checksums say.
        threads: 2 reads ahead.

    Returns:
        The totals, and how many files could be read; none where the output cannot be written, which ends the work.
    """
    totals, readable = Totals(), 0
    rows = not isinstance(writer, _Nothing)
    begin = time.perf_counter()
    for number, path in enumerate(captures):
        source = PcapSource(
            path, SITE, number, ignore_checksums=ignore_checksums, believe_offload=False, threads=threads,
            messages=False, rows=rows, interval=False, warn=lambda warning: say(f"warning: {warning}"),
        )  # fmt: skip
        try:
            for batch in source.batches():
                flows = batch.flows
                totals.flows += len(flows)
                _put(writer, flows, batch.arp if arp else batch.arp[:0])
                progress(path, source.position)
            readable += 1
        except Permanent as error:
            say(f"error: {error}")
            _add(totals, source)
            return totals, 0
        except (Malformed, OSError) as error:
            if isinstance(error, BrokenPipeError):
                raise
            say(f"error: {_reason(source, error)}")
        if not rows:
            totals.flows += source.opened
        _add(totals, source)
    totals.elapsed_s = round(time.perf_counter() - begin, 6)
    return totals, readable if _closed(writer, say) else 0


def _closed(writer: Writer, say: Callable[[str], None]) -> bool:
    """Write what is still to be written; whether it could be."""
    try:
        writer.close()
    except OSError as error:
        say(f"error: cannot write the output: {error.strerror}")
        return False
    return True


def _put(writer: Writer, flows: NDArray[np.void], arps: NDArray[np.void]) -> None:
    """Write records. Raises Permanent where the output fails, so that no input is blamed for it."""
    try:
        for at in range(0, len(flows), ROWS):
            writer.write(flows[at : at + ROWS])
        if len(arps):
            writer.write_arp(arps)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise Permanent(f"cannot write the output: {error.strerror}") from error


def _reason(source: PcapSource, error: Exception) -> str:
    if isinstance(error, OSError):
        return f"file {source.account.path}, offset {source.position}: {error.strerror}"
    return str(error)


def _add(totals: Totals, source: PcapSource) -> None:
    account = source.account
    totals.packets += account.records
    totals.bytes += account.bytes
    totals.accepted += account.accepted
    for reason, count in account.rejected.items():
        totals.dropped[reason] = totals.dropped.get(reason, 0) + count


class _Zeek:
    """conn.log, then the ARP log: Zeek's readers take one log at a time."""

    def __init__(self, out: BinaryIO) -> None:
        from sensor.flows.zeek_log import ZeekLog

        self._out = out
        self._files = contextlib.ExitStack()
        spool = tempfile.SpooledTemporaryFile(SPOOL_BYTES)  # noqa: SIM115 - closed with the stack
        self._spool = self._files.enter_context(spool)
        self._conn, self._arp = ZeekLog(out, "conn"), ZeekLog(self._spool, "arp")  # type: ignore[arg-type]
        self._any_arp = False

    def write(self, flows: NDArray[np.void]) -> None:
        self._conn.write(flows)

    def write_arp(self, arps: NDArray[np.void]) -> None:
        self._any_arp = True
        self._arp.write(arps)

    def close(self) -> None:
        self._conn.close()
        with self._files:
            if self._any_arp:
                self._arp.close()
                self._spool.seek(0)
                shutil.copyfileobj(self._spool, self._out)


class _Parquet:
    """One file a table."""

    def __init__(self, out: BinaryIO, arp_path: Path | None) -> None:
        from sensor.flows.parquet import ParquetFile

        self._conn = ParquetFile(out, "conn")
        self._files = contextlib.ExitStack()
        self._arp = None
        if arp_path is not None:
            self._arp = ParquetFile(self._files.enter_context(arp_path.open("wb")), "arp")

    def write(self, flows: NDArray[np.void]) -> None:
        self._conn.write(flows)

    def write_arp(self, arps: NDArray[np.void]) -> None:
        if self._arp is not None:
            self._arp.write(arps)

    def close(self) -> None:
        self._conn.close()
        if self._arp is not None:
            self._arp.close()
        self._files.close()


class _Nothing:
    """Everything is worked out and nothing written: for measuring."""

    def write(self, flows: NDArray[np.void]) -> None:
        pass

    def write_arp(self, arps: NDArray[np.void]) -> None:
        pass

    def close(self) -> None:
        pass
