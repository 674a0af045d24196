"""The executor: the one place that lets a response happen, guards it, and remembers it.

An action is proposed → approved (by a person, or by itself where mode and incident allow) → executing (the intent is on
disk) → verified, failed or unknown; a reversible one is undone when it expires. Before it is begun the never-touch
list, the limits and the kill switch are looked at, whoever approved it. What was interrupted is looked at anew at the
start: if the product can tell that the effect holds, it is not done again; if it cannot tell, the state is `unknown`.

Nothing here knows a product. It reads no clock: the caller gives the time.
"""

import fcntl
import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from sensor.errors import Permanent, Transient
from sensor.model.guard import Guard, may_act_alone, mode_of, untouchable
from sensor.model.incident import Action, Incident, Step
from sensor.model.order import NotDone, Pending
from sensor.model.response import VERBS, Connector, Request
from sensor.model.times import HOUR_NS, MINUTE_NS, parse, rfc3339, span
from sensor.store.actions import EFFECTIVE, KILL_SWITCH, Actions
from sensor.store.audit import AuditLog
from sensor.store.held import UNHEARD, URGENCIES, Held, approved_by, request_of

AGAIN_NS = 30 * 10**9
"""Between two looks at an effect that does not hold yet."""
GIVE_UP_NS = 10 * MINUTE_NS
"""An effect that does not hold by then has failed: access tokens live on for minutes after a revocation."""
DAY_NS = 24 * HOUR_NS
HISTORY_MAX = 64
EXPIRED_MAX, HEARD_MAX, LOOKS_MAX = 64, 256, 64
"""Of one step, which comes five times a second: a decision waits for the disk twice, some 10 ms."""
WAITING_TOLD = 16
"""Of those that a limit holds up, the next are told of it; three may be begun an hour."""
_LOG = logging.getLogger(__name__)


class Armed(NamedTuple):
    """A configured connector."""

    connector: Connector
    mode: str
    verb_modes: Mapping[str, str]
    """Modes of verbs that have one of their own."""
    patience_ns: int = GIVE_UP_NS
    """How long it is waited for."""


class Around(NamedTuple):
    """What the executor asks of the rest."""

    accounts: Callable[[], int]
    """How many accounts there are."""
    names: Callable[[str, str], tuple[str, ...]]
    """Other names of a target, by kind and id."""
    addresses: Callable[[str], tuple[str, ...]]
    """Addresses of a device, by id."""
    protected: Callable[[str, str], str | None]
    """Why a target is part of what the network stands on, None if it is not."""
    sites: Callable[[str, str], tuple[str, ...]] = lambda _kind, _target: ()
    """Where a target is, by kind and id; none where that is not known better than the incident knows it."""
    here: Callable[[tuple[str, ...], tuple[str, ...]], str | None] = lambda _names, _addresses: None
    """The id here of a device that is called, or addressed, so elsewhere."""


class _Full(NamedTuple):
    """A limit that is reached."""

    why: str
    is_for_all: bool
    """Not only for the account."""


class Executor:
    """Actions of one state folder, executed by one process."""

    def __init__(
        self, folder: Path, actions: Actions, connectors: Mapping[str, Armed], guard: Guard, around: Around
    ) -> None:
        """Open the audit log. Raises ValueError where it does not verify, or another process executes."""
        self._lock = (folder / "responses.lock").open("w")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            self._lock.close()
            raise ValueError(f"another spanline process executes the responses of {folder}") from error
        self._switch, self._actions, self._connectors = folder / KILL_SWITCH, actions, dict(connectors)
        self._guard, self._around, self._audit = guard, around, AuditLog(folder)

    def close(self) -> None:
        """Close the log and every connector."""
        for armed in self._connectors.values():
            armed.connector.close()
        self._audit.close()
        self._lock.close()

    @property
    def stopped(self) -> bool:
        """Tell whether the kill switch is thrown."""
        return self._switch.exists()

    def offer(self, incidents: Sequence[Incident], now_ns: int) -> None:
        """Take in what incidents propose, again where that expired and the incident has grown since.

        What may act by itself is approved.
        """
        fresh: list[Held] = []
        for incident in incidents:
            known = self._actions.some([action.id for action in incident.actions])
            for action in incident.actions:
                now = known.get(action.id)
                if now is None or (now.action.state == "proposed" and now.action.connector is None):
                    fresh.append(self._proposed(incident, action))
                elif now.action.state == "expired" and parse(action.expires) > max(now_ns, parse(now.action.expires)):
                    held = self._proposed(incident, action)
                    told = msgspec.structs.replace(held.action, history=now.action.history)
                    again = msgspec.structs.replace(held, action=told)
                    self._decide(again, "proposed", "spanline", "the incident grew", now_ns, was="expired")
        self._actions.put(fresh)
        for incident in incidents:
            if may_act_alone(incident) is None:
                for held in self._actions.of(incident.id):
                    if held.action.state == "proposed" and held.action.mode == "auto":
                        self._approve(held, now_ns)

    def _approve(self, held: Held, now_ns: int) -> None:
        """Let what may act by itself do so, unless it never may: of that nothing waits."""
        forbidden = self._forbidden(held)
        if forbidden is None:
            self._decide(held, "approved", "spanline", "mode auto, page tier", now_ns)
        else:
            self._decide(held, "denied", "guard", forbidden, now_ns)

    def step(self, now_ns: int) -> None:
        """Do what is due: begin, look at effects again, take back. At most the limits' number is begun.

        Costs as much as is due, however much waits; of what expires or waits, a bounded number is looked at.
        """
        self._hear(now_ns)
        for held in self._actions.over(rfc3339(now_ns), EXPIRED_MAX):
            self._decide(held, "expired", "spanline", "nobody decided in time", now_ns)
        self._begin_next(now_ns)
        for held in self._actions.due(now_ns, ("executing",)):
            if not self.stopped:
                self._look(held, now_ns)
        for held in self._actions.due(now_ns, ("verified", "unknown")):
            if not self.stopped:
                self._take_back(held, *self._why_back(held), now_ns)

    def recover(self, now_ns: int) -> None:
        """Look at what an earlier process left half done, before anything else."""
        for held in self._actions.all(("executing",)):
            self._look(msgspec.structs.replace(held, next_ns=now_ns), now_ns, interrupted=True)

    def undo(self, key: str, by: str, now_ns: int) -> str | None:
        """Take an action back now; return why it cannot be, None if it was."""
        held = self._actions.get(key)
        if held is None:
            return f"no action {key}"
        if not VERBS[held.action.verb].reversible:
            return f"{held.action.verb} cannot be taken back: {VERBS[held.action.verb].text}"
        if held.action.state not in {"verified", "unknown", "failed"}:
            return f"{key} is {held.action.state}: there is nothing to take back"
        if self.stopped:
            return "responses are stopped: `spanline actions resume` first"
        self._take_back(held, by, "asked for", now_ns)
        now = self._actions.get(key)
        return (
            None if now is not None and now.action.state == "undone" else "it could not be taken back: see its history"
        )

    def receive(self, action: Action, request: Request, now_ns: int) -> None:
        """Take in what was ordered elsewhere, judged as what is decided here; the same one again changes nothing."""
        held = self._actions.get(action.id)
        if held is None:
            if action.target["kind"] == "device":
                action, request = self._found(action, request)
            held = self._move(
                self._carried(action, request), "proposed", request.origin, action.history[-1].detail, now_ns
            )
        if held.action.state != "proposed":
            return
        forbidden = "nothing here carries it out" if held.action.connector is None else self._forbidden(held)
        if forbidden is not None:
            self._decide(held, "denied", "guard", forbidden, now_ns)
        elif held.action.mode == "auto":
            self._decide(held, "approved", "spanline", f"mode auto, ordered by {request.origin}", now_ns)

    def _found(self, action: Action, request: Request) -> tuple[Action, Request]:
        """Name a device as it is named here, with the addresses that it has here; none where it is not known here."""
        key = self._around.here((request.target, *request.names), request.addresses)
        if key is None:
            return action, msgspec.structs.replace(request, addresses=())
        shown = msgspec.structs.replace(action, target={"kind": "device", "id": key})
        return shown, msgspec.structs.replace(request, target=key, addresses=self._around.addresses(key))

    def withdraw(self, key: str, by: str, now_ns: int) -> None:
        """Not begin what was ordered, or take it back, where it is as far as that."""
        held = self._actions.get(key)
        if held is None or held.request.origin != by:
            return
        if held.action.state in {"proposed", "approved"}:
            self._decide(held, "denied", by, "withdrawn", now_ns)
        elif held.action.state in EFFECTIVE and VERBS[held.action.verb].reversible:
            self._actions.ask_back(key, by, "withdrawn", now_ns)

    def revise(self, key: str, now_ns: int) -> None:
        """Look again at what was not known: somebody elsewhere has said something."""
        held = self._actions.get(key)
        if held is not None and held.action.state in {"executing", "unknown"} and held.audited != UNHEARD:
            self._look(held, now_ns)

    def _hear(self, now_ns: int) -> None:
        """Put what people decided beside us into the audit log; the first time an action is looked at since."""
        for held in self._actions.unheard(now_ns, HEARD_MAX):
            said = held.action.history[-1]
            number = self._log(held, said.state, said.by, said.detail, now_ns)
            again_ns = now_ns if said.state == "approved" else None
            heard = msgspec.structs.replace(held, audited=number + 1, next_ns=again_ns)
            self._actions.put_if(heard, (said.state,))

    def _why_back(self, held: Held) -> tuple[str, str]:
        """Say who has an action taken back and why: who asked for it beside us, else its time is over."""
        if held.audited == UNHEARD:
            return held.action.history[-1].by, held.action.history[-1].detail
        return "spanline", f"expired after {self._guard.expire_s // 60} minutes"

    def _decide(self, held: Held, state: str, by: str, detail: str, now_ns: int, was: str = "") -> None:
        """Record a decision, unless somebody else decided in between: it is no longer as it `was`."""
        noted = self._noted(held, state, by, detail, now_ns)
        self._actions.put_if(
            msgspec.structs.replace(noted, next_ns=now_ns if state == "approved" else None), (was or held.action.state,)
        )

    def _proposed(self, incident: Incident, action: Action) -> Held:
        """Find who can carry an action out, and how far it may go by itself."""
        kind, target, around = action.target["kind"], action.target["id"], self._around
        addresses, names = (around.addresses(target), around.names(kind, target)) if kind == "device" else ((), ())
        return self._carried(action, request_of(incident, action, addresses, names, around.sites(kind, target)))

    def _carried(self, action: Action, request: Request) -> Held:
        kind, target = action.target["kind"], action.target["id"]
        name = self._connector_of(action.verb, request)
        if name is None:
            return Held(msgspec.structs.replace(action, connector=None, mode="recommend"), request, request.incident)
        armed = self._connectors[name]
        mode = mode_of(
            self._guard, armed.verb_modes.get(action.verb, armed.mode), request, self._around.names(kind, target)
        )
        radius = self._radius(armed.connector, request) or action.blast_radius
        shown = msgspec.structs.replace(action, connector=name, mode=mode, blast_radius=radius)
        return Held(shown, request, request.incident)

    def _connector_of(self, verb: str, request: Request) -> str | None:
        """Return the first connector, in the order of the configuration, that has the verb and serves the target."""
        for name, armed in self._connectors.items():
            if verb in armed.connector.verbs and armed.connector.serves(request):
                return name
        return None

    def _radius(self, connector: Connector, request: Request) -> str | None:
        try:
            return connector.blast_radius(request)
        except (Transient, Permanent) as error:
            return f"unknown: {error}"

    def _begin_next(self, now_ns: int) -> None:
        """Begin what is approved, the most urgent first, as far as the limits let it."""
        left = LOOKS_MAX
        for urgency in range(URGENCIES):
            waiting = 0
            for held in self._candidates(urgency, now_ns, left):
                if self.stopped:
                    return
                left -= 1
                full = self._begin(held, now_ns)
                waiting += full is not None
                if full is not None and waiting >= WAITING_TOLD:
                    if full.is_for_all:
                        return
                    break

    def _candidates(self, urgency: int, now_ns: int, limit: int) -> list[Held]:
        """Return what may be begun of an urgency; where no other account may be touched, first of those that were."""
        found: dict[str, Held] = {}
        if list(VERBS.values())[urgency % len(VERBS)].target == "account":
            touched = self._actions.accounts_since(now_ns - DAY_NS)
            if len(touched) >= self._accounts_a_day():
                found = {one.action.id: one for one in self._actions.next_of(urgency, now_ns, sorted(touched), limit)}
        for one in self._actions.next_up(urgency, now_ns, limit):
            found.setdefault(one.action.id, one)
        return list(found.values())[:limit]

    def _begin(self, held: Held, now_ns: int) -> _Full | None:
        """Check everything once more, put the intent on disk, and act. Return the limit that it waits for."""
        action = held.action
        forbidden = self._forbidden(held)
        if forbidden is not None:
            self._move(held, "denied", "guard", forbidden, now_ns)
            return None
        full = self._full(held, now_ns)
        if full is not None:
            self._postpone(held, full.why, now_ns, held.next_ns)
            return full
        try:
            before = self._connectors[action.connector or ""].connector.before(held.request)
        except Transient as error:
            self._postpone(held, f"waits: {error}", now_ns, now_ns + MINUTE_NS)
            return None
        except Permanent as error:
            self._move(held, "failed", "spanline", str(error), now_ns)
            return None
        held = self._noted(held, "executing", "spanline", "intent", now_ns)
        request = msgspec.structs.replace(held.request, before=before, by=approved_by(action), begun_ns=now_ns)
        held = msgspec.structs.replace(held, request=request, intent_ns=now_ns, next_ns=now_ns)
        if self._actions.put_if(held, ("approved",)):
            self._act(held, now_ns)
        return None

    def _postpone(self, held: Held, why: str, now_ns: int, next_ns: int | None) -> None:
        """Leave what is approved, saying why once."""
        told = held
        if held.action.history[-1].detail != why:
            told = self._noted(held, held.action.state, "guard", why, now_ns)
        later = msgspec.structs.replace(told, next_ns=next_ns)
        if later != held:
            self._actions.put_if(later, ("approved",))

    def _forbidden(self, held: Held) -> str | None:
        kind, target = held.action.target["kind"], held.action.target["id"]
        if held.action.connector not in self._connectors:
            return "its connector is not configured"
        return untouchable(self._guard, held.request, self._around.names(kind, target)) or self._around.protected(
            kind, target
        )

    def _full(self, held: Held, now_ns: int) -> _Full | None:
        """Say which limit is reached, None if none is."""
        guard, actions = self._guard, self._actions
        if actions.begun_since(now_ns - HOUR_NS) >= guard.per_hour:
            return _Full(f"waits: {guard.per_hour} actions in the last hour", is_for_all=True)
        if actions.begun_since(now_ns - DAY_NS) >= guard.per_day:
            return _Full(f"waits: {guard.per_day} actions in the last day", is_for_all=True)
        if held.action.target["kind"] == "account":
            touched = actions.accounts_since(now_ns - DAY_NS) | {held.action.target["id"]}
            most = self._accounts_a_day()
            if len(touched) > most:
                return _Full(f"waits: {most} account{'s' if most > 1 else ''} a day at most", is_for_all=False)
        return None

    def _accounts_a_day(self) -> int:
        return max(1, int(self._guard.account_share * self._around.accounts()))

    def _act(self, held: Held, now_ns: int) -> None:
        """Do it, or do it again: its effect does not hold, and to do it twice is as doing it once."""
        try:
            self._connectors[held.action.connector or ""].connector.act(held.request)
        except Transient as error:
            self._wait(held, f"not done yet: {error}", now_ns)
        except Permanent as error:
            self._end(held, "failed", str(error), now_ns)
        else:
            self._check(held, now_ns, acted=True)

    def _look(self, held: Held, now_ns: int, *, interrupted: bool = False) -> None:
        """Go on with an action whose effect is not certain."""
        if held.action.connector not in self._connectors:
            self._end(held, "unknown", "its connector is not configured any more", now_ns)
            return
        self._check(held, now_ns, acted=False, interrupted=interrupted)

    def _check(self, held: Held, now_ns: int, *, acted: bool, interrupted: bool = False) -> None:
        connector = self._connectors[held.action.connector or ""].connector
        try:
            holds = connector.verify(held.request)
        except Pending as error:
            self._wait(held, str(error), now_ns)
            return
        except Transient as error:
            self._wait(held, f"cannot be looked at: {error}", now_ns)
            return
        except NotDone as error:
            self._end(held, "failed", str(error), now_ns)
            return
        except Permanent as error:
            self._end(held, "unknown", f"done, and cannot be looked at: {error}" if acted else str(error), now_ns)
            return
        if holds:
            why = "the effect holds; it was done before the interruption" if interrupted else "the effect holds"
            self._end(held, "verified", why, now_ns)
        elif holds is None:
            told = (
                "the product took it, and cannot be asked" if acted else "interrupted, and the product cannot be asked"
            )
            self._end(held, "unknown", told, now_ns)
        elif not acted and not self.stopped and now_ns - (held.intent_ns or now_ns) <= GIVE_UP_NS:
            self._act(held, now_ns)
        else:
            self._wait(held, "the effect does not hold yet", now_ns)

    def _wait(self, held: Held, why: str, now_ns: int) -> None:
        """Look again later; give up after a while."""
        patience_ns = self._connectors[held.action.connector or ""].patience_ns
        if now_ns - (held.intent_ns or now_ns) > patience_ns:
            state = "failed" if patience_ns == GIVE_UP_NS else "unknown"  # whoever is asked elsewhere may do it yet
            self._end(held, state, f"{why}; given up after {span(patience_ns)}", now_ns)
        elif held.action.history and held.action.history[-1].detail == why:
            self._actions.put([msgspec.structs.replace(held, next_ns=now_ns + AGAIN_NS)])
        else:
            self._move(held, "executing", "spanline", why, now_ns, next_ns=now_ns + AGAIN_NS)

    def _end(self, held: Held, state: str, why: str, now_ns: int) -> None:
        """Record what came of it; what can be taken back is, when it expires."""
        keeps = state in {"verified", "unknown"} and VERBS[held.action.verb].reversible
        expires_ns = now_ns + self._guard.expire_s * 10**9 if keeps else None
        if expires_ns is not None:
            held = msgspec.structs.replace(
                held, action=msgspec.structs.replace(held.action, expires=rfc3339(expires_ns))
            )
        self._move(held, state, "spanline", why, now_ns, next_ns=expires_ns)

    def _take_back(self, held: Held, by: str, why: str, now_ns: int) -> None:
        if held.action.connector not in self._connectors:
            self._move(held, "failed", by, "cannot be taken back: its connector is not configured any more", now_ns)
            return
        if held.audited == UNHEARD or held.action.history[-1].detail != f"taking back: {why}":
            held = self._noted(held, held.action.state, by, f"taking back: {why}", now_ns)
        try:
            self._connectors[held.action.connector or ""].connector.undo(held.request)
        except Transient as error:
            _LOG.warning("response not taken back yet action=%s: %s", held.action.id, error)
            self._actions.put([msgspec.structs.replace(held, next_ns=now_ns + AGAIN_NS)])
            return
        except Permanent as error:
            self._move(held, "failed", by, f"could not be taken back: {error}", now_ns)
            return
        self._move(held, "undone", by, why, now_ns)

    def _noted(self, held: Held, state: str, by: str, detail: str, now_ns: int) -> Held:
        """Write a step to the audit log, then into the action's history; not stored yet."""
        number = self._log(held, state, by, detail, now_ns)
        step = Step(ts=rfc3339(now_ns), state=state, by=by, detail=detail)
        history = (*held.action.history[-HISTORY_MAX + 1 :], step)
        action = msgspec.structs.replace(held.action, state=state, history=history)
        return msgspec.structs.replace(held, action=action, audited=number + 1)

    def _log(self, held: Held, state: str, by: str, detail: str, now_ns: int) -> int:
        """Append a line to the audit log; return its number."""
        action = held.action
        about = {
            "action": action.id, "incident": held.incident, "verb": action.verb, "target": action.target,
            "connector": action.connector, "by": by, "detail": detail,
        }  # fmt: skip
        return self._audit.append(rfc3339(now_ns), state, about)

    def _move(
        self, held: Held, state: str, by: str, detail: str, now_ns: int, *, next_ns: int | None = None
    ) -> Held:  # fmt: skip
        """Record a step, on disk, with when to look at the action again."""
        held = msgspec.structs.replace(self._noted(held, state, by, detail, now_ns), next_ns=next_ns)
        self._actions.put([held])
        return held
