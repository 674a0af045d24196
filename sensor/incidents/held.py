"""What a restart needs of the incidents, as one value: written with the snapshot, read back exactly."""

import msgspec
import numpy as np
from numpy.typing import NDArray

from sensor.incidents.case import Case, node_of
from sensor.incidents.nulls import NullsHeld
from sensor.incidents.recent import Entry
from sensor.model.evidence import Evidence
from sensor.model.incident import Incident
from sensor.model.mute import Mute
from sensor.model.times import parse


class OpeningHeld(msgspec.Struct, kw_only=True):
    """The day's budget so far."""

    day: int = -1
    best: list[dict[str, float]]
    """Of what could start an incident, by channel."""
    devices_best: dict[str, float] = {}
    """Of devices' evidence of any kind."""
    opened: dict[str, int]
    wanted: dict[str, list[int]]
    surged: dict[str, int]
    users: int = 0
    counted: int = 0
    nulls: NullsHeld = msgspec.field(default_factory=NullsHeld)


class BlocksHeld(msgspec.Struct, kw_only=True):
    """Reasons not to learn, by node, and when quarantines end."""

    reasons: dict[str, int]
    until: list[tuple[int, str]]


class Held(msgspec.Struct, kw_only=True):
    """Everything but the budget's columns."""

    cases: list[Case]
    recent: dict[str, list[Entry]]
    recent_dropped: int
    spent: dict[str, str]
    dropped: int
    opening: OpeningHeld
    blocks: BlocksHeld
    degrees: tuple[int, int]
    context: list[Evidence]
    counts: dict[str, int]
    today: list[str]
    now_ns: int
    verdicts_read: int
    mutes: list[Mute]


def pack(held: Held) -> NDArray[np.uint8]:
    """Return it as bytes, uint8, shape (n,)."""
    return np.frombuffer(msgspec.msgpack.encode(held), np.uint8)


def unpack(column: NDArray[np.generic]) -> Held:
    """Return what `pack` was given. Raises ValueError where it is no such thing."""
    return msgspec.msgpack.decode(column.tobytes(), type=Held)


def of_incident(incident: Incident) -> Case:
    """Return the case of an incident as far as its shown form tells: what the first releases kept."""
    subject = next(party for party in incident.entities if party.role == "subject")
    opened_ns, last_ns = parse(incident.opened), parse(incident.last_activity)
    return Case(
        id=incident.id, site=incident.sites[0], tier=incident.tier, subject=subject,
        family=incident.evidence[0].family if incident.evidence else "", opened_ns=opened_ns, last_ns=last_ns,
        state=incident.state, verdict=incident.verdict, reason=incident.reason,
        evidence={one.id: one for one in incident.evidence}, context={one.id: one for one in incident.context},
        since={one.id: opened_ns for one in incident.evidence},
        counter={"stored": incident.counter_evidence} if incident.counter_evidence else {},
        checks={one.id: incident.next_check for one in incident.evidence[:1]},
        peers={node_of(one.kind, one.id): one for one in incident.entities if one.role == "peer"},
        members={node_of(one.kind, one.id): one for one in incident.entities if one.role == "subject"},
        techniques=dict.fromkeys(incident.techniques, opened_ns),
        keys={key: last_ns for one in incident.evidence for key in one.keys}, merged=list(incident.merged),
    )  # fmt: skip
