"""Internet weather: failed contacts from outside, folded into one digest row a local service and day.

An outside address is never a subject. Inbound scans, sprays and backscatter (answers to packets that somebody sent
under the site's address) are counted where they arrive; they are no incident by themselves, and p is 1.

Not here yet: success after failures, and a source that stands out from the others of a service.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from baselines.evidence import decibans
from baselines.keyed import KeyedTable
from sensor.detectors.first_contacts import contacts
from sensor.entities.networks import no_host
from sensor.model.evidence import Entity, Evidence, Finding
from sensor.model.flow import CONN_STATES, PROTOS, TCP
from sensor.model.ids import identify
from sensor.model.result import Coverage
from sensor.model.tick import Names, Tick
from sensor.model.times import DAY_NS, rfc3339

FAILS_SHOWN = 8
"""Failed contacts a day that are worth a row: as many as make a scan of ports."""
ROWS_MAX = 64
"""Digest rows a day; further services are only counted."""
SERVICES_MAX = 1 << 20
ANY_PORT = 0
"""Port of the row that holds a device's backscatter, whose ports are random."""
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
        self._services = KeyedTable(
            {"fails": (np.int64, (), 0), "made": (np.int64, (), 0), "sources": (np.int64, (), 0)}, SERVICES_MAX, secret
        )
        self._sources = KeyedTable({}, SERVICES_MAX, secret)
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
        flows, as_contacts = tick.flows, contacts(tick)
        outside = ~tick.orig_local & ~no_host(flows["orig_hi"], flows["orig_lo"]) & (tick.resp_device >= 0)
        backscatter = outside & _BACKSCATTER[flows["conn_state"]] & (flows["proto"] == TCP)
        on = np.nonzero((outside & (as_contacts.outcome >= 0)) | backscatter)[0][: SERVICES_MAX // 4]
        self._seen += len(on)
        if len(on) == 0:
            return []
        failed = backscatter[on] | (as_contacts.outcome[on] == 1)
        port = np.where(backscatter[on], ANY_PORT, flows["resp_p"][on]).astype(np.uint64)
        service = (port << np.uint64(8)) | flows["proto"][on].astype(np.uint64)
        rows = self._services.insert(tick.resp_device[on].astype(np.uint64), service, np.full(len(on), day, np.uint64))
        columns = self._services.columns
        columns["last"][rows] = tick.end_ns
        np.add.at(columns["fails"], rows, failed)
        np.add.at(columns["made"], rows, ~failed)
        self._sources.reserve(len(on))
        before = len(self._sources)
        whole = (np.uint64(day) << np.uint64(44)) | (tick.resp_device[on].astype(np.uint64) << np.uint64(24)) | service
        source = self._sources.insert(whole, flows["orig_hi"][on].copy(), flows["orig_lo"][on].copy())
        self._sources.columns["last"][source] = tick.end_ns
        which, first = np.unique(source, return_index=True)
        np.add.at(columns["sources"], rows[first[which >= before]], 1)
        loud = np.unique(rows[failed])
        return [
            finding
            for row in loud[columns["fails"][loud] >= FAILS_SHOWN].tolist()
            if (finding := self._finding(tick, row)) is not None
        ]

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
        parts = {"services": self._services, "sources": self._sources}
        state = {f"{part}/{name}": column for part, held in parts.items() for name, column in held.save().items()}
        state["counters"] = np.array([self._day, self.unshown, self._seen], np.int64)
        state["today"] = np.frombuffer("\n".join(sorted(self._rows_today)).encode(), np.uint8)
        return state

    def load(self, state: dict[str, NDArray[Any]]) -> None:
        """Restore what `save` returned. Raises ValueError for a version it cannot read."""
        for part, held in (("services", self._services), ("sources", self._sources)):
            cut = len(part) + 1
            held.load({name[cut:]: column for name, column in state.items() if name.startswith(part + "/")})
        self._day, self.unshown, self._seen = (int(value) for value in state["counters"])
        self._rows_today = set(state["today"].tobytes().decode().split("\n")) - {""}

    def _finding(self, tick: Tick, row: int) -> Finding | None:
        columns = self._services.columns
        device, service, day = (int(word) for word in columns["keys"][row])
        port, proto = service >> 8, PROTOS.get(service & 255, "unknown_transport")
        site, identity, name = (
            self._names.device_site(device),
            self._names.device_id(device),
            self._names.device_name(device),
        )
        key = f"{identity}:{port}/{proto}"
        if key not in self._rows_today:
            if len(self._rows_today) >= ROWS_MAX:
                self.unshown += 1
                return None
            self._rows_today.add(key)
        fails, made, sources = (int(columns[what][row]) for what in ("fails", "made", "sources"))
        what = f"port {port}/{proto} of {name}" if port else f"{name} (answers to packets it did not send: backscatter)"
        text = (
            f"{sources:,} outside addresses tried {what}: {fails:,} attempts failed, {made:,} were answered. That is "
            "the internet's weather: no incident by itself."
        )
        evidence = Evidence(
            id=identify("EV", site, key, self.name, day), ts=rfc3339(tick.end_ns), site=site,
            entity=Entity(kind="service", id=key), detector=self.name, family=self.family, source="network",
            observed=float(fails), expected=None, range=None, reference="analytic", reference_n=0, p=1.0,
            db=decibans(1.0), text=text, model="inbound.count/1",
            basis={"fails": fails, "made": made, "sources": sources},
        )  # fmt: skip
        return Finding(
            evidence=evidence, device=-1, name=what, techniques=self.techniques, digest=True,
            check=f"Must {what} be reachable from outside?",
        )  # fmt: skip
