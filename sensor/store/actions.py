"""Actions of the state: what is proposed, approved and done, and what it did, each change on disk before it counts.

What the executor asks at each step names its index: SQLite knows nothing of how many rows are in a state, and chose
others, by which it looked at all that wait.

One process executes (`sensor.responses.executor`, under a lock of its own); the command line writes approvals and
denials beside it, each as one transaction that looks at the state it found.
"""

from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec

from sensor.model.incident import Action, Step
from sensor.model.response import VERBS, Request
from sensor.model.times import rfc3339
from sensor.store import schema
from sensor.store.held import INTO, UNHEARD, Held, row_of
from sensor.store.orders import Orders
from sensor.store.state import DATABASE

EFFECTIVE = ("verified", "unknown")
"""States of an action that may have its effect."""
KILL_SWITCH = "stop-responses"
"""While a file of this name is in the state's folder, nothing is begun."""


class Actions:
    """All actions of one state folder.

    Attributes:
        orders: Those that are executed elsewhere, or were decided there.
    """

    def __init__(self, folder: Path, *, readonly: bool = False) -> None:
        """Open the state's database beside whoever else has it open. Raises ValueError, FileNotFoundError."""
        if not (folder / DATABASE).is_file():
            raise FileNotFoundError(f"no state in {folder}: run `spanline replay` first, or name another with --state")
        self._connection = schema.connect(folder / DATABASE, readonly=readonly)
        self.orders = Orders(self._connection)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the database."""
        self._connection.close()

    def put(self, rows: Sequence[Held]) -> None:
        """Write actions, all or none, on disk when this returns."""
        with self._connection:
            self._connection.executemany(f"INSERT OR REPLACE {INTO}", [row_of(one) for one in rows])

    def put_if(self, held: Held, states: Sequence[str]) -> bool:
        """Write an action only where it is in one of these states now; tell whether it was."""
        with self._connection:
            self._connection.execute("BEGIN IMMEDIATE")
            now = self._connection.execute("SELECT state FROM actions WHERE id = ?", (held.action.id,)).fetchone()
            if now is None or now[0] not in states:
                return False
            self._connection.execute(f"INSERT OR REPLACE {INTO}", row_of(held))
        return True

    def decide(self, key: str, state: str, by: str, detail: str, now_ns: int) -> str | None:
        """Approve or deny what is proposed, beside the executor; return why it cannot be, None if it was."""
        held = self.get(key)
        if held is None:
            return f"no action {key}"
        if held.action.connector is None and state == "approved":
            return f"{key} has no connector: {held.action.verb} is for a person to carry out"
        step = Step(ts=rfc3339(now_ns), state=state, by=by, detail=detail)
        action = msgspec.structs.replace(held.action, state=state, history=(*held.action.history, step))
        decided = msgspec.structs.replace(held, action=action, audited=UNHEARD, next_ns=now_ns)
        if self.put_if(decided, ("proposed",)):
            return None
        now = self.get(key)
        return f"{key} is {now.action.state if now else 'gone'}: only what is proposed can be {state}"

    def ask_back(self, key: str, by: str, detail: str, now_ns: int) -> str | None:
        """Ask, beside the executor, for an executed action to be taken back; return why it cannot be."""
        held = self.get(key)
        if held is None:
            return f"no action {key}"
        verb, state = VERBS.get(held.action.verb), held.action.state
        if verb is None or not verb.reversible:
            return f"{held.action.verb} cannot be taken back"
        step = Step(ts=rfc3339(now_ns), state=state, by=by, detail=f"asked to take it back: {detail}")
        action = msgspec.structs.replace(held.action, history=(*held.action.history, step))
        asked = msgspec.structs.replace(held, action=action, audited=UNHEARD, next_ns=now_ns)
        if state in EFFECTIVE and self.put_if(asked, (state,)):
            return None
        return f"{key} is {state}: there is nothing to take back"

    def get(self, key: str) -> Held | None:
        """Return one action by its id."""
        found = self._read("WHERE id = ?", (key,))
        return found[0] if found else None

    def of(self, incident: str) -> list[Held]:
        """Return the actions of an incident."""
        return self._read("WHERE incident = ? ORDER BY id", (incident,))

    def under_way(self, verb: str, target: str, but: str) -> Held | None:
        """Return another action that does the same to the same target, or did so and has its effect."""
        found = self._read(
            "INDEXED BY actions_target WHERE target_id = ? AND state IN ('approved', 'executing', 'verified') "
            "AND id <> ? ORDER BY id",
            (target, but),
        )
        return next((one for one in found if one.action.verb == verb), None)

    def some(self, keys: Sequence[str]) -> dict[str, Held]:
        """Return those actions that there are of these ids."""
        marks = ", ".join("?" * len(keys))
        return {one.action.id: one for one in self._read(f"WHERE id IN ({marks})", tuple(keys))} if keys else {}

    def all(self, states: Sequence[str] = ()) -> list[Held]:
        """Return actions, in any state or in these, by id."""
        marks = ", ".join("?" * len(states))
        return self._read(f"WHERE state IN ({marks}) ORDER BY id" if states else "ORDER BY id", tuple(states))

    def due(self, now_ns: int, states: Sequence[str]) -> list[Held]:
        """Return actions in these states that are to be looked at by now, the longest due first."""
        marks = ", ".join("?" * len(states))
        return self._read(
            f"INDEXED BY actions_state WHERE state IN ({marks}) AND next_ns <= ? ORDER BY next_ns, id",
            (*states, now_ns),
        )

    def unheard(self, now_ns: int, limit: int) -> list[Held]:
        """Return actions on which somebody decided beside the executor, and it has not heard of it."""
        return self._read(
            "INDEXED BY actions_audited WHERE audited = ? AND state IN ('approved', 'denied') AND next_ns <= ? "
            "ORDER BY id LIMIT ?",
            (UNHEARD, now_ns, limit),
        )

    def over(self, now: str, limit: int) -> list[Held]:
        """Return actions that nobody decided on, or that were not begun, in their time, RFC 3339."""
        found: list[Held] = []
        for state in ("proposed", "approved"):
            found += self._read(
                "INDEXED BY actions_expires WHERE state = ? AND expires <= ? ORDER BY expires, id LIMIT ?",
                (state, now, limit - len(found)),
            )
        return found

    def next_up(self, urgency: int, now_ns: int, limit: int) -> list[Held]:
        """Return approved actions of an urgency (`urgency_of`) that may be begun now, the longest due first."""
        return self._read(
            "INDEXED BY actions_urgency WHERE state = 'approved' AND urgency = ? AND next_ns <= ? AND audited <> ? "
            "ORDER BY next_ns, id LIMIT ?",
            (urgency, now_ns, UNHEARD, limit),
        )

    def next_of(self, urgency: int, now_ns: int, targets: Sequence[str], limit: int) -> list[Held]:
        """Return likewise only those whose target is one of these."""
        marks = ", ".join("?" * len(targets))
        return self._read(
            f"INDEXED BY actions_target WHERE target_id IN ({marks}) AND state = 'approved' AND urgency = ? "
            "AND next_ns <= ? AND audited <> ? ORDER BY next_ns, id LIMIT ?",
            (*targets, urgency, now_ns, UNHEARD, limit),
        )

    def came_to(self) -> dict[tuple[str | None, str, str], int]:
        """Count how often actions came to a state, by (connector, verb, state); each was proposed once."""
        found: dict[tuple[str | None, str, str], int] = {}
        rows = self._connection.execute(
            "SELECT json_extract(body, '$.connector'), json_extract(body, '$.verb'), step.value ->> '$.state', count(*)"
            " FROM actions, json_each(body, '$.history') AS step WHERE step.value ->> '$.state' <> 'proposed'"
            " GROUP BY 1, 2, 3 UNION ALL SELECT json_extract(body, '$.connector'), json_extract(body, '$.verb'),"
            " 'proposed', count(*) FROM actions GROUP BY 1, 2"
        )
        for connector, verb, state, count in rows:
            found[connector, verb, state] = int(count)
        return found

    def begun_since(self, since_ns: int) -> int:
        """Count the actions begun after a time."""
        found = self._connection.execute(
            "SELECT count(*) FROM actions INDEXED BY actions_intent WHERE intent_ns > ?", (since_ns,)
        ).fetchone()
        return int(found[0])

    def accounts_since(self, since_ns: int) -> set[str]:
        """Return the accounts acted on after a time."""
        rows = self._connection.execute(
            "SELECT target_id FROM actions INDEXED BY actions_intent WHERE intent_ns > ? AND target_kind = 'account'",
            (since_ns,),
        )
        return {str(target) for (target,) in rows}

    def audited(self) -> int:
        """Return how many lines the audit log must have."""
        found = self._connection.execute("SELECT coalesce(max(audited), 0) FROM actions").fetchone()
        return int(found[0])

    def _read(self, where: str, parameters: tuple[object, ...]) -> list[Held]:
        rows = self._connection.execute(
            f"SELECT body, request, incident, intent_ns, next_ns, audited FROM actions {where}",  # noqa: S608 - ours
            parameters,
        )
        return [
            Held(msgspec.json.decode(body, type=Action), msgspec.json.decode(request, type=Request), *rest)
            for body, request, *rest in rows
        ]
