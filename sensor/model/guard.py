"""What no response may do, and how far each may go by itself. Values and judgements only; nothing is executed here.

The limits are the project's, not the user's, to raise: a configuration may only tighten them.
"""

import fnmatch
import ipaddress

import msgspec

from sensor.model.incident import Incident
from sensor.model.response import MODES, VERBS, Request

PER_HOUR, PER_DAY = 3, 10
"""Actions of one installation. A takeover needs three; what needs more than ten a day needs a person."""
ACCOUNT_SHARE = 0.01
"""Of the accounts a day, at least 1: a mistake must not lock an organisation out."""
EXPIRE_S = 3600
"""A reversible action is taken back after an hour unless a person keeps it."""
SOURCES_MIN = 2
"""Independent sources of evidence that automatic action needs."""


class Group(msgspec.Struct, frozen=True):
    """Accounts, devices or addresses that are treated more carefully than the rest."""

    members: tuple[str, ...]
    mode: str = "recommend"


class Guard(msgspec.Struct, frozen=True, kw_only=True):
    """The guard's part of the configuration."""

    never_touch: tuple[str, ...] = ()
    """Account names (also as patterns), device ids or names, addresses and networks."""
    groups: dict[str, Group] = {}
    per_hour: int = PER_HOUR
    per_day: int = PER_DAY
    account_share: float = ACCOUNT_SHARE
    expire_s: int = EXPIRE_S
    orders: str = "approve"
    """How far what a hub, or a site, orders here may go by itself; a connector's mode may be more careful."""


def problem(guard: Guard) -> str | None:
    """Say what is wrong with a configured guard, None if nothing is."""
    if not 0 <= guard.per_hour <= PER_HOUR or not 0 <= guard.per_day <= PER_DAY:
        return f"per_hour and per_day may be lowered from {PER_HOUR} and {PER_DAY}, not raised"
    if not 0 <= guard.account_share <= ACCOUNT_SHARE:
        return f"account_share may be lowered from {ACCOUNT_SHARE}, not raised"
    if not 60 <= guard.expire_s <= EXPIRE_S:
        return f"expire_s must be from 60 to {EXPIRE_S}"
    if guard.orders not in MODES:
        return f"orders must be one of {', '.join(MODES)}"
    wrong = [name for name, group in guard.groups.items() if group.mode not in MODES]
    return f"groups.{wrong[0]}: mode must be one of {', '.join(MODES)}" if wrong else None


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
    modes = [configured, *([guard.orders] if request.origin else [])] + [
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
