"""What people decide about incidents, applied to a state: verdicts, and suppressions with a look at what they hide.

A process that learns into the same state takes both in before its next commit, and comes to the same.
"""

from collections.abc import Sequence

import msgspec

from sensor.incidents import mutes, rank
from sensor.model.evidence import Evidence
from sensor.model.incident import Incident
from sensor.model.mute import Mute
from sensor.model.times import rfc3339
from sensor.store.state import State


class Hidden(msgspec.Struct, frozen=True):
    """What a suppression would take out of one incident; `closes`: it would have no other evidence."""

    incident: str
    title: str
    tier: str
    state: str
    evidence: tuple[Evidence, ...]
    closes: bool


def close(state: State, key: str, verdict: str, reason: str, author: str) -> tuple[Incident, list[Mute]] | None:
    """Close an incident with a verdict; a benign one suppresses the same for a while. None where there is none."""
    incident = state.incident(key)
    if incident is None:
        return None
    made = mutes.of_benign(incident, reason, author, clock_ns(state)) if verdict == "benign" else []
    closed = state.close_incident(key, verdict, reason, author, made)
    return None if closed is None else (closed, made)


def make(
    state: State, *, entity: str, detector: str, key: str, site: str, expires_ns: int, reason: str, author: str
) -> Mute:  # fmt: skip
    """Make a suppression, not applied yet; an entity may be named as the state knows it."""
    device, account = (state.device(entity), state.account(entity)) if entity else (None, None)
    known = device.id if device is not None else account.name if account is not None else entity
    return mutes.new(
        entity=known, detector=detector, key=key, site=site, created_ns=clock_ns(state), expires_ns=expires_ns,
        reason=reason, author=author,
    )  # fmt: skip


def preview(state: State, mute: Mute) -> list[Hidden]:
    """Return what a suppression hides of what is stored, the most urgent first; nothing is changed."""
    found = []
    for incident in state.incidents(digest=True):
        gone = tuple(one for one in incident.evidence if mutes.hides(mute, one))
        if gone:
            left = _left(incident, gone)
            found.append(Hidden(incident.id, incident.title, incident.tier, incident.state, gone, not left))
    return found


def apply(state: State, mute: Mute) -> list[Hidden]:
    """Put a suppression in force, durably; open incidents that it leaves without evidence are closed as benign."""
    found = preview(state, mute)
    level = rank.level_db(sum(one.kind == "user" for one in state.accounts()))
    changed, rows = [], []
    for one in found:
        incident = state.incident(one.incident)
        if incident is None or incident.state != "open":
            continue
        rows += [mutes.record(mute, evidence) for evidence in one.evidence]
        changed.append(_without(incident, one, mute, level))
    state.suppress(mute, changed, rows)
    return found


def clock_ns(state: State) -> int:
    """Return up to when the state has learned, event time."""
    return int(state.meta("clock_ns") or 0)


def _left(incident: Incident, gone: Sequence[Evidence]) -> list[Evidence]:
    """Return what still weighs: an order of steps alone is none."""
    left = [one for one in incident.evidence if one not in gone]
    return left if any(one.family != "sequence" for one in left) else []


def _without(incident: Incident, hidden: Hidden, mute: Mute, level: float) -> Incident:
    """Return an incident without what is hidden; what it was stays readable where nothing else is left."""
    muted = incident.muted + len(hidden.evidence)
    if hidden.closes:
        reason = f"{mute.id} by {mute.author}: {mute.reason}"
        return msgspec.structs.replace(incident, state="closed", verdict="benign", reason=reason, muted=muted)
    left = tuple(_left(incident, hidden.evidence))
    return msgspec.structs.replace(
        incident, evidence=left, muted=muted, score_db=round(rank.score_db(left, level), 3),
        p=min(one.p for one in left if one.family != "sequence"),
    )  # fmt: skip


def until_text(mute: Mute, now_ns: int) -> str:
    """Say until when a suppression holds, and whether that is over."""
    return f"until {mute.expires}" + (" (over)" if mute.expires <= rfc3339(now_ns) else "")
