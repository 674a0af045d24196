"""Another place of the fleet: at a site its hub, at a hub its sites. Who has a connector there carries it out.

What is asked for is an order under the action's own id. The other place judges it anew, by its own guard, modes and
limits, and may want a person's word; until it says what came of it, the action here is under way, and where it says
nothing for hours, `unknown`. Where nothing comes back from a place (bundles go one way, names leave it under
pseudonyms), nothing is ordered: it stands as a recommendation, and says why.

Not here: how orders travel (`sensor.store.orders`), and that an order is not passed on to a third place.
"""

from collections.abc import Iterator

from sensor.errors import ConfigError, Permanent
from sensor.model.order import HUB, NAMES_MAX, UNDECIDED, Elsewhere, NotDone, Outcome, Pending, Wanted
from sensor.model.response import VERBS, Request
from sensor.model.times import HOUR_NS
from sensor.wire.api_offer import Asked

OPTIONS: dict[str, type] = {"verbs": list}
NEEDS = ()
HELD_IN = ""
OF_SITES = ("block_address", "isolate_device")
"""What a site's own network does."""
OF_HUB = tuple(verb for verb in VERBS if verb not in OF_SITES)
"""What belongs to the tenant."""
LIFE_NS = 6 * HOUR_NS
"""How long an order may be begun: a link may be cut for as long in the story that a fleet is tried with."""
PATIENCE_NS = LIFE_NS + HOUR_NS
"""Longer than that nobody waits for an answer; the answer counts whenever it comes."""
_GONE = frozenset({"denied", "failed", "expired", "undone"})
"""States of an action that has no effect."""


def build(asked: Asked) -> "Site":
    """Make the connector. Raises ConfigError."""
    if asked.elsewhere is None or not asked.elsewhere.places:
        raise ConfigError("needs a hub (a sink of type site), or sites (a source of type site and [sites.NAME])")
    usual = OF_HUB if HUB in asked.elsewhere.places else OF_SITES
    verbs = tuple(str(one) for one in asked.listed("verbs")) or usual
    wrong = [one for one in verbs if one not in VERBS]
    if wrong:
        raise ConfigError(f"verbs: {', '.join(wrong)} of {', '.join(VERBS)}")
    return Site(asked.elsewhere, verbs)


class Site:
    """One hub, or all sites of one."""

    def __init__(self, elsewhere: Elsewhere, verbs: tuple[str, ...]) -> None:
        self._elsewhere, self.verbs = elsewhere, verbs

    def serves(self, request: Request) -> bool:
        """Tell whether there is such a place; what was ordered here is not passed on."""
        return not request.origin and bool(self._places(request))

    def blast_radius(self, request: Request) -> str | None:
        """Say where it would happen, and where it cannot."""
        closed = list(self._closed(request))
        return f"recommend only: {'; '.join(closed)}" if closed else None

    def before(self, request: Request) -> dict[str, str]:
        """Refuse where nothing would come back. Raises Permanent."""
        closed = list(self._closed(request))
        if closed:
            raise Permanent(f"recommend only: {'; '.join(closed)}")
        return {}

    def act(self, request: Request) -> None:
        """Give the order."""
        for place in self._places(request):
            self._elsewhere.give(place, _wanted(request))

    def verify(self, request: Request) -> bool | None:
        """Tell what came of it. Raises Pending, NotDone, and Permanent where that is not known."""
        found = self._outcomes(request)
        if found is None:
            return False
        waiting = [one for one in found if one[1].state in UNDECIDED or not one[1].state]
        if waiting:
            raise Pending("; ".join(_told(*one) for one in waiting))
        refused = [one for one in found if one[1].state in _GONE]
        if len(refused) == len(found):
            raise NotDone("; ".join(_told(*one) for one in found))
        if any(one.state != "verified" for _, one in found):
            raise Permanent("; ".join(_told(*one) for one in found))
        return True

    def undo(self, request: Request) -> None:
        """Have it taken back. Raises Pending until it is."""
        for place in self._places(request):
            self._elsewhere.give(place, _wanted(request, back=True))
        waiting = [one for one in self._outcomes(request) or () if one[1].state not in _GONE]
        if waiting:
            raise Pending("; ".join(_told(*one) for one in waiting))

    def close(self) -> None:
        """Close nothing: orders are in the state."""

    def _places(self, request: Request) -> tuple[str, ...]:
        places = self._elsewhere.places
        return (HUB,) if HUB in places else tuple(site for site in request.sites if site in places)

    def _closed(self, request: Request) -> Iterator[str]:
        """Say why there is no way back, of each place where there is none."""
        for place in self._places(request):
            why = self._elsewhere.places[place]
            if why:
                yield f"no way back from {_name(place)}: {why}"

    def _outcomes(self, request: Request) -> list[tuple[str, Outcome]] | None:
        """Return what is known of the order at each place; None where it was not given everywhere."""
        found = [(place, self._elsewhere.outcome(place, request.id)) for place in self._places(request)]
        known = [(place, one) for place, one in found if one is not None]
        return known if known and len(known) == len(found) else None


def _wanted(request: Request, *, back: bool = False) -> Wanted:
    return Wanted(
        id=request.id, verb=request.verb, kind=VERBS[request.verb].target, target=request.target,
        names=request.names[:NAMES_MAX], addresses=request.addresses[:NAMES_MAX], incident=request.incident,
        reason=request.reason, by=request.by, ts_ns=request.begun_ns, expires_ns=request.begun_ns + LIFE_NS, back=back,
    )  # fmt: skip


def _told(place: str, outcome: Outcome) -> str:
    if not outcome.state:
        return f"{_name(place)} has not answered"
    return f"{_name(place)}: {outcome.state} by {outcome.by}: {outcome.detail}"


def _name(place: str) -> str:
    return place or "the hub"
