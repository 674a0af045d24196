"""Servers that fall silent: nobody reached one in an hour in which its clients were as busy as when they use it.

A use is an answered flow from one local device to another, hour by hour whether or not. A client's share is in how
many of its hours it used the server, of those with at least half as many flows as its hours of use have; nights,
weekends and holidays take clients away, and with them what is expected. Over hours without any use the shares of the
clients that are there and busy add up to `missed`. Uses are clumped, so the Poisson law has the server's own dispersion
(quasi-likelihood: McCullagh and Nelder 1989, section 6.2): p = 24 e^(−missed / dispersion) a day, none below a tenth of
one in as many hours as the dispersion rests on. It must miss twice what it ever missed before, too.

Simulated, 350 devices and 30 days, two of them holidays: of 24 servers with 14 to 130 clients that fell silent at ten
o'clock 21 were told of within 3 to 7 hours, and no other one ever. Needs HOURS_MIN hours in which a client was to be
expected, and CLIENTS_MIN clients. Not here: a sensor that sees less; where more than half of a site's servers fall
silent at once, that is it.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from baselines.evidence import decibans
from baselines.keyed import KeyedTable
from baselines.table import Table
from sensor.detectors.device_days import P_OPENS
from sensor.entities.flow_states import sides
from sensor.model.archive import Archive
from sensor.model.evidence import Entity, Evidence, Finding
from sensor.model.ids import identify
from sensor.model.result import Coverage
from sensor.model.tick import Names, Tick
from sensor.model.times import HOUR_NS, parse, rfc3339, span

HOURS_MIN = 40
"""A working week of eight hours a day."""
CLIENTS_MIN = 5
"""As many as make a common mode (`baselines.common_mode`): fewer may all have gone to one meeting."""
KNOWN_HOURS = 24
"""Hours of a client that its share rests on: the method's first 24 h."""
HOURS_KEPT = 720
"""Hours of a client after which its counts are halved: a month of them."""
EXPECTED_MIN = 0.5
"""Clients to be expected in an hour that says anything."""
AS_BUSY = 0.5
"""Of the usual flows."""
TIMES = 2.0
"""Beyond the worst of its own silences."""
HELD_HOURS = 48
"""For how long a silence that was told teaches nothing: the method's quarantine."""
EDGES_MAX = 1 << 18
"""(client, server) pairs of about 60 bytes; the half unused longest goes first."""
STEP_MAX = EDGES_MAX // 8
"""Pairs of a tick that are counted."""
DEVICES_MAX = 1_000_000
_FORGET = 50.0
"""Hours of use that a client's usual flows are a mean of."""

_EDGE: dict[str, Any] = {
    "used": (np.float32, (), 0.0), "alike": (np.float32, (), 0.0), "busy": (np.float32, (), 0.0),
    "hour": (np.int64, (), -1),
}  # fmt: skip
_DEVICE: dict[str, Any] = {
    "flows": (np.int64, (), 0), "tried": (np.int64, (), 0), "flagged": (np.uint8, (), 0), "hours": (np.int32, (), 0),
    "unrest": (np.float64, (), 0.0), "missed": (np.float64, (), 0.0), "worst": (np.float64, (), 0.0),
    "since": (np.int64, (), -1), "told": (np.int64, (), -1), "clients": (np.int32, (), 0),
}  # fmt: skip
"""`missed`, `since`, `tried` and `clients` are of the silence that goes on; `worst` is in dispersions."""


def detector(names: Names, secret: int) -> "Silence":
    """Make the detector of this module."""
    return Silence(names, secret)


class Silence:
    """Who uses which server, and how much of that is missing."""

    name = "silence"
    family = "silence"
    techniques: tuple[str, ...] = ("T1489", "T1499")
    needs = "history"
    unit = "clients that reached it"
    citation = "McCullagh and Nelder 1989, section 6.2"

    def __init__(self, names: Names, secret: int) -> None:
        self._names = names
        self._edges = KeyedTable(_EDGE, EDGES_MAX, secret)
        self._devices = Table(_DEVICE, DEVICES_MAX)
        self._hour = -1

    @property
    def saturation(self) -> dict[str, float]:
        """Share of the cap in use."""
        return {"silence_pairs": self._edges.saturation}

    def score(self, tick: Tick) -> list[Finding]:
        """Close the hour where the tick begins another one."""
        self._devices.cover(self._names.count())
        if tick.merged:
            self._edges.rename(dict(tick.merged))
            for gone, _ in tick.merged:
                self._devices.clear(gone)
        hour = (tick.end_ns - 1) // HOUR_NS
        if not tick.learn or hour <= self._hour:
            return []
        told = self._close() if self._hour >= 0 else []
        own = self._devices.columns
        own["flows"][:], own["flagged"][:] = 0, 0
        self._hour = hour
        return [self._finding(device) for device in told]

    def learn(self, tick: Tick, flagged: NDArray[np.bool_]) -> None:
        """Count the tick's flows and uses; what is flagged teaches no share in this hour."""
        if not tick.learn or not len(tick.flows):
            return
        self._devices.cover(self._names.count())
        own, seen = self._devices.columns, sides(tick)
        own["flagged"][np.nonzero(flagged)[0]] = 1
        opened = tick.fresh & seen.sent & seen.resp_single & (tick.orig_device >= 0)
        np.add.at(own["flows"], tick.orig_device[opened], 1)
        inside = opened & (tick.resp_device >= 0) & (tick.resp_device != tick.orig_device)
        np.add.at(own["tried"], tick.resp_device[inside & ~seen.replied], 1)
        inside &= seen.replied
        pairs = tick.orig_device[inside].astype(np.int64) << 32 | tick.resp_device[inside]
        pairs = np.unique(pairs)[:STEP_MAX].astype(np.uint64)
        rows = self._edges.insert(pairs >> np.uint64(32), pairs & np.uint64(0xFFFF_FFFF), np.zeros_like(pairs))
        columns = self._edges.columns
        columns["hour"][rows], columns["last"][rows] = self._hour, tick.end_ns

    def coverage(self) -> Coverage:
        """Say how many servers are known well enough."""
        hours = self._devices.columns["hours"][: self._devices.rows]
        if not len(self._edges):
            return Coverage(detector=self.name, state="no_input", why="no answered flow between local devices")
        ready = int((hours >= HOURS_MIN).sum())
        if not ready:
            why = f"needs {HOURS_MIN} hours in which a server's clients are to be expected; the longest has "
            return Coverage(detector=self.name, state="learning", why=f"{why}{int(hours.max())}")
        return Coverage(detector=self.name, state="judged", why=f"{ready} servers have clients that are regular")

    def save(self) -> dict[str, NDArray[Any]]:
        """Return its state as named arrays."""
        parts = (("edges", self._edges.save()), ("devices", self._devices.save()))
        state = {f"{part}/{name}": column for part, held in parts for name, column in held.items()}
        return state | {"hour": np.array([self._hour], np.int64)}

    def load(self, state: dict[str, NDArray[Any]]) -> None:
        """Restore what `save` returned. Raises ValueError for a version it cannot read."""
        if not state:
            return
        self._edges.load({name[6:]: column for name, column in state.items() if name.startswith("edges/")})
        self._devices.load({name[8:]: column for name, column in state.items() if name.startswith("devices/")})
        self._hour = int(state["hour"][0])

    def _close(self) -> list[int]:
        """Hold each server's hour against what was to be expected, then learn it; return those to tell of."""
        own = {name: column[: self._devices.rows] for name, column in self._devices.columns.items()}
        edges = {name: column[: len(self._edges)] for name, column in self._edges.columns.items()}
        client, server = (edges["keys"][:, k].astype(np.int64) for k in (0, 1))
        rows, used = self._devices.rows, edges["hour"] == self._hour
        flows = own["flows"][client]
        alike = used | (flows > 0) & (np.log1p(flows) >= edges["busy"] + np.log(AS_BUSY))
        known = edges["alike"] >= KNOWN_HOURS
        share = np.where(known & alike, edges["used"] / np.maximum(1.0, edges["alike"]), 0.0)
        expected = np.bincount(server, share, rows).astype(np.float64)
        silent = np.asarray(np.bincount(server, used, rows) == 0, np.bool_) & (expected > 0.0)
        own["clients"][:] = np.where(own["since"] < 0, 0, own["clients"])
        own["clients"][:] = np.maximum(own["clients"], np.bincount(server, share > 0, rows))
        told = self._judge(own, expected, silent)
        held = (own["told"] >= 0) & (self._hour - own["told"] < HELD_HOURS)
        take = (own["flagged"] == 0) & ~held
        says = take & (expected >= EXPECTED_MIN)
        off = np.bincount(server, used & known, rows) - expected
        own["unrest"][says] += off[says] ** 2 / expected[says]
        own["hours"][says] += 1
        self._learn_edges(edges, take[server] & (own["flagged"][client] == 0), used, alike, np.log1p(flows))
        return told

    def _judge(
        self, own: dict[str, NDArray[Any]], expected: NDArray[np.float64], silent: NDArray[np.bool_]
    ) -> list[int]:
        """Add up what is missing, or end a silence; return the servers whose silence is to be told."""
        ended = ~silent & (own["since"] >= 0) & (expected > 0.0)
        measured = own["missed"] / self._dispersion(own)
        quiet = ended & (own["told"] < own["since"])
        own["worst"][quiet] = np.maximum(own["worst"], measured)[quiet]
        own["missed"][ended], own["since"][ended], own["tried"][~silent] = 0.0, -1, 0
        own["since"][silent & (own["since"] < 0)] = self._hour
        own["missed"][silent] += expected[silent]
        measured = own["missed"] / self._dispersion(own)
        p = _p(measured, own["hours"])
        strange = silent & (own["hours"] >= HOURS_MIN) & (own["clients"] >= CLIENTS_MIN) & (p <= P_OPENS)
        strange &= measured > TIMES * own["worst"]
        told = self._but_blind(strange, silent & (p <= P_OPENS), own["hours"])
        own["told"][told] = np.where(own["told"][told] < own["since"][told], self._hour, own["told"][told])
        return told

    def _but_blind(self, strange: NDArray[np.bool_], gone: NDArray[np.bool_], hours: NDArray[np.int32]) -> list[int]:
        """Return the strange, but of sites where more than half of the servers that are known are gone."""
        sites: dict[str, list[int]] = {}
        for row in np.nonzero(hours >= HOURS_MIN)[0].tolist() if strange.any() else ():
            sites.setdefault(self._names.device_site(row), []).append(row)
        lost = {site: int(gone[rows].sum()) for site, rows in sites.items()}
        seen = [rows for site, rows in sites.items() if lost[site] == 1 or 2 * lost[site] <= len(rows)]
        return sorted(row for rows in seen for row in rows if strange[row])

    @staticmethod
    def _dispersion(own: dict[str, NDArray[Any]]) -> NDArray[np.float64]:
        return np.asarray(np.maximum(1.0, own["unrest"] / np.maximum(1, own["hours"])), np.float64)

    @staticmethod
    def _learn_edges(
        edges: dict[str, NDArray[Any]], take: NDArray[np.bool_], used: NDArray[np.bool_], alike: NDArray[np.bool_],
        busy: NDArray[np.float64],
    ) -> None:  # fmt: skip
        """Let an hour count for the shares of clients."""
        at = take & used
        edges["used"][at] += 1.0
        edges["busy"][at] += ((busy - edges["busy"]) / np.minimum(_FORGET, np.maximum(1.0, edges["used"])))[at]
        edges["alike"][take & alike] += 1.0
        old = edges["alike"] >= HOURS_KEPT
        edges["used"][old] /= 2
        edges["alike"][old] /= 2

    def _finding(self, device: int) -> Finding:
        names, own = self._names, self._devices.columns
        site, identity, name = names.device_site(device), names.device_id(device), names.device_name(device)
        basis = {name: float(own[name][device]) for name in ("missed", "hours", "clients", "tried")}
        basis["dispersion"] = float(self._dispersion({k: own[k][device : device + 1] for k in ("unrest", "hours")})[0])
        since, end_ns = int(own["since"][device]), self._hour * HOUR_NS
        basis["since_s"] = float(since * HOUR_NS // 10**9)
        p = _p_of(basis)
        evidence = Evidence(
            id=identify("EV", site, identity, self.name, since), ts=rfc3339(end_ns), site=site,
            entity=Entity(kind="device", id=identity), detector=self.name, family=self.family, source="network",
            observed=0.0, expected=basis["missed"], range=None, reference="analytic", reference_n=int(basis["hours"]),
            p=p, db=decibans(p), text=_text(name, basis, end_ns - since * HOUR_NS, p), model="silence.uses/1",
            keys=(f"device:{identity}",), basis=basis,
        )  # fmt: skip
        return Finding(
            evidence=evidence, device=device, name=name, techniques=self.techniques, opens=True, digest=True,
            counter=("Planned work on it, or its clients' move to another server, looks the same.",),
            check=f"Is {name} up, and does its service answer from a client's network?",
        )  # fmt: skip


def _text(name: str, basis: dict[str, float], quiet_ns: int, p: float) -> str:
    asked = f", which tried {basis['tried']:,.0f} times" if basis["tried"] else ""
    return (
        f"{name} answered none of its {basis['clients']:.0f} clients for {span(quiet_ns)}{asked}. As busy as they "
        f"were, {basis['missed']:.1f} uses were to be expected, counted by client and hour; {basis['hours']:.0f} hours "
        f"of its own vary {basis['dispersion']:.1f} times as much as by chance. About one in {1 / p:,.0f} days of such "
        "a server looks so."
    )


def _p_of(basis: dict[str, float]) -> float:
    return float(_p(np.array([basis["missed"] / basis["dispersion"]]), np.array([basis["hours"]]))[0])


def _p(measured: NDArray[np.float64], hours: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the rate a day of silences of that many dispersions."""
    return np.asarray(
        np.maximum(1.0 / (10.0 * np.maximum(1, hours)), np.minimum(1.0, 24.0 * np.exp(-measured))), np.float64
    )


def recount(evidence: Evidence, archive: Archive) -> float | None:
    """Count the local clients that it answered in that time again: none."""
    since, until = int(evidence.basis["since_s"]) * 10**9, parse(evidence.ts)
    if archive.since_ns > since:
        return None
    (count,), = archive.rows(
        "SELECT count(DISTINCT orig_device) FROM flows WHERE resp_device = ? AND orig_device <> resp_device "
        "AND fresh AND coalesce(resp_pkts > 0, resp_bytes > 0, false) AND tick > ? AND tick <= ?",
        (evidence.entity.id, since, until),
    )  # fmt: skip
    return float(count)


def again(evidence: Evidence) -> float | None:
    """Return the rate a day again, 24 e^(−missed / dispersion) but for its floor."""
    return _p_of(evidence.basis) if evidence.expected == evidence.basis["missed"] else float("nan")
