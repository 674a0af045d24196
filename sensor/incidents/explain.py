"""An incident's words, written from its numbers, for a person on shift.

What happened, how unusual, for whom, against what; what was not seen; the cheapest next check.
"""

from collections.abc import Sequence

from sensor.incidents.case import Case
from sensor.incidents.rank import Score, is_act
from sensor.model.evidence import Evidence

_DEVICE_TITLES = {
    "scan": "{name} scans the network",
    "volume": "{name} moves an unusual amount of data",
    "novelty": "{name} contacts something new",
    "weather": "Outside addresses try {name}",
    "beacon": "{name} calls out at regular intervals",
    "exfiltration": "{name} sends much to a place new to it",
    "dns": "{name} carries data in DNS",
    "lateral": "{name} works on hosts where it did not before",
    "guessing": "Passwords are guessed by or at {name}",
    "fingerprint": "{name} runs a rare client",
    "protocol": "{name} speaks a protocol where it does not belong",
    "tunnel": "{name} tunnels through another protocol",
    "device": "{name} is new, or not what it was",
    "arp": "{name} answers for others' addresses",
    "industrial": "{name} does something new to a controller",
    "place": "Accounts of {name} moved to another network together",
    "blindness": "The sensor sees less at {name}",
    "silence": "{name} no longer answers those who use it",
    "indicator": "{name} met an indicator that is listed",
    "surge": "Far more than usual would be incidents at {name}",
}
_STEPS = {
    "pressure": "refused prompts or wrong secrets",
    "spray": "a spray of passwords",
    "place": "a sign-in from a rare place",
    "phishing": "phishing by mail",
    "session": "a session in two places",
    "corroboration": "the network saw its device elsewhere",
    "files": "unusual files opened",
    "mailbox": "unusual mailbox access",
    "administration": "an unusual administrative change",
    "hides": "a mail rule that hides mail",
    "forwards": "a rule that sends mail on",
}
STEPS_SHOWN = 5
STEP_DB = 3.0
"""A step that weighs less is in the timeline, not in the title."""
REST_SHOWN = 5


def title(case: Case, weighed: Score) -> str:
    """Return one line that says what this is: an account's steps in order, or what the device does."""
    if case.verdict == "duplicate" and not case.evidence:
        return f"{case.subject.name}: part of another incident"
    if not case.evidence:
        return f"{case.subject.name}: what was said is taken back"
    if weighed.account and sum(weighed.families.values()) >= max(weighed.sources.values(), default=0.0):
        who = _name(case, weighed.account)
        steps = _steps(case, weighed.account)
        also = [party for party in case.members.values() if party.kind == "account" and party.id != weighed.account]
        more = f" (and {len(also)} more account{'s' * (len(also) > 1)})" if also else ""
        return f"{who}{more}: {', then '.join(steps)}" if steps else f"{who}{more} acts unusually"
    return _device_title(case)


def summary(case: Case, weighed: Score, devices: int, counter: Sequence[str]) -> str:
    """Return the strongest evidence in full, what goes with it, how rare it is, and what speaks against it."""
    if not case.evidence and case.verdict != "duplicate":
        return "All that it rested on was taken back; the timeline says why."
    if not case.evidence:
        return f"Its evidence is there: {case.reason}."
    ordered = sorted(case.evidence.values(), key=lambda one: (one.family == "sequence", -one.db, one.id))
    first, rest = ordered[0], [one for one in ordered[1:] if one.family != "sequence"]
    parts = [first.text]
    others = [one for one in rest if one.entity != first.entity]
    if others:
        parts.append(f"With it, {_name(case, others[0].entity.id)} ({others[0].db:+.0f} dB): {others[0].text}")
        rest.remove(others[0])
    if rest:
        listed = ", ".join(f"{one.detector} ({one.db:+.0f} dB)" for one in rest[:REST_SHOWN])
        parts.append(f"With it: {listed}{' and more' if len(rest) > REST_SHOWN else ''}.")
    sequences = [one for one in ordered if one.family == "sequence"]
    if sequences:
        parts.append(f"The order of steps adds {sum(one.db for one in sequences):+.0f} dB.")
    parts += _rarity(first, weighed, devices)
    if counter:
        parts.append(f"Against it: {'; '.join(counter[:3])}.")
    return " ".join(parts)


def next_check(case: Case) -> str:
    """Return the cheapest next check: that of the strongest evidence that has one."""
    ordered = sorted(case.evidence.values(), key=lambda one: (one.family != case.family, -one.db, one.id))
    return next((check for one in ordered if (check := case.checks.get(one.id, ""))), "")


def _rarity(first: Evidence, weighed: Score, devices: int) -> list[str]:
    """Say how rare the strongest is, and what all of it weighs."""
    if first.p >= 1.0:
        return []
    unit = "account-days" if is_act(first) else "device-days"
    rate = f"{1.0 / first.p:,.0f}" if first.p >= 1e-12 else "a million million or more"
    told = f"About 1 in {rate} {unit} looks like this (p = {first.p:.2g}, {first.db:+.0f} dB)"
    whole = "" if abs(weighed.db - first.db) < 0.5 else f"; in all {weighed.db:+.0f} dB"
    said = [f"{told}{whole}."]
    if not is_act(first):
        said.append(f"The site has {devices} device{'s' if devices != 1 else ''}.")
    return said


def _steps(case: Case, account: str) -> list[str]:
    """Return an account's strongest kinds of steps, in the order in which each first happened."""
    strongest: dict[str, float] = {}
    for one in case.evidence.values():
        if one.entity.id == account and one.family in _STEPS:
            strongest[one.family] = max(one.db, strongest.get(one.family, one.db))
    told = [family for family in strongest if strongest[family] >= STEP_DB] or list(strongest)
    told = sorted(told, key=lambda family: (-strongest[family], family))[:STEPS_SHOWN]
    rows = [one for one in case.evidence.values() if one.entity.id == account and one.family in told]
    return list(dict.fromkeys(_STEPS[one.family] for one in sorted(rows, key=lambda one: (_begun(case, one), one.id))))


def _begun(case: Case, one: Evidence) -> int:
    return case.begun.get(one.id, case.opened_ns)


def _device_title(case: Case) -> str:
    rows = [one for one in case.evidence.values() if not is_act(one)]
    own = [one for one in rows if one.family == case.family] or rows
    strongest = max(own, key=lambda one: (one.db, one.id), default=None)
    family = strongest.family if strongest is not None else case.family
    name = _name(case, strongest.entity.id) if strongest is not None else case.subject.name
    same = [one for one in own if one.family == family]
    if family == "scan" and all(one.model == "scan.ports/1" for one in same):
        return f"{name} scans the ports of {len(same)} host{'s' if len(same) > 1 else ''}"
    if family == "scan" and all(one.model == "scan.sweep/1" for one in same):
        return f"{name} sweeps the local network"
    if family == "tunnel" and all(one.detector == "mining" for one in same):
        return f"{name} mines a cryptocurrency"
    others = {one.entity.id for one in same} - {strongest.entity.id if strongest is not None else ""}
    more = f", and {len(others)} more" if others else ""
    return _DEVICE_TITLES.get(family, "{name} behaves unusually").format(name=f"{name}{more}")


def _name(case: Case, identity: str) -> str:
    return next((party.name for party in case.members.values() if party.id == identity), case.subject.name)
