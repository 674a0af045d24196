"""What no response may do, and how far each may go by itself. Judgements only; nothing is executed here."""

import fnmatch
import ipaddress

from sensor.model.guard import Guard
from sensor.model.incident import Incident
from sensor.model.response import MODES, VERBS, Request

SOURCES_MIN = 2
"""Independent sources of evidence that automatic action needs."""


def untouchable(guard: Guard, request: Request, names: tuple[str, ...]) -> str | None:
    """Say why a target must not be touched, None if it may.

    Args:
        guard: The configuration.
        request: What is wanted.
        names: Other names of the target: a device's hostname, an account's spellings.
    """
    every = (request.target, *names, *request.addresses)
    for held in guard.never_touch:
        if any(_matches(held, one) for one in every):
            return f"{held} is never touched"
    if VERBS[request.verb].target == "address":
        return _no_target(request.target)
    return None


def mode_of(guard: Guard, configured: str, request: Request, names: tuple[str, ...]) -> str:
    """Return the most careful of the connector's mode and those of the groups that the target is in."""
    every = (request.target, *names, *request.addresses)
    modes = [configured] + [
        group.mode
        for group in guard.groups.values()
        if any(_matches(member, one) for member in group.members for one in every)
    ]
    return min(modes, key=MODES.index)


def may_act_alone(incident: Incident) -> str | None:
    """Say why an incident is not enough for automatic action, None if it is."""
    if incident.state != "open":
        return f"the incident is {incident.state}"
    if incident.tier != "page":
        return "automatic action needs the page tier"
    sources = {one.source for one in incident.evidence if one.db > 0}
    if len(sources) < SOURCES_MIN:
        return (
            f"automatic action needs {SOURCES_MIN} independent sources; this has {', '.join(sorted(sources)) or 'none'}"
        )
    return None


def _matches(held: str, name: str) -> bool:
    """Tell whether an entry means a name: as an address or network, else as a pattern without regard to case."""
    try:
        network = ipaddress.ip_network(held, strict=False)
        return ipaddress.ip_address(name) in network
    except ValueError:
        return fnmatch.fnmatchcase(name.lower(), held.lower())


def _no_target(text: str) -> str | None:
    """Say why an address can never be blocked."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return f"{text} is no address"
    if address.is_loopback or address.is_multicast or address.is_unspecified or address.is_link_local:
        return f"{text} is no host on a network"
    return None
