"""What a DNS tunnel's evidence says, written from its numbers; and those again from the archive. Not here: deciding."""

from typing import NamedTuple

from baselines.evidence import decibans
from sensor.detectors.dns_information import information, labels
from sensor.model.archive import Archive
from sensor.model.evidence import Entity, Evidence, Finding, Peer, Record
from sensor.model.ids import identify
from sensor.model.metadata import Dns
from sensor.model.tick import Names, Tick
from sensor.model.times import DAY_NS, parse, rfc3339, span

REFERENCE_BYTES, REFERENCE_RATE = 350.0, 0.05
"""On the benign device-days at hand (M57, Zeek's and zat's logs) one in twenty told one domain so much."""
TAIL = 1.5
"""Exponent of the tail beyond it, assumed: no real tail of tunnels' look-alikes is at hand."""
P_MIN = 1e-3
"""Floor of a reference of under 2,000 observations: the method in force."""
LABEL_RATE = 0.017
"""None of about 30 benign device-days asked for text records of one label; counted as a half."""
_QTYPES = {1: "A", 5: "CNAME", 10: "NULL", 15: "MX", 16: "TXT", 28: "AAAA", 33: "SRV", 65: "HTTPS", 65399: "PRIVATE"}


class Asked(NamedTuple):
    """One question of a device to a registered domain."""

    message: Dns
    device: int
    site: int
    domain: str


def p_of(info: float) -> float:
    """Return the rate of device-days that tell one domain as much."""
    return float(min(1.0, max(P_MIN, REFERENCE_RATE * (REFERENCE_BYTES / max(info, 1.0)) ** TAIL)))


def tunnel_finding(
    names: Names, tick: Tick, one: Asked, counts: dict[str, float], since_ns: int, *, opens: bool
) -> Finding:
    """Say how much a device told a domain."""
    site, device, name = (f(one.device) for f in (names.device_site, names.device_id, names.device_name))
    info, service = counts["info"], bool(counts["service"])
    p = 1.0 if service else p_of(info)
    day = since_ns // DAY_NS
    qtype = _QTYPES.get(one.message.qtype or 0, str(one.message.qtype))
    usual = "so do others here: a look-up service" if service else f"all but one in {1 / p:,.0f} device-days tell less"
    text = (
        f"{name} asked {one.domain} for {counts['names']:,.0f} labels it had not asked for, by {qtype} and other "
        f"questions, in {span(max(0, one.message.ts - since_ns))}: {info:,.0f} bytes of information; {usual}. Last: "
        f"{(one.message.query or '')[:80]}."
    )
    evidence = Evidence(
        id=identify("EV", site, device, "dns_tunnel", one.domain, day), ts=rfc3339(tick.end_ns), site=site,
        entity=Entity(kind="device", id=device), detector="dns_tunnel", family="dns", source="network",
        observed=round(info, 6), expected=None, range=(0.0, REFERENCE_BYTES), reference="reference tail",
        reference_n=30, p=p, db=decibans(p), text=text, records=(_record(names, one.message),),
        model="dns_tunnel.information/1",
        basis={**counts, "reference_bytes": REFERENCE_BYTES, "rate": REFERENCE_RATE, "tail": TAIL, "day": float(day)},
        keys=(f"destination:{one.domain}", f"device:{device}"),
    )  # fmt: skip
    return Finding(
        evidence=evidence, device=one.device, name=name, techniques=("T1071.004", "T1048.003"), opens=opens,
        digest=not service, peers=(Peer(kind="domain", id=one.domain, name=one.domain),),
        counter=("content networks, reputation services and measurements put data into names too",),
        check=f"What is {one.domain}, and which program on {name} asks for such names?",
    )  # fmt: skip


def label_finding(names: Names, tick: Tick, message: Dns, device: int) -> Finding:
    """Say that text was asked for under a name of one label."""
    site, identity, name = (f(device) for f in (names.device_site, names.device_id, names.device_name))
    qtype = _QTYPES.get(message.qtype or 0, str(message.qtype))
    text = (
        f'{name} asked {message.resp_h} for {qtype} records of "{(message.query or "")[:64]}", a name of one label '
        f"that nobody can have registered: none of about 30 benign device-days did."
    )
    evidence = Evidence(
        id=identify("EV", site, identity, "dns_tunnel", "label", message.resp_h, message.ts // DAY_NS),
        ts=rfc3339(tick.end_ns), site=site, entity=Entity(kind="device", id=identity), detector="dns_tunnel",
        family="dns", source="network", observed=1.0, expected=0.0, range=None, reference="reference tail",
        reference_n=30, p=LABEL_RATE, db=decibans(LABEL_RATE), text=text, records=(_record(names, message),),
        model="dns_tunnel.label/1", basis={"rate": LABEL_RATE, "qtype": float(message.qtype or 0)},
        keys=(f"address:{message.resp_h}", f"device:{identity}"),
    )  # fmt: skip
    return Finding(
        evidence=evidence, device=device, name=name, techniques=("T1071.004",), opens=True, digest=True,
        peers=(Peer(kind="address", id=message.resp_h, name=message.resp_h),),
        counter=("a mistyped command of an administrator looks the same",),
        check=f"Is {message.resp_h} a resolver of this site, and what asked it?",
    )  # fmt: skip


def again(evidence: Evidence) -> float:
    """Return p from what was observed and the reference."""
    basis = evidence.basis
    if evidence.model == "dns_tunnel.label/1":
        return float(basis["rate"])
    if basis["service"]:
        return 1.0
    ratio = basis["reference_bytes"] / max(evidence.observed, 1.0)
    return float(min(1.0, max(1e-3, basis["rate"] * ratio ** basis["tail"])))


def recount(evidence: Evidence, archive: Archive) -> float | None:
    """Return the information of the day's questions again, from the archive's messages."""
    if evidence.model == "dns_tunnel.label/1":
        return 1.0 if evidence.records else None
    if archive.since_ns:
        return None  # what was asked before then is not known to be old
    domain = next(key.partition(":")[2] for key in evidence.keys if key.startswith("destination:"))
    rows = archive.rows(
        "SELECT ts, query FROM messages WHERE kind = 'dns' AND device = ? AND resp_p NOT IN (137, 5353, 5355) "
        "AND tick <= ? AND (lower(query) LIKE '%.' || ?) ORDER BY tick, n",
        (evidence.entity.id, parse(evidence.ts), domain),
    )
    known: set[str] = set()
    total, before = 0.0, ""
    for ts, query in rows:
        for label in labels(query, domain):
            if label in known:
                continue
            known.add(label)
            if ts // DAY_NS == int(evidence.basis["day"]):
                total += information(label, before)
            before = label
    return round(total, 6)


def _record(names: Names, message: Dns) -> Record:
    return Record(input=names.input_path(message.input), uid=message.uid or None, row=message.offset)
