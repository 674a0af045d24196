"""`spanline flows`: captures to flow records.

Results go to standard output or `-o FILE`, all else to standard error. What needs numpy is imported inside the command,
so that other commands start fast; once its kernels are compiled, the command itself needs no numba.
"""

import contextlib
import json
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import click

from sensor.cli.warm import warm_up

if TYPE_CHECKING:
    from sensor.conversion import Totals

EXAMPLE = """\b
Examples:
  spanline flows capture.pcap > conn.log
  spanline flows --format json --arp day1.pcapng.gz day2.pcap -o flows.jsonl
  tcpdump -i eth1 -w - | spanline flows --stats -
"""


def _default_threads() -> int:
    """Two where two cores are ours: one reads ahead."""
    return min(2, len(os.sched_getaffinity(0)))


@click.command(epilog=EXAMPLE, context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("captures", nargs=-1, required=True, metavar="PCAP...")
@click.option(
    "--format", "form", type=click.Choice(["zeek", "json", "parquet", "none"]), default="zeek", show_default=True,
    help="zeek: conn.log; json: a flow a line; none: compute everything, write nothing.",
)  # fmt: skip
@click.option(
    "--arp", is_flag=True, help="Write ARP messages too: after conn.log, between JSON lines, FILE.arp.parquet."
)
@click.option(
    "-o", "--output", "target", default="-", show_default=True, metavar="FILE", help="Where to write; - is stdout."
)
@click.option("--ignore-checksums", is_flag=True, help="Take packets whatever their checksums say.")
@click.option(
    "--threads",
    type=click.IntRange(1, 64),
    default=None,
    help="2 reads ahead on a second core.  [default: as many as there are]",
)
@click.option("--stats", is_flag=True, help="Last line on stderr: JSON of what was read, kept and dropped.")
def flows(
    *,
    captures: Sequence[str],
    form: str,
    arp: bool,
    target: str,
    ignore_checksums: bool,
    threads: int | None,
    stats: bool,
) -> None:
    """Turn captures (pcap, pcapng; plain, gzip, zstd or xz; - for stdin) into flow records."""
    from sensor import conversion
    from sensor.errors import ConfigError

    warm_up(conversion.KERNELS)
    conversion.load_kernels()
    totals, readable = conversion.Totals(), 0
    try:
        with contextlib.ExitStack() as stack:
            try:
                out = stack.enter_context(_output(target))
                writer = conversion.open_writer(form, target, out, arp=arp)
            except ConfigError as error:
                raise click.UsageError(str(error)) from None
            except OSError as error:
                raise click.UsageError(f"cannot write {error.filename or target}: {error.strerror}") from None
            progress = stack.enter_context(_progress(captures))
            totals, readable = conversion.convert(
                captures, writer, _say, progress, arp=arp, ignore_checksums=ignore_checksums,
                threads=threads or _default_threads(),
            )  # fmt: skip
            out.flush()
    except OSError as error:  # what was still to be written as the file was closed
        if readable:
            _say(f"error: cannot write {target}: {error.strerror}")
        readable = 0
    if stats:
        _say(_stats_line(totals))
    if not readable:
        sys.exit(1)


def _say(line: str) -> None:
    click.echo(line, err=True)


def _stats_line(totals: "Totals") -> str:
    names = ("packets", "bytes", "flows", "accepted", "dropped", "elapsed_s")
    return json.dumps({name: getattr(totals, name) for name in names})


def _output(target: str) -> contextlib.AbstractContextManager[BinaryIO]:
    if target == "-":
        return contextlib.nullcontext(sys.stdout.buffer)
    return Path(target).open("wb")


@contextlib.contextmanager
def _progress(captures: Sequence[str]) -> Iterator[Callable[[str, int], None]]:
    """Show a bar over the bytes of all files, on a terminal only."""
    if not sys.stderr.isatty():
        yield lambda _path, _position: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

    sizes = {path: Path(path).stat().st_size for path in captures if Path(path).is_file()}
    columns = TextColumn("{task.description}"), BarColumn(), TransferSpeedColumn(), TimeRemainingColumn()
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("reading", total=sum(sizes.values()) or None)
        done: dict[str, int] = {}

        def show(path: str, position: int) -> None:
            done[path] = position
            bar.update(task, completed=sum(done.values()), description=Path(path).name)

        yield show
