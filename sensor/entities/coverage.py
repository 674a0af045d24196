"""Whether a site could be seen at a time: its flows and its names minute by minute, and how much of it is seen at all.

A minute without any record, where a site has one every minute, is a gap: the sensor, its link or the site was down. A
site at which hardly a sign-in comes with a contact (other networks share its egress, names are hidden) is covered in
part: what is not seen there is no absence.
"""

from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from baselines.table import Table
from sensor.entities.distance import Spot
from sensor.model.times import MINUTE_NS, rfc3339

MINUTES = 1440
"""Minutes kept, a day: later logs find no coverage, and no verdict is guessed."""
AROUND = 3
"""Minutes before and after a sign-in that must have records: the contact would lie within two of them."""
NAMES_MIN = 4
"""Of those minutes so many must have names asked for or greeted: a site that resolves over HTTPS has none."""
SIGNINS_MIN = 20
SHARE_MIN = 0.9
"""Sign-ins from a site's egress, and which share of them came with a contact there, before its absence says anything:
at .9 one of ten sign-ins that were not seen would be the site's own blindness."""
FORGET = 1000
"""Sign-ins of a site before its share is halved."""
SPOTS_MAX = 32

SPEC: dict[str, Any] = {
    "minute": (np.int32, (MINUTES,), -1), "flows": (np.uint32, (MINUTES,), 0), "names": (np.uint32, (MINUTES,), 0),
}  # fmt: skip
SITES_MAX = 4096
_MINUTE_MAX = 1 << 31
"""Of int32; what a broken clock puts before 1970 is beyond it, as an unsigned number."""


class _Site(msgspec.Struct):
    seen: int = 0
    signins: int = 0


class Coverage:
    """Minutes of each site, by its number.

    Attributes:
        reported: Last minute of sites that are known by what they report, by number: they may lag, or be silent.
    """

    def __init__(self) -> None:
        self.reported: dict[int, int] = {}
        self._table = Table(SPEC, SITES_MAX)
        self._sites: dict[int, _Site] = {}
        self._spots: dict[int, dict[Spot, int]] = {}
        self._seen: set[int] = set()

    def take(self, site: NDArray[Any], ts: NDArray[np.int64], column: str = "flows") -> list[tuple[int, int]]:
        """Count records; return (site, minute) of those minutes that had none of any kind before.

        Args:
            site: Site numbers, shape (n,).
            ts: ns, int64, shape (n,).
            column: flows or names.
        """
        if not len(site):
            return []
        self._table.cover(int(site.max()) + 1)
        keys, counts = _counted((np.asarray(site, np.int64) << 32) | (ts // MINUTE_NS))
        columns, begun = self._table.columns, []
        for key, count in zip(keys.tolist(), counts.tolist(), strict=True):
            number, minute = key >> 32, key & 0xFFFF_FFFF
            at = minute % MINUTES
            if number >= SITES_MAX or minute >= _MINUTE_MAX or columns["minute"][number, at] > minute:
                continue
            if columns["minute"][number, at] != minute:
                columns["minute"][number, at], columns["flows"][number, at] = minute, 0
                columns["names"][number, at] = 0
                begun.append((number, minute))
                self._seen.add(number)
            columns[column][number, at] += count
        return begun

    def gap(self, site: int, ts: int) -> str | None:
        """Say why nothing can be concluded from what was not seen at a site at a time; None where it was covered."""
        minute, columns = ts // MINUTE_NS, self._table.columns
        minutes = np.arange(minute - AROUND, minute + AROUND + 1)
        if site >= self._table.rows:
            return "it has no sensor"
        silence = self.silence(site, ts)
        if silence is not None:
            return silence
        at = minutes % MINUTES
        there = (columns["minute"][site, at] == minutes) & (columns["flows"][site, at] > 0)
        if not there.all():
            return f"nothing was recorded there in {int((~there).sum())} of the {len(minutes)} minutes around it"
        if int((columns["names"][site, at] > 0).sum()) < NAMES_MIN:
            return "no names were visible there"
        return None

    def report(self, site: int, minutes: NDArray[np.int64], column: str = "flows") -> list[tuple[int, int]]:
        """Take in minutes that a site says it has records of, int64, shape (n,); return what `take` does."""
        if len(minutes):
            self.reported[site] = max(self.reported.get(site, 0), int(minutes.max()))
        return self.take(np.full(len(minutes), site, np.int64), minutes * MINUTE_NS, column)

    def silence(self, site: int, ts: int) -> str | None:
        """Say that a site which reports has not been heard of up to a time, and since when; None where it was."""
        last = self.reported.get(site)
        if last is None or last >= ts // MINUTE_NS:
            return None
        return f"nothing has been heard of it since {rfc3339(last * MINUTE_NS)[:16]}Z"

    def ring(self, site: int) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        """Return a site's minutes (−1: none), and how many flows and names each has, int64, shape (MINUTES,)."""
        if site >= self._table.rows:
            return np.full(MINUTES, -1, np.int64), np.zeros(MINUTES, np.int64), np.zeros(MINUTES, np.int64)
        columns = self._table.columns
        minute, flows, names = (columns[name][site].astype(np.int64) for name in ("minute", "flows", "names"))
        return minute, flows, names

    def count(self, site: int, *, seen: bool) -> None:
        """Count a sign-in from a site's egress, and whether any device there contacted the provider."""
        one = self._sites.setdefault(site, _Site())
        one.signins, one.seen = one.signins + 1, one.seen + seen
        if one.signins >= FORGET:
            one.signins, one.seen = one.signins // 2, one.seen // 2

    def shortfall(self, site: int) -> str | None:
        """Say why a sign-in that was not seen may be nothing but the site's; None where nearly all are seen."""
        one = self._sites.get(site, _Site())
        if one.signins < SIGNINS_MIN:
            return f"only {one.signins} sign-ins from there are known"
        if one.seen < SHARE_MIN * one.signins:
            return f"only {one.seen} of {one.signins} sign-ins from there were seen"
        return None

    def place(self, site: int, spot: Spot) -> None:
        """Take in where records place a site's egress."""
        if not spot.is_placed:
            return
        held = self._spots.setdefault(site, {})
        count = held.get(spot, 0)
        if count < FORGET and (count or len(held) < SPOTS_MAX):
            held[spot] = count + 1

    def spots(self, site: int) -> list[Spot]:
        """Return where records place a site's egress, each place that is more than one of ten, the commonest first."""
        held = sorted(self._spots.get(site, {}).items(), key=lambda one: -one[1])
        total = sum(count for _, count in held)
        return [spot for spot, count in held if count * 10 >= total]

    def has_sensor(self, site: int) -> bool:
        """Tell whether any record of a site's network was ever seen."""
        return site in self._seen

    def save(self) -> dict[str, NDArray[Any]]:
        """Return the state as named arrays."""
        held = _Saved(
            list(self._sites.items()), [(site, list(spots.items())) for site, spots in self._spots.items()],
            list(self.reported.items()),
        )  # fmt: skip
        blob = np.frombuffer(msgspec.json.encode(held), np.uint8)
        return {f"coverage/{name}": column for name, column in self._table.save().items()} | {"coverage/sites": blob}

    def load(self, state: dict[str, NDArray[Any]]) -> None:
        """Restore what `save` returned; a state of before has none of it."""
        if "coverage/sites" not in state:
            return
        held = msgspec.json.decode(state["coverage/sites"].tobytes(), type=_Saved)
        self._sites, self._spots = dict(held.sites), {site: dict(spots) for site, spots in held.spots}
        self.reported = dict(held.reported)
        self._seen = set(np.nonzero((state["coverage/minute"] >= 0).any(axis=1))[0].tolist())
        self._table.load({name[9:]: column for name, column in state.items() if name.startswith("coverage/")})


def _counted(keys: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the distinct keys, at least one, sorted, and how often each is there."""
    if (keys == keys[0]).all():
        return keys[:1], np.array([len(keys)], np.int64)
    distinct, counts = np.unique(keys, return_counts=True)
    return distinct, counts.astype(np.int64)


class _Saved(msgspec.Struct):
    sites: list[tuple[int, _Site]]
    spots: list[tuple[int, list[tuple[Spot, int]]]]
    reported: list[tuple[int, int]] = []
