"""Remote control: a host that does to another what administrators do, and attackers who move.

Services, tasks, the registry, WMI, DCOM and sessions over DCE-RPC; administrators' shares; Windows Remote Management.
One evidence a (source, target, day) that grows. p of a kind of operation:

- the source did it on fewer than KNOWN_DAYS days: the rate of device-days on which anybody at the site does it,
  (assumed rate × 200 + those seen) / (200 + device-days), times Pitman–Yor's P(new source) (baselines/novelty.py);
- else Pitman–Yor's P(new target) of that source and kind.

Several kinds of one evidence: the least p, times their number. A target that the source did this to on an earlier day
says nothing, nor does a domain controller among controllers. Until a site has its own rates the assumed ones are used
and named so.

Not here: connections and logins that say no operation (sensor/detectors/lateral.py).
"""

from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from baselines.evidence import decibans
from baselines.keyed import KeyedTable
from baselines.novelty import p_new
from baselines.parts import unpack
from baselines.table import Table
from sensor.detectors.device_days import COLUMNS, P_OPENS, SITES_MAX, count_days, shrunk
from sensor.detectors.parties import keys_of, last_records, message_record, party, seen_as
from sensor.detectors.remote_operations import OPERATIONS, Operation, call_of, operation_of
from sensor.model import addresses
from sensor.model.archive import Archive
from sensor.model.evidence import Entity, Evidence, Finding, Record
from sensor.model.ids import identify
from sensor.model.protocols import AnyMessage
from sensor.model.result import Coverage
from sensor.model.tick import Names, Tick
from sensor.model.times import DAY_NS, rfc3339

KNOWN_DAYS = 3
"""Days after which a source is one that does this."""
ACTS_MAX = 4096
"""(source, target) pairs of a day; further ones are only counted."""
EDGES_MAX = 1 << 18
CALLS_SHOWN = 8
CONTROLLER = "domain controller"
_KINDS = len(OPERATIONS)
_SITE: dict[str, Any] = {
    **COLUMNS,
    "uses": (np.int64, (_KINDS,), 0),
    "sources": (np.int64, (_KINDS,), 0),
}
_EDGE: dict[str, Any] = {"days": (np.int64, (), 0), "day": (np.int64, (), -1), "kinds": (np.int64, (), 0)}
_ALL = (0xFFFF_FFFF_FFFF_FFFF, 0)
"""Words of the row that holds a source's total over its targets."""


class Act(msgspec.Struct):
    """What one device did to one host on one day."""

    day: int
    uid: str
    """Of its first flow, which says whose it is where its device had no row yet."""
    device: int
    site: int = -1
    calls: dict[str, int] = msgspec.field(default_factory=dict)
    counts: dict[int, int] = msgspec.field(default_factory=dict)
    """Calls by the operation's number."""
    piped: bool = False
    first_ns: int = 0
    last_ns: int = 0
    records: tuple[Record, ...] = ()


def detector(names: Names, secret: int) -> "RemoteControl":
    """Make the detector of this module."""
    return RemoteControl(names, secret)


class RemoteControl:
    """Remote operations by (source, target, kind)."""

    name = "remote_control"
    family = "lateral"
    techniques: tuple[str, ...] = ("T1021", "T1021.002", "T1021.006", "T1047", "T1569.002", "T1570")
    needs = "nothing"
    unit = "remote operations a day"
    citation = "MITRE BZAR; Pitman and Yor 1997, section 3"

    def __init__(self, names: Names, secret: int) -> None:
        self._names = names
        self._sites = Table(_SITE, SITES_MAX)
        self._edges = KeyedTable(_EDGE, EDGES_MAX, secret)
        self._acts: dict[tuple[str, str], Act] = {}
        """By (originator's, responder's) address."""
        self.uncounted = 0
        self._seen = 0

    @property
    def saturation(self) -> dict[str, float]:
        """Share of the caps in use, by table."""
        return {"remote_edges": self._edges.saturation, "remote_acts": len(self._acts) / ACTS_MAX}

    def score(self, tick: Tick) -> list[Finding]:
        """Add the tick's operations to the day's acts and judge those that grew."""
        self._follow(tick)
        grown = self._found(tick)
        for message, device in zip(tick.messages, tick.message_device.tolist(), strict=True):
            kind = operation_of(message)
            if kind is not None:
                self._seen += 1
                self._add(tick, message, device, kind, grown)
        return [found for key in grown if (found := self._judge(tick, key, self._acts[key])) is not None]

    def learn(self, tick: Tick, flagged: NDArray[np.bool_]) -> None:
        """Count the device-days, and the acts of devices that are not flagged."""
        count_days(self._sites, self._names, tick)
        today = (tick.end_ns - 1) // DAY_NS
        for (_, target), act in self._acts.items():
            if act.device < 0 or flagged[act.device] or act.day != today:
                continue
            for number in _shown(act.counts):
                self._learn(act.device, target, act.site, number, today, tick.end_ns)

    def coverage(self) -> Coverage:
        """Say whether remote operations were seen."""
        more = f"; {self.uncounted:,} over {ACTS_MAX:,} pairs only counted" if self.uncounted else ""
        if not self._seen:
            return Coverage(
                detector=self.name, state="no_input", why="no remote operation of a local device in the clear"
            )
        return Coverage(detector=self.name, state="judged", why=f"{self._seen:,} remote operations{more}")

    def save(self) -> dict[str, NDArray[Any]]:
        """Return its state as named arrays."""
        state = {f"sites/{name}": column for name, column in self._sites.save().items()}
        state |= {f"edges/{name}": column for name, column in self._edges.save().items()}
        acts = [(*key, act) for key, act in self._acts.items()]
        state["acts"] = np.frombuffer(msgspec.json.encode(acts), np.uint8)
        return state | {"counters": np.array([self.uncounted, self._seen], np.int64)}

    def load(self, state: dict[str, NDArray[Any]]) -> None:
        """Restore what `save` returned. Raises ValueError for a version it cannot read."""
        if not state:
            return
        unpack(state, (("sites", self._sites), ("edges", self._edges)))
        acts = msgspec.json.decode(state["acts"].tobytes(), type=list[tuple[str, str, Act]])
        self._acts = {(origin, target): act for origin, target, act in acts}
        self.uncounted, self._seen = (int(value) for value in state["counters"])

    def _follow(self, tick: Tick) -> None:
        """Forget the acts of earlier days; give what rows did that are another device now to that device."""
        today = (tick.end_ns - 1) // DAY_NS
        self._acts = {key: act for key, act in self._acts.items() if act.day == today}
        moved = dict(tick.merged)
        if not moved:
            return
        self._edges.rename({gone << 8 | n: kept << 8 | n for gone, kept in moved.items() for n in range(_KINDS)})
        for act in self._acts.values():
            act.device = moved.get(act.device, act.device)

    def _found(self, tick: Tick) -> dict[tuple[str, str], None]:
        """Give acts of originators that had no row their device, by the flow they came with; return which."""
        waiting = {act.uid.encode(): key for key, act in self._acts.items() if act.device < 0}
        if not waiting:
            return {}
        found: dict[tuple[str, str], None] = {}
        for i in np.nonzero(np.isin(tick.flows["uid"], np.array(list(waiting), "S24")))[0].tolist():
            key = waiting[bytes(tick.flows["uid"][i])]
            if tick.orig_device[i] >= 0:
                self._acts[key].device, found[key] = int(tick.orig_device[i]), None
        return found

    def _add(
        self, tick: Tick, message: AnyMessage, device: int, kind: Operation, grown: dict[tuple[str, str], None]
    ) -> None:
        key = (message.orig_h, message.resp_h)
        act = self._acts.get(key)
        if act is None:
            if len(self._acts) >= ACTS_MAX:
                self.uncounted += 1
                return
            act = self._acts[key] = Act((tick.end_ns - 1) // DAY_NS, message.uid, device, first_ns=message.ts)
        call, count = call_of(message)
        act.counts[kind.number] = act.counts.get(kind.number, 0) + count
        if call in act.calls or len(act.calls) < 2 * CALLS_SHOWN:
            act.calls[call] = act.calls.get(call, 0) + count
        act.piped = act.piped or not (getattr(message, "named_pipe", None) or "0").isdigit()
        act.last_ns = message.ts
        act.records = last_records([*act.records, message_record(self._names, message)])
        act.device = device if act.device < 0 else act.device
        if act.device >= 0:
            grown[key] = None

    def _site_of(self, device: int) -> int:
        """Return a number for the device's site, stable while the state lives."""
        wanted = self._names.device_site(device)
        number = 0
        while self._names.site_name(number) != wanted:
            number += 1
        return number

    def _judge(self, tick: Tick, key: tuple[str, str], act: Act) -> Finding | None:
        act.site = self._site_of(act.device) if act.site < 0 else act.site
        if self._names.role(act.device) == CONTROLLER:
            return None
        self._sites.cover(act.site + 1)
        told: dict[int, tuple[float, dict[str, float]]] = {}
        for number in _shown(act.counts):
            if (judged := self._p(act, key[1], OPERATIONS[number])) is not None:
                told[number] = judged
        return self._finding(tick, key, act, told) if told else None

    def _p(self, act: Act, target: str, kind: Operation) -> tuple[float, dict[str, float]] | None:
        """Return p and the numbers it follows from; None for a target of earlier days."""
        edge_days, edge_today = self._days(self._row(act.device, kind.number, target), act.day)
        if edge_days > 0:
            return None
        whole = self._row(act.device, kind.number, None)
        days, today = self._days(whole, act.day)
        draws, kinds = (count - edge_today for count in self._draws(whole))
        tag = str(kind.number)
        if days >= KNOWN_DAYS:
            basis = {f"own_draws_{tag}": float(draws), f"own_kinds_{tag}": float(kinds)}
            return float(p_new(np.array([draws]), np.array([kinds]))[0]), basis
        columns = self._sites.columns
        uses, sources = int(columns["uses"][act.site, kind.number]), int(columns["sources"][act.site, kind.number])
        uses, sources = uses - today, sources - int(today > 0 and days == 0)
        days = int(columns["device_days"][act.site])
        basis = {
            f"rate_{tag}": kind.rate, f"uses_{tag}": float(uses), f"sources_{tag}": float(sources),
            f"device_days_{tag}": float(days),
        }  # fmt: skip
        return min(1.0, shrunk(kind.rate, uses, days) * float(p_new(np.array([uses]), np.array([sources]))[0])), basis

    def _row(self, device: int, number: int, target: str | None) -> int | None:
        hi, lo = _ALL if target is None else addresses.parse(target)
        row = self._edges.find(*(np.array([word], np.uint64) for word in (device << 8 | number, hi, lo)))[0]
        return int(row) if row >= 0 else None

    def _days(self, row: int | None, day: int) -> tuple[int, int]:
        """Return on how many days before one it was learned, and 1 if on that day too, which is not held against it."""
        if row is None:
            return 0, 0
        today = int(self._edges.columns["day"][row] == day)
        return int(self._edges.columns["days"][row]) - today, today

    def _draws(self, row: int | None) -> tuple[int, int]:
        if row is None:
            return 0, 0
        return int(self._edges.columns["kinds"][row] >> 32), int(self._edges.columns["kinds"][row] & 0xFFFF_FFFF)

    def _learn(self, device: int, target: str, site: int, number: int, today: int, end_ns: int) -> None:
        """Take one (source, target, kind) of today in, once a day."""
        word = np.full(2, device << 8 | number, np.uint64)
        ends = np.array([addresses.parse(target), _ALL], np.uint64)
        edge, whole = self._edges.insert(word, ends[:, 0].copy(), ends[:, 1].copy()).tolist()
        columns = self._edges.columns
        columns["last"][[edge, whole]] = end_ns
        if columns["day"][edge] == today:
            return
        self._sites.cover(site + 1)
        new_edge, new_source = columns["days"][edge] == 0, columns["days"][whole] == 0
        columns["days"][edge] += 1
        columns["day"][edge] = today
        columns["kinds"][whole] += (1 << 32) + int(new_edge)
        if columns["day"][whole] != today:
            columns["days"][whole] += 1
            columns["day"][whole] = today
            self._sites.columns["uses"][site, number] += 1
            self._sites.columns["sources"][site, number] += int(new_source)

    def _finding(
        self, tick: Tick, key: tuple[str, str], act: Act, told: dict[int, tuple[float, dict[str, float]]]
    ) -> Finding:
        names, device, (origin, target) = self._names, act.device, key
        hi, lo = addresses.parse(target)
        whom = party(names, names.locate(act.site, target), hi, lo)
        name, site, identity = names.device_name(device), names.device_site(device), names.device_id(device)
        basis = {"since": float(act.first_ns), "until": float(act.last_ns)}
        for _, numbers in told.values():
            basis |= numbers
        p = min(1.0, min(value for value, _ in told.values()) * len(told))
        count = sum(act.counts[number] for number in told)
        techniques = {one for number in told for one in OPERATIONS[number].techniques}
        techniques |= {"T1021.002" if act.piped else "T1021"} if not techniques & {"T1210", "T1021.006"} else set()
        owned = any(name.startswith("own_draws") for name in basis)
        evidence = Evidence(
            id=identify("EV", site, identity, self.name, target, act.day), ts=rfc3339(tick.end_ns), site=site,
            entity=Entity(kind="device", id=identity), detector=self.name, family=self.family, source="network",
            observed=float(count), expected=0.0, range=None, reference="own" if owned else "analytic",
            reference_n=int(self._sites.columns["device_days"][act.site]), p=p, db=decibans(p),
            text=_text(seen_as(names, device, origin), whom.name, act, told, p), records=act.records,
            model="remote_control.operations/1",
            basis=basis, keys=(f"source:{origin}", f"destination:{target}", *keys_of([whom])),
        )  # fmt: skip
        return Finding(
            evidence=evidence, device=device, name=name, techniques=tuple(sorted(techniques)), peers=(whom,),
            opens=p <= P_OPENS,
            check=f"Who administers {whom.name} from {name}? If nobody: look at what was started there at that time.",
        )  # fmt: skip


def _shown(counts: dict[int, int]) -> list[int]:
    """Return the numbers of the operations that were called often enough, but what comes with another of them."""
    enough = {number for number, count in counts.items() if count >= OPERATIONS[number].least}
    return sorted(enough - {less for number in enough for less in OPERATIONS[number].covers})


def _text(name: str, target: str, act: Act, told: dict[int, tuple[float, dict[str, float]]], p: float) -> str:
    what = " and ".join(OPERATIONS[number].text for number in sorted(told, key=lambda one: (told[one][0], one)))
    calls = ", ".join(f"{call} × {n}" if n > 1 else call for call, n in list(act.calls.items())[:CALLS_SHOWN])
    assumed = any(basis.get(f"device_days_{number}") == 0 for number, (_, basis) in told.items())
    known = "assumed, as the site has no rate of its own yet" if assumed else "by the site's own rates"
    return f"{name} {what} {target} ({calls}). About one in {1 / p:,.0f} device-days, {known}."


def recount(evidence: Evidence, archive: Archive) -> float | None:
    """Count the calls again, from the messages that are archived."""
    since, until = int(evidence.basis["since"]), int(evidence.basis["until"])
    if archive.since_ns > since:
        return None
    numbers = {int(name.rpartition("_")[2]) for name in evidence.basis if "_" in name}
    ends = tuple(key.partition(":")[2] for key in evidence.keys[:2])
    # Times are kept as floats, which are only near: the day bounds the question.
    rows = archive.rows(
        "SELECT body FROM messages WHERE site = ? AND (device = ? OR device IS NULL) AND ts BETWEEN ? AND ?",
        (evidence.site, evidence.entity.id, since // DAY_NS * DAY_NS, until + 1_000_000),
    )
    count = 0
    for (body,) in rows:
        message = msgspec.json.decode(body, type=AnyMessage)
        kind = operation_of(message)
        if kind is not None and kind.number in numbers and ends == (message.orig_h, message.resp_h):
            count += call_of(message)[1]
    return float(count)


def again(evidence: Evidence) -> float | None:
    """Return p again: for each kind the shrunken rate times P(new source), or P(new target)."""
    basis, parts = evidence.basis, []
    for number in sorted({int(name.rpartition("_")[2]) for name in basis if "_" in name}):
        if (draws := basis.get(f"own_draws_{number}")) is not None:
            parts.append((1 + 0.25 * basis[f"own_kinds_{number}"]) / (1 + draws))
            continue
        uses, sources, days = (basis[f"{what}_{number}"] for what in ("uses", "sources", "device_days"))
        new = (1 + 0.25 * sources) / (1 + uses) if uses else 1.0
        parts.append(min(1.0, (basis[f"rate_{number}"] * 200 + uses) / (200 + days) * new))
    return min(1.0, min(parts) * len(parts)) if parts else None
