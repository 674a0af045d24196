"""Orders between a hub and its sites, followed beside the executor: taken up, reported on, and their outcomes heard.

An order becomes an action of this place under its own id, which the executor judges as its own (`Executor.receive`): it
is done once, however often the order comes. Where the same is done to the same target already, that is what the order
is answered by. Each change of the action is told to whoever gave the order, when it is on disk.
"""

from collections.abc import Mapping

import msgspec

from sensor.model.incident import Action, Step
from sensor.model.order import Outcome, Wanted, problem
from sensor.model.response import VERBS, Request
from sensor.model.times import rfc3339
from sensor.responses.executor import Executor
from sensor.responses.site import LIFE_NS
from sensor.store.actions import Actions
from sensor.store.held import Held as HeldAction
from sensor.store.orders import FRESH, Held

ENDED = frozenset({"denied", "failed", "expired", "undone"})
"""States that no other follows."""


class Way:
    """The way to other places. Implements model.order.Elsewhere."""

    def __init__(self, actions: Actions, places: Mapping[str, str]) -> None:
        self._orders, self.places = actions.orders, places

    def give(self, place: str, wanted: Wanted) -> None:
        """Have an order brought there."""
        self._orders.give(place, wanted)

    def outcome(self, place: str, key: str) -> Outcome | None:
        """Return what is known of an order."""
        return self._orders.outcome(place, key)


class Ordering:
    """What happens because of orders."""

    def __init__(self, actions: Actions, executor: Executor) -> None:
        self._actions, self._executor, self._orders = actions, executor, actions.orders

    def step(self, now_ns: int) -> None:
        """Take up what came, tell what changed, and hear what became of orders of ours."""
        for held in self._orders.live("in"):
            if held.live == FRESH:
                self._take_up(held, now_ns)
            else:
                self._tell(held, now_ns)
        for held in self._orders.live("out"):
            if held.outcome.state and not held.told:
                self._executor.revise(held.wanted.id, now_ns)
                self._orders.settle(held, seen=held.outcome.state in ENDED)

    def _take_up(self, held: Held, now_ns: int) -> None:
        wanted, origin = held.wanted, held.site or "the hub"
        if wanted.back:
            self._executor.withdraw(held.action or wanted.id, origin, now_ns)
            self._answer_back(held, now_ns)
            return
        known = self._actions.get(wanted.id)
        wrong = _problem(held, known, now_ns)
        if wrong is not None:
            self._refuse(held, wrong, now_ns)
            return
        same = self._actions.under_way(wanted.verb, wanted.target, wanted.id) if known is None else None
        if same is None:
            self._executor.receive(_action(wanted, origin, now_ns), _request(wanted, origin), now_ns)
        self._orders.follow(held, wanted.id if same is None else same.action.id)

    def _answer_back(self, held: Held, now_ns: int) -> None:
        """Follow what is taken back, or say that there was nothing to take back."""
        if self._actions.get(held.action or held.wanted.id) is None:
            self._refuse(held, "withdrawn before it was taken up", now_ns)
        else:
            self._orders.follow(held, held.action or held.wanted.id)

    def _refuse(self, held: Held, why: str, now_ns: int) -> None:
        outcome = Outcome(id=held.wanted.id, state="denied", detail=why, by="guard", ts_ns=now_ns)
        self._orders.tell(held, outcome, 0, settled=True)

    def _tell(self, held: Held, now_ns: int) -> None:
        """Tell what the action has become since it was told of."""
        now = self._actions.get(held.action)
        if now is None:
            self._refuse(held, "it is not known here any more", now_ns)
            return
        action = now.action
        last, by_another = action.history[-1], f" ({action.id})" if action.id != held.wanted.id else ""
        outcome = Outcome(
            id=held.wanted.id, state=action.state, detail=last.detail + by_another, by=last.by, ts_ns=now_ns
        )
        if msgspec.structs.replace(outcome, ts_ns=held.outcome.ts_ns) != held.outcome:
            is_over = action.state in ENDED or (action.state == "verified" and not VERBS[action.verb].reversible)
            self._orders.tell(held, outcome, now.audited, settled=is_over)


def _problem(held: Held, known: HeldAction | None, now_ns: int) -> str | None:
    """Say why an order is not taken up at all; None where it is."""
    wanted = held.wanted
    unfit = problem(wanted)
    if unfit is not None:
        return unfit
    if known is not None:
        ours = known.request.origin == (held.site or "the hub") and known.action.verb == wanted.verb
        return None if ours else f"{wanted.id} is another action here"
    if wanted.verb not in VERBS or VERBS[wanted.verb].target != wanted.kind:
        return f"{wanted.verb} is nothing that is done here"
    if wanted.expires_ns <= now_ns:
        return f"it came too late: it was to be begun by {rfc3339(wanted.expires_ns)}"
    return None


def _action(wanted: Wanted, origin: str, now_ns: int) -> Action:
    ordered = Step(
        ts=rfc3339(now_ns), state="proposed", by=origin, detail=f"ordered for {wanted.incident}, decided by {wanted.by}"
    )
    return Action(
        id=wanted.id, connector=None, verb=wanted.verb, target={"kind": wanted.kind, "id": wanted.target},
        mode="recommend", state="proposed", reason=f"{wanted.reason} (ordered by {origin})",
        expires=rfc3339(min(wanted.expires_ns, now_ns + LIFE_NS)), blast_radius=f"1 {wanted.kind.replace('_', ' ')}",
        history=(ordered,),
    )  # fmt: skip


def _request(wanted: Wanted, origin: str) -> Request:
    return Request(
        id=wanted.id, verb=wanted.verb, target=wanted.target, incident=wanted.incident, reason=wanted.reason,
        addresses=wanted.addresses, names=wanted.names, origin=origin,
    )  # fmt: skip
