"""`spanline quarantine`: messages that a product held back, junked, removed or let go, and what happened since."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from sensor.cli import show
from sensor.cli.options import BAD_USAGE, echo_json, fail, json_option, open_state, state_option
from sensor.model.incident import Action, Incident

if TYPE_CHECKING:
    from sensor.store.quarantine import HeldMessage, MailStep

_ACTED = frozenset({"quarantined", "junked", "blocked", "deleted", "released", "replaced"})
_SHOWN = 4
"""Steps since shown of a row; --json has all."""


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One message to one recipient, as it is printed."""

    ts: str
    """When a product first acted on it."""
    message: str
    recipient: str
    sender: str
    subject: str
    site: str
    state: str
    """Where it is now."""
    threats: tuple[str, ...]
    products: tuple[str, ...]
    acted_by: str
    acted: "tuple[MailStep, ...]"
    """What was done with it, the earliest first."""
    since: "tuple[MailStep, ...]"
    """Links of it that were opened, and what happened after the first of these, the earliest first."""
    incident: str | None
    actions: tuple[Action, ...]
    """Responses of this program's own."""


@click.command(
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Example: spanline quarantine --recipient ann@example.com --since 2024-05-02",
)
@click.option("--recipient", metavar="ADDRESS", help="Only messages to this mailbox.")
@click.option("--message", metavar="ID", help="Only this message, by either id of it.")
@click.option("--since", metavar="RFC3339", default="", help="Only messages acted on from this time on.")
@click.option("--limit", type=click.IntRange(1), help="At most so many, the latest.")
@state_option
@json_option
def quarantine(
    *, state_dir: Path, as_json: bool, recipient: str | None, message: str | None, since: str, limit: int | None
) -> None:
    """List messages on which a product acted, latest first: one row a message and recipient, across products."""
    from sensor.model.times import parse, rfc3339
    from sensor.store.archive_reader import ArchiveReader
    from sensor.store.quarantine import quarantine as acted_on

    try:
        begin = rfc3339(parse(since)) if since else ""
    except ValueError:
        fail(f"--since {since!r}: expected a time such as 2024-05-02T00:00:00Z", BAD_USAGE)
    with open_state(state_dir) as state, ArchiveReader(state, state_dir) as archive:
        incidents = state.incidents(digest=True)
        rows = [_row(one, incidents) for one in acted_on(archive)]
    kept = [
        one for one in rows
        if recipient in {None, one.recipient} and message in {None, one.message} and one.ts >= begin
    ][:limit]  # fmt: skip
    if as_json:
        echo_json(kept)
    else:
        names = ("FIRST ACTED", "RECIPIENT", "SENDER", "SUBJECT", "NOW", "THREATS", "BY", "SINCE")
        show.table(names, (_cells(one) for one in kept), ("FIRST ACTED", "NOW"))


def _row(one: "HeldMessage", incidents: Sequence[Incident]) -> Row:
    """Turn a message's steps round, and find what incidents hold it and what was done about it here."""
    steps = one.steps[::-1]
    acted = tuple(step for step in steps if step.delivery in _ACTED)
    first = acted[0]
    where = next((held for held in incidents if _holds(held, one)), None)
    return Row(
        ts=first.ts, message=one.message, recipient=one.recipient, sender=one.sender, subject=one.subject,
        site=one.site, state=one.delivery, threats=one.threats,
        products=tuple(dict.fromkeys(step.source for step in steps)),
        acted_by=", ".join(part for part in (first.source, first.who or first.note) if part), acted=acted,
        since=tuple(step for step in steps if step not in acted and (step.ts > first.ts or "click" in step.note)),
        incident=where.id if where is not None else None,
        actions=tuple(
            action for held in incidents for action in held.actions
            if action.verb == "quarantine_message" and action.target["id"] == f"{one.message}/{one.recipient}"
        ),
    )  # fmt: skip


def _holds(incident: Incident, one: "HeldMessage") -> bool:
    key = f"message:{one.message}"
    return any(key in held.keys and held.entity.id == one.recipient for held in (*incident.evidence, *incident.context))


def _cells(one: Row) -> tuple[str, ...]:
    told = [" ".join(part for part in (step.action, step.note or step.delivery, step.who) if part)
            for step in sorted((*one.acted[1:], *one.since), key=lambda step: step.ts)]  # fmt: skip
    told += [f"{action.verb} {action.state}" for action in one.actions]
    more = f" and {len(told) - _SHOWN} more" if len(told) > _SHOWN else ""
    told = [f"{one.incident}", *told[:_SHOWN]] if one.incident else told[:_SHOWN]
    return (
        one.ts[:19] + "Z", one.recipient, one.sender, one.subject, one.state, ", ".join(one.threats), one.acted_by,
        "; ".join(told) + more,
    )  # fmt: skip
