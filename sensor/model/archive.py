"""The archive as those see it who only ask: tables of records that were kept, by SQL.

Tables: `flows` (Zeek's columns, with `ts` and `duration` in ns, `site`, `orig_device`, `resp_device`), `arp`,
`messages` (what protocols said: `kind`, `ts`, `site`, `device`, `uid`, the ends, `query`, and the whole as JSON in
`body`), `events` (the columns of an Event, with `site`, `device`, and `detail` as JSON) and `signins`. A record that
has expired is not there: `since_ns` tells from when on the archive is whole.
"""

from collections.abc import Sequence
from typing import Any, Protocol


class Archive(Protocol):
    """Where records that were kept can be asked for."""

    @property
    def since_ns(self) -> int:
        """Event time from which on every record was kept, ns."""

    def rows(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Return the rows of one query in DuckDB's SQL; parameters stand for its question marks."""
