"""Which device has which hostname, from which source, and which names belong to one device of a site alone.

A hostname is weak: it is keyed by site, a name that nobody chose joins nothing, and a name that two devices were found
to use at once is a clash and joins nothing any more. Not here: what is joined.
"""

from typing import Any

from sensor.entities.hostnames import NAME_MAX, fold, is_generic, same
from sensor.entities.touched import Touched

NAME_RANKS = {"announced": 1, "kerberos": 2, "ntlm": 3, "lease": 4, "dhcp": 5, "agent": 6}
"""A better source of a hostname replaces a worse one: what a host shouts, what it says to a server, to the server that
gives it an address, and what its own agent reports."""
NAMES_MAX = 8
"""Names remembered a row, the latest."""
ROWS_MAX = 8
"""Rows remembered a name; a name with more is a clash."""

Key = tuple[int, str]


class Naming:
    """Names by row, and rows by (site, folded name).

    Attributes:
        names: The best name of a row, as it was written.
        clashes: Names that several devices use at once.
    """

    def __init__(self, touched: Touched | None = None) -> None:
        """Begin with none; `touched` hears whose names change."""
        self._touched = touched
        self.names: dict[int, str] = {}
        self.clashes: set[Key] = set()
        self._ranks: dict[int, int] = {}
        self._all: dict[int, dict[str, list[Any]]] = {}
        self._rows: dict[Key, list[int]] = {}

    def put(self, row: int, site: int, name: str, source: str, ts: int) -> None:
        """Give a row a name; it becomes its best unless a better source gave it one."""
        text, folded = name[:NAME_MAX].strip().strip("\0").rstrip("."), fold(name)
        if not folded:
            return
        if self._touched is not None:
            self._touched.mark(row)
        if NAME_RANKS[source] >= self._ranks.get(row, 0):
            self._ranks[row] = NAME_RANKS[source]
            self.names[row] = text
        held = self._all.setdefault(row, {})
        before = held.pop(text, None)
        held[text] = [before[0] if before else ts, max(ts, before[1]) if before else ts, source]
        if len(held) > NAMES_MAX:
            oldest = next(iter(held))
            del held[oldest]
            if fold(oldest) not in {fold(one) for one in held}:
                self._unlist(row, (site, fold(oldest)))
        if NAME_RANKS[source] > NAME_RANKS["announced"]:
            rows = self._rows.setdefault((site, folded), [])
            if row not in rows:
                rows.append(row)
            if len(rows) > ROWS_MAX:
                self.clashes.add((site, folded))
                rows.pop(0)

    def best(self, rows: list[int]) -> str | None:
        """Return the best name of a device's rows; of equals the one given last."""
        ranked = [(self._ranks[row], self._all[row][name][1] if name in self._all.get(row, {}) else 0, row, name)
                  for row in rows if (name := self.names.get(row))]  # fmt: skip
        return max(ranked)[3] if ranked else None

    def rank(self, row: int) -> int:
        """Return how good the source of a row's name is, 0 for none."""
        return self._ranks.get(row, 0)

    def spans(self, rows: list[int]) -> list[tuple[str, int, int, str]]:
        """Return (name, first ns, last ns, source) of a device's names, latest first."""
        found = [(name, *span) for row in rows for name, span in self._all.get(row, {}).items()]
        return sorted(found, key=lambda one: (-one[2], one[0]))

    def bears(self, row: int, name: str) -> bool:
        """Tell whether a row was ever called so."""
        folded = fold(name)
        return any(same(fold(one), folded) for one in self._all.get(row, {}))

    def rows(self, site: int, name: str) -> list[int]:
        """Return the rows of a site that may be joined by a name: none where it is generic or a clash."""
        key = (site, fold(name))
        return [] if key in self.clashes or is_generic(key[1]) else self._rows.get(key, [])

    def everywhere(self, name: str, sites: int) -> list[int]:
        """Return the rows of all sites that may be joined by a name."""
        return [row for site in range(sites) for row in self.rows(site, name)]

    def clash(self, row: int, site: int) -> None:
        """Join nothing by any of a row's names any more."""
        self.clashes.update((site, fold(name)) for name in self._all.get(row, {}))

    def forget(self, row: int, site: int) -> None:
        """Let a row's names join nothing that comes later: it has aged out."""
        for name in self._all.get(row, {}):
            self._unlist(row, (site, fold(name)))

    def _unlist(self, row: int, key: Key) -> None:
        rows = self._rows.get(key, [])
        if row in rows:
            rows.remove(row)
            if not rows:
                del self._rows[key]

    def save(self) -> dict[str, Any]:
        """Return the state as plain values."""
        return {
            "names": [[row, self._ranks[row], name] for row, name in self.names.items()],
            "clashes": sorted(self.clashes), "all": [[row, list(held.items())] for row, held in self._all.items()],
            "rows": [[*key, rows] for key, rows in self._rows.items()],
        }  # fmt: skip

    def load(self, held: dict[str, Any]) -> None:
        """Restore what `save` returned."""
        self.names = {row: name for row, _, name in held["names"]}
        self._ranks = {row: rank for row, rank, _ in held["names"]}
        self.clashes = {(site, name) for site, name in held["clashes"]}
        self._all = {row: {name: list(span) for name, span in names} for row, names in held["all"]}
        self._rows = {(site, name): list(rows) for site, name, rows in held["rows"]}
