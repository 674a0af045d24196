"""Industrial controllers: a function that a controller was never asked for, and who writes to it for the first time.

Controllers are asked the same few things by the same few machines, day after day. Functions and writers of each
controller are counted in active days; p = P(new for the controller) × P(new for the site, where it is new there too),
both Pitman–Yor (baselines/novelty.py). One evidence a (who asks, controller, function) or (who writes, controller) and
day. Needs 24 h of the controller's history. Requests alone are read: an answer says nothing of who wants what.

Not here: values that are written, and whether they are safe.
"""

import hashlib
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from baselines.evidence import decibans
from baselines.keyed import KeyedTable
from baselines.novelty import p_new
from baselines.parts import Part, packed, unpack
from baselines.table import Table
from sensor.detectors.device_days import P_OPENS, SITES_MAX
from sensor.detectors.parties import keys_of, message_record, party, seen_as
from sensor.entities.networks import words_of
from sensor.model.archive import Archive
from sensor.model.evidence import Entity, Evidence, Finding
from sensor.model.ids import identify
from sensor.model.protocols import Industrial
from sensor.model.result import Coverage
from sensor.model.tick import Names, Tick
from sensor.model.times import DAY_NS, rfc3339, span

HISTORY_NS = DAY_NS
PAIRS_MAX = 1 << 19
"""(controller, function), (controller, writer) and their like of sites; the half unused longest goes first."""
CONTROLLERS_MAX = 1 << 18
STEP_MAX = 4096
"""Different requests of a step that are judged; further ones are only counted."""
P_SHOWN = 0.05
_FUNCTION, _WRITER = 0, 1
_COUNTS: dict[str, Any] = {
    "draws": (np.int64, (2,), 0), "kinds": (np.int64, (2,), 0), "first": (np.int64, (), 0),
}  # fmt: skip
_SITE_BIT = np.uint64(1) << np.uint64(63)
"""Tells a site's row from a controller's in the keys."""


class Asked(NamedTuple):
    """One request, as far as it is judged."""

    site: int
    asker: int
    controller: int
    protocol: str
    function: str
    writes: bool
    message: Industrial

    def value(self, what: int) -> int:
        """Return 64 bits that stand for its function, or for who writes."""
        text = f"{self.protocol}\0{self.function}" if what == _FUNCTION else self.message.orig_h
        return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little")


def detector(names: Names, secret: int) -> "Controller":
    """Make the detector of this module."""
    return Controller(names, secret)


class Controller:
    """Functions and writers by controller and by site."""

    name = "controller"
    family = "industrial"
    techniques: tuple[str, ...] = ("T0855",)
    needs = "history"
    unit = "1: it was never seen before"
    citation = "Pitman and Yor 1997, section 3"

    def __init__(self, names: Names, secret: int) -> None:
        self._names = names
        self._seen = KeyedTable({"day": (np.int64, (), -1)}, PAIRS_MAX, secret)
        self._controllers = KeyedTable(_COUNTS, CONTROLLERS_MAX, secret)
        self._sites = Table(_COUNTS, SITES_MAX)
        self._requests = 0
        self.uncounted = 0

    @property
    def saturation(self) -> dict[str, float]:
        """Share of the caps in use."""
        return {"controller_functions": self._seen.saturation, "controllers": self._controllers.saturation}

    def score(self, tick: Tick) -> list[Finding]:
        """Judge the tick's requests against what each controller was asked before."""
        if tick.merged:
            words = dict(tick.merged)
            self._seen.rename(words)
            self._controllers.rename(words)
        found: dict[str, Finding] = {}
        for one in self._asked(tick):
            row = int(self._controllers.find(*_key(one.controller, 0))[0])
            if row < 0 or tick.end_ns - int(self._controllers.columns["first"][row]) < HISTORY_NS:
                continue
            for what in (_FUNCTION, _WRITER) if one.writes else (_FUNCTION,):
                finding = self._judge(tick, one, what, row)
                if finding is not None:
                    found[finding.evidence.id] = finding
        return list(found.values())

    def learn(self, tick: Tick, flagged: NDArray[np.bool_]) -> None:
        """Count what was asked today, but by devices that are flagged."""
        day = (tick.end_ns - 1) // DAY_NS
        for one in self._asked(tick):
            self._requests += 1
            if one.asker >= 0 and flagged[one.asker]:
                continue
            row = int(self._controllers.insert(*_key(one.controller, 0))[0])
            held = self._controllers.columns
            held["last"][row] = tick.end_ns
            held["first"][row] = held["first"][row] or tick.end_ns
            self._sites.cover(one.site + 1)
            for what in (_FUNCTION, _WRITER) if one.writes else (_FUNCTION,):
                self._count(held, row, np.uint64(one.controller), one.value(what), what, day, tick.end_ns)
                site = _SITE_BIT | np.uint64(one.site)
                self._count(self._sites.columns, one.site, site, one.value(what), what, day, tick.end_ns)

    def coverage(self) -> Coverage:
        """Say how many controllers have 24 h of history."""
        n = len(self._controllers)
        if not n:
            return Coverage(detector=self.name, state="no_input", why="no request to an industrial controller")
        columns = self._controllers.columns
        known = columns["last"][:n] - columns["first"][:n]
        ready = int((known >= HISTORY_NS).sum())
        if ready:
            more = f"; {self.uncounted:,} over {STEP_MAX:,} at once only counted" if self.uncounted else ""
            return Coverage(
                detector=self.name, state="judged", why=f"{ready} of {n} controllers have 24 h of history{more}"
            )
        longest = span(int(known.max()))
        return Coverage(detector=self.name, state="learning", why=f"needs 24 h of history; the longest is {longest}")

    def save(self) -> dict[str, NDArray[Any]]:
        """Return its state as named arrays."""
        return packed(self._parts()) | {"counts": np.array([self._requests, self.uncounted], np.int64)}

    def load(self, state: dict[str, NDArray[Any]]) -> None:
        """Restore what `save` returned. Raises ValueError for a version it cannot read."""
        if not state:
            return
        unpack(state, self._parts())
        self._requests, self.uncounted = (int(value) for value in state["counts"])

    def _parts(self) -> list[tuple[str, Part]]:
        return [("seen", self._seen), ("controllers", self._controllers), ("sites", self._sites)]

    def _asked(self, tick: Tick) -> list[Asked]:
        """Return the different requests of a tick."""
        found: dict[tuple[object, ...], Asked] = {}
        for message, device, site in zip(tick.messages, tick.message_device.tolist(), tick.message_site, strict=True):
            if not isinstance(message, Industrial) or message.is_response or message.function is None:
                continue
            if not message.is_orig:
                continue  # of a flow whose beginning was not seen: who asks is not known
            controller = self._names.locate(site, message.resp_h)
            key = (site, message.orig_h, message.resp_h, message.protocol, message.function)
            if controller < 0 or key in found:
                continue
            if len(found) >= STEP_MAX:
                self.uncounted += 1
                continue
            found[key] = Asked(
                site, device, controller, message.protocol, message.function, bool(message.writes), message
            )
        return list(found.values())

    def _count(
        self, columns: dict[str, NDArray[Any]], row: int, of: np.uint64, value: int, what: int, day: int, end_ns: int
    ) -> None:
        """Count one active day of one kind."""
        self._seen.reserve(1)
        before = len(self._seen)
        at = int(self._seen.insert(*_key(int(of), value, what))[0])
        held = self._seen.columns
        held["last"][at] = end_ns
        columns["kinds"][row, what] += len(self._seen) > before
        if held["day"][at] != day:
            held["day"][at] = day
            columns["draws"][row, what] += 1

    def _judge(self, tick: Tick, one: Asked, what: int, row: int) -> Finding | None:
        value = one.value(what)
        if int(self._seen.find(*_key(one.controller, value, what))[0]) >= 0:
            return None
        held = self._controllers.columns
        basis = {"draws": float(held["draws"][row, what]), "kinds": float(held["kinds"][row, what])}
        site_word = int(_SITE_BIT) | one.site
        if int(self._seen.find(*_key(site_word, value, what))[0]) < 0:
            columns = self._sites.columns
            basis["site_draws"] = float(columns["draws"][one.site, what])
            basis["site_kinds"] = float(columns["kinds"][one.site, what])
        p = _p(basis)
        return self._finding(tick, one, what, p, basis) if p <= P_SHOWN else None

    def _finding(self, tick: Tick, one: Asked, what: int, p: float, basis: dict[str, float]) -> Finding:
        names, message = self._names, one.message
        day = (tick.end_ns - 1) // DAY_NS
        site, subject = names.site_name(one.site), one.asker if one.asker >= 0 else one.controller
        whom = party(names, one.controller, *words_of(message.resp_h))
        who = seen_as(names, one.asker, message.orig_h) if one.asker >= 0 else message.orig_h
        known = span(tick.end_ns - int(self._controllers.columns["first"][self._row(one.controller)]))
        if what == _FUNCTION:
            did, told = f"asked {whom.name} for {one.protocol} {one.function}", "function"
        else:
            did, told = f"wrote to {whom.name} ({one.protocol} {one.function})", "writer"
        usual = f"{basis['kinds']:.0f} {told}{'s' if basis['kinds'] != 1 else ''} on {basis['draws']:.0f} active days"
        elsewhere = ", new to the whole site" if "site_draws" in basis else ", known elsewhere at the site"
        text = (
            f"{who} {did}: a {told} that this controller never had{elsewhere}. In the {known} since it is "
            f"known it had {usual}; p = {p:.2g}."
        )
        evidence = Evidence(
            id=identify("EV", site, message.orig_h, self.name, message.resp_h, what, one.value(what), day),
            ts=rfc3339(tick.end_ns), site=site, entity=Entity(kind="device", id=names.device_id(subject)),
            detector=self.name, family=self.family, source="network", observed=1.0, expected=0.0, range=(0.0, 0.0),
            reference="own", reference_n=int(basis["draws"]), p=p, db=decibans(p), text=text,
            records=(message_record(names, message),), model=f"controller.{told}/1", basis=basis,
            keys=keys_of([whom]),
        )  # fmt: skip
        return Finding(
            evidence=evidence, device=subject, name=names.device_name(subject),
            techniques=("T0855", "T0836") if one.writes else ("T0888",), peers=(whom,), opens=p <= P_OPENS,
            digest=True, check=f"Is work on {whom.name} planned, and is {who} the engineering station for it?",
        )  # fmt: skip

    def _row(self, controller: int) -> int:
        return int(self._controllers.find(*_key(controller, 0))[0])


def _key(of: int, value: int, what: int = 0) -> tuple[NDArray[np.uint64], NDArray[np.uint64], NDArray[np.uint64]]:
    return np.array([of], np.uint64), np.array([value], np.uint64), np.array([what], np.uint64)


def _p(basis: dict[str, float]) -> float:
    """Return P(new for the controller) × P(new for the site), the latter where it is new there too."""
    p = 1.0
    for draws, kinds in (("draws", "kinds"), ("site_draws", "site_kinds")):
        if draws in basis:
            p *= float(p_new(np.array([int(basis[draws])]), np.array([int(basis[kinds])]))[0])
    return min(1.0, p)


def recount(evidence: Evidence, archive: Archive) -> float | None:
    """Return 1 where the record is in the archive; what came before it is as old as the learning."""
    record = evidence.records[0]
    rows = archive.rows(
        "SELECT count(*) FROM messages WHERE kind = 'industrial' AND input = ? AND record = ?",
        (record.input, record.offset),
    )
    return 1.0 if rows and rows[0][0] else None


def again(evidence: Evidence) -> float | None:
    """Return p again: (α + d K) / (α + N) with α = 1 and d = .25, for the controller and for the site."""
    basis, p = evidence.basis, 1.0
    for draws, kinds in (("draws", "kinds"), ("site_draws", "site_kinds")):
        if draws in basis:
            p *= (1.0 + 0.25 * basis[kinds]) / (1.0 + basis[draws])
    return min(1.0, p)
