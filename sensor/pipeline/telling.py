"""What the parsers made of each record of some inputs: the job of `spanline events`. No state, no order of time."""

from collections.abc import Iterator, Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from sensor.errors import Malformed
from sensor.flows.json_lines import flow_columns
from sensor.model.event import Event
from sensor.model.message_events import event_of
from sensor.model.source import Batch, Source
from sensor.model.times import rfc3339
from sensor.pipeline.inputs import Options, open_sources

Line = dict[str, object]
_FLOW_KEYS = ("proto", "service", "duration", "orig_bytes", "resp_bytes", "conn_state", "community_id")


class NoLedger:
    """A ledger that knows nothing: every record is new."""

    key = bytes(16)

    def lengths(self, site: str, offset: int) -> list[int]:  # noqa: ARG002 - a Ledger's signature
        """Know no block."""
        return []

    def records(self, site: str, offset: int, digest: bytes) -> int | None:  # noqa: ARG002
        """Know no block."""
        return None

    def remember(self, site: str, offset: int, digest: bytes, length: int, records: int) -> None:
        """Forget it."""

    def add_record(self, source: str, identity: bytes) -> bool:  # noqa: ARG002
        """Take every record for new."""
        return True


class Telling:
    """Inputs told record by record; iterate over `lines` once.

    Attributes:
        errors: Why an input could not be read, by path.
        read: Whether a record of any input was accepted.
    """

    def __init__(self, inputs: Sequence[tuple[str, str]], options: Options) -> None:
        """Take (path, site) of each input."""
        self._sources = open_sources(inputs, NoLedger(), options, {})
        self.errors: dict[str, str] = {}
        self.read = False

    def lines(self) -> Iterator[Line]:
        """Give a line for each event and each refused record, input by input."""
        for source in self._sources:
            told: dict[str, int] = {}
            try:
                for batch in source.batches():
                    for _, reason in batch.refused:
                        told[reason] = told.get(reason, 0) + 1
                    yield from batch_lines(batch, source.account.path)
            except (Malformed, OSError) as error:
                self.errors[source.account.path] = str(error)
            yield from _untold(source, told)
            self.read = self.read or source.account.accepted > 0


def batch_lines(batch: Batch, path: str) -> Iterator[Line]:
    """Give the lines of a batch in order of their rows."""
    found: list[tuple[int, int, Line]] = []
    for event in (*batch.events, *(event_of(message) for message in batch.messages)):
        found.append((event.row, len(found), event_line(event, path)))
    for row, line in _flow_lines(batch.flows, path):
        found.append((row, len(found), line))
    for row, reason in batch.refused:
        found.append((row, len(found), {"rejected": reason, "input": path, "row": row}))
    return (line for _, _, line in sorted(found, key=lambda one: one[:2]))


def event_line(event: Event, path: str) -> Line:
    """Return an event as it is shown: its time in RFC 3339, its input by name."""
    shown = msgspec.to_builtins(event)
    return {**shown, "ts": rfc3339(event.ts), "input": path}


def _flow_lines(flows: NDArray[np.void], path: str) -> Iterator[tuple[int, Line]]:
    """Give flows as events of kind connection."""
    if not len(flows):
        return
    columns = {name: list(values) for name, values in flow_columns(flows).items()}
    for i, (ts, row) in enumerate(zip(flows["ts"].tolist(), flows["offset"].tolist(), strict=True)):
        ends = {key.partition(".")[2]: columns[key][i] for key in columns if key.startswith("id.")}
        detail = {**ends, **{key: columns[key][i] for key in _FLOW_KEYS if columns[key][i] is not None}}
        action = str(columns["conn_state"][i] or "flow")
        event = Event(
            ts=ts, source="network", kind="connection", action=action, ip=str(ends["orig_h"]),
            port=int(flows["orig_p"][i]), detail=detail, raw_id=str(columns["uid"][i]), row=row,
        )  # fmt: skip
        yield row, event_line(event, path)


def _untold(source: Source, told: dict[str, int]) -> Iterator[Line]:
    """Give what was refused without a row (a capture's packets) as one line a reason."""
    for reason, count in sorted(source.account.rejected.items()):
        if count > told.get(reason, 0):
            yield {
                "rejected": reason, "input": source.account.path, "row": None, "count": count - told.get(reason, 0)
            }  # fmt: skip
