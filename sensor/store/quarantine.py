"""Messages that a product held back, junked, removed or let go: one row a message and recipient, across products.

Made of the archive's events of kind email: what each product did and when, the latest of it, and what happened since
(released, clicked, deleted). A message is known by the id that most products share (the Internet message id), else by
the one the product gave it.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from sensor.model.archive import Archive
from sensor.model.times import rfc3339

EVENTS_MAX = 50_000
"""Events looked at, the latest: a month of a tenant of a thousand mailboxes, about a second."""
ACTED = frozenset({"quarantined", "junked", "blocked", "deleted", "released", "replaced"})
"""What became of a message by which it is a row here."""


class MailStep(msgspec.Struct, frozen=True):
    """What one product did with it or saw of it."""

    ts: str
    source: str
    action: str
    delivery: str
    who: str
    """Account that let it go or clicked, where one did."""
    note: str


class HeldMessage(msgspec.Struct, frozen=True):
    """One message to one recipient, the latest step first."""

    message: str
    recipient: str
    sender: str
    subject: str
    site: str
    delivery: str
    """Where it is now."""
    threats: tuple[str, ...]
    steps: tuple[MailStep, ...]


def quarantine(archive: Archive, within: Sequence[str] | None = None) -> list[HeldMessage]:
    """Return the messages on which a product acted, the latest acted on first.

    Args:
        archive: Where to ask.
        within: Sites of which; None: of all.
    """
    rows = archive.rows(
        "SELECT ts, site, source, action, account, object, detail FROM events WHERE kind = 'email' "
        "ORDER BY n DESC LIMIT $limit",
        {"limit": EVENTS_MAX},
    )
    read = [(*row[:-1], _read(row[-1])) for row in rows if within is None or row[1] in within]
    shared = {
        detail["network_message_id"]: detail["message_id"] for *_, detail in read
        if detail.get("network_message_id") and detail.get("message_id")
    }  # fmt: skip
    grouped: dict[tuple[str, str], list[tuple[Any, ...]]] = {}
    for row in read:
        for key in _keys(row[-1], shared, row[4]):
            grouped.setdefault(key, []).append(row)
    made = [_row(message, recipient, found) for (message, recipient), found in grouped.items()]
    return sorted(
        (one for one in made if one is not None), key=lambda one: (one.steps[0].ts, one.message), reverse=True
    )


def _read(text: str | None) -> Mapping[str, Any]:
    found = json.loads(text) if text else {}
    return found if isinstance(found, dict) else {}


def _keys(detail: Mapping[str, Any], shared: Mapping[Any, Any], account: str | None) -> Iterable[tuple[str, str]]:
    """Give whose copies of what a record is of; one of a link that was opened names who opened it alone."""
    own = detail.get("network_message_id")
    message = detail.get("message_id") or shared.get(own, own)
    clicked = [account] if account and detail.get("clicked") is not None else []
    if message:
        for recipient in detail.get("recipients") or clicked:
            yield str(message), str(recipient)


def _row(message: str, recipient: str, found: list[tuple[Any, ...]]) -> HeldMessage | None:
    ordered = sorted(found, key=lambda one: one[0], reverse=True)
    places = [str(one[-1]["delivery"]) for one in ordered if one[-1].get("delivery")]
    if not ACTED & set(places):
        return None
    details = [one[-1] for one in ordered]
    threats = dict.fromkeys(str(threat) for detail in details for threat in detail.get("threats") or ())
    return HeldMessage(
        message, recipient, _first(details, "sender"), _first(details, "subject"), str(ordered[0][1]), places[0],
        tuple(threats), tuple(_step(*one) for one in ordered),
    )  # fmt: skip


def _step(
    ts: int, _site: str, source: str, action: str, account: str | None, _object: str | None, detail: Mapping[str, Any]
) -> MailStep:  # fmt: skip
    clicked = _click(action or "", detail.get("clicked"))
    who = ", ".join(str(one) for one in detail.get("released_by") or ()) or (account if clicked else "") or ""
    told = (clicked, detail.get("url"), detail.get("file"), detail.get("policy"), detail.get("trigger"))
    note = ", ".join(str(one) for one in told if one)
    return MailStep(rfc3339(ts), source, action or "", str(detail.get("delivery") or ""), who, note)


def _click(action: str, through: object) -> str:
    """Say what a link's opening came to: let through at once (Defender's ClickAllowed), past a warning, or blocked."""
    if through is None:
        return ""
    allowed = action.lower().startswith("clickallowed")
    return "clicked through" if through is True else "clicked" if allowed else "the click was blocked"


def _first(details: Iterable[Mapping[str, Any]], name: str) -> str:
    return next((str(one[name]) for one in details if one.get(name)), "")
