"""Scans counted again from the archive, by the naive definition: SQL for first contacts, then one walk in plain Python.

Which walk an evidence is of is found by its id, a hash of subject, kind and the walk's first failure: so that an edited
record which moves the walk is found as well. What cannot be known from the archive: contacts that have expired, that a
device was a router when it asked by ARP, and contacts that a full table had let go.
"""

import math
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from sensor.detectors.contacts_again import CONTACTS, TRIED, last_n, parameters_of
from sensor.model import addresses
from sensor.model.archive import Archive
from sensor.model.evidence import Evidence
from sensor.model.ids import identify
from sensor.model.times import DAY_NS, MINUTE_NS

NET_LOW, NET_HOSTS, NET_PORTS, NET_MAX = -4, 4, 8, 30_000
"""Jung 2004 section 4 with α = β = .01 and 4 for every failure; see baselines/walk.py."""
DEAD_TRIES = 20
DEAD_P = 0.07
"""Of model scan.dead/1: benign device-days with a dead peer."""
SWEEP_TARGETS = 20
SWEEP_RATE = 2.0
"""Of model scan.sweep/1: addresses a benign device asks for in a minute."""
P_ASSUMED_MIN = 1e-6
P_MIN = 1e-300

_FIRST = f"WITH {TRIED} SELECT walk, ended, failed, visible FROM tried WHERE host_tries = 1 ORDER BY n"  # noqa: S608
_PINGED = f"""WITH {CONTACTS} SELECT ended, resp_h FROM contacts
    WHERE walk = 2 AND local_resp AND failed IS NOT NULL AND orig_device = ? AND n <= ? ORDER BY n"""  # noqa: S608
_ASKED = """SELECT ts, target_ip FROM arp
    WHERE op = 1 AND sender_ip <> target_ip AND device = ? AND n <= ? ORDER BY n"""
Numbers = dict[str, float]


class Walk(msgspec.Struct):
    """One threshold random walk."""

    least: int
    """Net failures from which it is told."""
    net: int = 0
    count: int = 0
    fails: int = 0
    since: int = 0
    told: Numbers | None = None
    """Its numbers at the last failure that was told."""
    told_since: int = 0

    def step(self, at: int, *, failed: bool, visible: bool) -> bool:
        """Take one first contact; True where the walk started anew."""
        if not visible and self.net < self.least:
            return False
        anew = self.net <= NET_LOW
        if anew:
            self.net = self.count = self.fails = 0
        self.count += 1
        self.net = min(NET_MAX, self.net + (1 if failed else -1))
        if failed:
            if self.fails == 0:
                self.since = at
            self.fails += 1
            if self.net >= self.least:
                self.told = {"net": self.net, "fails": self.fails, "count": self.count}
                self.told_since = self.since
        return anew


def recount(evidence: Evidence, archive: Archive) -> float | None:
    """Return the failures, tries or touched addresses again; 0 where the records hold no such scan."""
    found = numbers(evidence, archive)
    if found is None:
        return None
    return found.get("fails", found.get("tries", found.get("touches", 0.0)))


def numbers(evidence: Evidence, archive: Archive) -> Numbers | None:
    """Return again what an evidence's basis says of the records; None where they cannot tell any more."""
    make = {"scan.hosts/1": _hosts, "scan.ports/1": _ports, "scan.dead/1": _dead, "scan.sweep/1": _sweep}
    if evidence.model not in make:
        return None
    found = make[evidence.model](evidence, archive)
    if archive.since_ns and (not found or any(found[name] != evidence.basis.get(name) for name in found)):
        return None  # older contacts have expired: which were first cannot be known
    return found


def again(evidence: Evidence) -> float | None:
    """Return p again: the walks' Ville bound, the measured rate of dead peers, the Poisson tail of a sweep."""
    basis = evidence.basis
    if evidence.model in {"scan.hosts/1", "scan.ports/1"}:
        return min(1.0, max(P_MIN, max(1.0, basis["walks"]) * math.pow(4.0, -min(500.0, max(0.0, basis["net"])))))
    if evidence.model == "scan.dead/1":
        return DEAD_P
    if evidence.model == "scan.sweep/1":
        head = sum(math.exp(-SWEEP_RATE) * SWEEP_RATE**k / math.factorial(k) for k in range(SWEEP_TARGETS))
        return max(P_ASSUMED_MIN, 1.0 - head)
    return None


def _is(evidence: Evidence, what: str, kind: int | str, since: int) -> bool:
    return evidence.id == identify("EV", evidence.site, evidence.entity.id, "scan", what, kind, since)


def _host(text: str) -> str:
    hi, lo = addresses.parse(text)
    return f"{hi:x} {lo:x}"


def _hosts(evidence: Evidence, archive: Archive) -> Numbers:
    rows = archive.rows(_FIRST, parameters_of(evidence, archive))
    for kind in range(3):
        walk, walks = _walk_hosts([row[1:] for row in rows if row[0] == kind])
        if walk.told is not None and _is(evidence, "hosts", kind, walk.told_since):
            told = walk.told
            return {"net": told["net"], "walks": walks, "fails": told["fails"], "targets": told["count"]}
    return {}


def _walk_hosts(rows: Iterable[Sequence[Any]]) -> tuple[Walk, int]:
    """Walk over first contacts (at, failed, visible) with hosts; return the walk, and how many began that day."""
    walk, walks, day = Walk(NET_HOSTS), 0, -1
    for at, failed, visible in rows:
        if at // DAY_NS != day:
            day, walks = at // DAY_NS, 1
        walks += walk.step(at, failed=failed == 1, visible=visible)
    return walk, walks


def _ports(evidence: Evidence, archive: Archive) -> Numbers:
    sql = f"""WITH {TRIED}, many AS (
        SELECT walk, resp_h FROM tried WHERE tries = 1 AND failed = 1 GROUP BY ALL HAVING count(*) >= {NET_PORTS}
    )
    SELECT walk, resp_h, ended, failed, visible FROM tried JOIN many USING (walk, resp_h)
    WHERE tries = 1 ORDER BY n"""  # noqa: S608
    parameters = parameters_of(evidence, archive)
    walks: dict[tuple[int, str], Walk] = {}
    for kind, host, at, failed, visible in archive.rows(sql, parameters):
        walks.setdefault((kind, host), Walk(NET_PORTS)).step(at, failed=failed == 1, visible=visible)
    for (kind, host), walk in walks.items():
        if walk.told is not None and _is(evidence, f"ports {_host(host)}", kind, walk.told_since):
            rows = archive.rows(_FIRST, parameters)
            _, began = _walk_hosts([row[1:] for row in rows if row[0] == kind])
            return {"net": walk.told["net"], "walks": began, "fails": walk.told["fails"], "ports": walk.told["count"]}
    return {}


def _dead(evidence: Evidence, archive: Archive) -> Numbers:
    sql = f"""WITH {TRIED} SELECT walk, resp_h, port, max(tries), min(since) FROM tried
        WHERE failed = 1 AND NOT answered AND tries >= {DEAD_TRIES} AND visible GROUP BY ALL"""  # noqa: S608
    for kind, host, port, tries, since in archive.rows(sql, parameters_of(evidence, archive)):
        shown = "" if kind == 2 else f", port {port}"
        if _is(evidence, f"dead {_host(host)} {shown}", kind, since):
            return {"tries": tries, "rate": DEAD_P}
    return {}


def _sweep(evidence: Evidence, archive: Archive) -> Numbers:
    for means, table, sql in (("ping", "flows", _PINGED), ("ARP", "arp", _ASKED)):
        touches, since = _touches(archive.rows(sql, [evidence.entity.id, last_n(evidence, archive, table)]))
        if _is(evidence, "sweep", means, since):
            return {"touches": touches, "rate": SWEEP_RATE}
    return {}


def _touches(rows: Iterable[Sequence[Any]]) -> tuple[int, int]:
    """Return the distinct touches, and the beginning, of the last sweep that was told."""
    last: dict[str, int] = {}
    times: list[int] = []
    told = (0, 0)
    for at, target in rows:
        known = last.get(target)
        last[target] = at
        if known is not None and at - known <= MINUTE_NS:
            continue
        if times and at - times[-1] > MINUTE_NS:
            times = []
        times.append(at)
        if len(times) >= SWEEP_TARGETS and at - times[-SWEEP_TARGETS] <= MINUTE_NS:
            told = (len(times), times[0])
    return told
