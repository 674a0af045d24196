"""New peers and services: a device that keeps to its habits uses something that it never did, and few others do.

Three categories: destinations (by name), services asked for, services offered (`usage`). The model's p is
P(new for the device) · (mass of the site's things that at most as many devices use), Pitman–Yor on both levels
(`baselines.novelty`), times the device's uses a day: a union over its chances. Of what a hub says is common at the
fleet's other sites that mass is no smaller than the share of them that has it. The least of the three categories times
three is the day's; it is held against the peers' days (`baselines.calibration`), so that p is a rate per device-day.
Until these are 100 the fleet's are taken, where a hub gave them, else the model's own, and none is below 1e-3.

Needs 24 h of the device's history. It opens no incident: it goes to the digest below P_DIGEST, or joins one. The peer
group is the site. What was seen is remembered for 30 to 60 days (`baselines.seen`), one use in 500 wrongly.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from baselines.calibration import RANKED_MIN, Law, Pools, p_of
from baselines.distinct import repeated, values_of
from baselines.keyed import KeyedTable
from baselines.novelty import p_hierarchical, p_new
from baselines.parts import packed
from baselines.seen import Seen
from baselines.selfcheck import ALPHAS, SelfCheck
from baselines.table import Table
from sensor.detectors.fleet_law import fleet_law
from sensor.detectors.new_peer_text import Found, told
from sensor.detectors.new_peer_verify import again, recount
from sensor.detectors.popularity import Popularity
from sensor.detectors.usage import CATEGORIES, DESTINATION, by_name, uses
from sensor.model.evidence import Finding
from sensor.model.fleet_part import DESTINATION as FLEET_DESTINATION
from sensor.model.fleet_part import FleetUse
from sensor.model.result import Coverage
from sensor.model.tick import Names, Tick, Uses
from sensor.model.times import DAY_NS, span

__all__ = ["NewPeer", "again", "detector", "recount"]

HISTORY_NS = DAY_NS
P_SHOWN = 0.05
P_OWN = 1e-3
"""No p of the model alone is below: there is no real reference for it."""
FORMER = 4
"""Rows that turned out to be this device, whose uses count as its own; further ones are forgotten."""
D_MAX = 300.0
VERSION = 2
_CHECKED = "new_peer"

_SPEC: dict[str, Any] = {
    "draws": (np.int64, (CATEGORIES,), 0), "kinds": (np.int64, (CATEGORIES,), 0),
    "today": (np.int64, (CATEGORIES,), 0), "days": (np.int32, (), 0), "day": (np.int64, (), -1),
    "first": (np.int64, (), -1),  # ns of its first use
    "worst": (np.float64, (), 0.0),  # −log10 of the day's least p of the model
    "flagged": (np.uint8, (), 0), "former": (np.int32, (FORMER,), -1),
}  # fmt: skip
DEVICES_MAX = 1_000_000


def detector(names: Names, secret: int) -> "NewPeer":
    """Make the detector of this module."""
    return NewPeer(names, secret)


class NewPeer:
    """What devices use, and how rare a use would be that is new."""

    name = "new_peer"
    family = "novelty"
    techniques: tuple[str, ...] = ("T1071",)
    needs = "history"
    unit = "−log10 of the day's least probability of something new"
    citation = "Pitman and Yor 1997, section 3; Teh 2006, section 3; pooled p: METHOD in force"

    def __init__(self, names: Names, secret: int) -> None:
        self._names, self._secret = names, secret
        self._devices = Table(_SPEC, DEVICES_MAX)
        self._seen, self._popular = Seen(secret), Popularity(secret)
        self._pools, self._check = Pools(1), SelfCheck(1)
        self._day = -1
        self._rows_told: list[int] = []
        self._has_former = False

    @property
    def saturation(self) -> dict[str, float]:
        """Share of the cap in use, by table."""
        return {"peers": self._popular.saturation, "seen": self._seen.saturation}

    @property
    def calibration(self) -> dict[tuple[str, float], float]:
        """Calibration ratio by statistic and alpha; NaN where there was too little to say."""
        return {(_CHECKED, alpha): self._check.ratio(0, alpha) for alpha in ALPHAS}

    def score(self, tick: Tick) -> list[Finding]:
        """Judge first uses of devices with 24 h of history; the rarest of each device, where its day had none rarer."""
        self._rows_told = []
        if tick.learn:
            self._close((tick.end_ns - 1) // DAY_NS)
            self._pools.advance(tick.end_ns)
        self._follow(tick)
        used = uses(tick)
        first = _value(self._devices.columns["first"], used.device, -1)
        ready = (first >= 0) & (tick.end_ns - first >= HISTORY_NS)
        if not ready.any():
            return []
        used = self._new(used if ready.all() else used.at(ready))
        told = [finding for found in self._judged(tick, used) for finding in self._told(tick, found)]
        self._rows_told = [finding.device for finding in told]
        return told

    def learn(self, tick: Tick, flagged: NDArray[np.bool_]) -> None:
        """Count the uses and remember what is new, but of flagged devices."""
        if not tick.learn:
            return
        self._devices.cover(self._names.count())
        own = self._devices.columns
        # What is flagged for no more than our own rows of this tick is in no incident.
        if flagged.any():
            own["flagged"][np.setdiff1d(np.nonzero(flagged)[0], self._rows_told)] = 1
        used = uses(tick)
        used = used.at(~_value(flagged, used.device, fill=False)) if flagged.any() else used
        if not len(used.flow):
            return
        today = values_of(used.device[own["day"][used.device] != self._day])
        own["days"][today] += 1
        own["day"][today] = self._day
        own["first"][used.device[own["first"][used.device] < 0]] = tick.end_ns
        cell = used.device * CATEGORIES + used.category
        for column in ("draws", "today"):
            np.add.at(own[column].reshape(-1), cell, 1)
        before = self._seen.add(used.key, used.hi, used.lo, self._day)
        fresh = used.at(~before & ~self._was_former(used, used.hi, used.lo))
        if len(fresh.flow):
            self._remember(tick, fresh)

    def coverage(self) -> Coverage:
        """Say how many devices have 24 h of history."""
        first = self._devices.columns["first"][: self._devices.rows]
        known = first[first >= 0]
        if not len(known):
            return Coverage(detector=self.name, state="no_input", why="no answered flow of a local device")
        last = max(self._pools.now_ns, int(known.max()))
        ready = int((last - known >= HISTORY_NS).sum())
        if not ready:
            longest = span(last - int(known.min()))
            return Coverage(
                detector=self.name, state="learning", why=f"needs 24 h of history; the longest is {longest}"
            )
        days = self._pools.size(0)
        why = f"{ready} of {len(known)} devices have 24 h of history; p from "
        law, sites = self._law()
        why += (
            f"{days:,} device-days" if days >= RANKED_MIN else f"the model alone, none below {P_OWN:g}" if law is None
            else f"{law.n:,} device-days of the fleet's {sites} sites until {RANKED_MIN} are here, none below {P_OWN:g}"
        )  # fmt: skip
        why += "; no p below 1e-3, as they do not hold" if self._pools.demoted else ""
        return Coverage(detector=self.name, state="judged", why=why)

    def save(self) -> dict[str, NDArray[Any]]:
        """Return its state as named arrays."""
        state = packed(self._parts())
        return {**state, "head": np.array([VERSION, self._day], np.int64)}

    def load(self, state: dict[str, NDArray[Any]]) -> None:
        """Restore what `save` returned, or the release before. Raises ValueError for a version it cannot read."""
        if "head" not in state:
            self._load_release_before(state)
            return
        if int(state["head"][0]) != VERSION:
            raise ValueError(f"new peers of version {int(state['head'][0])}; this program reads {VERSION}")
        self._day = int(state["head"][1])
        for part, held in self._parts():
            held.load(_part(state, part))
        self._has_former = bool((self._devices.columns["former"] >= 0).any())

    def _parts(self) -> list[tuple[str, Table | Seen | Popularity | Pools | SelfCheck]]:
        return [
            ("devices", self._devices), ("seen", self._seen), ("popular", self._popular), ("pools", self._pools),
            ("check", self._check),
        ]  # fmt: skip

    def _load_release_before(self, state: dict[str, NDArray[Any]]) -> None:
        """Take over contacts and peers of the release before, which knew addresses alone."""
        old = _part(state, "devices")
        rows = len(old["draws"])
        self._devices.cover(rows)
        own = self._devices.columns
        for name in ("draws", "kinds", "today"):
            own[name][:rows, DESTINATION] = old[name]
        own["days"][:rows], own["day"][:rows] = old["draws"] > 0, old["day"]
        own["first"][:rows] = np.where(old["draws"] > 0, np.maximum(old["day"], 0) * DAY_NS, -1)
        self._day = int(old["day"].max(initial=-1))
        for part in ("peers", "site_peers"):
            table = KeyedTable({}, 1 << 21, self._secret)
            table.load(_part(state, part))
            first, hi, lo = (table.columns["keys"][: len(table), word].copy() for word in range(3))
            if part == "peers":
                self._seen.add(first * np.uint64(4), hi, lo, self._day)
            else:
                self._popular.add(first.astype(np.int64) * 4, hi, lo, self._day * DAY_NS)

    def _follow(self, tick: Tick) -> None:
        """Let rows that turned out to be another device go on as it: what either used is no news of the one."""
        if not tick.merged:
            return
        self._devices.cover(self._names.count())
        own = self._devices.columns
        for gone, kept in tick.merged:
            for name in ("draws", "kinds", "today"):
                own[name][kept] += own[name][gone]
            firsts = [int(own["first"][row]) for row in (gone, kept) if own["first"][row] >= 0]
            own["first"][kept] = min(firsts, default=-1)
            for name in ("days", "day", "worst", "flagged"):
                own[name][kept] = max(own[name][kept], own[name][gone])
            self._has_former = True
            rows = [gone, *(row for row in (*own["former"][gone], *own["former"][kept]) if row >= 0)][:FORMER]
            own["former"][kept][: len(rows)] = rows
            self._devices.clear(gone)

    def _close(self, day: int) -> None:
        """Close a day: what was its worst is what a day is like."""
        if day <= self._day:
            return
        own = {name: column[: self._devices.rows] for name, column in self._devices.columns.items()}
        since = self._day * DAY_NS
        take = (own["today"].sum(axis=1) > 0) & (own["first"] >= 0) & (since - own["first"] >= HISTORY_NS)
        take &= own["flagged"] == 0
        if take.any():
            self._pools.advance((self._day + 1) * DAY_NS - 1)
            one, worst = np.zeros(int(take.sum()), np.int32), own["worst"][take].copy()
            p, _ = self._pools.p(0, one, worst)
            if self._pools.size(0) >= RANKED_MIN:
                self._check.note(0, self._day, p, self._pools.law(0, 0).floor)
            self._pools.add(0, one, worst)
            self._pools.demote(frozenset({0}) if self._check.failing(0) else frozenset())
        own["today"][:], own["worst"][:], own["flagged"][:] = 0, 0.0, 0
        self._day = day

    def _new(self, used: Uses) -> Uses:
        """Return first uses, in order, each once; a name that was used before at another address is none."""
        used = used.at(~self._was_seen(used, used.hi, used.lo))
        if not len(used.flow):
            return used
        hi, lo, _ = by_name(self._names, used)
        keep = ~self._was_seen(used, hi, lo)
        used = used.of(hi, lo).at(keep)
        return used.at(~repeated(used.key, used.hi, used.lo))

    def _was_seen(self, used: Uses, hi: NDArray[np.uint64], lo: NDArray[np.uint64]) -> NDArray[np.bool_]:
        return self._seen.find(used.key, hi, lo) | self._was_former(used, hi, lo)

    def _was_former(self, used: Uses, hi: NDArray[np.uint64], lo: NDArray[np.uint64]) -> NDArray[np.bool_]:
        """Tell what a row used that turned out to be this device."""
        found = np.zeros(len(hi), np.bool_)
        if not self._has_former:
            return found
        former = self._devices.columns["former"]
        inside = used.device < len(former)
        for k in range(FORMER):
            rows = np.where(inside, former[np.where(inside, used.device, 0), k], -1)
            at = np.nonzero(rows >= 0)[0]
            if not len(at):
                break
            key = (rows[at].astype(np.int64) * 4 + used.category[at]).astype(np.uint64)
            found[at] |= self._seen.find(key, hi[at], lo[at])
        return found

    def _remember(self, tick: Tick, fresh: Uses) -> None:
        """Count new kinds, and one more device for each thing; a known name at a new address is neither."""
        hi, lo, named = by_name(self._names, fresh)
        new = ~named
        at = np.nonzero(named)[0]
        if len(at):
            former = self._was_former(fresh, hi, lo)[at]
            new[at] = ~self._seen.add(fresh.key[at], hi[at], lo[at], self._day) & ~former
        np.add.at(self._devices.columns["kinds"], (fresh.device[new], fresh.category[new]), 1)
        group = tick.site[fresh.flow[new]].astype(np.int64) * 4 + fresh.category[new]
        self._popular.add(group, hi[new], lo[new], tick.end_ns)

    def _judged(self, tick: Tick, used: Uses) -> list[Found]:
        """Return each device's rarest first use."""
        if not len(used.flow):
            return []
        group = tick.site[used.flow].astype(np.int64) * 4 + used.category
        users = self._popular.users(group, used.hi, used.lo)
        kinds_of, which = np.unique(np.stack([group, users], axis=1), axis=0, return_inverse=True)
        mass = np.array([self._popular.mass(g, n) for g, n in kinds_of.tolist()])[which.reshape(-1)]
        fleet = self._fleet_uses(used, users)
        shares = np.array([0.0 if one is None else one.share for one in fleet])
        own, at = self._devices.columns, (used.device, used.category)
        draws, kinds = own["draws"][at], own["kinds"][at]
        chances = np.maximum(1.0 + own["today"][at], draws / np.maximum(1, own["days"][used.device]))
        p = np.minimum(1.0, p_hierarchical(draws, kinds, np.maximum(mass, shares)) * chances * CATEGORIES)
        order = np.lexsort((np.arange(len(p)), p, used.device))
        rarest = order[np.unique(used.device[order], return_index=True)[1]]
        return [
            Found(
                device=int(used.device[i]), flow=int(used.flow[i]), category=int(used.category[i]), draws=int(draws[i]),
                kinds=int(kinds[i]), users=int(users[i]), mass=float(mass[i]), chances=float(chances[i]),
                p_new=float(p_new(draws[[i]], kinds[[i]])[0]), p_model=float(p[i]),
                fleet=fleet[i] if shares[i] > mass[i] else None,
            )
            for i in np.sort(rarest).tolist()
        ]  # fmt: skip

    def _fleet_uses(self, used: Uses, users: NDArray[np.int64]) -> list[FleetUse | None]:
        """Return how common each destination is at the fleet's other sites; None of what is not, and of services."""
        return [
            self._names.fleet_use(FLEET_DESTINATION, hi, lo, own) if category == DESTINATION else None
            for category, hi, lo, own in zip(
                used.category.tolist(), used.hi.tolist(), used.lo.tolist(), users.tolist(), strict=True
            )
        ]

    def _told(self, tick: Tick, found: Found) -> list[Finding]:
        """Tell it where it is the day's worst so far, and rare among the peers' days."""
        own = self._devices.columns
        worst = min(D_MAX, -float(np.log10(found.p_model)))
        if worst <= own["worst"][found.device]:
            return []
        if tick.learn:
            own["worst"][found.device] = worst
        law, sites = self._law()
        p = max(P_OWN, found.p_model) if law is None else p_of(law, worst)
        if p > P_SHOWN:
            return []
        return [told(self._names, tick, found, worst, p, law, sites)]

    def _law(self) -> tuple[Law | None, int]:
        """Return the law of the peers' days, else the fleet's and of how many sites that is; None of neither."""
        law = self._pools.law(0, 0)
        return (law, 0) if law.n >= RANKED_MIN else fleet_law(self._names, self.name) or (None, 0)


def _value(column: NDArray[Any], rows: NDArray[np.int64], fill: int) -> NDArray[Any]:
    """Return a column's values at rows; `fill` beyond it."""
    inside = rows < len(column)
    if inside.all():
        return column[rows]
    found = np.full(len(rows), fill, column.dtype)
    found[inside] = column[rows[inside]]
    return found


def _part(state: dict[str, NDArray[Any]], part: str) -> dict[str, NDArray[Any]]:
    return {name[len(part) + 1 :]: column for name, column in state.items() if name.startswith(f"{part}/")}
