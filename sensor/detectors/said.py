"""What was said of accounts at places, so that it can be taken back: when the network saw the sign-in after all.

A place is told when its sign-in comes, the network's verdict minutes later. Evidence that rests on addresses from
which the account's own device was seen is withdrawn under its id, with the reason; evidence that rests on another
address too stays. One object serves the detectors of a process; `place` saves, loads and drives it. No detector.
"""

import weakref
from collections import OrderedDict

import msgspec

from sensor.model.evidence import Finding
from sensor.model.tick import Names
from sensor.model.times import DAY_NS, parse, rfc3339

SAID_MAX = 4096
"""Evidence that may still be taken back; the oldest goes and stands."""
PLACES_MAX = 16
"""Addresses an evidence is known to rest on; one that rests on more is not taken back."""
_MANY = "many"
SEEN_MAX = 16_384
"""(account, place) pairs that were vouched for, remembered; the oldest go."""
_SHARED: "weakref.WeakKeyDictionary[Names, Said]" = weakref.WeakKeyDictionary()


class _Saying(msgspec.Struct):
    finding: Finding
    places: list[str]


class _Held(msgspec.Struct):
    said: list[_Saying]
    seen: list[tuple[str, int]]


class Said:
    """Findings by account and place."""

    def __init__(self) -> None:
        self._said: OrderedDict[str, _Saying] = OrderedDict()
        self._seen: OrderedDict[str, int] = OrderedDict()
        self._at: dict[str, dict[str, None]] = {}

    def tell(self, finding: Finding, place: str) -> Finding:
        """Remember a finding that rests on a place, an address; return it."""
        key, identity = _at(finding.account, place), finding.evidence.id
        held = self._said.pop(identity, None)
        places = [] if held is None else held.places
        if key not in places:
            places.append(key if len(places) < PLACES_MAX else _MANY)
        self._said[identity] = _Saying(finding, places)
        for one in places:
            self._at.setdefault(one, {})[identity] = None
        if len(self._said) > SAID_MAX:
            self._forget(next(iter(self._said)))
        return finding

    def vouch(self, account: int, place: str, ts: int, why: str) -> list[Finding]:
        """Take in that what an account did at a place is explained; return what is taken back.

        Args:
            account: Its row.
            place: The address, as `tell` was given it.
            ts: When, ns.
            why: What explains it.
        """
        key, taken = _at(account, place), []
        self._seen.pop(key, None)
        self._seen[key] = ts
        if len(self._seen) > SEEN_MAX:
            self._seen.popitem(last=False)
        for identity in list(self._at.get(key, ())):
            held = self._said[identity]
            if abs(parse(held.finding.evidence.ts) - ts) > DAY_NS:
                continue
            held.places.remove(key)
            self._drop(key, identity)
            if not held.places:
                taken.append(_taken_back(held.finding, ts, why))
                del self._said[identity]
        return taken

    def is_vouched(self, account: int, place: str, ts: int) -> bool:
        """Tell whether an account's place was explained within a day."""
        seen = self._seen.get(_at(account, place))
        return seen is not None and abs(ts - seen) <= DAY_NS

    def save(self) -> bytes:
        """Return everything as bytes."""
        return msgspec.json.encode(_Held(list(self._said.values()), list(self._seen.items())))

    def load(self, state: bytes) -> None:
        """Restore what `save` returned."""
        held = msgspec.json.decode(state, type=_Held)
        self._seen = OrderedDict(held.seen)
        self._said = OrderedDict((one.finding.evidence.id, one) for one in held.said)
        self._at = {}
        for identity, one in self._said.items():
            for key in one.places:
                self._at.setdefault(key, {})[identity] = None

    def _forget(self, identity: str) -> None:
        for key in self._said.pop(identity).places:
            self._drop(key, identity)

    def _drop(self, key: str, identity: str) -> None:
        self._at[key].pop(identity, None)
        if not self._at[key]:
            del self._at[key]


def shared(names: Names) -> Said:
    """Return the one object of these entities."""
    found = _SHARED.get(names)
    if found is None:
        found = _SHARED[names] = Said()
    return found


def _at(account: int, place: str) -> str:
    return f"{account} {place}"


def _taken_back(finding: Finding, ts: int, why: str) -> Finding:
    """Return a finding's withdrawal: the same evidence, that weighs nothing from now on."""
    evidence = msgspec.structs.replace(
        finding.evidence, ts=rfc3339(ts), text=why, marks=("context", "taken_back"), records=(), keys=()
    )
    return msgspec.structs.replace(finding, evidence=evidence, opens=False, digest=False, counter=(), check="")
