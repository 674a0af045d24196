"""Bundles that somebody brings: files and folders into a hub's inbox, beside a hub that runs or before it does."""

import contextlib
import threading
from collections.abc import Sequence
from pathlib import Path

import msgspec

from sensor.pipeline.unbundling import Imported, Trust, Unbundler, check, how_to_fill, in_order, missing
from sensor.store.bundle_window import BundleWindow
from sensor.store.inbox import Inbox
from sensor.wire import bundle_files
from sensor.wire.clock import SystemClock

FILES_MAX = 1_000_000
"""Of a folder that is imported at once: years of one a minute."""


class Missing(msgspec.Struct, frozen=True):
    """Sequences of a site that did not come."""

    site: str
    first: int
    last: int
    fill: str
    """The command that exports them again there."""


class Done(msgspec.Struct, frozen=True):
    """What became of all files, and what is missing now."""

    files: list[Imported]
    missing: list[Missing]


def import_files(state: Path, trust: Trust, paths: Sequence[Path], *, takes: bool) -> Done:
    """Import files, and those of folders, in the order in which their sites made them.

    Args:
        state: The hub's; made where there is none yet.
        trust: Whose bundles are taken.
        paths: Files and folders.
        takes: Or verify only, and touch nothing.

    Raises:
        OSError: The inbox cannot be written now.
        ValueError: The inbox is none of ours.
    """
    files = list(dict.fromkeys(_expanded(paths)))
    if not takes:
        return Done([_printable(check(trust, path)) for path in files], [])
    with contextlib.ExitStack() as opened:
        inbox = Inbox(state)
        opened.callback(inbox.close)
        window = BundleWindow(state)
        opened.callback(window.close)
        unbundler = Unbundler(inbox, window, trust, SystemClock(threading.Event()).now_ns)
        ready, others = in_order(trust, files)
        done = others + [unbundler.take(path) for _, path in ready]
        gaps = [
            Missing(site, first, last, how_to_fill(first, last))
            for site, ranges in missing(inbox).items()
            for first, last in ranges
        ]
        return Done([_printable(one) for one in done], gaps)


def _printable(one: Imported) -> Imported:
    """Return it with a path that is text: a name in a folder may be any bytes."""
    return msgspec.structs.replace(one, path=one.path.encode("utf-8", "backslashreplace").decode())


def _expanded(paths: Sequence[Path]) -> list[Path]:
    found: list[Path] = []
    for path in paths:
        found += [one for one, _ in bundle_files.in_folder(path, FILES_MAX)] if path.is_dir() else [path]
    return found
