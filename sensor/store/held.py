"""An action as the state holds it, and as a row of its table."""

import msgspec

from sensor.model.incident import Action, Incident
from sensor.model.response import VERBS, Request

INTO = "INTO actions VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
"""Of a row as `row_of` gives it."""
URGENCIES = 2 * len(VERBS)
"""`urgency_of` is below this."""
UNHEARD = -1
"""`audited` of an action on which somebody decided beside the executor: it writes that to the log when it looks."""


class Held(msgspec.Struct, frozen=True):
    """An action with what is needed to execute it."""

    action: Action
    request: Request
    incident: str
    intent_ns: int | None = None
    """When it was first begun; what the limits count by."""
    next_ns: int | None = None
    """When to look at it again."""
    audited: int = 0
    """Lines of the audit log that must be there: one more than the highest that is about it."""


def request_of(
    incident: Incident, action: Action, addresses: tuple[str, ...] = (), names: tuple[str, ...] = (),
    sites: tuple[str, ...] = (),
) -> Request:  # fmt: skip
    """Return an action as a connector gets it."""
    return Request(
        id=action.id, verb=action.verb, target=action.target["id"], incident=incident.id, reason=action.reason,
        addresses=addresses, names=names, sites=sites or incident.sites,
    )  # fmt: skip


def row_of(held: Held) -> tuple[object, ...]:
    """Return the row of an action, in the order of the columns."""
    action = held.action
    return (
        action.id, held.incident, action.state, action.target["kind"], action.target["id"], held.intent_ns,
        held.next_ns, held.audited, msgspec.json.encode(held.request).decode(), msgspec.json.encode(action).decode(),
        action.expires, urgency_of(action),
    )  # fmt: skip


def urgency_of(action: Action) -> int:
    """Rank what waits: what a person approved, then in the order of VERBS, which ends a takeover first.

    The limits allow three an hour: by id alone, addresses were blocked while the intruder's session went on.
    """
    verbs = list(VERBS)
    own = verbs.index(action.verb) if action.verb in VERBS else len(verbs) - 1
    return own if approved_by(action) not in {"", "spanline"} else len(verbs) + own


def approved_by(action: Action) -> str:
    """Return who approved an action last, a person or `spanline`; empty where nobody did."""
    by = [step.by for step in action.history if step.state == "approved" and step.by != "guard"]
    return by[-1] if by else ""
