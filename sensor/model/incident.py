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


class Moment(msgspec.Struct, frozen=True, kw_only=True):
    """One line of an incident's timeline."""

    ts: str
    kind: str
    """evidence, context (weighs nothing), muted, hub (what the hub says of it), or what happened to the incident:
    opened, tier, joined, taken back, closed"""
    who: str
    text: str
    db: float | None = None
    p: float | None = None
    evidence: str | None = None
    """Id of the evidence it tells of."""


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What was asked about an incident, as an analyst would, and what the records say."""

    question: str
    answer: str
    rows: int
    """How many rows the answer rests on."""
    query: str
    """For `spanline hunt`."""
    answered: bool = True
    """False where the records could not be asked."""


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
    context: tuple[Evidence, ...] = ()
    """What tells the story and weighs nothing."""
    timeline: tuple[Moment, ...] = ()
    """Evidence, context and what became of the incident, in order of time."""
    muted: int = 0
    """Evidence that a suppression took out; it is in the timeline."""
    merged: tuple[str, ...] = ()
    """Ids of incidents that turned out to be this one."""
    investigation: tuple[Answer, ...] = ()
    level_db: float | None = None
    """Triage level of accounts by which it was weighed; None: it was weighed by a release that did not say."""


def urgency(incident: Incident) -> tuple[int, int, float, str, str]:
    """Sort key: open first, then tier, then score, then age, then id."""
    rank = TIERS.index(incident.tier) if incident.tier in TIERS else len(TIERS)
    return (0 if incident.state == "open" else 1, rank, -incident.score_db, incident.opened, incident.id)
