"""What an upload's evidence says, written from its numbers; and those again from the archive. Not here: deciding."""

from typing import NamedTuple

import numpy as np

from baselines.evidence import decibans
from sensor.detectors.first_days import Pool
from sensor.detectors.registered import registered
from sensor.model import addresses
from sensor.model.archive import Archive
from sensor.model.evidence import Entity, Evidence, Finding, Peer, Record
from sensor.model.flow import TCP, UDP
from sensor.model.ids import identify
from sensor.model.tick import Names, Tick
from sensor.model.times import DAY_NS, parse, rfc3339, span

ADDRESSES_MAX = 16
"""Addresses of a place that evidence names; with more, its bytes are not counted again."""
TUNNELS = {
    (UDP, 500): "IPsec", (UDP, 4500): "IPsec", (UDP, 1194): "OpenVPN", (TCP, 1194): "OpenVPN", (UDP, 1701): "L2TP",
    (UDP, 51820): "WireGuard", (TCP, 1723): "PPTP",
}  # fmt: skip
"""Ports registered for tunnels (IANA), and the one of WireGuard's documentation."""
_BURST_SHARE = 0.8
"""Of the day within one hour: said in the text."""


class Sent(NamedTuple):
    """What a device sent to a place since it is new."""

    device: int
    total: float
    received: float
    most: float
    """In one hour."""
    flows: int
    first_day: int
    since_ns: int
    usual: float | None
    """The device's usual day, to the whole outside."""
    pool: Pool
    chances: int
    p: float
    addresses: tuple[str, ...]
    """By which it reached the place, ADDRESSES_MAX + 1 at most."""


def finding(names: Names, tick: Tick, i: int, sent: Sent, *, opens: bool, digest: bool) -> Finding:
    """Say how much a device sent to a place that is new to it."""
    flow = tick.flows[i]
    site, device, name = (f(sent.device) for f in (names.device_site, names.device_id, names.device_name))
    place = _place(names, tick, i)
    evidence = Evidence(
        id=identify("EV", site, device, "exfiltration", place.id, sent.first_day), ts=rfc3339(tick.end_ns), site=site,
        entity=Entity(kind="device", id=device), detector="exfiltration", family="exfiltration", source="network",
        observed=sent.total, expected=None, range=(0.0, 346e3), reference=_reference(sent),
        reference_n=605 + sent.pool.n, p=sent.p, db=decibans(sent.p), text=_text(name, place.name, sent, tick.end_ns),
        records=_records(names, flow), model="exfiltration.first_day/1",
        basis={
            "sent": sent.total, "received": sent.received, "hour": sent.most, "flows": float(sent.flows),
            "pool_n": float(sent.pool.n), "pool_above": float(sent.pool.above), "pool_q95": sent.pool.q95,
            "chances": float(sent.chances), "day": float(sent.first_day),
            "usual": -1.0 if sent.usual is None else sent.usual,
        },
        keys=(f"destination:{place.id}", f"device:{device}", *(f"address:{one}" for one in sent.addresses)),
    )  # fmt: skip
    counter = ["a new backup, meeting or cloud service begins so"]
    if sent.received > sent.total:
        counter.append(f"it received more than it sent: {size(sent.received)}")
    if tunnel := TUNNELS.get((int(flow["proto"]), int(flow["resp_p"]))):
        counter.append(f"port {flow['resp_p']} is {tunnel}'s: all that a device does goes to a VPN's new gateway")
    return Finding(
        evidence=evidence, device=sent.device, name=name, techniques=("T1048", "T1567"), opens=opens, digest=digest,
        peers=(place,), counter=tuple(counter),
        check=f"Who is {place.name}, and what did {name} send there: a backup, a meeting, a share?",
    )  # fmt: skip


def again(evidence: Evidence) -> float:
    """Return p from the bytes, the reference's points and the site's pool."""
    basis = evidence.basis
    n, sent = basis["pool_n"], max(1.0, evidence.observed)
    x = max(1.0, sent / (basis["pool_q95"] / 40e3) ** (n / (n + 200)))
    if x <= 14e3:
        share = 0.1 ** (np.log(x) / np.log(14e3))
    elif x <= 346e3:
        share = 0.1 * 0.1 ** (np.log(x / 14e3) / np.log(346e3 / 14e3))
    else:
        share = 0.01 * (100 / 605) ** (np.log(x / 346e3) / np.log(9e6 / 346e3))
    floor = 1e-3 if n < 2000 else 1e-4 if n < 10_000 else 1 / (10 * n)
    share = min(1.0, max(share, floor, basis["pool_above"] / (n + 1)))
    return float(1 - (1 - share) ** basis["chances"])


def recount(evidence: Evidence, archive: Archive) -> float | None:
    """Return the bytes again from the archive's flows of that device with the addresses of that place."""
    day = int(evidence.basis["day"])
    if archive.since_ns > day * DAY_NS:
        return None
    place = next(key.partition(":")[2] for key in evidence.keys if key.startswith("destination:"))
    reached = [key.partition(":")[2] for key in evidence.keys if key.startswith("address:")]
    if len(reached) > ADDRESSES_MAX:
        return None
    rows = archive.rows(
        "SELECT resp_h, destination, orig_bytes FROM flows WHERE orig_device = ? AND tick > ? AND tick <= ?",
        (evidence.entity.id, day * DAY_NS, parse(evidence.ts)),
    )
    return float(
        sum(
            max(0, sent or 0)
            for resp_h, destination, sent in rows
            if ((registered(destination) or destination) == place if destination else resp_h in reached)
        )
    )


def size(count: float) -> str:
    """Write bytes for a person: 1.9 GB."""
    for limit, unit in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if count >= limit:
            return f"{count / limit:.3g} {unit}"
    return f"{count:.0f} bytes"


def _text(name: str, place: str, sent: Sent, end_ns: int) -> str:
    above, n = sent.pool.above, sent.pool.n
    own = f", and {above or 'none'} of the site's own {n:,} sent as much" if n else ""
    burst = f", {size(sent.most)} of it within one hour" if sent.most >= _BURST_SHARE * sent.total else ""
    usual = "" if sent.usual is None else f" Its usual day sends {size(sent.usual)} to the whole outside."
    new = span(max(0, end_ns - sent.since_ns))
    chances = "" if sent.chances == 1 else f" It had to do with {sent.chances} new places that day."
    return (
        f"{name} sent {size(sent.total)} to {place}, new to it for {new}{burst}. Of 605 such first days on real hosts "
        f"90 % send at most 14 kB, 99 % 346 kB{own}.{chances}{usual} p = {sent.p:.2g} a device-day."
    )


def _reference(sent: Sent) -> str:
    return "reference tail" if sent.pool.n < 2000 else "fleet"


def _place(names: Names, tick: Tick, i: int) -> Peer:
    flow = tick.flows[i]
    address = addresses.text(flow["resp_hi"], flow["resp_lo"])
    if host := tick.destinations.get(i):
        return Peer(kind="domain", id=registered(host) or host, name=f"{host} (through the proxy {address})")
    name = names.address_name(flow["resp_hi"], flow["resp_lo"])
    domain = registered(name)
    if domain is None:
        return Peer(kind="address", id=address, name=address)
    return Peer(kind="domain", id=domain, name=f"{name} ({address})")


def _records(names: Names, flow: np.void) -> tuple[Record, ...]:
    place = {"row" if np.isnan(flow["size_sq"]) else "offset": int(flow["offset"])}
    uid = flow["uid"].decode("ascii", "replace") or None
    return (Record(input=names.input_path(int(flow["input"])), uid=uid, **place),)
