"""Incidents and proposed actions as they are stored and shown."""

import msgspec

from sensor.model.evidence import Evidence

TIERS = ("page", "triage", "digest")
"""Most urgent first."""
VERDICTS = ("true", "benign", "duplicate")


class Party(msgspec.Struct, frozen=True, kw_only=True):
    """An entity's part in an incident: `role` is subject or peer."""

    kind: str
    site: str | None
    id: str
    name: str
    role: str


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One entry of an action's history."""

    ts: str
    state: str
    by: str
    detail: str


class Action(msgspec.Struct, frozen=True, kw_only=True):
    """A proposed or executed response; without a connector it is only proposed."""

    id: str
    connector: str | None
    verb: str
    target: dict[str, str]
    mode: str
    state: str
    reason: str
    expires: str
    blast_radius: str
    history: tuple[Step, ...] = ()


class Incident(msgspec.Struct, frozen=True, kw_only=True):
    """Evidence that belongs together, for a person to judge."""

    id: str
    state: str
    verdict: str | None
    tier: str
    sites: tuple[str, ...]
    opened: str
    last_activity: str
    score_db: float
    p: float
    title: str
    summary: str
    entities: tuple[Party, ...]
    techniques: tuple[str, ...]
    evidence: tuple[Evidence, ...]
    counter_evidence: tuple[str, ...]
    actions: tuple[Action, ...] = ()
    next_check: str = ""
    reason: str | None = None
    """Why it was closed, in the words of who closed it."""


def urgency(incident: Incident) -> tuple[int, int, float, str, str]:
    """Sort key: open first, then tier, then score, then age, then id."""
    rank = TIERS.index(incident.tier) if incident.tier in TIERS else len(TIERS)
    return (0 if incident.state == "open" else 1, rank, -incident.score_db, incident.opened, incident.id)
