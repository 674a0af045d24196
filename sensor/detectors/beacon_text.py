"""What a periodic pair's evidence says, written from its numbers, with the flows that make it; and it again.

Not here: deciding that it is periodic, or news.
"""

import ipaddress
from typing import NamedTuple

import numpy as np

from baselines import periodicity
from baselines.evidence import decibans
from sensor.detectors.beacon_pairs import Look
from sensor.model import addresses
from sensor.model.archive import Archive
from sensor.model.evidence import Entity, Evidence, Finding, Peer, Record
from sensor.model.flow import PROTOS
from sensor.model.tick import Names, Tick
from sensor.model.times import SECOND_NS, rfc3339, span

KNOWN, NEW, UNNAMED, INBOUND, UNTOLD = range(5)
"""Kinds of news: none; a place new to the site; one without a name; a new source of a local service; none can tell."""
COUNTS = ((0.0, 0.0), (1.92, 16.0), (0.5, 14.0), (1.92, 16.0), (1.92, 16.0))
"""News of each kind, and the device-days it was counted on, before the site counts its own: .12 a device-day on 16 real
ones (the method in force). Without a name there was none on the 14 real device-days at hand whose names and both
directions are seen (M57, OTRF's APT29 day): counted as a half."""
_KINDS = ("known", "new", "unnamed", "inbound", "untold")
_TECHNIQUES = {"tcp": ("T1071",), "udp": ("T1095",)}


class Told(NamedTuple):
    """What kind of news a look is."""

    verdict: int
    basis: dict[str, float]
    name: str | None
    users: float
    learned_ns: int
    devices: int


def p_of(verdict: int, basis: dict[str, float]) -> float:
    """Return the rate of such news a device-day; inbound, no more than the share of sources that are periodic."""
    if verdict == KNOWN:
        return 1.0
    found, days = COUNTS[verdict]
    rate = (found + basis["found"]) / (days + basis["device_days"])
    if basis.get("sources"):
        rate = min(rate, basis["periodic"] / basis["sources"])
    return min(1.0, rate)


def finding(names: Names, tick: Tick, look: Look, told: Told, identity: str) -> Finding:
    """Say that a pair is periodic, and what makes it news or keeps it from being any."""
    site, device, name = (f(look.device) for f in (names.device_site, names.device_id, names.device_name))
    flow = tick.flows[look.flow]
    p, end = p_of(told.verdict, told.basis), int(flow["ts"])
    proto, party = PROTOS.get(look.proto, "tcp"), _party(flow, look, told.name, tick.destinations.get(look.flow))
    text = f"{_what(name, party.name, look, proto, end)} {_news(told, p)}"
    evidence = Evidence(
        id=identity, ts=rfc3339(tick.end_ns), site=site, entity=Entity(kind="device", id=device), detector="beacon",
        family="beacon", source="network", observed=float(look.gaps + 1), expected=None, range=None,
        reference="fleet" if told.verdict else "analytic", reference_n=int(told.basis.get("device_days", 0)), p=p,
        db=decibans(p), text=text, records=_records(names, flow, look), model=f"beacon.{_KINDS[told.verdict]}/1",
        basis={
            **told.basis, "verdict": float(told.verdict), "scale": float(look.scale), "gaps": float(look.gaps),
            "half_width": look.half_width, "share": look.share, "correlation": look.correlation,
            "period_s": look.period_s, "first_s": look.first_ns / SECOND_NS, "last_s": end / SECOND_NS,
            "port": float(look.port), "proto": float(look.proto), "inbound": float(look.inbound), "users": told.users,
            "looks": float(periodicity.looks(look.gaps)), "p_look": periodicity.P_LOOK,
        },
        keys=(f"destination:{party.id}", f"device:{device}"),
    )  # fmt: skip
    return Finding(
        evidence=evidence, device=look.device, name=name, techniques=_TECHNIQUES.get(proto, ("T1071",)), peers=(party,),
        opens=told.verdict not in {KNOWN, UNTOLD}, digest=told.verdict != KNOWN, counter=_counter(look, told),
        check=f"Which program on {name} talks to {party.name}: an agent, a monitor, an update service, or unknown?",
    )  # fmt: skip


def again(evidence: Evidence) -> float:
    """Return p from the counts of the basis, by the definition."""
    basis = evidence.basis
    if basis["verdict"] == 0:
        return 1.0
    found, days = {1: (1.92, 16), 2: (0.5, 14), 3: (1.92, 16), 4: (1.92, 16)}[int(basis["verdict"])]
    p = (found + basis["found"]) / (days + basis["device_days"])
    return min(1.0, p, basis["periodic"] / basis["sources"] if basis.get("sources") else 1.0)


def recount(evidence: Evidence, archive: Archive) -> float | None:
    """Return the runs again: the pair's flows from the archive, those closer than the merging gap taken as one."""
    basis = evidence.basis
    first, last = (round(basis[name] * 1e6) * 1000 for name in ("first_s", "last_s"))
    place = next(key.partition(":")[2] for key in evidence.keys if key.startswith("destination:"))
    inbound = bool(basis["inbound"])
    mine, theirs = ("resp", "orig") if inbound else ("orig", "resp")
    if archive.since_ns > first:
        return None
    far = f"{theirs}_h" if _is_address(place) else "destination"
    times = archive.rows(
        f"SELECT ts FROM flows WHERE {mine}_device = ? AND {far} = ? AND resp_p = ? AND ip_proto = ? AND fresh "  # noqa: S608 - names of columns
        "AND ts BETWEEN ? AND ? ORDER BY tick, ts, n",
        (evidence.entity.id, place, int(basis["port"]), int(basis["proto"]), first - 1000, last + 1000),
    )
    merge_ns, runs, latest = (10**9, 10**10)[int(basis["scale"])], 0, None
    for (ts,) in times:
        if latest is None or ts - latest >= merge_ns:
            runs += 1
        latest = ts if latest is None else max(latest, ts)
    return float(runs)


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _what(name: str, far: str, look: Look, proto: str, end_ns: int) -> str:
    spread = (2.718281828459045**look.half_width - 1) * 100
    who = f"{far} contacted {name}" if look.inbound else f"{name} contacted {far}"
    return (
        f"{who}, port {look.port}/{proto}, every {_seconds(look.period_s)} (half of the gaps within ±{spread:.0f} %) "
        f"for {span(end_ns - look.first_ns)}: {look.gaps + 1} runs of connections."
    )


def _news(told: Told, p: float) -> str:
    rate = f"About one in {1 / p:.0f} device-days shows such a thing." if p < 1 else ""
    alone = "no other device" if told.users < 2 else f"about {told.users - 1:.0f} other devices"
    if told.verdict == NEW:
        return (
            f"The site had nothing to do with it in {span(told.learned_ns)} of learning; {alone} of {told.devices} "
            f"uses it. {rate}"
        )
    if told.verdict == UNNAMED:
        return f"No DNS answer, TLS name or HTTP host named that address, and {alone} of {told.devices} uses it. {rate}"
    if told.verdict == INBOUND:
        share = ""
        if told.basis.get("sources"):
            share = (
                f"{told.basis['periodic']:.0f} of {told.basis['sources']:.0f} sources of that service are periodic. "
            )
        return f"That source is new to the site after {span(told.learned_ns)} of learning. {share}{rate}"
    if told.verdict == UNTOLD:
        return (
            f"No history: the site was learned for {span(told.learned_ns)}, so whether it is new cannot be told; "
            f"{alone} of {told.devices} uses it."
        )
    return "It is known to the site, used by several of its devices, or a resolver or time server: listed only."


def _counter(look: Look, told: Told) -> tuple[str, ...]:
    counter = ["telemetry, monitoring and updates are periodic too"] if told.verdict else []
    if told.name and told.verdict:
        counter.append(f"the address has a name: {told.name}")
    if look.half_width < 0.01 and told.verdict:
        counter.append("it is as regular as a timer without jitter, as most benign agents are")
    return tuple(counter)


def _seconds(period_s: float) -> str:
    return f"{period_s:.1f} s" if period_s < 120 else span(int(period_s * SECOND_NS))


def _party(flow: np.void, look: Look, name: str | None, host: str | None) -> Peer:
    end = "orig" if look.inbound else "resp"
    address = addresses.text(flow[f"{end}_hi"], flow[f"{end}_lo"])
    if host:
        return Peer(kind="domain", id=host, name=f"{host} (through the proxy {address})")
    return Peer(kind="address", id=address, name=f"{name} ({address})" if name else address)


def _records(names: Names, flow: np.void, look: Look) -> tuple[Record, ...]:
    place = "row" if np.isnan(flow["size_sq"]) else "offset"
    return tuple(
        Record(input=names.input_path(source), uid=uid.decode("ascii", "replace") or None, **{place: offset})
        for source, offset, uid in look.records
    )
