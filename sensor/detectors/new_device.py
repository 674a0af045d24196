"""New devices: a device first seen at a site that has learned for a day or more, where new ones are rare.

A device counts once it is alive: it sent in a conversation that was answered, answered in one, or spoke ARP. p is the
site's own rate of new devices a device-day, shrunk to an assumed one; where they are common (guests' phones, which
change their MACs; addresses without MACs that are handed out anew) it is above P_SHOWN and nothing is said. It opens no
incident: it is a row of the digest, or joins one. At most ROWS_MAX rows a site and day: more at once is a network that
was connected.

Not here: a device that pretends to be another; a router's own addresses; what the new device does.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from baselines.evidence import decibans
from baselines.parts import unpack
from baselines.rates import shrunk
from baselines.table import Table
from sensor.detectors.device_days import COLUMNS, SITES_MAX, count_days
from sensor.detectors.first_contacts import contacts
from sensor.model.archive import Archive
from sensor.model.evidence import Entity, Evidence, Finding, Record
from sensor.model.ids import identify
from sensor.model.result import Coverage
from sensor.model.tick import Names, Tick
from sensor.model.times import DAY_NS, rfc3339, span

HISTORY_NS = DAY_NS
RATE = 1 / 100
"""Assumed: new devices a device-day, weighed as 100: a machine lives some years, a visitor's phone a day."""
P_SHOWN, P_DIGEST = 0.02, 0.01
"""Twice the assumed rate is said, the assumed one and less is a row."""
ROWS_MAX = 5
DEVICES_MAX = 1_000_000
_SITE: dict[str, Any] = {
    **COLUMNS, "first": (np.int64, (), 0), "new": (np.int64, (), 0), "today": (np.int64, (), -1),
    "rows": (np.int64, (), 0),
}  # fmt: skip


def detector(names: Names, secret: int) -> "NewDevice":  # noqa: ARG001 - a detector's signature
    """Make the detector of this module."""
    return NewDevice(names)


class NewDevice:
    """First signs of life by device, and new devices by site."""

    name = "new_device"
    family = "device"
    techniques: tuple[str, ...] = ("T1200",)
    needs = "history"
    unit = "new devices"
    citation = "MITRE ATT&CK T1200; Gelman et al. 2013, section 2.6"

    def __init__(self, names: Names) -> None:
        self._names = names
        self._devices = Table({"alive": (np.uint8, (), 0)}, DEVICES_MAX)
        self._sites = Table(_SITE, SITES_MAX)
        self._now_ns = 0
        self.unshown = 0

    def score(self, tick: Tick) -> list[Finding]:
        """Judge the devices that show their first sign of life."""
        self._now_ns = tick.end_ns
        self._devices.cover(self._names.count())
        alive = self._devices.columns["alive"]
        for gone, kept in tick.merged:
            alive[kept] |= alive[gone]
        found = []
        for device, (number, record) in self._signs(tick).items():
            if number < self._sites.rows and self._is_learned(number, tick.end_ns):
                finding = self._judge(tick, number, device, record)
                found += [finding] if finding is not None else []
        return found

    def learn(self, tick: Tick, flagged: NDArray[np.bool_]) -> None:
        """Count the devices that are alive now, and as new where their site has learned; but for flagged ones."""
        self._sites.cover(int(tick.site.max(initial=-1)) + 1)
        count_days(self._sites, self._names, tick)
        for device, (number, _) in self._signs(tick).items():
            self._sites.cover(number + 1)
            columns = self._sites.columns
            columns["new"][number] += self._is_learned(number, tick.end_ns) and not flagged[device]
            columns["first"][number] = columns["first"][number] or tick.end_ns
            self._devices.columns["alive"][device] = 1

    def coverage(self) -> Coverage:
        """Say how long the sites are known."""
        first = self._sites.columns["first"][: self._sites.rows]
        if not (first > 0).any():
            return Coverage(detector=self.name, state="no_input", why="no device showed a sign of life")
        longest = self._now_ns - int(first[first > 0].min())
        if longest < HISTORY_NS:
            why = f"needs 24 h of a site's history; the longest is {span(longest)}"
            return Coverage(detector=self.name, state="learning", why=why)
        days = int(self._sites.columns["device_days"].sum())
        new = int(self._sites.columns["new"].sum())
        more = f"; {self.unshown:,} over {ROWS_MAX} a day only counted" if self.unshown else ""
        return Coverage(detector=self.name, state="judged", why=f"{new:,} new ones in {days:,} device-days{more}")

    def save(self) -> dict[str, NDArray[Any]]:
        """Return its state as named arrays."""
        parts = {"devices": self._devices.save(), "sites": self._sites.save()}
        state = {f"{part}/{name}": column for part, held in parts.items() for name, column in held.items()}
        return state | {"counters": np.array([self._now_ns, self.unshown], np.int64)}

    def load(self, state: dict[str, NDArray[Any]]) -> None:
        """Restore what `save` returned. Raises ValueError for a version it cannot read."""
        if not state:
            return
        unpack(state, (("devices", self._devices), ("sites", self._sites)))
        self._now_ns, self.unshown = (int(value) for value in state["counters"])

    def _signs(self, tick: Tick) -> dict[int, tuple[int, Record]]:
        """Return (site number, record) of each device's first sign of life."""
        alive, flows = self._devices.columns["alive"], tick.flows
        found: dict[int, tuple[int, Record]] = {}
        at = np.nonzero(contacts(tick).two_way == 1)[0] if len(flows) else np.empty(0, np.int64)
        for rows in (tick.orig_device, tick.resp_device):
            new = at[(rows[at] >= 0) & (alive[rows[at]] == 0)]
            if not len(new):
                continue
            devices, first = np.unique(rows[new], return_index=True)
            for device, i in zip(devices.tolist(), new[first].tolist(), strict=True):
                path, uid = self._names.input_path(int(flows["input"][i])), flows["uid"][i].decode()
                record = Record(input=path, uid=uid) if uid else Record(input=path, offset=int(flows["offset"][i]))
                found.setdefault(device, (int(tick.site[i]), record))
        if not len(tick.arp):
            return found
        new = np.nonzero((tick.arp_device >= 0) & (alive[tick.arp_device] == 0))[0]
        devices, first = np.unique(tick.arp_device[new], return_index=True)
        for device, i in zip(devices.tolist(), new[first].tolist(), strict=True):
            path = self._names.input_path(int(tick.arp_input[i]))
            found.setdefault(
                device, (int(tick.arp_site[i]), Record(input=path, offset=int(tick.arp["offset"][i])))
            )  # fmt: skip
        return found

    def _is_learned(self, site: int, now_ns: int) -> bool:
        first = int(self._sites.columns["first"][site])
        return bool(first) and now_ns - first >= HISTORY_NS

    def _judge(self, tick: Tick, number: int, device: int, record: Record) -> Finding | None:
        columns, day = self._sites.columns, (tick.end_ns - 1) // DAY_NS
        events, days = float(columns["new"][number]), float(columns["device_days"][number])
        p = shrunk(events, days, RATE)
        # A router's own row may come late: what was seen behind its MAC is keyed by address.
        if p > P_SHOWN or self._names.history_ns(device) >= HISTORY_NS or self._names.is_router(device):
            return None
        if columns["today"][number] != day:
            columns["today"][number], columns["rows"][number] = day, 0
        columns["rows"][number] += 1
        if columns["rows"][number] > ROWS_MAX:
            self.unshown += 1
            return None
        name, known = self._names.device_name(device), tick.end_ns - int(columns["first"][number])
        identity, site = self._names.device_id(device), self._names.site_name(number)
        text = (
            f"{name} was never seen at {site} in the {span(known)} since its learning began. Its "
            f"{self._names.site_devices(number)} devices had {events:.0f} new ones in {days:,.0f} device-days; about "
            f"one in {1 / p:,.0f}."
        )
        evidence = Evidence(
            id=identify("EV", site, identity, self.name), ts=rfc3339(tick.end_ns), site=site,
            entity=Entity(kind="device", id=identity), detector=self.name, family=self.family, source="network",
            observed=1.0, expected=None, range=None, reference="own", reference_n=int(days), p=p, db=decibans(p),
            text=text, records=(record,), model="new_device.rate/1",
            basis={"events": events, "days": days, "rate": RATE, "until_s": float(tick.end_ns // 10**9)},
            keys=(f"device:{identity}",),
        )  # fmt: skip
        return Finding(
            evidence=evidence, device=device, name=name, techniques=self.techniques, digest=p <= P_DIGEST,
            check=f"Which port of the switch or access point has {name}, and who plugged it in?",
        )  # fmt: skip


def recount(evidence: Evidence, archive: Archive) -> float | None:
    """Return 1 where what the archive has of it began that day, 0 where something is older."""
    until, who = int(evidence.basis["until_s"]) * 10**9, evidence.entity.id
    if archive.since_ns > until - 2 * HISTORY_NS:
        return None
    (first,), = archive.rows(
        "SELECT min(tick) FROM (SELECT tick FROM flows WHERE orig_device = ? OR resp_device = ? "
        "UNION ALL SELECT tick FROM arp WHERE device = ?)", (who, who, who),
    )  # fmt: skip
    return None if first is None else float(until - HISTORY_NS < first <= until)


def again(evidence: Evidence) -> float | None:
    """Return the site's rate of new devices again, (1 + events) / (1 / assumed + device-days)."""
    basis = evidence.basis
    return min(1.0, (1.0 + basis["events"]) / (1.0 / basis["rate"] + basis["days"]))
