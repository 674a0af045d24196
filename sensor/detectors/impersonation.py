"""A known device with another's habits: its MAC or address goes on, what it used day by day does not.

A habit is a destination used, or a service offered, on at least HABIT_DAYS and on half of a device's days, and by less
than half of the site's devices: whoever takes a name over uses the site's resolver, too. Told of is a device of
HABITS_MIN habits that shows none of them where MISSED_MIN uses of them were to be expected by its own share, for an
hour or more, while it uses FRESH_MIN things that it never had. p is the rate of such devices a device-day, assumed
until the site has RATE's worth of device-days of its own; only by its own rate it may open an incident.

Needs a week of the device's life. A machine that is installed anew, or whose address is handed to another where no MAC
is seen, looks the same: it is counted, and raises the rate. Not here: who answers for an address in ARP.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from baselines.distinct import repeated, values_of
from baselines.evidence import decibans
from baselines.keyed import KeyedTable
from baselines.parts import packed, unpack
from baselines.rates import is_own, shrunk
from baselines.table import Table
from sensor.detectors.device_days import COLUMNS, P_OPENS, SITES_MAX, count_days
from sensor.detectors.parties import flow_records, keys_of, party
from sensor.detectors.usage import ASKS, CATEGORIES, by_name, uses
from sensor.model.archive import Archive
from sensor.model.evidence import Entity, Evidence, Finding, Peer
from sensor.model.ids import identify
from sensor.model.result import Coverage
from sensor.model.tick import Names, Tick, Uses
from sensor.model.times import DAY_NS, HOUR_NS, SECOND_NS, parse, rfc3339, span

HISTORY_DAYS = 7
"""Active days, as many as the method asks for before anything pages: a week has its weekend."""
HABIT_DAYS, HABITS_MIN = 5, 3
"""Working days of a week; fewer habits than three may all be idle at once."""
FRESH_MIN = 8
"""Things never used: as many as make a scan of ports (METHOD in force, Scans)."""
MISSED_MIN = 20.0
"""Expected uses of habits of which none came: e⁻²⁰ if uses were independent, which leaves room for their clumps."""
QUIET_NS = HOUR_NS
DAYS_KEPT = 60
"""Active days after which a device's counts are halved: what it did two months ago wanes."""
RATE = 1 / 100
"""Assumed: as many as new devices (sensor/detectors/new_device.py), which a machine installed anew is."""
HELD_NS = 2 * DAY_NS
"""How long what it does is no habit: the method's quarantine."""
THINGS_MAX = 1 << 19
DEVICES_MAX = 1_000_000
_PIECE = THINGS_MAX // 8

_THING: dict[str, Any] = {"days": (np.int16, (), 0), "day": (np.int32, (), -1), "habit": (np.uint8, (), 0)}
_DEVICE: dict[str, Any] = {
    "days": (np.int32, (), 0), "day": (np.int32, (), -1), "habits": (np.int32, (), 0), "uses": (np.int64, (), 0),
    "kept": (np.int64, (), 0), "since": (np.int64, (), 0), "fresh": (np.int32, (), 0), "other": (np.int64, (), 0),
    "told": (np.int64, (), 0),
}  # fmt: skip
_SITE: dict[str, Any] = {**COLUMNS, "events": (np.int64, (), 0)}


def detector(names: Names, secret: int) -> "Impersonation":
    """Make the detector of this module."""
    return Impersonation(names, secret)


class Impersonation:
    """Habits by device, and what came instead of them."""

    name = "impersonation"
    family = "device"
    techniques: tuple[str, ...] = ("T1036", "T1200")
    needs = "history"
    unit = "things never used before, since the last habit"
    citation = "MITRE ATT&CK T1036, T1200; Gelman et al. 2013, section 2.6"

    def __init__(self, names: Names, secret: int) -> None:
        self._names = names
        self._things = KeyedTable(_THING, THINGS_MAX, secret)
        self._devices = Table(_DEVICE, DEVICES_MAX)
        self._sites = Table(_SITE, SITES_MAX)
        self._day = -1
        self._read: tuple[Tick, Uses] | None = None

    @property
    def saturation(self) -> dict[str, float]:
        """Share of the cap in use."""
        return {"impersonation_things": self._things.saturation}

    def score(self, tick: Tick) -> list[Finding]:
        """Count what came instead of habits, and tell of devices that lost theirs."""
        self._devices.cover(self._names.count())
        self._follow(tick)
        if tick.learn:
            self._close((tick.end_ns - 1) // DAY_NS)
        own = self._devices.columns
        settled = own["habits"][uses(tick).device] >= HABITS_MIN
        if not settled.any():
            return []
        used = self._uses(tick)
        used = used.at(own["habits"][used.device] >= HABITS_MIN)
        if not len(used.flow):
            return []
        rows = self._things.find(used.key, used.hi, used.lo)
        kept = (rows >= 0) & (self._things.columns["habit"][rows] > 0)
        new = rows < 0
        if new.any():
            new &= ~repeated(used.key, used.hi, used.lo)
        self._count(tick, used, kept, new)
        who = values_of(used.device)
        told = self._devices.columns["told"][who] > self._devices.columns["since"][who]
        who = who[~told | np.isin(who, used.device[new])] if new.any() else who[~told]
        return [
            self._finding(tick, device, used.flow[used.device == device])
            for device in who[self._is_lost(who, tick.end_ns)].tolist()
        ]

    def learn(self, tick: Tick, flagged: NDArray[np.bool_]) -> None:
        """Remember what was used, and on how many days; of flagged devices and lately told ones only the first."""
        if not tick.learn:
            return
        self._devices.cover(self._names.count())
        self._sites.cover(int(tick.site.max(initial=-1)) + 1)
        count_days(self._sites, self._names, tick)
        used = self._uses(tick)
        self._read = None
        own, day = self._devices.columns, (tick.end_ns - 1) // DAY_NS
        for start in range(0, len(used.flow), _PIECE):
            part = used.at(np.arange(start, min(start + _PIECE, len(used.flow)))) if len(used.flow) > _PIECE else used
            rows = self._things.insert(part.key, part.hi, part.lo)
            things = self._things.columns
            things["last"][rows] = tick.end_ns
            held = flagged[part.device] | (
                (own["told"][part.device] > 0) & (tick.end_ns - own["told"][part.device] < HELD_NS)
            )
            again_today = values_of(rows[~held & (things["day"][rows] != day)])
            things["days"][again_today] += 1
            things["day"][again_today] = day
            there = values_of(part.device[~held & (own["day"][part.device] != day)])
            own["days"][there] += 1
            own["day"][there] = day

    def coverage(self) -> Coverage:
        """Say how many devices have habits."""
        own = {name: column[: self._devices.rows] for name, column in self._devices.columns.items()}
        if not (own["days"] > 0).any():
            return Coverage(detector=self.name, state="no_input", why="no answered flow of a local device")
        ready = int((own["habits"] >= HABITS_MIN).sum())
        if not ready:
            why = f"needs {HISTORY_DAYS} active days of a device; the longest has {int(own['days'].max())}"
            return Coverage(detector=self.name, state="learning", why=why)
        why = f"{ready} of {int((own['days'] > 0).sum())} devices have {HABITS_MIN} or more habits of their own"
        return Coverage(detector=self.name, state="judged", why=why)

    def save(self) -> dict[str, NDArray[Any]]:
        """Return its state as named arrays."""
        state = packed(self._parts())
        return state | {"day": np.array([self._day], np.int64)}

    def load(self, state: dict[str, NDArray[Any]]) -> None:
        """Restore what `save` returned. Raises ValueError for a version it cannot read."""
        if not state:
            return
        unpack(state, self._parts())
        self._day = int(state["day"][0])

    def _parts(self) -> list[tuple[str, Table | KeyedTable]]:
        return [("things", self._things), ("devices", self._devices), ("sites", self._sites)]

    def _uses(self, tick: Tick) -> Uses:
        """Return a tick's destinations and services offered, destinations by name; read once for both."""
        if self._read is None or self._read[0] is not tick:
            used = uses(tick)
            used = used.at(used.category != ASKS)
            hi, lo, _ = by_name(self._names, used)
            self._read = (tick, used.of(hi, lo))
        return self._read[1]

    def _count(self, tick: Tick, used: Uses, kept: NDArray[np.bool_], new: NDArray[np.bool_]) -> None:
        """Count uses since the last habit, which ends what was counted."""
        own = self._devices.columns
        told = own["told"][used.device]
        np.add.at(own["uses"], used.device, (told <= 0) | (tick.end_ns - told >= HELD_NS))
        np.add.at(own["kept"], used.device, kept)
        np.add.at(own["fresh"], used.device, new)
        np.add.at(own["other"], used.device, 1)
        faithful = used.device[kept]
        own["since"][faithful], own["fresh"][faithful], own["other"][faithful] = tick.end_ns, 0, 0

    def _missed(self, device: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return how many uses of habits were to be expected since the last one, by device row."""
        own = self._devices.columns
        before = np.maximum(1, own["uses"][device] - own["other"][device] * (own["told"][device] == 0))
        return np.asarray(own["other"][device] * np.minimum(1.0, own["kept"][device] / before), np.float64)

    def _is_lost(self, device: NDArray[np.int64], now_ns: int) -> NDArray[np.bool_]:
        own = self._devices.columns
        quiet = (own["since"][device] > 0) & (now_ns - own["since"][device] >= QUIET_NS)
        return np.asarray(quiet & (own["fresh"][device] >= FRESH_MIN) & (self._missed(device) >= MISSED_MIN), np.bool_)

    def _close(self, day: int) -> None:
        """Find the habits anew: of each device's days at least half, and not what half of the devices do."""
        if day <= self._day:
            return
        self._day = day
        own, n = self._devices.columns, len(self._things)
        things = {name: column[:n] for name, column in self._things.columns.items()}
        device = (things["keys"][:, 0] // np.uint64(4)).astype(np.int64)
        old = own["days"] >= DAYS_KEPT
        things["days"][old[device]] //= 2
        own["days"][old] //= 2
        known = own["days"] >= HISTORY_DAYS
        habit = (things["days"] >= HABIT_DAYS) & (2 * things["days"] >= own["days"][device]) & known[device]
        _, which, users = np.unique(
            np.column_stack([things["keys"][habit, 0] % np.uint64(4), things["keys"][habit, 1:]]), axis=0,
            return_inverse=True, return_counts=True,
        )  # fmt: skip
        habit[habit] = 2 * users[which.reshape(-1)] < max(4, int(known.sum()))
        things["habit"][:] = habit
        own["habits"][:] = 0
        np.add.at(own["habits"], device[habit], 1)

    def _follow(self, tick: Tick) -> None:
        """Let rows that turned out to be another device go on as it; what either is told of is settled."""
        own, into = self._devices.columns, dict(tick.merged)
        for gone, kept in tick.merged:
            for name in ("days", "day", "habits", "uses", "kept", "since", "told"):
                own[name][kept] = max(own[name][kept], own[name][gone])
            own["fresh"][kept] = own["other"][kept] = 0
            self._devices.clear(gone)
        last = {gone: kept for gone, kept in tick.merged if kept not in into}
        for gone, kept in reversed(tick.merged):
            last[gone] = last.get(kept, kept)
        if last:
            words = {gone * 4 + k: kept * 4 + k for gone, kept in last.items() for k in range(CATEGORIES)}
            self._things.rename(words)

    def _counted(self, tick: Tick, device: int, number: int) -> dict[str, float]:
        """Count the device as one of its site's where it was not told of since its last habit; return the numbers."""
        own, sites = self._devices.columns, self._sites.columns
        missed = float(self._missed(np.array([device]))[0])
        since, habits, days, told = (int(own[name][device]) for name in ("since", "habits", "days", "told"))
        goes_on = told > since
        events = float(sites["events"][number] - goes_on)
        if not goes_on and tick.learn:
            own["told"][device] = tick.end_ns
            sites["events"][number] += 1
        return {
            "events": events, "days": float(sites["device_days"][number]), "rate": RATE, "missed": missed,
            "habits": float(habits), "device_days": float(days), "since_s": float(since // SECOND_NS),
        }  # fmt: skip

    def _finding(self, tick: Tick, device: int, at: NDArray[np.int64]) -> Finding:
        names, number = self._names, int(tick.site[at[-1]])
        self._sites.cover(number + 1)
        basis = self._counted(tick, device, number)
        identity, name = names.device_id(device), names.device_name(device)
        fresh, since_s = int(self._devices.columns["fresh"][device]), int(basis["since_s"])
        p = shrunk(basis["events"], basis["days"], RATE)
        whom = [
            party(names, int(tick.resp_device[i]), int(tick.flows["resp_hi"][i]), int(tick.flows["resp_lo"][i]))
            for i in at[-1:] if tick.orig_device[i] == device
        ]  # fmt: skip
        site = names.device_site(device)
        evidence = Evidence(
            id=identify("EV", site, identity, self.name, since_s // 86_400), ts=rfc3339(tick.end_ns), site=site,
            entity=Entity(kind="device", id=identity), detector=self.name, family=self.family, source="network",
            observed=float(fresh), expected=0.0, range=(0.0, float(FRESH_MIN)), reference="own",
            reference_n=int(basis["days"]), p=p, db=decibans(p),
            text=_text(site, name, fresh, whom, tick.end_ns - since_s * SECOND_NS, basis, p),
            records=flow_records(names, tick.flows[at]), model="impersonation.habits/1", basis=basis,
            keys=(f"device:{identity}", *keys_of(whom)),
        )  # fmt: skip
        return Finding(
            evidence=evidence, device=device, name=name, techniques=self.techniques, peers=tuple(whom), digest=True,
            opens=is_own(basis["days"], RATE) and p <= P_OPENS,
            counter=("A machine installed anew, or an address handed to another one, looks the same.",),
            check=f"Which port of the switch or access point has {name} now, and is it the one it always had?",
        )  # fmt: skip


def _text(site: str, name: str, fresh: int, whom: list[Peer], quiet_ns: int, basis: dict[str, float], p: float) -> str:
    last = whom[0].name if whom else "a client of its own"
    return (
        f"{name} used {fresh} things that it never had, last seen with {last}, and none of the {basis['habits']:.0f} "
        f"habits of its {basis['device_days']:.0f} days for {span(quiet_ns)}, in which {basis['missed']:.0f} of their "
        f"uses were to be expected. {basis['events']:.0f} of {basis['days']:,.0f} device-days at {site} looked so; "
        f"about one in {1 / p:,.0f}."
    )


def recount(evidence: Evidence, archive: Archive) -> float | None:
    """Return what was observed, less the listed uses that the archive does not hold for this device.

    That some were the first is not looked up: what was used before reaches back further than the archive.
    """
    end_ns = parse(evidence.ts)
    if archive.since_ns > end_ns:
        return None
    listed = [record.uid for record in evidence.records if record.uid is not None]
    who = evidence.entity.id
    held = {
        row[0]
        for row in archive.rows(
            "SELECT uid FROM flows WHERE tick = ? AND (orig_device = ? OR resp_device = ?)", (end_ns, who, who)
        )
    }
    return evidence.observed - sum(uid not in held for uid in listed)


def again(evidence: Evidence) -> float | None:
    """Return the site's rate again, (1 + events) / (1 / assumed + device-days); NaN below its own conditions."""
    basis = evidence.basis
    if evidence.observed < FRESH_MIN or basis["missed"] < MISSED_MIN:
        return float("nan")
    return min(1.0, (1.0 + basis["events"]) / (1.0 / basis["rate"] + basis["days"]))
