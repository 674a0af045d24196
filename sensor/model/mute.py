"""A suppression: scoped, expiring, reasoned, with its author. What it hides is counted, never lost."""

import msgspec


class Mute(msgspec.Struct, frozen=True, kw_only=True):
    """What is not worth an incident for a while. An empty field means any; at least one is given."""

    id: str
    entity: str = ""
    """Id of the device, account or service that evidence is about."""
    detector: str = ""
    key: str = ""
    """One of the evidence's keys, as `destination:example.com`, or its value alone."""
    site: str = ""
    created: str
    expires: str
    """Event time, RFC 3339: evidence from then on is judged again."""
    reason: str
    author: str
    incident: str = ""
    """Incident whose benign verdict made it, empty where it was asked for."""


class Muted(msgspec.Struct, frozen=True, kw_only=True):
    """One evidence that a suppression hid."""

    mute: str
    evidence: str
    ts: str
    site: str
    entity: str
    detector: str
    db: float
    text: str


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """A person's verdict on an incident, given beside the process that learns."""

    number: int
    """Order in which they were given."""
    incident: str
    verdict: str
    reason: str
    author: str
