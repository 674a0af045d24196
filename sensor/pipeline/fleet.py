"""What a hub knows of its sites; kept in the state's `meta`, a row a site, for whoever shows it.

A process without sites below it has rows of its own sites alone: when each was heard. Times are event times; when an
envelope arrived is told by the feed that stored it. Not here: what a site says of itself (`pipeline.site_health`).
"""

from collections.abc import Iterable, Mapping

import msgspec

from sensor.model.fleet import META, SITES_MAX, SiteHealth, SiteLink, SiteRow


class Fleet:
    """All sites by name.

    Attributes:
        rows: What is known of each.
        refused: How often more was told of than SITES_MAX sites.
    """

    def __init__(self) -> None:
        self.rows: dict[str, SiteRow] = {}
        self.refused = 0
        self._changed: set[str] = set()

    def expect(self, sites: Iterable[str]) -> None:
        """Have a row for each site that is configured, so that one that never said anything is missed."""
        for site in sites:
            self._put(self._row(site))

    def hear(self, site: str, ts_ns: int, health: SiteHealth | None = None) -> None:
        """Note that a site has records up to an event time, and what it said of itself then; the latest counts."""
        row = self._row(site)
        if health is not None and ts_ns >= row.health_ns:
            row = msgspec.structs.replace(row, health=health, health_ns=ts_ns)
        self._put(msgspec.structs.replace(row, heard_ns=max(row.heard_ns, ts_ns)))

    def link(self, site: str, link: SiteLink) -> None:
        """Note how a site is heard."""
        self._put(msgspec.structs.replace(self._row(site), link=link))

    def changed(self) -> dict[str, str]:
        """Return what is to be committed, as `meta` holds it."""
        return {META + site: msgspec.json.encode(self.rows[site]).decode() for site in sorted(self._changed)}

    def committed(self) -> None:
        """Hear that it was."""
        self._changed.clear()

    def load(self, meta: Mapping[str, str]) -> None:
        """Take back what was committed; keys that are not ours are passed over."""
        found = [msgspec.json.decode(text, type=SiteRow) for key, text in meta.items() if key.startswith(META)]
        self.rows = {row.site: row for row in found}
        self._changed.clear()

    def _row(self, site: str) -> SiteRow:
        return self.rows.get(site) or SiteRow(site=site)

    def _put(self, row: SiteRow) -> None:
        if row.site not in self.rows and len(self.rows) >= SITES_MAX:
            self.refused += 1
        elif self.rows.get(row.site) != row:
            self.rows[row.site] = row
            self._changed.add(row.site)
