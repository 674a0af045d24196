"""A protocol on another protocol's port: what a flow's bytes say it is, against whose port it is on.

Towards outside, on another protocol's well-known port (SSH on 443, TLS on 53, DNS on 443) it is evidence at once: that
is how what a firewall lets out is borrowed. The rate is assumed and named so, until the site has its own:
(assumed × 200 + device-days that showed it) / (200 + device-days). Among local hosts it is judged against how often
that port was used for its own protocol there, by Pitman–Yor; a site that never showed it used says nothing. What a
device did on an earlier day is its habit.

Only listed: a protocol on a port that is nobody's, TLS on 80, what a local server offers to outside.

Not here: protocols whose bytes are not known; what a well-known port carries inside TLS.
"""

import functools
from typing import Any

import numpy as np
from numpy.typing import NDArray

from baselines.distinct import distinct, values_of
from baselines.evidence import decibans
from baselines.keyed import KeyedTable
from baselines.novelty import p_new
from baselines.parts import packed, unpack
from baselines.table import Table
from sensor.detectors.archived import device_flows
from sensor.detectors.device_days import COLUMNS, P_OPENS, SITES_MAX, count_days, shrunk
from sensor.detectors.own_ports import HOMES, OWN, TITLES, stranger
from sensor.detectors.parties import flow_records, keys_of, party
from sensor.detectors.spoken import each
from sensor.model.archive import Archive
from sensor.model.evidence import Entity, Evidence, Finding, Peer
from sensor.model.ids import identify
from sensor.model.result import Coverage
from sensor.model.tick import Names, Tick
from sensor.model.times import DAY_NS, rfc3339

RATE = 1e-3
"""Assumed: device-days on which a host speaks a protocol on another's port towards outside for a good reason."""
LISTED = 5e-2
"""Assumed: the same for what is only listed."""
OWN_LEAST = 200
"""(device, day) uses of a local port for its own protocol before another one there says something."""
HABITS_MAX, OWN_MAX = 1 << 18, 1 << 16
PEERS_MAX = 8
ALTERNATES = ("ssh.github.com", "altssh.gitlab.com", "altssh.bitbucket.org")
"""Hosts that offer SSH on 443 to everybody, as their documentation says."""
_SITE: dict[str, Any] = {**COLUMNS, "uses": (np.int64, (), 0)}
_HABIT: dict[str, Any] = {
    "day": (np.int64, (), -1), "today": (np.int64, (), 0), "known": (np.int64, (), -1), "outside": (np.uint8, (), 0),
}  # fmt: skip
_SERVICES = tuple(HOMES)
SERVICES_KEPT = 4096
"""Texts of services remembered with what they are at home on."""
_IS_OWN = np.isin(np.arange(1 << 16), list(OWN))
"""By port number: it is one protocol's own."""
_OWN_USE = 1 << 15
_OUT, _LOCAL, _OFFERED = range(3)


def detector(names: Names, secret: int) -> "WrongPort":
    """Make the detector of this module."""
    return WrongPort(names, secret)


class WrongPort:
    """Protocols by (device, service, port) and day."""

    name = "wrong_port"
    family = "protocol"
    techniques: tuple[str, ...] = ("T1571",)
    needs = "nothing"
    unit = "connections a day"
    citation = "MITRE ATT&CK T1571; IANA service names and port numbers"

    def __init__(self, names: Names, secret: int) -> None:
        self._names = names
        self._sites = Table(_SITE, SITES_MAX)
        self._habits = KeyedTable(_HABIT, HABITS_MAX, secret)
        self._own = KeyedTable({"draws": (np.int64, (), 0)}, OWN_MAX, secret)
        self._seen = 0
        self._read: tuple[Tick, NDArray[np.int64]] | None = None

    @property
    def saturation(self) -> dict[str, float]:
        """Share of the caps in use, by table."""
        return {"port_habits": self._habits.saturation, "own_ports": self._own.saturation}

    def score(self, tick: Tick) -> list[Finding]:
        """Judge the tick's flows whose protocol is known."""
        if tick.merged:
            self._follow(dict(tick.merged))
        at = self._known(tick)
        self._seen += len(at)
        found: list[Finding] = []
        for (service, port, foreign), of in _strangers(tick, at).items():
            local = tick.resp_local[of]
            inside = tick.orig_device[of] >= 0
            for kind, which in ((_OUT, inside & ~local), (_LOCAL, inside & local), (_OFFERED, ~inside)):
                device = tick.resp_device[of] if kind == _OFFERED else tick.orig_device[of]
                for one in values_of(device[which & (device >= 0)]).tolist():
                    mine = of[which & (device == one)]
                    found += self._judge(tick, one, service, port, kind, mine, foreign=foreign)
        return found

    def learn(self, tick: Tick, flagged: NDArray[np.bool_]) -> None:
        """Count device-days, ports used for their own protocol, and habits of devices that are not flagged."""
        today = (tick.end_ns - 1) // DAY_NS
        count_days(self._sites, self._names, tick)
        self._count_own(tick, today)
        rows = np.nonzero(self._habits.columns["last"][: len(self._habits)] == tick.end_ns)[0]
        if not len(rows):
            return
        device = (self._habits.columns["keys"][rows, 0]).astype(np.int64)
        rows = rows[~flagged[device]]
        columns = self._habits.columns
        for row in rows[columns["known"][rows] < 0].tolist():
            columns["known"][row] = today
            if columns["outside"][row]:
                site = int(columns["keys"][row, 2])
                self._sites.cover(site + 1)
                self._sites.columns["uses"][site] += 1

    def coverage(self) -> Coverage:
        """Say whether any flow's protocol was known."""
        if not self._seen:
            return Coverage(
                detector=self.name, state="no_input", why="no flow of a local device whose protocol is known"
            )
        return Coverage(detector=self.name, state="judged", why=f"{self._seen:,} flows whose protocol is known")

    def save(self) -> dict[str, NDArray[Any]]:
        """Return its state as named arrays."""
        state = packed(self._parts())
        return state | {"seen": np.array([self._seen], np.int64)}

    def load(self, state: dict[str, NDArray[Any]]) -> None:
        """Restore what `save` returned. Raises ValueError for a version it cannot read."""
        if not state:
            return
        unpack(state, self._parts())
        self._seen = int(state["seen"][0])

    def _parts(self) -> list[tuple[str, Table | KeyedTable]]:
        return [("sites", self._sites), ("habits", self._habits), ("own", self._own)]

    def _follow(self, moved: dict[int, int]) -> None:
        self._habits.rename(moved)

    def _known(self, tick: Tick) -> NDArray[np.int64]:
        """Return the flows whose protocol is known, which is asked for scoring and for learning."""
        if self._read is not None and self._read[0] is tick:
            return self._read[1]
        flows = tick.flows
        spoke = (flows["orig_bytes"] > 0) & (flows["resp_bytes"] > 0)
        on = (flows["service"] != b"") & tick.fresh & spoke & ((tick.orig_device >= 0) | (tick.resp_device >= 0))
        self._read = tick, np.nonzero(on)[0]
        return self._read[1]

    def _judge(
        self, tick: Tick, device: int, service: str, port: int, kind: int, of: NDArray[np.int64], *, foreign: bool
    ) -> list[Finding]:
        day, site = (tick.end_ns - 1) // DAY_NS, int(tick.site[of[-1]])
        word = np.array([_SERVICES.index(service) << 18 | kind << 16 | port], np.uint64)
        row = int(self._habits.insert(np.array([device], np.uint64), word, np.array([site], np.uint64))[0])
        columns = self._habits.columns
        if columns["day"][row] != day:
            columns["day"][row], columns["today"][row] = day, 0
        columns["today"][row] += len(of)
        columns["last"][row] = tick.end_ns
        if 0 <= columns["known"][row] < day:
            return []
        peers = _peers(self._names, tick, of, offered=kind == _OFFERED)
        opens = foreign and kind != _OFFERED and not all(peer.name.split(" ")[0] in ALTERNATES for peer in peers)
        columns["outside"][row] = opens and kind == _OUT
        counted = bool(columns["outside"][row]) and int(columns["known"][row]) == day
        p, basis = self._p(site, port, kind, opens=opens, counted=counted)
        opens = opens and p <= P_OPENS
        basis |= {
            "day": float(day),
            "port": float(port),
            "kind": float(kind),
            "service": float(_SERVICES.index(service)),
        }
        count = int(columns["today"][row])
        return [self._finding(tick, device, service, port, of, peers, count, p, basis, opens=opens)]

    def _p(self, site: int, port: int, kind: int, *, opens: bool, counted: bool) -> tuple[float, dict[str, float]]:
        """Return p and the numbers it follows from; `counted`: today's use is among the site's already."""
        if not opens:
            return LISTED, {"listed": LISTED}
        if kind == _LOCAL:
            row = self._own.find(*(np.array([word], np.uint64) for word in (site, port, _OWN_USE)))[0]
            draws = int(self._own.columns["draws"][row]) if row >= 0 else 0
            if draws < OWN_LEAST:
                return LISTED, {"own_draws": float(draws), "listed": LISTED}
            return float(p_new(np.array([draws]), np.array([1]))[0]), {"own_draws": float(draws)}
        self._sites.cover(site + 1)
        days, uses = (int(self._sites.columns[name][site]) for name in ("device_days", "uses"))
        uses -= int(counted)
        return shrunk(RATE, uses, days), {"rate": RATE, "device_days": float(days), "uses": float(uses)}

    def _count_own(self, tick: Tick, today: int) -> None:
        """Count, once a (device, port, day), local uses of a port for its own protocol."""
        at, self._read = self._known(tick), None
        at = at[tick.resp_local[at] & (tick.orig_device[at] >= 0) & _IS_OWN[tick.flows["resp_p"][at]]]
        if len(at) == 0:
            return
        own = [of[tick.flows["resp_p"][of] == port] for text, of in each(tick, at) for port in _homes(text)]
        at = np.concatenate([at[:0], *own])
        if not len(at):
            return
        port = tick.flows["resp_p"][at].astype(np.uint64)
        site, who = tick.site[at].astype(np.uint64), tick.orig_device[at].astype(np.uint64)
        use = (np.uint64(today << 24) | who) << np.uint64(16)
        site, port, use = (column[: OWN_MAX // 8] for column in distinct(site, port, use))
        self._own.reserve(2 * len(use))
        whole, mine = (self._own.insert(site, port, word) for word in (np.full_like(use, _OWN_USE), use))
        columns = self._own.columns
        columns["last"][whole], columns["last"][mine] = tick.end_ns, tick.end_ns
        np.add.at(columns["draws"], whole, columns["draws"][mine] == 0)
        columns["draws"][mine] = 1

    def _finding(
        self, tick: Tick, device: int, service: str, port: int, of: NDArray[np.int64], peers: tuple[Peer, ...],
        count: int, p: float, basis: dict[str, float], *, opens: bool,
    ) -> Finding:  # fmt: skip
        names = self._names
        name, site, identity = names.device_name(device), names.device_site(device), names.device_id(device)
        kind, day = int(basis["kind"]), int(basis["day"])
        evidence = Evidence(
            id=identify("EV", site, identity, self.name, service, port, kind, day), ts=rfc3339(tick.end_ns), site=site,
            entity=Entity(kind="device", id=identity), detector=self.name, family=self.family, source="network",
            observed=float(count), expected=0.0, range=None, reference="analytic",
            reference_n=int(basis.get("device_days", basis.get("own_draws", 0))), p=p, db=decibans(p),
            text=_text(name, service, port, kind, peers, count, p, basis), model="wrong_port.service/1",
            records=flow_records(names, tick.flows[of]), basis=basis, keys=keys_of(peers),
        )  # fmt: skip
        return Finding(
            evidence=evidence, device=device, name=name, techniques=self.techniques, peers=peers, opens=opens,
            check=f"Which program on {name} connects there, and why on port {port}?",
        )  # fmt: skip


@functools.lru_cache(maxsize=SERVICES_KEPT)
def _homes(services: bytes) -> tuple[int, ...]:
    """Return the ports that are a protocol's own, as Zeek writes it."""
    spoken = services.decode("ascii", "replace").split(",")
    return tuple(port for port, own in OWN.items() if not own.isdisjoint(spoken))


def _strangers(tick: Tick, at: NDArray[np.int64]) -> dict[tuple[str, int, bool], NDArray[np.int64]]:
    """Return the flows whose protocol is not at home on their port, by (service, port, whether it is another's)."""
    found: dict[tuple[str, int, bool], NDArray[np.int64]] = {}
    for services, told in each(tick, at):
        text, port = services.decode("ascii", "replace"), tick.flows["resp_p"][told]
        for one in values_of(port).tolist():
            if (judged := stranger(text, one)) is not None:
                key, of = (judged[0], one, judged[1]), told[port == one]
                found[key] = np.concatenate([found[key], of]) if key in found else of
    return found


def _peers(names: Names, tick: Tick, of: NDArray[np.int64], *, offered: bool) -> tuple[Peer, ...]:
    side, device = ("orig", tick.orig_device) if offered else ("resp", tick.resp_device)
    ends = {
        (int(tick.flows[f"{side}_hi"][i]), int(tick.flows[f"{side}_lo"][i])): int(device[i]) for i in of[-64:].tolist()
    }
    return tuple(party(names, row, *end) for end, row in list(ends.items())[:PEERS_MAX])


def _text(
    name: str,
    service: str,
    port: int,
    kind: int,
    peers: tuple[Peer, ...],
    count: int,
    p: float,
    basis: dict[str, float],
) -> str:
    title = next(
        (TITLES[home] for home in sorted(HOMES[service]) if home in TITLES),
        {"ssl": "TLS"}.get(service, service.upper()),
    )
    whose = f"which is {TITLES[port]}'s" if port in TITLES else "which is no protocol's"
    whom = ", ".join(peer.name for peer in peers[:3]) + (" and others" if len(peers) > 3 else "")
    does = "serves" if kind == _OFFERED else "speaks"
    known = f"by {basis['device_days']:,.0f} device-days of the site" if basis.get("device_days") else "assumed"
    if kind == _LOCAL and "listed" not in basis:
        known = f"the port was used for its own protocol on {basis['own_draws']:,.0f} device-days"
    times = "once" if count == 1 else f"{count:,} times"
    rate = f"About one in {1 / p:,.0f} device-days, {known}."
    return f"{name} {does} {title} with {whom} on port {port}, {whose}, {times}. {rate}"


def recount(evidence: Evidence, archive: Archive) -> float | None:
    """Count the device's flows of that service on that port on that day again."""
    basis = evidence.basis
    begin, kind, service = int(basis["day"]) * DAY_NS, int(basis["kind"]), _SERVICES[int(basis["service"])]
    rows = device_flows(archive, evidence, begin, begin + DAY_NS)
    if rows is None:
        return None
    count, who = 0, evidence.entity.id
    for row in rows:
        judged = stranger(row.service or "", row.port)
        mine = row.resp_device == who if kind == _OFFERED else row.orig_device == who
        same = mine and row.port == int(basis["port"]) and judged is not None and judged[0] == service
        if not same or not (row.orig_bytes or 0) > 0 or not (row.resp_bytes or 0) > 0:
            continue
        count += row.orig_device is None if kind == _OFFERED else row.local_resp == (kind == _LOCAL)
    return float(count)


def again(evidence: Evidence) -> float | None:
    """Return p again from the basis: the assumed rate shrunk to the site's, or P(new) of the port's own uses."""
    basis = evidence.basis
    if (listed := basis.get("listed")) is not None:
        return listed
    if (draws := basis.get("own_draws")) is not None:
        return (1 + 0.25) / (1 + draws)
    return (basis["rate"] * 200 + basis["uses"]) / (200 + basis["device_days"])
