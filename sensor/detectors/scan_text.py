"""What a scan's evidence says, written from its numbers, with the flows that make it.

Not here: deciding that it is a scan.
"""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from baselines import walk
from baselines.evidence import decibans
from baselines.rates import poisson_tail
from sensor.detectors.first_contacts import WALK_ECHO, WALK_NAMES, WALK_TCP
from sensor.model import addresses
from sensor.model.evidence import RECORDS_MAX, Entity, Evidence, Finding, Peer, Record
from sensor.model.ids import identify
from sensor.model.records import joined, picked
from sensor.model.tick import Names, Tick
from sensor.model.times import rfc3339, span

NET_OPENS = 8
"""Net failures over hosts at which a scan opens an incident by itself (see sensor/detectors/scan.py)."""
DEAD_P = 0.07
"""Benign device-days with a dead peer: 2 of 29 on m57, OTRF's APT29 background and IoT Sentinel; see `dead_finding`."""
SWEEP_RATE = 2.0
"""Assumed: new local addresses a benign device asks for in a minute."""
P_ASSUMED_MIN = 1e-6
"""No assumed rate carries a p below this."""

_RING = 64
_CONTACT = np.dtype(
    [
        ("ts", np.int64), ("hi", np.uint64), ("lo", np.uint64), ("port", np.uint16), ("walk", np.uint8),
        ("input", np.int32), ("offset", np.int64), ("uid", "S24"), ("log", np.uint8), ("device", np.int32),
    ]
)  # fmt: skip


class Ring:
    """A subject's last failed contacts."""

    def __init__(self) -> None:
        self.rows = np.empty(0, _CONTACT)

    def push(self, failed: NDArray[np.void]) -> None:
        """Take failed contacts in, in order; only the last _RING are kept."""
        self.rows = joined([self.rows, failed[-_RING:]])[-_RING:]

    def distinct(self, walk_kind: int, since: int, host: tuple[int, int] | None) -> NDArray[np.void]:
        """Return the last contact with each service since a time, oldest first, of one host if given."""
        on = (self.rows["walk"] == walk_kind) & (self.rows["ts"] >= since)
        if host is not None:
            on &= (self.rows["hi"] == host[0]) & (self.rows["lo"] == host[1])
        rows = picked(self.rows, on)
        services = zip(*(rows[name].tolist() for name in ("hi", "lo", "port")), strict=True)
        last = {service: place for place, service in enumerate(services)}
        return picked(rows, np.array(sorted(last.values()), np.int64))

    @staticmethod
    def pack(rings: dict[int, "Ring"]) -> NDArray[Any]:
        """Return all rings as one array of bytes."""
        parts = []
        for device, ring in rings.items():
            ring.rows["device"] = device
            parts.append(ring.rows)
        return joined([np.empty(0, _CONTACT), *parts]).view(np.uint8)

    @staticmethod
    def unpack(blob: NDArray[Any]) -> dict[int, "Ring"]:
        """Restore what `pack` returned."""
        rings: dict[int, Ring] = {}
        for row in blob.view(_CONTACT):
            ring = rings.setdefault(int(row["device"]), Ring())
            ring.rows = np.append(ring.rows, row)
        return rings


def failed_contacts(flows: NDArray[np.void], walks: NDArray[np.uint8]) -> NDArray[np.void]:
    """Return what rings keep of failed flows, of one subject or of many, shape (n,)."""
    rows = np.zeros(len(flows), _CONTACT)
    rows["ts"], rows["hi"], rows["lo"] = flows["ts"], flows["resp_hi"], flows["resp_lo"]
    rows["port"], rows["walk"] = np.where(walks == WALK_ECHO, 0, flows["resp_p"]), walks
    rows["input"], rows["offset"], rows["uid"] = flows["input"], flows["offset"], flows["uid"]
    rows["log"] = np.isnan(flows["size_sq"])
    return rows


def records_of(names: Names, rows: NDArray[np.void]) -> tuple[Record, ...]:
    """Name the flows behind contacts, at most RECORDS_MAX."""
    named = []
    for row in rows[-RECORDS_MAX:]:
        place = {"row" if row["log"] else "offset": int(row["offset"])}
        uid = row["uid"].decode("ascii", "replace") or None
        named.append(Record(input=names.input_path(int(row["input"])), uid=uid, **place))
    return tuple(named)


def subject_text(names: Names, device: int, hi: int, lo: int) -> str:
    """Write `NAME (address)`, or the address alone where there is no name."""
    name, address = names.device_name(device), addresses.text(hi, lo)
    return address if name == address else f"{name} ({address})"


def hosts_finding(names: Names, tick: Tick, flow: np.void, event: NDArray[np.int64], walks: int, ring: Ring) -> Finding:
    """Say that first contacts with many hosts fail."""
    _, _, device, net, targets, fails, since, kind = (int(value) for value in event)
    p = walk.p_of_walk(net, walks)
    rows = ring.distinct(kind, since, None)
    who = subject_text(names, device, flow["orig_hi"], flow["orig_lo"])
    text = (
        f"{who} tried {targets} hosts new to it by {WALK_NAMES[kind]} in {span(int(flow['ts']) - since)}: {fails} did "
        f"not answer or refused, {net} more than answered; a benign host shows 4 in one of a hundred walks. "
        f"{_ports(rows)}Last: {_shown(rows)}."
    )
    return _finding(
        names, tick, device, "hosts", since, kind, observed=fails, expected=0.2 * targets, of=targets, p=p,
        basis={"net": net, "walks": walks, "fails": fails, "targets": targets}, text=text, rows=rows,
        techniques=("T1018", "T1046"), opens=net >= NET_OPENS,
        counter=(f"{targets - fails} of {targets} first contacts were answered",) if targets > fails else (),
    )  # fmt: skip


def ports_finding(names: Names, tick: Tick, flow: np.void, event: NDArray[np.int64], walks: int, ring: Ring) -> Finding:
    """Say that many new ports of one host fail."""
    _, _, device, net, ports, fails, since, kind = (int(value) for value in event)
    host = (int(flow["resp_hi"]), int(flow["resp_lo"]))
    rows = ring.distinct(kind, since, host)
    who, whom = subject_text(names, device, flow["orig_hi"], flow["orig_lo"]), _peer(names, flow, tick)
    shown = ", ".join(str(port) for port in rows["port"][-12:].tolist())
    text = (
        f"{who} tried {ports} ports of {whom.name} new to it by {WALK_NAMES[kind]} in {span(int(flow['ts']) - since)}: "
        f"{fails} did not answer or refused, {net} more than answered. Last ports: {shown}."
    )
    return _finding(
        names, tick, device, f"ports {host[0]:x} {host[1]:x}", since, kind, observed=fails, expected=0.2 * ports,
        of=ports, p=walk.p_of_walk(net, walks), basis={"net": net, "walks": walks, "fails": fails, "ports": ports},
        text=text, rows=rows, techniques=("T1046",), opens=True, peers=(whom,),
        counter=(f"{ports - fails} of {ports} ports answered",) if ports > fails else (),
    )  # fmt: skip


def dead_finding(names: Names, tick: Tick, flow: np.void, event: NDArray[np.int64], walks: int, ring: Ring) -> Finding:
    """Say that one service never answers, however often it is tried.

    The attempts are no independent trials (a dead service stays dead), so p is a rate: dead peers a device-day on
    benign real days. Datagrams that nobody is to answer look the same, so only a dead peer by TCP is a digest row.
    """
    _, _, device, _, tries, _, since, kind = (int(value) for value in event)
    host = (int(flow["resp_hi"]), int(flow["resp_lo"]))
    rows = ring.distinct(kind, since, host)
    rows = rows[rows["port"] == flow["resp_p"]] if kind != WALK_ECHO else rows
    who, whom = subject_text(names, device, flow["orig_hi"], flow["orig_lo"]), _peer(names, flow, tick)
    port = "" if kind == WALK_ECHO else f", port {int(flow['resp_p'])}"
    text = (
        f"{who} tried {whom.name}{port} by {WALK_NAMES[kind]} {tries} times in {span(int(flow['ts']) - since)} and "
        f"never had an answer. About one in {1 / DEAD_P:.0f} benign device-days shows such a dead peer."
    )
    return _finding(
        names, tick, device, f"dead {host[0]:x} {host[1]:x} {port}", since, kind, observed=tries, expected=0.0,
        of=tries, p=DEAD_P, basis={"tries": tries, "rate": DEAD_P, "walks": walks}, text=text, rows=rows,
        techniques=("T1046",), opens=False, digest=kind == WALK_TCP, peers=(whom,), reference="reference tail",
    )  # fmt: skip


def sweep_finding(
    names: Names, tick: Tick, means: str, rows: NDArray[np.void], inputs: NDArray[np.int32], event: NDArray[np.int64]
) -> Finding:
    """Say that many distinct local addresses are asked for within a minute."""
    last, device, touches, since = (int(value) for value in event)
    row = rows[last]
    p = max(P_ASSUMED_MIN, poisson_tail(20, SWEEP_RATE))
    arp = means == "ARP"
    hi, lo = (0, 0xFFFF_0000_0000 | int(row["sender_ip"])) if arp else (row["orig_hi"], row["orig_lo"])
    text = (
        f"{subject_text(names, device, hi, lo)} asked by {means} for {touches} distinct local addresses in "
        f"{span(int(row['ts']) - since)}, 20 or more of them within one minute; {SWEEP_RATE:.0f} a minute are assumed "
        "usual."
    )
    site = names.device_site(device)
    shown = range(max(0, last - RECORDS_MAX + 1), last + 1)
    records = tuple(
        Record(
            input=names.input_path(int(inputs[i])),
            uid=None if arp else rows[i]["uid"].decode("ascii", "replace") or None,
            offset=int(rows[i]["offset"]),
        )
        for i in shown
    )
    evidence = Evidence(
        id=identify("EV", site, names.device_id(device), "scan", "sweep", means, since), ts=rfc3339(tick.end_ns),
        site=site, entity=Entity(kind="device", id=names.device_id(device)), detector="scan", family="scan",
        source="network", observed=float(touches), expected=SWEEP_RATE, range=(0.0, 10.0), reference="analytic",
        reference_n=0, p=p, db=decibans(p), text=text, records=records, model="scan.sweep/1",
        basis={"touches": touches, "rate": SWEEP_RATE},
    )  # fmt: skip
    return Finding(
        evidence=evidence, device=device, name=names.device_name(device), techniques=("T1018",), opens=True,
        check=f"Is {names.device_name(device)} a monitoring or inventory server? If not: who uses it?",
    )  # fmt: skip


def _finding(
    names: Names, tick: Tick, device: int, what: str, since: int, kind: int, *, observed: float,
    expected: float, of: int, p: float, basis: dict[str, float], text: str, rows: NDArray[np.void],
    techniques: tuple[str, ...], opens: bool, peers: tuple[Peer, ...] = (), counter: tuple[str, ...] = (),
    reference: str = "analytic", digest: bool = False,
) -> Finding:  # fmt: skip
    site, identity = names.device_site(device), names.device_id(device)
    deviation = math.sqrt(0.2 * 0.8 * of)
    evidence = Evidence(
        id=identify("EV", site, identity, "scan", what, kind, since), ts=rfc3339(tick.end_ns), site=site,
        entity=Entity(kind="device", id=identity), detector="scan", family="scan", source="network",
        observed=float(observed), expected=expected, range=(0.0, round(expected + 3 * deviation, 1)),
        reference=reference, reference_n=0, p=p, db=decibans(p), text=text, records=records_of(names, rows),
        keys=(f"alike:scan.{what.partition(' ')[0]} {WALK_NAMES[kind]}",),
        model=f"scan.{what.partition(' ')[0]}/1", basis={name: float(value) for name, value in basis.items()},
    )  # fmt: skip
    name = names.device_name(device)
    return Finding(
        evidence=evidence, device=device, name=name, techniques=techniques, opens=opens, digest=digest, peers=peers,
        counter=counter,
        check=f"Is {name} meant to scan (vulnerability scanner, monitoring, inventory)? If not: which program did it?",
    )  # fmt: skip


def _peer(names: Names, flow: np.void, tick: Tick) -> Peer:
    """Name the responder: a device where it is one, else an address with its name."""
    address = addresses.text(flow["resp_hi"], flow["resp_lo"])
    at = np.nonzero((tick.flows["resp_hi"] == flow["resp_hi"]) & (tick.flows["resp_lo"] == flow["resp_lo"]))[0]
    device = int(tick.resp_device[at[0]]) if len(at) else -1
    if device >= 0:
        return Peer(
            kind="device", id=names.device_id(device), site=names.device_site(device),
            name=subject_text(names, device, flow["resp_hi"], flow["resp_lo"]),
        )  # fmt: skip
    name = names.address_name(flow["resp_hi"], flow["resp_lo"])
    return Peer(kind="address", id=address, name=f"{name} ({address})" if name else address)


def _ports(rows: NDArray[np.void]) -> str:
    ports, counts = np.unique(rows["port"], return_counts=True)
    if len(ports) == 0 or (len(ports) == 1 and ports[0] == 0):
        return ""
    order = np.lexsort((ports, -counts))[:5]
    return f"Ports: {', '.join(str(port) for port in ports[order].tolist())}. "


def _shown(rows: NDArray[np.void]) -> str:
    shown = [addresses.text(row["hi"], row["lo"]) + (f":{row['port']}" if row["port"] else "") for row in rows[-5:]]
    return ", ".join(shown)
