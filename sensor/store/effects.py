"""Whether what was done about an incident has taken effect, as answers beside those of its investigation.

Made of the actions as they are when an incident is read. The query of each asks what the target did since; it is for
`spanline hunt`, and is not run here.
"""

from collections.abc import Iterable

from sensor.model.incident import Action, Answer

BEGUN = frozenset({"executing", "verified", "failed", "unknown", "undone"})
"""States of an action that something was done for."""
_ANSWERED = frozenset({"verified", "failed", "undone"})


def answers(actions: Iterable[Action]) -> tuple[Answer, ...]:
    """Return one answer for each action that was begun."""
    return tuple(_answer(action) for action in actions if action.state in BEGUN and action.history)


def _answer(action: Action) -> Answer:
    begun = next((step.ts for step in action.history if step.state == "executing"), action.history[0].ts)
    last = action.history[-1]
    told = {
        "verified": f"Yes, seen at {last.ts}: {last.detail}.", "failed": f"No: {last.detail}.",
        "undone": f"It did, and was taken back at {last.ts}: {last.detail}.",
        "unknown": f"Not known: {last.detail}.",
    }.get(action.state, f"Not yet: {last.detail}.")  # fmt: skip
    return Answer(
        question=f"Has {action.verb} of {action.target['id']} taken effect?", answer=told, rows=len(action.history),
        query=_since(action, begun), answered=action.state in _ANSWERED,
    )  # fmt: skip


def _since(action: Action, begun: str) -> str:
    """Return the question what its target did since, in SQL."""
    kind, target = action.target["kind"], action.target["id"]
    mailbox = target.rpartition("/")[2] if kind == "message" else target.partition("/")[0]
    where = {
        "account": f"FROM events WHERE account_entity = {_quote(target)}",
        "mail_rule": f"FROM events WHERE account_entity = {_quote(mailbox)} AND kind IN ('mail_rule', 'mailbox')",
        "message": f"FROM events WHERE account_entity = {_quote(mailbox)} AND kind IN ('email', 'mailbox')",
        "device": f"FROM flows WHERE orig_device = {_quote(target)}",
    }.get(kind, f"FROM flows WHERE orig_h = {_quote(target)} OR resp_h = {_quote(target)}")
    what = "conn_state" if "flows" in where else "kind || ' ' || action"
    head, _, condition = where.partition(" WHERE ")
    return (
        f"SELECT {what} AS what, count(*) AS n {head} WHERE ({condition}) AND ts > {_quote(begun)} "
        "GROUP BY what ORDER BY n DESC, what LIMIT 50"
    )


def _quote(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
