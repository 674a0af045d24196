"""The seam between sources and the pipeline: what a source yields, and what it must account for."""

from collections.abc import Iterator
from typing import Protocol

import msgspec
import numpy as np
from numpy.typing import NDArray

from sensor.model.capture import ARP
from sensor.model.event import Event
from sensor.model.flow import FLOW
from sensor.model.protocols import AnyMessage
from sensor.model.report import AnyReport


class Account(msgspec.Struct):
    """What became of one input's records: records = accepted + duplicates + sum(rejected), exactly."""

    path: str
    site: str
    format: str
    records: int = 0
    bytes: int = 0
    accepted: int = 0
    late: int = 0
    duplicates: int = 0
    rejected: dict[str, int] = msgspec.field(default_factory=dict)

    def reject(self, reason: str, count: int = 1) -> None:
        """Count records that were not accepted."""
        self.rejected[reason] = self.rejected.get(reason, 0) + count


class Batch(msgspec.Struct):
    """A run of one input's results, in the order in which the input gave them."""

    flows: NDArray[np.void] = msgspec.field(default_factory=lambda: np.empty(0, FLOW))
    """dtype FLOW, shape (n,)."""
    messages: list[AnyMessage] = msgspec.field(default_factory=list)
    arp: NDArray[np.void] = msgspec.field(default_factory=lambda: np.empty(0, ARP))
    """dtype ARP, shape (n,)."""
    events: list[Event] = msgspec.field(default_factory=list)
    reports: list[AnyReport] = msgspec.field(default_factory=list)
    """Of sites, each with its site's name."""
    refused: list[tuple[int, str]] = msgspec.field(default_factory=list)
    """(row, reason) of records that were refused, where the source reads rows."""

    def newest_ns(self) -> int:
        """Return when the last of its flows was over, or the last of anything else happened, ns; 0 of nothing."""
        flows = int((self.flows["ts"] + np.maximum(self.flows["duration"], 0)).max()) if len(self.flows) else 0
        arp = int(self.arp["ts"].max()) if len(self.arp) else 0
        said = (*self.messages, *self.events, *self.reports)
        return max([flows, arp, *(one.ts for one in said)])


class Ledger(Protocol):
    """Which blocks of input are already in the state. A block is a run of whole records of one input."""

    @property
    def key(self) -> bytes:
        """Return the state's own secret of 16 bytes, under which blocks may be named (`sensor.wire.block_digest`)."""

    def lengths(self, site: str, offset: int) -> list[int]:
        """Return the byte lengths of known blocks that start at this byte offset, longest first."""

    def records(self, site: str, offset: int, digest: bytes) -> int | None:
        """Return how many records a known block held, or None where it is not known."""

    def remember(self, site: str, offset: int, digest: bytes, length: int, records: int) -> None:
        """Add a block; it takes effect when the state is committed."""

    def add_record(self, source: str, identity: bytes) -> bool:
        """Note one record by its own id; False where it is known, from this run or an earlier one."""


class Source(Protocol):
    """One input. Iterating reads it once; `account` is right at any moment and final at the end."""

    account: Account

    def batches(self) -> Iterator[Batch]:
        """Read on. Raises Malformed only where nothing of the input could be read."""
