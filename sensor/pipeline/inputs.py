"""Inputs become sources: which module reads a file is found by its content."""

import inspect
from collections.abc import Iterator, Mapping, Sequence
from typing import cast

import msgspec

from sensor import registry
from sensor.errors import Malformed
from sensor.model.source import Account as SourceAccount
from sensor.model.source import Batch, Ledger, Source
from sensor.sources.detect import detect
from sensor.sources.records import RecordsSource
from sensor.wire.inputs import find_inputs

__all__ = ["Options", "Unread", "find_inputs", "open_sources"]


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """How inputs are read."""

    format: str | None = None
    """Name of a source; None: by content."""
    ignore_checksums: bool = False
    threads: int = 1


class Unread:
    """An input that no source reads."""

    def __init__(self, path: str, site: str, why: str) -> None:
        self.account = SourceAccount(path=path, site=site, format="unknown")
        self._why = why

    def batches(self) -> Iterator[Batch]:
        """Raise Malformed: there is nothing to read."""
        raise Malformed(self._why)


def open_sources(
    inputs: Sequence[tuple[str, str]], ledger: Ledger, options: Options, networks: Mapping[str, tuple[str, ...]]
) -> list[Source]:
    """Make a source of each (path, site); one that cannot be recognised becomes an Unread."""
    return [
        _open_source(path, site, number, ledger, options, networks.get(site))
        for number, (path, site) in enumerate(inputs)
    ]


def _open_source(
    path: str, site: str, number: int, ledger: Ledger, options: Options, networks: tuple[str, ...] | None
) -> Source:
    try:
        kind = options.format or detect(path)
    except (OSError, Malformed) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        return Unread(path, site, f"{path}: cannot be read: {why}")
    if kind is None:
        return Unread(path, site, f"{path}: not recognised: neither a capture nor a log that this release reads")
    module = registry.load("sensor.sources", kind)
    make = getattr(module, f"{kind.capitalize()}Source", None)
    if make is None:
        return RecordsSource(path, site, number, ledger, options.format)
    known = inspect.signature(make).parameters
    wanted = {"ignore_checksums": options.ignore_checksums, "threads": options.threads, "local_networks": networks}
    chosen = {key: value for key, value in wanted.items() if key in known}
    return cast("Source", make(path, site, number, ledger, **chosen))
