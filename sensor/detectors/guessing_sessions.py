"""Guessed secrets where nobody sees the result: completed login sessions that are short, alike and many.

SSH, RDP, FTP, Telnet and VNC by what their bytes say, on any port, and by port where they say nothing, or only TLS. A
person's logins differ from each other; a guesser's are alike (baselines/alike.py). p is Poisson's: at most USUAL
sessions that are alike in ten minutes are assumed of one source to one service, never below P_FLOOR, as programs log in
by themselves too. A pair that had as many on an earlier day says nothing below twice that.

An odd session after n that are alike, much larger than they, is the one that got in: 1/(n + 1) by its rank, times the
sources there were, times an assumed .1 for being that large by chance. A rank says nothing of how many there are, so it
multiplies with that. From outside only that opens an
incident; the rest folds into one digest row a service and day.

Not here: results that messages and logs tell (sensor/detectors/guessing.py); one session each to many hosts.
"""

import functools
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from baselines.alike import alike
from baselines.distinct import values_of
from baselines.evidence import decibans
from baselines.keyed import KeyedTable
from baselines.rates import poisson_tail
from sensor.detectors.archived import device_flows, other_side
from sensor.detectors.parties import flow_records, keys_of, party
from sensor.detectors.spoken import spoken
from sensor.entities.flow_states import sides
from sensor.model import addresses
from sensor.model.archive import Archive
from sensor.model.evidence import Entity, Evidence, Finding, Peer
from sensor.model.flow import CONN_STATES, TCP
from sensor.model.ids import identify
from sensor.model.records import picked
from sensor.model.result import Coverage
from sensor.model.tick import Names, Tick
from sensor.model.times import DAY_NS, SECOND_NS, rfc3339

SERVICES = {b"ssh": 22, b"rdp": 3389, b"ftp": 21, b"telnet": 23, b"vnc": 5900, b"rfb": 5900}
"""Zeek's `service` of what people log in to, and its port."""
TITLES = {22: "SSH", 3389: "remote desktop", 21: "FTP", 23: "Telnet", 5900: "VNC"}
_IS_TITLED = np.isin(np.arange(1 << 16), list(TITLES))
SHORT_BYTES = 20_000
"""Of the responder in a run: key exchange and refusals stay below, files and screens do not."""
USUAL = 2.0
"""Assumed: alike sessions of one source to one service in ten minutes."""
ALIKE = 10
"""From where it is told: the Poisson tail is 4.6e-5."""
P_FLOOR = 1e-3
"""Assumed: device-days on which a program logs in as often by itself and had not done so before."""
ODD_CHANCE = 0.1
"""Assumed: odd sessions of guessers that are by chance as much larger, without having got in."""
P_ODD = 0.005
"""An odd session is told at or below this: after 20 that are alike from one source."""
PAIRS_MAX = 1 << 18
STEP_MAX = PAIRS_MAX // 4
"""Sessions of a step that are judged; further ones are only counted."""
SERVICES_KEPT = 4096
"""Texts of services remembered with the login service in them."""
_OUTSIDE = 1 << 62
_MADE = np.isin(CONN_STATES, ("SF", "S1", "S2", "S3", "RSTO", "RSTR"))
_COLUMNS = (
    *("ref_out", "ref_back", "run", "misses", "bucket", "in_bucket", "best", "total"),
    *("day", "habit", "before", "odd"),
)


def detector(names: Names, secret: int) -> "GuessingSessions":
    """Make the detector of this module."""
    return GuessingSessions(names, secret)


class GuessingSessions:
    """Alike login sessions by (source, target, port)."""

    name = "guessing_sessions"
    family = "guessing"
    techniques: tuple[str, ...] = ("T1110.001",)
    needs = "nothing"
    unit = "alike sessions in ten minutes"
    citation = "METHOD in force, Scans: brute force"

    def __init__(self, names: Names, secret: int) -> None:
        self._names = names
        self._pairs = KeyedTable(dict.fromkeys(_COLUMNS, (np.int64, (), 0)), PAIRS_MAX, secret)
        self._seen = 0
        self.uncounted = 0

    @property
    def saturation(self) -> dict[str, float]:
        """Share of the cap in use."""
        return {"session_pairs": self._pairs.saturation}

    def score(self, tick: Tick) -> list[Finding]:
        """Take the tick's login sessions in and judge the pairs that had some."""
        if tick.merged:
            self._follow(dict(tick.merged))
        at, port = _sessions(tick)
        self.uncounted += max(0, len(at) - STEP_MAX)
        at, port = at[:STEP_MAX], port[:STEP_MAX]
        self._seen += len(at)
        if len(at) == 0:
            return []
        flows, day = picked(tick.flows, at), (tick.end_ns - 1) // DAY_NS
        inside = tick.orig_device[at] >= 0
        device = np.where(inside, tick.orig_device[at], tick.resp_device[at]).astype(np.uint64)
        word = np.where(inside, 0, _OUTSIDE).astype(np.uint64) | device << np.uint64(16)
        word = np.asarray(word | flows["resp_p"].astype(np.uint64), np.uint64)
        hi, lo = (np.where(inside, flows[f"resp_{part}"], flows[f"orig_{part}"]) for part in ("hi", "lo"))
        rows = self._pairs.insert(word, hi, lo)
        columns = self._pairs.columns
        self._new_day(values_of(rows), day)
        columns["last"][rows] = tick.end_ns
        events = np.zeros((len(at), 3), np.int64)
        back = np.maximum(flows["resp_bytes"], 0)
        odd = alike(
            rows, flows["ts"] + np.maximum(flows["duration"], 0), np.maximum(flows["orig_bytes"], 0), back,
            columns["ref_out"], columns["ref_back"], columns["run"], columns["misses"], columns["bucket"],
            columns["in_bucket"], columns["best"], columns["total"], events,
        )  # fmt: skip
        np.maximum.at(columns["odd"], events[:odd, 1], events[:odd, 2])
        found: dict[str, Finding] = {}
        worth = (columns["best"][rows] >= ALIKE) | (columns["odd"][rows] > 0)
        for row in values_of(rows[worth]).tolist():
            of = at[rows == row]
            for finding in self._judge(tick, row, of, int(port[rows == row][-1]), day):
                found[finding.evidence.id] = finding
        return list(found.values())

    def learn(self, tick: Tick, flagged: NDArray[np.bool_]) -> None:
        """Keep the most alike sessions that a pair had in ten minutes of a day, but of flagged devices."""
        rows = np.nonzero(self._pairs.columns["last"][: len(self._pairs)] == tick.end_ns)[0]
        device = (self._pairs.columns["keys"][rows, 0] >> np.uint64(16)).astype(np.int64) & 0xFFFF_FFFF
        rows = rows[~flagged[device]]
        self._pairs.columns["habit"][rows] = np.maximum(
            self._pairs.columns["habit"][rows], self._pairs.columns["best"][rows]
        )

    def coverage(self) -> Coverage:
        """Say whether login sessions were seen."""
        if not self._seen:
            return Coverage(detector=self.name, state="no_input", why="no completed session of a login service")
        more = f"; {self.uncounted:,} over {STEP_MAX:,} at once only counted" if self.uncounted else ""
        return Coverage(detector=self.name, state="judged", why=f"{self._seen:,} sessions of login services{more}")

    def save(self) -> dict[str, NDArray[Any]]:
        """Return its state as named arrays."""
        state = {f"pairs/{name}": column for name, column in self._pairs.save().items()}
        return state | {"seen": np.array([self._seen, self.uncounted], np.int64)}

    def load(self, state: dict[str, NDArray[Any]]) -> None:
        """Restore what `save` returned. Raises ValueError for a version it cannot read."""
        if not state:
            return
        self._pairs.load({name[6:]: column for name, column in state.items() if name.startswith("pairs/")})
        self._seen, self.uncounted = (int(value) for value in state["seen"])

    def _follow(self, moved: dict[int, int]) -> None:
        words = self._pairs.columns["keys"][: len(self._pairs), 0].tolist()
        wanted = {}
        for word in set(words):
            device = word >> 16 & 0xFFFF_FFFF
            if device in moved:
                wanted[word] = word & ~(0xFFFF_FFFF << 16) | moved[device] << 16
        if wanted:
            self._pairs.rename(wanted)

    def _new_day(self, rows: NDArray[np.int32], day: int) -> None:
        """Begin a pair's day: what was learned of it before is its habit."""
        columns = self._pairs.columns
        stale = rows[columns["day"][rows] != day]
        columns["before"][stale] = columns["habit"][stale]
        for name in ("best", "total", "odd", "in_bucket"):
            columns[name][stale] = 0
        columns["day"][stale] = day

    def _judge(self, tick: Tick, row: int, of: NDArray[np.int64], service: int, day: int) -> list[Finding]:
        held = {name: int(self._pairs.columns[name][row]) for name in _COLUMNS}
        outside = bool(self._pairs.columns["keys"][row, 0] & np.uint64(_OUTSIDE))
        told: dict[str, float] = {}
        if held["ref_back"] > SHORT_BYTES:
            return []
        if not outside and held["best"] >= ALIKE and held["best"] > 2 * held["before"]:
            told["many"] = max(P_FLOOR, poisson_tail(held["best"], USUAL))
        sources = len(self._of_service(row, day)) if outside else 1
        if (
            held["odd"]
            and (p := ODD_CHANCE * sources / (held["odd"] + 1)) <= P_ODD
            and held["best"] > 2 * held["before"]
        ):
            told["odd"] = p
        if told:
            return [self._finding(tick, row, of, service, day, held, told, sources)]
        if outside and held["best"] >= ALIKE:
            return [self._weather(tick, row, of, service, day)]
        return []

    def _of_service(self, row: int, day: int) -> NDArray[np.int64]:
        """Return the pairs of one local service that had sessions from outside today."""
        keys, columns = self._pairs.columns["keys"][: len(self._pairs), 0], self._pairs.columns
        return np.nonzero((keys == keys[row]) & (columns["day"][: len(self._pairs)] == day))[0]

    def _finding(
        self, tick: Tick, row: int, of: NDArray[np.int64], service: int, day: int, held: dict[str, int],
        told: dict[str, float], sources: int,
    ) -> Finding:  # fmt: skip
        names, flow = self._names, tick.flows[of[-1]]
        word, hi, lo = (int(value) for value in self._pairs.columns["keys"][row])
        device, port, outside = word >> 16 & 0xFFFF_FFFF, word & 0xFFFF, bool(word & _OUTSIDE)
        other = -1 if outside else int(tick.resp_device[of[-1]])
        whom = party(names, other, hi, lo)
        name, site, identity = names.device_name(device), names.device_site(device), names.device_id(device)
        p = min(1.0, math.prod(told.values()))
        basis = {
            "best": float(held["best"]), "total": float(held["total"]), "day": float(day), "port": float(port),
            "usual": USUAL, "run": float(held["odd"]), "sources": float(sources), "outside": float(outside),
            "before": float(held["before"]), **{f"told_{what}": 1.0 for what in told},
        }  # fmt: skip
        source = addresses.text(hi, lo) if outside else addresses.text(flow["orig_hi"], flow["orig_lo"])
        evidence = Evidence(
            id=identify("EV", site, identity, self.name, port, addresses.text(hi, lo), day), ts=rfc3339(tick.end_ns),
            site=site, entity=Entity(kind="device", id=identity), detector=self.name, family=self.family,
            source="network", observed=float(held["best"]), expected=USUAL, range=(0.0, float(ALIKE - 1)),
            reference="analytic", reference_n=held["total"], p=p, db=decibans(p),
            text=_text(name, whom.name, service, port, held, told, outside, p), model="guessing_sessions.alike/1",
            records=flow_records(names, tick.flows[of]), basis=basis, keys=(f"source:{source}", *keys_of([whom])),
        )  # fmt: skip
        return Finding(
            evidence=evidence, device=device, name=name, peers=(whom,), opens=True,
            techniques=(*self.techniques, "T1078") if "odd" in told else self.techniques,
            check=f"Look at the logins on {name if outside else whom.name}: which account got in, and from where?",
        )  # fmt: skip

    def _weather(self, tick: Tick, row: int, of: NDArray[np.int64], service: int, day: int) -> Finding:
        """Fold the sources from outside of one local service into its digest row."""
        names, word = self._names, int(self._pairs.columns["keys"][row, 0])
        device, port = word >> 16 & 0xFFFF_FFFF, word & 0xFFFF
        rows = self._of_service(row, day)
        total, sources = int(self._pairs.columns["total"][rows].sum()), len(rows)
        site, key = names.device_site(device), f"{names.device_id(device)}:{port}/tcp"
        what = f"port {port}/tcp of {names.device_name(device)}"
        text = (
            f"{sources:,} outside addresses held {total:,} short sessions that are alike with {what} "
            f"({TITLES[service]}), as guessers do; none of theirs got in. That is the internet's weather: no incident "
            "by itself."
        )
        evidence = Evidence(
            id=identify("EV", site, key, self.name, day), ts=rfc3339(tick.end_ns), site=site,
            entity=Entity(kind="service", id=key), detector=self.name, family="weather", source="network",
            observed=float(total), expected=None, range=None, reference="analytic", reference_n=0, p=1.0,
            db=decibans(1.0), text=text, records=flow_records(names, tick.flows[of]),
            model="guessing_sessions.weather/1", basis={"total": total, "sources": sources, "day": day, "port": port},
        )  # fmt: skip
        return Finding(
            evidence=evidence, device=-1, name=what, techniques=("T1110",), digest=True,
            peers=(Peer(kind="device", id=names.device_id(device), site=site, name=names.device_name(device)),),
            check=f"Must {what} be reachable from outside?",
        )  # fmt: skip


@functools.lru_cache(maxsize=SERVICES_KEPT)
def _service_of(services: bytes) -> int:
    """Return the usual port of the login service among those that a flow spoke, as Zeek writes them; 0 for none."""
    spoken = services.split(b",")
    return next((port for name, port in SERVICES.items() if name in spoken), 0)


def _sessions(tick: Tick) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the completed login sessions with a device, and which service each is of, as its usual port."""
    flows = tick.flows
    on = (flows["proto"] == TCP) & _MADE[flows["conn_state"]] & tick.fresh & sides(tick).resp_single
    on &= (flows["orig_bytes"] > 0) & (flows["resp_bytes"] > 0)
    on &= (tick.orig_device >= 0) | ((tick.resp_device >= 0) & ~tick.orig_local)
    at = np.nonzero(on)[0]
    if not len(at):
        return at, np.empty(0, np.int64)
    said = spoken(tick)
    by_name = np.array([_service_of(text) for text in said.texts])
    port = flows["resp_p"][at].astype(np.int64)
    unsaid = np.array([text in {b"", b"ssl"} for text in said.texts])[said.number[at]] & _IS_TITLED[port]
    service = np.where(unsaid, port, by_name[said.number[at]])
    return at[service > 0], service[service > 0]


def _text(
    name: str,
    other: str,
    service: int,
    port: int,
    held: dict[str, int],
    told: dict[str, float],
    outside: bool,
    p: float,
) -> str:
    who, whom = (other, name) if outside else (name, other)
    on = "" if port == service else f" on port {port}"
    odd = f" After {held['odd']:,} that are alike one was much larger: it may have got in." if "odd" in told else ""
    return (
        f"{who} held {held['total']:,} short {TITLES[service]} sessions that are alike with {whom}{on} today, "
        f"{held['best']:,} of them in ten minutes; {USUAL:.0f} are assumed usual.{odd} About one in {1 / p:,.0f} "
        "device-days, by assumed rates."
    )


def recount(evidence: Evidence, archive: Archive) -> float | None:
    """Count the pair's alike sessions of ten minutes again, for a run that begins with its day."""
    begin, port = int(evidence.basis["day"]) * DAY_NS, int(evidence.basis["port"])
    if evidence.model != "guessing_sessions.alike/1":
        return None
    rows = device_flows(archive, evidence, begin, begin + DAY_NS)
    if rows is None:
        return None
    peers = {key.partition(":")[2] for key in evidence.keys}
    sizes: tuple[int, int] | None = None
    run = misses = best = 0
    times: list[int] = []
    for row in rows:
        mine = (row.orig_device == evidence.entity.id) != bool(evidence.basis["outside"])
        sent, back = row.orig_bytes or 0, row.resp_bytes or 0
        made = row.state in {"SF", "S1", "S2", "S3", "RSTO", "RSTR"}
        if not (
            mine
            and made
            and row.port == port
            and sent > 0
            and back > 0
            and peers & set(other_side(row, evidence.entity.id))
        ):
            continue
        if sizes and not all(abs(a - b) <= max(64, int(0.15 * b)) for a, b in zip((sent, back), sizes, strict=True)):
            misses += 1
            if run >= 20 and misses < 20:
                continue
            run, sizes, times = 0, None, []
        sizes = sizes or (sent, back)
        run, misses = run + 1, 0
        bucket = row.end // (600 * SECOND_NS)
        times = [one for one in times if one == bucket] + [bucket]
        best = max(best, len(times))
    return float(best)


def again(evidence: Evidence) -> float | None:
    """Return p again: one less the Poisson terms below, times the rank of the odd session."""
    basis, parts = evidence.basis, []
    if "told_many" in basis:
        parts.append(max(1e-3, poisson_tail(int(basis["best"]), basis["usual"])))
    if "told_odd" in basis:
        parts.append(0.1 * basis["sources"] / (basis["run"] + 1))
    return min(1.0, math.prod(parts))
