"""Contacts of devices with identity providers, and what coincides with an account's sign-ins beyond chance.

A contact is a name of a provider in DNS, TLS or QUIC. For a sign-in, the devices that contacted its provider within
WINDOW_NS are candidates; so are they at SHIFTS_NS before, when the account did not sign in: that is the chance, for the
same device at nearly the same hour. A link needs COINCIDENCES_MIN on DAYS_MIN days, and a binomial probability of so
many by chance below P_MAX; the first coincidence made the pair, and does not count. By the same reckoning a public
address from which sign-ins coincide with a site's contacts is that site's egress.

A sign-in is judged DELAY_NS after its time, when contacts of the second half of the window are in. Sign-ins without
a person (refreshes, services) are left out.
"""

import bisect
import math
from collections import OrderedDict, deque
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from sensor.model.times import DAY_NS, MINUTE_NS

WINDOW_NS = 2 * MINUTE_NS
DELAY_NS = 3 * MINUTE_NS
SHIFTS_NS = tuple(minutes * MINUTE_NS for minutes in (9, 17, 25, 33))
"""Before the sign-in, clear of its own window and of each other's, and no multiples of 5 minutes: pollers' periods."""
KEPT_NS = 40 * MINUTE_NS
COINCIDENCES_MIN = 3
DAYS_MIN = 2
P_MAX = 1e-5
"""Each pair is looked at after every sign-in, and an account has up to 16: at 1e-3 two of twenty simulated offices of
random contacts had a link after a fortnight, at 1e-5 none of two hundred. Six coincidences of six are below 1e-7.
"""
PAIRS_MAX = 200_000
"""Pairs of account and device that are counted; beyond it the one touched longest ago goes."""
PER_ACCOUNT = 16
CONTACTS_MAX = 500_000
"""Contacts kept of the last KEPT_NS; beyond it the oldest go."""
_EXACT_MAX = 500
"""Trials up to which a tail is summed: C(n, n/2) of more than about 1,000 exceeds a float."""
EGRESS_MIN = 5
"""Coincidences before an address is proposed as a site's egress."""

NAMES: dict[str, str] = {
    "login.microsoftonline.com": "microsoft", "login.microsoft.com": "microsoft", "login.windows.net": "microsoft",
    "login.live.com": "microsoft", "device.login.microsoftonline.com": "microsoft", "sts.windows.net": "microsoft",
    "autologon.microsoftazuread-sso.com": "microsoft", "aadcdn.msauth.net": "microsoft",
    "aadcdn.msftauth.net": "microsoft", "accounts.google.com": "google", "accounts.youtube.com": "google",
    "oauthaccountmanager.googleapis.com": "google",
}  # fmt: skip
"""Whole names of the providers' sign-in pages (Microsoft 365 endpoints list id 56; Google's support page 2589954)."""
SUFFIXES = {".okta.com": "okta", ".oktapreview.com": "okta", ".okta-emea.com": "okta", ".duosecurity.com": "duo"}
PROVIDERS = {"entra": "microsoft", "m365": "microsoft", "okta": "okta", "google": "google", "duo": "duo"}
"""Source of a sign-in → whose names its device contacts; AD FS is the organisation's own host."""


def provider_of(name: str | None) -> str | None:
    """Return the identity provider whose sign-in page a name is; None for any other name."""
    if not name:
        return None
    text = name.rstrip(".").lower()
    found = NAMES.get(text)
    if found is None and text.count(".") >= 2:
        found = SUFFIXES.get("." + ".".join(text.split(".")[-2:]))
    return found


class Tally(msgspec.Struct):
    """How often two things met, of how many times they might have, and how often at other times."""

    trials: int = 0
    hits: int = 0
    shifted: int = 0
    days: int = 0
    last_day: int = -1

    def add(self, ts: int, *, hit: bool, shifted: int) -> None:
        """Count one sign-in; `shifted`: how many of SHIFTS_NS hit."""
        self.trials += 1
        self.shifted += shifted
        if hit:
            self.hits += 1
            day = ts // DAY_NS
            if day != self.last_day:
                self.days, self.last_day = self.days + 1, day

    def p_chance(self) -> float:
        """Return the probability of so many hits by chance; the first hit made the pair, and is left out."""
        trials, hits = self.trials - 1, self.hits - 1
        rate = (self.shifted + 1) / (len(SHIFTS_NS) * self.trials + 2)
        return binomial_tail(hits, trials, min(1.0, rate))


def binomial_tail(hits: int, trials: int, rate: float) -> float:
    """Return P(X ≥ hits) of a binomial distribution."""
    if hits <= 0 or rate >= 1.0:
        return 1.0
    if trials > _EXACT_MAX:
        return _chernoff(hits, trials, rate)
    terms = (math.comb(trials, k) * rate**k * (1 - rate) ** (trials - k) for k in range(hits, trials + 1))
    return min(1.0, math.fsum(terms))


def _chernoff(hits: int, trials: int, rate: float) -> float:
    """Bound the tail (Chernoff 1952): exp(−n KL(k/n ‖ q)) where k/n exceeds q."""
    share = hits / trials
    if share <= rate:
        return 1.0
    rest = (1 - share) * math.log((1 - share) / (1 - rate)) if share < 1 else 0.0
    return math.exp(-trials * (share * math.log(share / rate) + rest))


class Waiting(msgspec.Struct):
    """A sign-in whose window is not over."""

    ts: int
    account: int
    provider: str
    ip: str | None
    sites: tuple[int, ...] | None
    """Sites it may be from; None: any."""
    devices: tuple[int, ...] = ()
    """Those the account is strongly linked to: whether its address is a site's egress is asked of them alone."""


class _Saved(msgspec.Struct):
    pairs: list[tuple[int, int, Tally]]
    egress: list[tuple[int, str, Tally]]
    order: list[tuple[int, str, int, int]]
    waiting: list[Waiting]
    dropped: int


class Contacts:
    """Contacts of the last KEPT_NS, sign-ins that wait, and tallies.

    Attributes:
        pairs: Tally by (account row, device row).
        egress: Tally by (site number, address).
        dropped: Contacts and pairs forgotten for room.
    """

    def __init__(self) -> None:
        self.pairs: OrderedDict[tuple[int, int], Tally] = OrderedDict()
        self.egress: OrderedDict[tuple[int, str], Tally] = OrderedDict()
        self.dropped = 0
        self._of_account: dict[int, list[int]] = {}
        self._seen: dict[tuple[str, int], dict[int, list[int]]] = {}
        self._order: deque[tuple[int, str, int, int]] = deque()
        self._waiting: deque[Waiting] = deque()

    def touch(self, provider: str, site: int, device: int, ts: int) -> None:
        """Note that a device contacted a provider."""
        times = self._seen.setdefault((provider, site), {}).setdefault(device, [])
        bisect.insort(times, ts)
        self._order.append((ts, provider, site, device))
        if len(self._order) > CONTACTS_MAX:
            self._forget()
            self.dropped += 1

    def await_judgement(self, waiting: Waiting) -> None:
        """Keep a sign-in until its window is over."""
        self._waiting.append(waiting)

    def judge(self, now_ns: int) -> list[tuple[int, int, int]]:
        """Tally the sign-ins whose window is over; return (account, device, ts) of pairs that are beyond chance."""
        linked = []
        while self._waiting and self._waiting[0].ts + DELAY_NS <= now_ns:
            linked += self._judge(self._waiting.popleft())
        while self._order and self._order[0][0] < now_ns - KEPT_NS:
            self._forget()
        return linked

    def proposed(self) -> list[tuple[int, str, Tally]]:
        """Return (site, address, tally) of addresses that are a site's egress beyond chance."""
        return [
            (site, ip, tally)
            for (site, ip), tally in self.egress.items()
            if tally.hits >= EGRESS_MIN and tally.days >= DAYS_MIN and tally.p_chance() < P_MAX
        ]

    def save(self) -> dict[str, NDArray[Any]]:
        """Return everything as one JSON array of bytes."""
        held = _Saved(
            [(*key, tally) for key, tally in self.pairs.items()], [(*key, tally) for key, tally in self.egress.items()],
            list(self._order), list(self._waiting), self.dropped,
        )  # fmt: skip
        return {"contacts": np.frombuffer(msgspec.json.encode(held), np.uint8)}

    def load(self, state: dict[str, NDArray[Any]]) -> None:
        """Restore what `save` returned."""
        held = msgspec.json.decode(state["contacts"].tobytes(), type=_Saved)
        self.pairs = OrderedDict(((account, device), tally) for account, device, tally in held.pairs)
        self.egress = OrderedDict(((site, ip), tally) for site, ip, tally in held.egress)
        self.dropped, self._of_account, self._seen = held.dropped, {}, {}
        for account, device in self.pairs:
            self._of_account.setdefault(account, []).append(device)
        self._order, self._waiting = deque(), deque(held.waiting)
        for ts, provider, site, device in held.order:
            self.touch(provider, site, device, ts)

    def _judge(self, one: Waiting) -> list[tuple[int, int, int]]:
        candidates: set[int] = set()
        for (provider, site), devices in self._seen.items():
            if provider != one.provider or (one.sites is not None and site not in one.sites):
                continue
            near = {device for device, times in devices.items() if _within(times, one.ts)}
            candidates |= near
            if one.ip is not None:
                asked = [devices[own] for own in one.devices if own in devices] if one.devices else devices.values()
                hit = any(_within(times, one.ts) for times in asked)
                shifted = sum(any(_within(times, one.ts - shift) for times in asked) for shift in SHIFTS_NS)
                self._tally_egress(site, one, hit=hit, shifted=shifted)
        held = self._of_account.setdefault(one.account, [])
        for device in sorted(candidates):
            if device not in held and len(held) < PER_ACCOUNT:
                held.append(device)
                self.pairs[one.account, device] = Tally()
        self._bound()
        return [
            (one.account, device, one.ts)
            for device in list(self._of_account.get(one.account, ()))
            if self._tally(one, device, hit=device in candidates) and device in candidates
        ]

    def _tally(self, one: Waiting, device: int, *, hit: bool) -> bool:
        tally = self.pairs[one.account, device]
        self.pairs.move_to_end((one.account, device))
        times = [
            when
            for (provider, _), devices in self._seen.items()
            if provider == one.provider
            for when in devices.get(device, ())
        ]
        times.sort()
        tally.add(one.ts, hit=hit, shifted=sum(_within(times, one.ts - shift) for shift in SHIFTS_NS))
        return tally.hits >= COINCIDENCES_MIN and tally.days >= DAYS_MIN and tally.p_chance() < P_MAX

    def _tally_egress(self, site: int, one: Waiting, *, hit: bool, shifted: int) -> None:
        key = (site, one.ip or "")
        tally = self.egress.get(key)
        if tally is None:
            if not hit:
                return
            tally = self.egress[key] = Tally()
            if len(self.egress) > PAIRS_MAX:
                self.egress.popitem(last=False)
                self.dropped += 1
        self.egress.move_to_end(key)
        tally.add(one.ts, hit=hit, shifted=shifted)

    def _bound(self) -> None:
        while len(self.pairs) > PAIRS_MAX:
            (account, device), _ = self.pairs.popitem(last=False)
            self._of_account[account].remove(device)
            self.dropped += 1

    def _forget(self) -> None:
        ts, provider, site, device = self._order.popleft()
        times = self._seen.get((provider, site), {}).get(device)
        if times:
            at = bisect.bisect_left(times, ts)
            if at < len(times):
                del times[at]
            if not times:
                del self._seen[provider, site][device]


def _within(times: list[int], ts: int) -> bool:
    """Tell whether one of the sorted times lies within WINDOW_NS of `ts`."""
    at = bisect.bisect_left(times, ts - WINDOW_NS)
    return at < len(times) and times[at] <= ts + WINDOW_NS
