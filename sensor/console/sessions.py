"""Who is signed in, and how often somebody may try to: in memory, bounded, forgotten with the process.

A session is known by a digest of its token, so that what is held here signs nobody in. It ends after a shift without a
request, and after a day in any case (OWASP ASVS 5.0, 7.3). Times are of a clock that only goes on, s.
"""

import hashlib
import hmac
import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable

import msgspec

from sensor.model.person import Person

IDLE_S = 8 * 3600.0
"""A shift."""
LIFE_S = 24 * 3600.0
SESSIONS_MAX = 5_000
"""Of all people; beyond, the one unused longest is signed out."""
OF_ONE_MAX = 20
"""Sessions of one person: browsers and devices of theirs."""
ATTEMPTS_MAX = 20_000
"""Names and addresses whose failures are remembered, the latest; about 4 MB."""
WINDOW_S = 900.0
"""Failures are counted over so long."""
PER_PAIR, PER_ADDRESS, PER_NAME = 5, 30, 30
"""Failures in the window after which an address is refused for a name, an address for any, a name from anywhere: a
person mistypes a few times, a proxy stands for an office, and who guesses from everywhere shuts a name for minutes."""


class Session(msgspec.Struct, kw_only=True):
    """One browser in which somebody is signed in."""

    person: Person
    csrf: str
    """What a form must bring back."""
    how: str
    """local, oidc or link"""
    since_s: float
    used_s: float


class Sessions:
    """Every session; from any thread."""

    def __init__(self, clock_s: Callable[[], float]) -> None:
        self._clock_s = clock_s
        self._held: OrderedDict[bytes, Session] = OrderedDict()
        self._lock = threading.Lock()
        self.evicted = 0

    def open(self, person: Person, how: str) -> str:
        """Sign somebody in; return the token for their browser."""
        token, now_s = secrets.token_urlsafe(32), self._clock_s()
        made = Session(person=person, csrf=secrets.token_urlsafe(24), how=how, since_s=now_s, used_s=now_s)
        with self._lock:
            mine = [key for key, one in self._held.items() if one.person.name == person.name]
            for key in mine[: max(0, len(mine) - OF_ONE_MAX + 1)]:
                del self._held[key]
            self._held[_digest(token)] = made
            while len(self._held) > SESSIONS_MAX:
                self._held.popitem(last=False)
                self.evicted += 1
        return token

    def find(self, token: str) -> Session | None:
        """Return a token's session and note that it was used; None where there is none, or it has ended."""
        key, now_s = _digest(token), self._clock_s()
        with self._lock:
            found = self._held.get(key)
            if found is None:
                return None
            if now_s - found.used_s > IDLE_S or now_s - found.since_s > LIFE_S:
                del self._held[key]
                return None
            found.used_s = now_s
            self._held.move_to_end(key)
            return found

    def end(self, token: str) -> None:
        """Sign a browser out."""
        with self._lock:
            self._held.pop(_digest(token), None)

    def renew(self, people: Callable[[str], Person | None]) -> None:
        """Give local users' sessions what they may do now, and end those of users who are gone."""
        with self._lock:
            for key, one in list(self._held.items()):
                if one.how != "local":
                    continue
                now = people(one.person.name)
                if now is None:
                    del self._held[key]
                else:
                    one.person = now

    def people(self) -> list[tuple[Person, str, float]]:
        """Return who is signed in, how, and how long unused, s; the latest used first."""
        now_s = self._clock_s()
        with self._lock:
            return [(one.person, one.how, now_s - one.used_s) for one in reversed(self._held.values())]


class Throttle:
    """How often signing in failed, by name and address."""

    def __init__(self, clock_s: Callable[[], float]) -> None:
        self._clock_s = clock_s
        self._failed: OrderedDict[Hashable, list[float]] = OrderedDict()
        self._lock = threading.Lock()

    def wait_s(self, name: str, address: str) -> float:
        """Return how long this name must not be tried from this address, s; 0 where it may be."""
        with self._lock:
            return max(self._left(key, most) for key, most in _keys(name, address))

    def failed(self, name: str, address: str) -> None:
        """Count a failure."""
        now_s = self._clock_s()
        with self._lock:
            for key, most in _keys(name, address):
                self._failed[key] = [*self._failed.get(key, ()), now_s][-most:]
                self._failed.move_to_end(key)
            while len(self._failed) > ATTEMPTS_MAX:
                self._failed.popitem(last=False)

    def succeeded(self, name: str, address: str) -> None:
        """Forget the failures of this name from this address."""
        with self._lock:
            self._failed.pop(_pair(name, address), None)

    def _left(self, key: Hashable, most: int) -> float:
        times = self._failed.get(key, [])
        if len(times) < most:
            return 0.0
        return max(0.0, times[0] + WINDOW_S - self._clock_s())


class Forms:
    """Tokens of forms that are shown before anybody is signed in: signed by this process, bound to a cookie."""

    def __init__(self) -> None:
        self._key = secrets.token_bytes(32)

    def token(self, cookie: str) -> str:
        """Return what a form must bring back with a cookie."""
        return hmac.new(self._key, cookie.encode(), hashlib.sha256).hexdigest()

    def holds(self, cookie: str, token: str) -> bool:
        """Tell whether a form's token is that of its cookie."""
        return bool(cookie) and hmac.compare_digest(self.token(cookie).encode(), token.encode())


def _keys(name: str, address: str) -> tuple[tuple[Hashable, int], ...]:
    return (
        (_pair(name, address), PER_PAIR),
        (("address", address), PER_ADDRESS),
        (("name", name.strip().lower()[:200]), PER_NAME),
    )


def _pair(name: str, address: str) -> Hashable:
    return "pair", name.strip().lower()[:200], address


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()
