"""ARP spoofing's like in IPv6: advertisements that nobody asked for, of an address that another MAC holds. No detector.

A node that changed its MAC advertises itself unasked at most three times (RFC 4861 §7.2.6 and §10,
MAX_NEIGHBOR_ADVERTISEMENT); else an advertisement answers a solicitation. Told of is a MAC with ADVERTISED_MIN unasked
ones within WINDOW_NS for an address that another MAC claimed within the window, too: by an advertisement, or as the
sender of a solicitation. Who sent the packet is not looked at, as that is forged as easily. Only captures have these
messages. Not here: router advertisements; redirects.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from baselines.evidence import decibans
from baselines.keyed import KeyedTable
from sensor.detectors.parties import message_record
from sensor.entities.macs import identifies
from sensor.model import addresses
from sensor.model.archive import Archive
from sensor.model.evidence import RECORDS_MAX, Entity, Evidence, Finding, Peer
from sensor.model.ids import identify
from sensor.model.protocols import Neighbor
from sensor.model.tick import Names, Tick
from sensor.model.times import DAY_NS, MINUTE_NS, SECOND_NS, rfc3339

ADVERTISED_MIN = 4
"""One more than who changed its MAC may send."""
WINDOW_NS = 10 * MINUTE_NS
"""As long as that of ARP (sensor/detectors/arp_spoofing.py): a cache entry is asked for again within minutes."""
ASKED_NS = 3 * SECOND_NS
"""An advertisement this long after a solicitation answers it: three solicitations, a second apart (RFC 4861 §10)."""
RATE = 1e-3
"""Assumed, as for ARP and one address."""
CLAIMS_MAX = 1 << 16
STEP_MAX = CLAIMS_MAX // 8
"""Messages of a step that are judged; further ones are left out."""
_CLAIM: dict[str, Any] = {"unasked": (np.int64, (), 0), "since": (np.int64, (), 0), "seen": (np.int64, (), 0)}
_TARGET: dict[str, Any] = {"mac": (np.uint64, (2,), 0), "seen": (np.int64, (2,), 0), "asked": (np.int64, (), 0)}


class NeighborClaims:
    """Unasked advertisements by (address, MAC), and who claims each address."""

    def __init__(self, names: Names, secret: int) -> None:
        self._names = names
        self._claims = KeyedTable(_CLAIM, CLAIMS_MAX, secret)
        self._targets = KeyedTable(_TARGET, CLAIMS_MAX, secret)
        self.seen = 0

    @property
    def saturation(self) -> float:
        """Share of the cap in use."""
        return self._claims.saturation

    def score(self, tick: Tick) -> list[Finding]:
        """Take the tick's messages in order; return one finding a claim that is contested, as it was judged last."""
        found: dict[int, Finding] = {}
        taken = 0
        for number, message in zip(tick.message_site, tick.messages, strict=True):
            if not isinstance(message, Neighbor) or message.kind not in {"ns", "na"}:
                continue
            taken += 1
            if taken <= STEP_MAX and (row := self._take(number, message)) >= 0:
                found[row] = self._finding(tick, number, message, row)
        self.seen += taken
        return list(found.values())

    def save(self) -> dict[str, NDArray[Any]]:
        """Return its state as named arrays."""
        parts = (("claims", self._claims.save()), ("targets", self._targets.save()))
        return {f"{part}/{name}": column for part, held in parts for name, column in held.items()}

    def load(self, state: dict[str, NDArray[Any]]) -> None:
        """Restore what `save` returned; nothing, where a release before saved."""
        if state:
            self._claims.load({name[7:]: column for name, column in state.items() if name.startswith("claims/")})
            self._targets.load({name[8:]: column for name, column in state.items() if name.startswith("targets/")})

    def _take(self, site: int, message: Neighbor) -> int:
        """Take a message in; return the row of a claim that is contested and was repeated unasked, else −1."""
        mac = _mac(message.mac)
        target = message.target if message.kind == "na" else message.orig_h
        if message.kind == "ns" and message.target:
            asked = self._target(site, message.target, message.ts)
            self._targets.columns["asked"][asked] = message.ts
        if not mac or not target or not identifies(mac) or addresses.parse(target) == (0, 0):
            return -1
        row = self._target(site, target, message.ts)
        held = self._targets.columns
        answers = message.kind == "ns" or message.ts - int(held["asked"][row]) <= ASKED_NS
        macs, seen = held["mac"][row].tolist(), held["seen"][row].tolist()
        k = macs.index(mac) if mac in macs else int(np.argmin(held["seen"][row]))
        held["mac"][row, k], held["seen"][row, k] = mac, message.ts
        contested = any(
            one not in (0, mac) and message.ts - when <= WINDOW_NS for one, when in zip(macs, seen, strict=True)
        )
        if answers:
            return -1
        claim = self._claim(site, target, mac)
        own = self._claims.columns
        if message.ts - int(own["seen"][claim]) > WINDOW_NS:
            own["unasked"][claim], own["since"][claim] = 0, message.ts
        own["unasked"][claim] += 1
        own["seen"][claim] = own["last"][claim] = message.ts
        return claim if contested and own["unasked"][claim] >= ADVERTISED_MIN else -1

    def _target(self, site: int, target: str, ts: int) -> int:
        hi, lo = addresses.parse(target)
        row = int(self._targets.insert(*(np.array([word], np.uint64) for word in (site, hi, lo)))[0])
        self._targets.columns["last"][row] = ts
        return row

    def _claim(self, site: int, target: str, mac: int) -> int:
        hi, lo = addresses.parse(target)
        return int(self._claims.insert(*(np.array([word], np.uint64) for word in (site << 48 | mac, hi, lo)))[0])

    def _finding(self, tick: Tick, number: int, message: Neighbor, row: int) -> Finding:
        names, own = self._names, self._claims.columns
        site, mac, target = names.site_name(number), message.mac or "", message.target or ""
        count, day = int(own["unasked"][row]), (tick.end_ns - 1) // DAY_NS
        held = self._targets.columns
        at = self._target(number, target, message.ts)
        other = next(int(one) for one in held["mac"][at].tolist() if one not in (0, _mac(mac)))
        text = (
            f"{mac} said {count} times, unasked, that {target} is its own, while {addresses.mac(other)} holds it. A "
            f"node says so three times at most, when its MAC changed. Assumed, not measured: one in {1 / RATE:,.0f} "
            "device-days."
        )
        records = tuple(
            message_record(names, one) for one in tick.messages
            if isinstance(one, Neighbor) and one.kind == "na" and (one.mac, one.target) == (mac, target)
        )[-RECORDS_MAX:]  # fmt: skip
        evidence = Evidence(
            id=identify("EV", site, "neighbor_claims", mac, target, day), ts=rfc3339(tick.end_ns), site=site,
            entity=Entity(kind="address", id=target), detector="arp_spoofing", family="arp", source="network",
            observed=float(count), expected=0.0, range=(0.0, 3.0), reference="analytic", reference_n=0, p=RATE,
            db=decibans(RATE), text=text, records=records, model="arp_spoofing.neighbor/1",
            keys=(f"address:{target}",),
            basis={
                "since_s": float(int(own["since"][row]) // SECOND_NS), "mac": float(_mac(mac)), "rate": RATE,
                "until_s": float(tick.end_ns // SECOND_NS),
            },
        )  # fmt: skip
        peer = Peer(kind="address", id=target, name=target, site=site)
        return Finding(
            evidence=evidence, device=-1, name=mac, techniques=("T1557",), peers=(peer,), opens=True, digest=True,
            check=f"Which port of the switch has {mac}? Compare {target} in a neighbour's cache.",
        )  # fmt: skip


def _mac(text: str | None) -> int:
    return int(text.replace(":", ""), 16) if text else 0


def recount(evidence: Evidence, archive: Archive) -> float | None:
    """Count the advertisements of that address with that MAC again that no solicitation preceded."""
    since, until = int(evidence.basis["since_s"]) * SECOND_NS, int(evidence.basis["until_s"]) * SECOND_NS
    if archive.since_ns > since:
        return None
    sql = (
        "SELECT ts, json_extract_string(body, '$.kind'), json_extract_string(body, '$.mac') FROM messages "
        "WHERE kind = 'neighbor' AND site = ? AND json_extract_string(body, '$.target') = ? AND ts >= ? AND ts < ? "
        "ORDER BY ts"
    )
    rows = archive.rows(sql, (evidence.site, evidence.entity.id, since - ASKED_NS, until))
    asked = [ts for ts, kind, _ in rows if kind == "ns"]
    return float(sum(
        kind == "na" and _mac(mac) == int(evidence.basis["mac"]) and ts >= since
        and not any(0 <= ts - when <= ASKED_NS for when in asked)
        for ts, kind, mac in rows
    ))  # fmt: skip


def again(evidence: Evidence) -> float:
    """Return the assumed rate again; NaN below its own conditions."""
    return evidence.basis["rate"] if evidence.observed >= ADVERTISED_MIN else float("nan")
