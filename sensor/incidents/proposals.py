"""What could be done about an incident: proposed from what is in it, never armed here.

Targets are written as `sensor.model.response.VERBS` says: an account's name, `mailbox/rule`, `message/recipient`, an
address, a device's id.
"""

import ipaddress
import re
from collections.abc import Iterator, Mapping

from sensor.incidents.case import Case
from sensor.incidents.homes import OWN_BUSINESS
from sensor.incidents.joins import HUB_ROLES
from sensor.model.evidence import FORWARDING
from sensor.model.ids import identify
from sensor.model.incident import Action, Party, Step
from sensor.model.tick import Names
from sensor.model.times import DAY_NS, rfc3339

ADDRESSES_MAX = 4
"""Addresses an incident proposes to block: those it saw first; a flood is blocked by rule, not one by one."""
_WHY = {
    "remove_mail_rule": "the rule may be an intruder's",
    "revoke_sessions": "somebody else may be signed in as it",
    "disable_account": "somebody else may know its secret",
    "quarantine_message": "the message may be what it began with",
    "block_address": "it may be an intruder's",
    "isolate_device": "somebody else may be using it",
}
"""Why each is proposed; what happened is in the incident, and grows, while a proposal stays what it was."""
EXPIRES_NS = DAY_NS
"""A proposal that nobody took up within a day of its incident's last evidence is looked at again before it is acted
on. Counted from the opening, the removal of a rule that was made on day 8 had expired before it was proposed."""
_INSIDE = tuple(ipaddress.ip_network(text) for text in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"))
"""RFC 1918 and 4193: who is inside is isolated as a device."""
_QUOTED = re.compile(r'"([^"]*)"')
_RULES = ("hides", "forwards")
_CONTACT = frozenset({"beacon", "exfiltration", "dns", "tunnel", "novelty", "weather", "guessing"})
"""Families whose outside address is the other side's, and may be blocked."""


def propose(case: Case, names: Names, rows: Mapping[str, int]) -> tuple[Action, ...]:
    """Return proposals, the narrowest first within each subject; none for the digest.

    Args:
        case: The incident.
        names: Whom to ask who else would be touched.
        rows: Rows of devices and accounts by node.
    """
    if not case.is_incident:
        return ()
    made: dict[str, Action] = {}
    for verb, target, radius in _each(case, names, rows):
        action = _action(case, verb, target, radius)
        made.setdefault(action.id, action)
    return tuple(made.values())


def rules_of(case: Case) -> list[tuple[str, str, str]]:
    """Return (who made it, mailbox, name) of each mail rule in an incident; the name stands in quotes in its text."""
    found = []
    for one in case.evidence.values():
        if one.family in _RULES:
            quoted = _QUOTED.search(one.text)
            held = {kind: value for kind, _, value in (key.partition(":") for key in one.keys)}
            keyed = held.get("rule") or held.get("object")
            if keyed or quoted:
                name = quoted.group(1) if quoted and keyed != FORWARDING else keyed
                found.append((one.entity.id, held.get("mailbox", one.entity.id), name or ""))
    return list(dict.fromkeys(found))


def _each(case: Case, names: Names, rows: Mapping[str, int]) -> Iterator[tuple[str, dict[str, str], str]]:
    """Give (verb, target, blast radius)."""
    for node, party in case.members.items():
        if party.kind == "account":
            yield from _of_account(case, party, names)
        elif party.kind == "device" and any(
            one.entity.id == party.id and one.family not in OWN_BUSINESS for one in case.evidence.values()
        ):
            yield "isolate_device", {"kind": "device", "id": party.id}, _radius(rows.get(node, -1), names)
    yield from _of_messages(case)
    for address in _addresses(case):
        reached = sum(party.kind == "device" for party in case.members.values())
        yield (
            "block_address", {"kind": "address", "id": address},
            f"everybody who talks to {address}: {_count(reached, 'device')} of this incident at least",
        )  # fmt: skip


def _of_account(case: Case, party: Party, names: Names) -> Iterator[tuple[str, dict[str, str], str]]:
    row = names.account_row(party.id)
    devices = len(names.devices_of(row)) if row >= 0 else 0
    radius = f"1 account, {_count(devices, 'device')} it is linked to"
    target = {"kind": "account", "id": party.id}
    for account, mailbox, rule in rules_of(case):
        if account == party.id:
            held, named = {"kind": "mail_rule", "id": f"{mailbox}/{rule}"}, f'the rule "{rule}"'
            named = "the forwarding" if rule == FORWARDING else named
            yield "remove_mail_rule", held, f"{named} of 1 mailbox; its mail stays where it is"
    yield "revoke_sessions", target, f"{radius}: everybody signed in as it signs in again"
    yield "disable_account", target, f"{radius}: nobody can sign in as it"


def _of_messages(case: Case) -> Iterator[tuple[str, dict[str, str], str]]:
    found = []
    for one in case.evidence.values():
        ids = [key.partition(":")[2] for key in one.keys if key.startswith("message:")]
        if ids and one.entity.kind == "account":
            if (
                one.family == "phishing"
            ):  # one message under the ids of several products; connectors go by the internet's
                ids = [next((held for held in ids if "@" in held), ids[0])]
            found += [(held, one.entity.id) for held in ids]
    for message, recipient in list(dict.fromkeys(found))[:ADDRESSES_MAX]:
        yield "quarantine_message", {"kind": "message", "id": f"{message}/{recipient}"}, "1 message in 1 mailbox"


def _radius(row: int, names: Names) -> str:
    accounts = len(names.accounts_of(row)) if row >= 0 else 0
    role = names.role(row) if row >= 0 else None
    served = f"; it is a {role}: others depend on it" if role in HUB_ROLES else ""
    return f"1 device, {_count(accounts, 'account')} seen on it{served}"


def _addresses(case: Case) -> list[str]:
    """Return outside addresses worth blocking: where a device went, and where an account's strangers came from."""
    found = [
        key.partition(":")[2]
        for one in case.evidence.values()
        for key in one.keys
        if (one.family in _CONTACT and key.startswith("destination:"))
        or (one.entity.kind == "account" and one.stage == "entry" and key.startswith(("source:", "address:")))
    ]
    found += [party.id for node, party in case.peers.items() if party.kind == "address" and _met(case)]
    return [one for one in dict.fromkeys(found) if _is_address(one)][:ADDRESSES_MAX]


def _met(case: Case) -> bool:
    return any(one.family in _CONTACT for one in case.evidence.values())


def _is_address(text: str) -> bool:
    """Tell whether a text is an address of the internet; documentation's count, for they stand for such."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    inside = (address.is_loopback, address.is_link_local, address.is_multicast, address.is_unspecified)
    return not any(inside) and not any(address in network for network in _INSIDE if network.version == address.version)


def _action(case: Case, verb: str, target: dict[str, str], radius: str) -> Action:
    opened = rfc3339(case.opened_ns)
    return Action(
        id=identify("ACT", case.id, verb, *(target[key] for key in sorted(target))), connector=None, verb=verb,
        target=target, mode="recommend", state="proposed", reason=f"{case.id}: {_WHY[verb]}",
        expires=rfc3339(max(case.opened_ns, case.last_ns) + EXPIRES_NS), blast_radius=radius,
        history=(Step(ts=opened, state="proposed", by="spanline", detail="no connector is configured"),),
    )  # fmt: skip


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
