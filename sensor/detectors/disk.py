"""What a sensor tells when its disk had no room for all of the archive: a row of the digest for a site and a day.

No detector: nothing in the traffic shows it. The row says what is no longer there to ask, so that nobody takes an empty
answer of the archive for a quiet night. What went cannot be counted again.
"""

from baselines.evidence import decibans
from sensor.model.archive import Archive
from sensor.model.evidence import Entity, Evidence, Finding
from sensor.model.ids import identify
from sensor.model.times import DAY_NS, rfc3339

RATE = 1 / 30
"""Assumed: a site has one such day in a month, as for the other ways in which a sensor sees less."""
_CHECK = "What fills the disk? `archive.limit_bytes` below what it has keeps the archive from being cut unseen."


class Disk:
    """What gave way at a site on the day that goes on."""

    def __init__(self, site: str) -> None:
        self._site = site
        self._day, self._bytes, self._rows = -1, 0, 0

    def gave_way(self, size_bytes: int, rows: int, until_ns: int, now_ns: int) -> Finding:
        """Tell of files of the archive that went.

        Args:
            size_bytes: Of all of them.
            rows: In them.
            until_ns: Event time of the newest of those rows.
            now_ns: Event time.
        """
        if now_ns // DAY_NS != self._day:
            self._day, self._bytes, self._rows = now_ns // DAY_NS, 0, 0
        self._bytes += size_bytes
        self._rows += rows
        site, p = self._site, RATE
        evidence = Evidence(
            id=identify("EV", site, "disk", self._day), ts=rfc3339(now_ns), site=site,
            entity=Entity(kind="site", id=site), detector="disk", family="blindness", source="network",
            observed=float(self._bytes), expected=0.0, range=(0.0, 0.0), reference="analytic", reference_n=0, p=p,
            db=decibans(p),
            text=(
                f"The disk of the state had no room: {self._bytes:,} bytes of the archive went, the oldest first, with "
                f"{self._rows:,} records up to {rfc3339(until_ns)}. Incidents and what was learned are whole."
            ),
            model="disk.archive/1", keys=(f"site:{site}",),
            basis={"bytes": float(self._bytes), "rows": float(self._rows), "until": until_ns / 1e9, "rate": p},
        )  # fmt: skip
        return Finding(evidence=evidence, device=-1, name=site, digest=True, check=_CHECK)


def recount(evidence: Evidence, archive: Archive) -> None:
    """Return None: what went is not there to be counted."""


def again(evidence: Evidence) -> float | None:
    """Return the assumed rate."""
    return evidence.basis["rate"]
