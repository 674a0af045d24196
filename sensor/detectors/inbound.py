"""Internet weather: failed contacts from outside, folded into one digest row a local service and day.

An outside address is never a subject. Inbound scans, sprays and backscatter (answers to packets that somebody sent
under the site's address) are counted where they arrive; they are no incident by themselves, and p is 1. What is spread
so thin over addresses that none of them has a row of its own is one row for the port at the site, and what is spread
over ports too, one row for the site.

Not here: logins that are guessed, and a source that stands out among them (sensor/detectors/guessing.py).
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from baselines.distinct import values_of
from baselines.evidence import decibans
from baselines.keyed import KeyedTable
from baselines.parts import packed, unpack
from sensor.detectors.first_contacts import contacts
from sensor.detectors.inbound_verify import again, numbers, recount
from sensor.entities.flow_states import sides
from sensor.model.evidence import Entity, Evidence, Finding
from sensor.model.flow import CONN_STATES, PROTOS, TCP
from sensor.model.ids import identify
from sensor.model.result import Coverage
from sensor.model.tick import Names, Tick
from sensor.model.times import DAY_NS, rfc3339

__all__ = ["Inbound", "again", "detector", "numbers", "recount"]

FAILS_SHOWN = 8
"""Failed contacts a day that are worth a row: as many as make a scan of ports."""
ROWS_MAX = 64
"""Digest rows a day; further services are only counted."""
SERVICES_MAX = 1 << 20
ENDS_MAX = 1 << 18
"""Sources and targets that are told apart: beyond, one that was let go is counted again."""
ANY_PORT = 0
"""Port of the row that holds a device's backscatter, whose ports are random, or of a site's row over all ports."""
_SITE = 1 << 21
"""Added to a site's number where it stands in place of a device row."""
_ANY_SERVICE = 0
_BACKSCATTER = np.isin(CONN_STATES, ("SHR", "RSTRH"))


def detector(names: Names, secret: int) -> "Inbound":
    """Make the detector of this module."""
    return Inbound(names, secret)


class Inbound:
    """Failed contacts from outside by (device, port, protocol) and day."""

    name = "inbound"
    family = "weather"
    techniques: tuple[str, ...] = ("T1595",)
    needs = "nothing"
    unit = "failed contacts from outside a day"
    citation = "METHOD in force, Internet weather"

    def __init__(self, names: Names, secret: int) -> None:
        self._names = names
        counts = dict.fromkeys(("fails", "made", "sources", "targets"), (np.int64, (), 0))
        self._services = KeyedTable(counts, SERVICES_MAX, secret)
        self._ends = KeyedTable({}, ENDS_MAX, secret)
        self._day = -1
        self._rows_today: set[str] = set()
        self.unshown = 0
        self._seen = 0

    @property
    def saturation(self) -> dict[str, float]:
        """Share of the cap in use, by table."""
        return {"inbound_services": self._services.saturation}

    def score(self, tick: Tick) -> list[Finding]:
        """Count the tick and return the row of each service that is over FAILS_SHOWN today."""
        day = (tick.end_ns - 1) // DAY_NS
        if day != self._day:
            self._day = day
            self._rows_today.clear()
        if tick.merged:
            self._services.rename(dict(tick.merged))
        flows, as_contacts = tick.flows, contacts(tick)
        outside = ~tick.orig_local & sides(tick).orig_single & tick.resp_local
        backscatter = outside & _BACKSCATTER[flows["conn_state"]] & (flows["proto"] == TCP) & (tick.resp_device >= 0)
        on = np.nonzero((outside & (as_contacts.outcome >= 0)) | backscatter)[0][: SERVICES_MAX // 8]
        self._seen += len(on)
        if len(on) == 0:
            return []
        failed = backscatter[on] | (as_contacts.outcome[on] == 1)
        port = np.where(backscatter[on], ANY_PORT, flows["resp_p"][on]).astype(np.uint64)
        service = (port << np.uint64(8)) | flows["proto"][on].astype(np.uint64)
        device, site = tick.resp_device[on].astype(np.int64), tick.site[on].astype(np.int64) + _SITE
        ends = [flows[name][on].copy() for name in ("orig_hi", "orig_lo", "resp_hi", "resp_lo")]
        self._services.reserve(3 * len(on))
        left = (device >= 0) | failed
        levels = [(device, service), (site, service), (site, np.full_like(service, _ANY_SERVICE))]
        rows = np.full((len(levels), len(on)), -1, np.int64)
        for level, (subject, what) in enumerate(levels):
            at = np.nonzero(left & (subject >= 0))[0]
            rows[level, at], before = self._count(
                subject[at], what[at], failed[at], [end[at] for end in ends], day, tick.end_ns
            )
            shown = (rows[level] >= 0) & (self._services.columns["fails"][rows[level]] >= FAILS_SHOWN)
            left &= failed & ~backscatter[on] & ~shown
            late = shown[at] & (before > 0) & (before < FAILS_SHOWN)
            above = [(who[at][late], of[at][late]) for who, of in levels[level + 1 :]]
            self._take_back(rows[level, at][late], before[late], above, day)
        loud = values_of(rows[(rows >= 0) & failed])
        loud = loud[self._services.columns["fails"][loud] >= FAILS_SHOWN]
        last = dict(zip(rows[-1].tolist(), device.tolist(), strict=True))
        return [found for row in loud.tolist() if (found := self._finding(tick, row, last.get(row, -1))) is not None]

    def _count(
        self, subject: NDArray[np.int64], service: NDArray[np.uint64], failed: NDArray[np.bool_],
        ends: list[NDArray[np.uint64]], day: int, end_ns: int,
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:  # fmt: skip
        """Count contacts by (subject, service, day), with distinct ends; return each one's row and its fails before."""
        who = subject.astype(np.uint64)
        rows = self._services.insert(who, service, np.full(len(who), day, np.uint64))
        columns = self._services.columns
        columns["last"][rows] = end_ns
        before = columns["fails"][rows].astype(np.int64)
        np.add.at(columns["fails"], rows, failed)
        np.add.at(columns["made"], rows, ~failed)
        whole = (np.uint64(day) << np.uint64(47)) | (who << np.uint64(25)) | (service << np.uint64(1))
        for which, (hi, lo) in enumerate(((ends[0], ends[1]), (ends[2], ends[3]))):
            self._ends.reserve(len(who))
            known = len(self._ends)
            seen = self._ends.insert(whole | np.uint64(which), hi, lo)
            self._ends.columns["last"][seen] = end_ns
            rows_of, first = np.unique(seen, return_index=True)
            np.add.at(columns[("sources", "targets")[which]], rows[first[rows_of >= known]], 1)
        return rows.astype(np.int64), before

    def _take_back(
        self, rows: NDArray[np.int64], held: NDArray[np.int64],
        above: list[tuple[NDArray[np.int64], NDArray[np.uint64]]], day: int,
    ) -> None:  # fmt: skip
        """Take from the wider rows what they had counted of services that now have a row of their own."""
        _, first = np.unique(rows, return_index=True)
        for who, what in above:
            wider = self._services.find(
                who[first].astype(np.uint64), what[first].copy(), np.full(len(first), day, np.uint64)
            )
            known = wider >= 0
            np.subtract.at(self._services.columns["fails"], wider[known], held[first[known]])

    def learn(self, tick: Tick, flagged: NDArray[np.bool_]) -> None:
        """Do nothing: it only counts."""

    def coverage(self) -> Coverage:
        """Say whether contacts from outside were seen."""
        if not self._seen:
            return Coverage(detector=self.name, state="no_input", why="no contact from outside with a local device")
        more = f"; {self.unshown} services over {ROWS_MAX} rows a day only counted" if self.unshown else ""
        return Coverage(detector=self.name, state="judged", why=f"{self._seen:,} contacts from outside counted{more}")

    def save(self) -> dict[str, NDArray[Any]]:
        """Return its state as named arrays."""
        parts = {"services": self._services, "ends": self._ends}
        state = packed(parts.items())
        state["counters"] = np.array([self._day, self.unshown, self._seen], np.int64)
        state["today"] = np.frombuffer("\n".join(sorted(self._rows_today)).encode(), np.uint8)
        return state

    def load(self, state: dict[str, NDArray[Any]]) -> None:
        """Restore what `save` returned. Raises ValueError for a version it cannot read."""
        unpack(state, (("services", self._services), ("ends", self._ends)))
        self._day, self.unshown, self._seen = (int(value) for value in state["counters"])
        self._rows_today = set(state["today"].tobytes().decode().split("\n")) - {""}

    def _finding(self, tick: Tick, row: int, host_of: int) -> Finding | None:
        columns = self._services.columns
        subject, service, day = (int(word) for word in columns["keys"][row])
        fails, made, sources, targets = (int(columns[what][row]) for what in ("fails", "made", "sources", "targets"))
        if subject >= _SITE and (fails < FAILS_SHOWN or (targets < 2 and (service or host_of < 0))):
            return None
        port = f"{service >> 8}/{PROTOS.get(service & 255, 'unknown_transport')}"
        if subject >= _SITE:
            site = self._names.site_name(subject - _SITE)
            key = f"{site}:{port if service else 'any'}"
            name = f"{f'port {port}' if service else 'ports here and there'} at {site}"
            what = f"{f'port {port}' if service else 'ports here and there'} of {targets:,} addresses at {site}"
            if targets == 1:
                name = what = f"ports of {self._names.device_name(host_of)} one by one"
        else:
            site, host = self._names.device_site(subject), self._names.device_name(subject)
            key = f"{self._names.device_id(subject)}:{port}"
            backscatter = f"{host} (answers to packets it did not send: backscatter)"
            what = name = f"port {port} of {host}" if service >> 8 or service & 255 != TCP else backscatter
        if key not in self._rows_today:
            if len(self._rows_today) >= ROWS_MAX:
                self.unshown += 1
                return None
            self._rows_today.add(key)
        evidence = Evidence(
            id=identify("EV", site, key, self.name, day), ts=rfc3339(tick.end_ns), site=site,
            entity=Entity(kind="service", id=key), detector=self.name, family=self.family, source="network",
            observed=float(fails), expected=None, range=None, reference="analytic", reference_n=0, p=1.0,
            db=decibans(1.0), text=_said(what, sources, fails, made),
            model="inbound.count/1",
            basis={
                "fails": fails, "made": made, "sources": sources, "targets": targets, "day": day,
                "port": service >> 8, "proto": service & 255, "at_site": int(subject >= _SITE),
            },
        )  # fmt: skip
        return Finding(
            evidence=evidence, device=-1, name=name, techniques=self.techniques, digest=True,
            check=f"Must {name} be reachable from outside?",
        )  # fmt: skip


def _said(what: str, sources: int, fails: int, made: int) -> str:
    who = "One outside address" if sources == 1 else f"{sources:,} outside addresses"
    return (
        f"{who} tried {what}: {fails:,} attempts failed, {made:,} were answered. "
        "That is the internet's weather: no incident by itself."
    )
