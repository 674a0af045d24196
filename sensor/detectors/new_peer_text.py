"""Evidence of something new: its numbers, and a sentence for a person. Not here: what is rare."""

import msgspec
import numpy as np

from baselines.calibration import Law
from baselines.evidence import decibans
from sensor.detectors.exfiltration_text import TUNNELS
from sensor.detectors.parties import flow_records, party
from sensor.detectors.pooled import law_numbers
from sensor.detectors.usage import ASKS, CATEGORIES, DESTINATION
from sensor.model import addresses
from sensor.model.evidence import Entity, Evidence, Finding, Peer
from sensor.model.fleet_part import FleetUse
from sensor.model.flow import PROTOS
from sensor.model.ids import identify
from sensor.model.tick import Names, Tick
from sensor.model.times import DAY_NS, rfc3339, span

P_DIGEST = 1e-3
MODEL = "new_peer.pitman_yor/2"
_WORDS = (("contacts", "peers"), ("requests", "services asked for"), ("answers", "services offered"))


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """A first use, and what the model says of it."""

    device: int
    flow: int
    category: int
    draws: int
    kinds: int
    users: int
    """Devices of the site that used it before."""
    mass: float
    chances: float
    p_new: float
    p_model: float
    fleet: FleetUse | None = None
    """At the fleet's other sites, where it is commoner among them than here."""


def told(names: Names, tick: Tick, found: Found, worst: float, p: float, law: Law | None, sites: int = 0) -> Finding:
    """Tell a first use; `sites`: of how many the law is, where it is the fleet's."""
    flow, device = tick.flows[found.flow], found.device
    peer = _peer(names, tick, found)
    name, site, identity = names.device_name(device), names.device_site(device), names.device_id(device)
    drawn, kinds = _WORDS[found.category]
    others = "nobody at the site had either" if not found.users else f"{found.users:,} of the site's devices had before"
    against = f"{law.n:,} device-days" if law else "the model alone"
    against += f" of the fleet's {sites} sites, for this one has too few of its own" if sites else ""
    text = (
        f"{name} {_what(found.category, flow, peer.name)} for the first time; {others}{_elsewhere(found.fleet)}. In "
        f"{span(names.history_ns(device))} it made {found.draws:,} {drawn} with {found.kinds:,} {kinds}. About 1 in "
        f"{1 / p:,.0f} device-days shows something as new (p = {p:.2g}, from {against})."
    )
    basis = {
        "category": found.category, "draws": found.draws, "kinds": found.kinds, "users": found.users,
        "mass": found.mass, "chances": found.chances, "categories": CATEGORIES, "worst": worst,
        "pooled": law is not None, "port": int(flow["resp_p"]), "proto": int(flow["proto"]),
    }  # fmt: skip
    basis |= fleet_numbers(found.fleet) | ({"fleet_calibration": sites} if sites else {})
    evidence = Evidence(
        id=identify("EV", site, identity, "new_peer", (tick.end_ns - 1) // DAY_NS), ts=rfc3339(tick.end_ns), site=site,
        entity=Entity(kind="device", id=identity), detector="new_peer", family="novelty", source="network",
        observed=1.0, expected=round(found.p_new * found.chances, 6), range=None,
        reference="fleet" if sites else "peers" if law else "own",
        reference_n=law.n if law else found.draws, p=p, db=decibans(p), text=text,
        records=flow_records(names, tick.flows[[found.flow]]), model=MODEL,
        basis={key: float(value) for key, value in basis.items()} | (law_numbers(law, worst, "day") if law else {}),
        keys=(f"destination:{peer.id}",) if found.category == DESTINATION else (),
    )  # fmt: skip
    tunnel = TUNNELS.get((int(flow["proto"]), int(flow["resp_p"])))
    return Finding(
        evidence=evidence, device=device, name=name, digest=p <= P_DIGEST, peers=(peer,),
        techniques=("T1071",) if found.category == DESTINATION else (),
        counter=(f"port {flow['resp_p']} is {tunnel}'s: a VPN has a new gateway",) if tunnel else (),
        check=f"What is {peer.name} to {name}: a new service, an update, or unknown?",
    )  # fmt: skip


def fleet_numbers(use: FleetUse | None) -> dict[str, int]:
    """Return what p followed from of the fleet; empty where it did not."""
    if use is None:
        return {}
    return {"fleet_sites": use.sites, "fleet_of": use.of_sites, "fleet_devices": use.devices}


def _elsewhere(use: FleetUse | None) -> str:
    if use is None:
        return ""
    return f", but {use.sites:,} of the fleet's {use.of_sites:,} other sites have it, on {use.devices:,} devices"


def _what(category: int, flow: np.void, peer: str) -> str:
    service = f"{PROTOS.get(int(flow['proto']), 'protocol ' + str(int(flow['proto'])))}/{int(flow['resp_p'])}"
    if category == DESTINATION:
        return f"contacted {peer}, {service},"
    return f"used {service}, of {peer}," if category == ASKS else f"answered on {service}, to {peer},"


def _peer(names: Names, tick: Tick, found: Found) -> Peer:
    flow, host = tick.flows[found.flow], tick.destinations.get(found.flow)
    if found.category <= ASKS:
        if host and found.category == DESTINATION:
            through = addresses.text(flow["resp_hi"], flow["resp_lo"])
            return Peer(kind="domain", id=host, name=f"{host} (through the proxy {through})")
        return party(names, int(tick.resp_device[found.flow]), int(flow["resp_hi"]), int(flow["resp_lo"]))
    return party(names, int(tick.orig_device[found.flow]), int(flow["orig_hi"]), int(flow["orig_lo"]))
