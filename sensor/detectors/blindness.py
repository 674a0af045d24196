"""Blindness: a sensor that sees less of its site than it usually does.

By site and hour, three things that no traffic does by itself: *loss*, the share of TCP payload that was sent and not
captured; *one way*, the share of TCP conversations that show one side alone although they went on (a span port that
lost a direction; a scan is none, because nothing goes on in it); *silence*, an hour without any flow, at an hour of day
at which the site had LEAST flows or more on each of seven days and more. The first two are held against the 95 % point
of the site's own hours. One row of the digest a (site, kind, day); p is the site's own rate of such days, shrunk to an
assumed one.

Silence shows when the next record of any site comes: event time stands still without one. Not here: which source of a
site fell silent; packets that the sensor dropped itself, which are counted where they are dropped.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from baselines.evidence import decibans
from baselines.rates import shrunk
from baselines.table import Table
from sensor.detectors.blindness_text import KINDS, SILENCE, Dark, again, finding, recount
from sensor.detectors.device_days import SITES_MAX
from sensor.detectors.first_contacts import contacts
from sensor.model.evidence import Finding
from sensor.model.flow import TCP
from sensor.model.result import Coverage
from sensor.model.tick import Names, Tick
from sensor.model.times import DAY_NS, HOUR_NS, span

__all__ = ["Blindness", "again", "detector", "recount"]

HOURS_MIN = 24
"""Hours of its own that a site needs: the method's first 24 h."""
DAYS_MIN = 7
"""Days on which it was heard at that hour: each day of the week."""
LEAST = 20
"""Flows that the quietest of those days must have had: in a made-up office with a few machines at night, hours of fewer
were silent by chance on 2 of 16 days."""
FLOWS_MIN = 100
"""TCP flows an hour below which a share says little."""
SHARE_MIN = np.array([0.01, 0.2])
"""Loss: a tenth of Zeek's CaptureLoss::too_much_loss, since the site's own usual stands beside it; one way: a fifth."""
TIMES = 10.0
"""Far above the usual: an order of magnitude."""
RATE = 1 / 30
"""Assumed: a site has one such day of each kind in a month."""
GAP_HOURS = 7 * 24
"""A longer gap is a sensor that was switched off, not one that is blind."""
BINS, DECADES = 60, 6.0
"""Of shares from 1e-6 to 1, ten a decade."""
_SHARES = 2
_SPEC: dict[str, Any] = {
    "flows": (np.int64, (), 0), "part": (np.float64, (_SHARES,), 0.0), "whole": (np.float64, (_SHARES,), 0.0),
    "count": (np.int64, (_SHARES,), 0), "usual": (np.int32, (_SHARES, BINS), 0), "heard": (np.int32, (24,), 0),
    "least": (np.int64, (24,), 1 << 62), "first": (np.int64, (), -1), "quiet": (np.int64, (), -1),
    "told": (np.int64, (len(KINDS),), -1), "days": (np.int64, (len(KINDS),), 0),
    "before": (np.int64, (len(KINDS),), 0),
}  # fmt: skip
"""`quiet`: the hour in which a silence that is told began. `before`: told days before the one that is told now."""


def detector(names: Names, secret: int) -> "Blindness":  # noqa: ARG001 - a detector's signature
    """Make the detector of this module."""
    return Blindness(names)


class Blindness:
    """Loss, one-way conversations and silence by site and hour."""

    name = "blindness"
    family = "blindness"
    techniques: tuple[str, ...] = ("T1562.006",)
    needs = "history"
    unit = "share of an hour's payload or conversations; hours of silence"
    citation = "Zeek, policy/misc/capture-loss; MITRE ATT&CK T1562.006"

    def __init__(self, names: Names) -> None:
        self._names = names
        self._sites = Table(_SPEC, SITES_MAX)
        self._hour = -1

    def score(self, tick: Tick) -> list[Finding]:
        """Close the hours that are over and judge them."""
        hour = (tick.end_ns - 1) // HOUR_NS
        if not tick.learn or hour <= self._hour:
            return []
        found: list[Finding] = []
        known = np.nonzero(self._sites.columns["first"][: self._sites.rows] >= 0)[0].tolist()
        off = hour - self._hour > GAP_HOURS
        for closed in range(self._hour, self._hour + 1 if off else hour):
            for site in known:
                found += self._close(site, closed)
        if off:
            self._sites.columns["quiet"][:] = -1
        self._hour = hour
        return list({one.evidence.id: one for one in found}.values())

    def learn(self, tick: Tick, flagged: NDArray[np.bool_]) -> None:  # noqa: ARG002 - sites are not devices
        """Add the tick to its sites' hours."""
        flows = tick.flows
        if not tick.learn or not len(flows):
            return
        sites = int(tick.site.max()) + 1
        self._sites.cover(sites)
        columns = self._sites.columns
        tcp = flows["proto"] == TCP
        sent = np.maximum(flows["orig_bytes"], 0) + np.maximum(flows["resp_bytes"], 0)
        missed = np.maximum(flows["missed_bytes"], 0)
        one = contacts(tick).one_sided
        went_on = one | (tcp & tick.fresh & (contacts(tick).outcome == 0))
        pairs = (
            (np.where(tcp, missed, 0), np.where(tcp, np.maximum(sent, missed), 0), tcp & (sent + missed > 0)),
            (one, went_on, went_on),
        )
        for k, (part, whole, counted) in enumerate(pairs):
            for name, values in (("part", part), ("whole", whole), ("count", counted)):
                total = np.bincount(tick.site, values, sites)
                columns[name][:sites, k] += total.astype(columns[name].dtype)
        there = np.bincount(tick.site, minlength=sites)
        columns["flows"][:sites] += there
        first = columns["first"][:sites]
        first[(first < 0) & (there > 0)] = self._hour

    def coverage(self) -> Coverage:
        """Say how many sites have hours of their own."""
        columns = self._sites.columns
        first = columns["first"][: self._sites.rows]
        known = int((first >= 0).sum())
        if not known:
            return Coverage(detector=self.name, state="no_input", why="no flow")
        hours = int(self._hour - first[first >= 0].min())
        if hours >= HOURS_MIN:
            return Coverage(detector=self.name, state="judged", why=f"{known} sites, known for {span(hours * HOUR_NS)}")
        why = f"needs {HOURS_MIN} hours of history; there are {hours}"
        return Coverage(detector=self.name, state="learning", why=why)

    def save(self) -> dict[str, NDArray[Any]]:
        """Return its state as named arrays."""
        return {f"sites/{name}": column for name, column in self._sites.save().items()} | {
            "hour": np.array([self._hour], np.int64)
        }

    def load(self, state: dict[str, NDArray[Any]]) -> None:
        """Restore what `save` returned. Raises ValueError for a version it cannot read."""
        if not state:
            return
        self._sites.load({name[6:]: column for name, column in state.items() if name.startswith("sites/")})
        self._hour = int(state["hour"][0])

    def _close(self, site: int, hour: int) -> list[Finding]:
        """Judge one hour of a site that has begun, let it be learned, and begin the next."""
        columns = self._sites.columns
        if columns["first"][site] > hour:
            return []
        found = [one for k in range(_SHARES) if (one := self._share(site, hour, k)) is not None]
        one = self._silence(site, hour)
        found += [one] if one is not None else []
        columns["flows"][site] = 0
        for name in ("part", "whole", "count"):
            columns[name][site] = 0
        return found

    def _share(self, site: int, hour: int, kind: int) -> Finding | None:
        """Hold an hour's share against the site's own hours; what is told is not learned."""
        columns = self._sites.columns
        if columns["count"][site, kind] < FLOWS_MIN:
            return None
        part, whole = float(columns["part"][site, kind]), float(columns["whole"][site, kind])
        share, usual = part / whole, columns["usual"][site, kind]
        hours = int(usual.sum())
        limit = quantile(usual, 0.95)
        if hours >= HOURS_MIN and share >= SHARE_MIN[kind] and share >= TIMES * limit:
            basis = {"part": part, "whole": whole, "flows": float(columns["count"][site, kind]), "usual": limit,
                     "hours": float(hours)}  # fmt: skip
            return self._tell(site, kind, hour, hour + 1, share, basis)
        usual[bin_of(share)] += 1
        return None

    def _silence(self, site: int, hour: int) -> Finding | None:
        """Tell of an hour without a flow where there never was one; a silence that is told goes on as the same."""
        columns, of_day = self._sites.columns, hour % 24
        flows = int(columns["flows"][site])
        if flows:
            columns["heard"][site, of_day] += 1
            columns["least"][site, of_day] = min(columns["least"][site, of_day], flows)
            columns["quiet"][site] = -1
            return None
        begun = int(columns["quiet"][site])
        if begun < 0:
            if columns["heard"][site, of_day] < DAYS_MIN or columns["least"][site, of_day] < LEAST:
                columns["least"][site, of_day] = 0
                return None
            columns["quiet"][site] = begun = hour
        basis = {"hours": float(columns["heard"][site, of_day]), "least": float(columns["least"][site, of_day])}
        return self._tell(site, SILENCE, begun, hour + 1, float(hour + 1 - begun), basis)

    def _tell(
        self, site: int, kind: int, begin: int, end: int, observed: float, basis: dict[str, float]
    ) -> Finding | None:  # fmt: skip
        """Make the row of a (site, kind, day): of loss and one way the first hour that shows it."""
        columns, day = self._sites.columns, begin * HOUR_NS // DAY_NS
        if columns["told"][site, kind] == day:
            if kind != SILENCE:
                return None
        else:
            columns["told"][site, kind] = day
            columns["before"][site, kind] = columns["days"][site, kind]
            columns["days"][site, kind] += 1
        events, days = int(columns["before"][site, kind]), (begin - int(columns["first"][site])) // 24
        p = shrunk(float(events), float(days), RATE)
        basis |= {"begin": float(begin), "end": float(end), "events": float(events), "days": float(days), "rate": RATE}
        return finding(Dark(self._names.site_name(site), kind, observed, p, decibans(p), basis))


def bin_of(share: float) -> int:
    """Return the bin of a share from 0 to 1."""
    if share <= 10.0**-DECADES:
        return 0
    return min(BINS - 1, int((np.log10(share) / DECADES + 1.0) * BINS))


def quantile(counts: NDArray[np.int32], part: float) -> float:
    """Return the upper edge of the bin in which a quantile of shares lies; 0 where nothing was counted.

    Args:
        counts: Hours by bin, int32, shape (BINS,).
        part: From 0 to 1.
    """
    total = int(counts.sum())
    if not total:
        return 0.0
    at = int(np.searchsorted(np.cumsum(counts), part * total))
    return float(10.0 ** (((min(at, BINS - 1) + 1) / BINS - 1.0) * DECADES))
