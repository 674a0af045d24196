"""Contacts of devices with identity providers, and what coincides with an account's sign-ins beyond chance.

A contact is a name of a provider in DNS, TLS or QUIC. For a sign-in, the devices that contacted its provider within
WINDOW_NS are candidates; so are they at SHIFTS_NS before, when the account did not sign in: that is the chance, for the
same device at nearly the same hour. A link needs COINCIDENCES_MIN on DAYS_MIN days, and a binomial probability of so
many by chance below P_MAX; the first coincidence made the pair, and does not count. By the same reckoning a public
address from which sign-ins coincide with a site's contacts is that site's egress.

A sign-in is tallied DELAY_NS after its time, when contacts of the second half of the window are in. Its time is put
forward by what the clock of its log is found to be off (`clocks`). Sign-ins without
a person (refreshes, services) are left out.
"""

import bisect
import math
from collections import OrderedDict, deque
from collections.abc import Callable
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from sensor.entities.clocks import Clock
from sensor.model.times import DAY_NS, HOUR_NS, MINUTE_NS, SECOND_NS

WINDOW_NS = 2 * MINUTE_NS
DELAY_NS = 3 * MINUTE_NS
SHIFTS_NS = tuple(minutes * MINUTE_NS for minutes in (9, 17, 25, 33))
"""Before the sign-in, clear of its own window and of each other's, and no multiples of 5 minutes: pollers' periods."""
KEPT_NS = 6 * HOUR_NS
"""So late may a sign-in's record be and still be held against the moment; beyond it only five minutes are known
(`presence`)."""
SAME_NS = SECOND_NS
"""A name is asked for and greeted within a second: one contact."""
COINCIDENCES_MIN = 3
DAYS_MIN = 2
P_MAX = 1e-5
"""Each pair is looked at after every sign-in, and an account has up to 16: at 1e-3 two of twenty simulated offices of
random contacts had a link after a fortnight, at 1e-5 none of two hundred. Six coincidences of six are below 1e-7.
"""
PAIRS_MAX = 200_000
"""Pairs of account and device that are counted; beyond it the one touched longest ago goes."""
PER_ACCOUNT = 16
REPORTED_DELAY_NS = 12 * MINUTE_NS
"""The same where sites report contacts: every five minutes, and the network's way is granted as long."""
CONTACTS_MAX = 500_000
"""Contacts kept of the last KEPT_NS; beyond it the oldest go."""
_EXACT_MAX = 500
"""Trials up to which a tail is summed: C(n, n/2) of more than about 1,000 exceeds a float."""
EGRESS_MIN = 5
"""Coincidences before an address is proposed as a site's egress."""
ACCOUNTS_MIN = 3
"""Accounts whose coincidences on one day are as good as one account's on several: a site's egress moves in minutes."""

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
    accounts: list[int] = []
    """Of an address: the first accounts whose sign-ins from it hit."""

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

    def is_egress(self) -> bool:
        """Tell whether an address of this tally is a site's egress beyond chance."""
        together = self.days >= DAYS_MIN or len(self.accounts) >= ACCOUNTS_MIN
        return self.hits >= EGRESS_MIN and together and self.p_chance() < P_MAX


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
    source: str = ""
    """Whose clock its time is of."""


class _Saved(msgspec.Struct):
    pairs: list[tuple[int, int, Tally]]
    egress: list[tuple[int, str, Tally]]
    order: list[tuple[int, str, int, int]]
    waiting: list[Waiting]
    dropped: int
    merged: list[tuple[int, int]] = []
    clocks: list[tuple[str, int, Clock]] = []
    learned: list[tuple[str, int]] = []
    alone: list[tuple[str, int]] = []


class Contacts:
    """Contacts of the last KEPT_NS, sign-ins that wait, and tallies.

    Attributes:
        pairs: Tally by (account row, device row).
        egress: Tally by (site number, address).
        learned: Site number by address that is a site's egress beyond chance, by what several accounts did there.
        alone: The same by one account: a relay that only its browser uses looks so too.
        clocks: How far a source's clock is from a site's, by (source, site number).
        dropped: Contacts and pairs forgotten for room.
        delay_ns: When a sign-in is tallied, after its time.
        told: Contacts (provider, site number, device row, ns) for a hub, since they were taken; None without one.
    """

    told: list[tuple[str, int, int, int]] | None = None
    delay_ns = DELAY_NS

    def __init__(self) -> None:
        self.pairs: OrderedDict[tuple[int, int], Tally] = OrderedDict()
        self.egress: OrderedDict[tuple[int, str], Tally] = OrderedDict()
        self.learned: dict[str, int] = {}
        self.alone: dict[str, int] = {}
        self.clocks: dict[tuple[str, int], Clock] = {}
        self.dropped = 0
        self._of_account: dict[int, list[int]] = {}
        self._seen: dict[tuple[str, int, int], list[int]] = {}
        self._minutes: dict[tuple[str, int, int], list[tuple[int, int]]] = {}
        self._sites: dict[str, dict[int, int]] = {}
        self._order: deque[tuple[int, str, int, int]] = deque()
        self._waiting: deque[Waiting] = deque()
        self._merged: dict[int, int] = {}

    def touch(self, provider: str, site: int, device: int, ts: int) -> bool:
        """Note that a device contacted a provider; False where that is known within SAME_NS."""
        times = self._seen.setdefault((provider, site, device), [])
        if _within(times, ts, SAME_NS):
            return False
        bisect.insort(times, ts)
        self._minutes.setdefault((provider, site, ts // MINUTE_NS), []).append((ts, device))
        sites = self._sites.setdefault(provider, {})
        sites[site] = sites.get(site, 0) + 1
        self._order.append((ts, provider, site, device))
        if self.told is not None:
            self.told.append((provider, site, device, ts))
        if len(self._order) > CONTACTS_MAX:
            self._forget()
            self.dropped += 1
        return True

    def egress_of(self, address: str, configured: Callable[[int], bool]) -> int:
        """Return the site whose egress an address was found to be, −1 none.

        What one account did is believed of a site that has no other egress.

        Args:
            address: The address.
            configured: Tells of a site whether its egress is configured.
        """
        site = self.learned.get(address, -1)
        if site < 0:
            site = self.alone.get(address, -1)
            if site >= 0 and (configured(site) or site in self.learned.values()):
                return -1
        return site

    def sites_of(self, provider: str) -> list[int]:
        """Return the sites at which a provider was contacted of late."""
        return list(self._sites.get(provider, ()))

    def near(self, provider: str, site: int, ts: int, window_ns: int = WINDOW_NS) -> set[int]:
        """Return the devices at a site that contacted a provider within a window of a time."""
        found = set()
        for minute in range((ts - window_ns) // MINUTE_NS, (ts + window_ns) // MINUTE_NS + 1):
            for when, device in self._minutes.get((provider, site, minute), ()):
                if abs(when - ts) <= window_ns:
                    found.add(self._merged.get(device, device))
        return found

    def nearest(self, provider: str, site: int, device: int, ts: int) -> int | None:
        """Return how long after a time, ns, a device's contact nearest to it was; None where it had none."""
        times = self._seen.get((provider, site, device))
        if not times:
            return None
        at = bisect.bisect_left(times, ts)
        return min((times[i] - ts for i in (at - 1, at) if 0 <= i < len(times)), key=abs)

    def offset(self, source: str, site: int) -> int:
        """Return by how much a source's times are to be put forward to be a site's, ns."""
        clock = self.clocks.get((source, site))
        return 0 if clock is None else clock.offset()

    def clock(self, source: str, site: int) -> Clock:
        """Return what is known of a source's clock."""
        return self.clocks.setdefault((source, site), Clock())

    def skews(self) -> dict[tuple[str, int], tuple[float, int]]:
        """Return (seconds ahead, sign-ins measured on) of every (source, site number) that is known well enough."""
        return {
            key: (-clock.offset() / SECOND_NS, clock.seen)
            for key, clock in sorted(self.clocks.items()) if clock.is_known
        }  # fmt: skip

    def follow(self, kept: dict[int, int]) -> None:
        """Let the contacts of devices that turned out to be others be theirs."""
        for provider, site, gone in [key for key in self._seen if key[2] in kept]:
            into = self._seen.setdefault((provider, site, kept[gone]), [])
            into += self._seen.pop((provider, site, gone))
            into.sort()
        self._merged |= kept
        for gone, other in self._merged.items():
            self._merged[gone] = kept.get(other, other)

    def await_judgement(self, waiting: Waiting) -> None:
        """Keep a sign-in until its window is over."""
        self._waiting.append(waiting)

    def judge(self, now_ns: int) -> list[tuple[int, int, int]]:
        """Tally the sign-ins whose window is over; return (account, device, ts) of pairs that are beyond chance."""
        linked = []
        while self._waiting and self._waiting[0].ts + self.delay_ns <= now_ns:
            linked += self._judge(self._waiting.popleft())
        while self._order and self._order[0][0] < now_ns - KEPT_NS:
            self._forget()
        return linked

    def proposed(self) -> list[tuple[int, str, Tally]]:
        """Return (site, address, tally) of addresses that are a site's egress beyond chance."""
        return [(site, ip, tally) for (site, ip), tally in self.egress.items() if tally.is_egress()]

    def save(self) -> dict[str, NDArray[Any]]:
        """Return everything as one JSON array of bytes."""
        held = _Saved(
            [(*key, tally) for key, tally in self.pairs.items()], [(*key, tally) for key, tally in self.egress.items()],
            list(self._order), list(self._waiting), self.dropped, list(self._merged.items()),
            [(*key, clock) for key, clock in self.clocks.items()], list(self.learned.items()), list(self.alone.items()),
        )  # fmt: skip
        return {"contacts": np.frombuffer(msgspec.json.encode(held), np.uint8)}

    def load(self, state: dict[str, NDArray[Any]]) -> None:
        """Restore what `save` returned."""
        held = msgspec.json.decode(state["contacts"].tobytes(), type=_Saved)
        self.pairs = OrderedDict(((account, device), tally) for account, device, tally in held.pairs)
        self.egress = OrderedDict(((site, ip), tally) for site, ip, tally in held.egress)
        self.clocks = {(source, site): clock for source, site, clock in held.clocks}
        self.dropped, self.learned, self.alone = held.dropped, dict(held.learned), dict(held.alone)
        self._of_account, self._seen, self._minutes, self._sites = {}, {}, {}, {}
        for account, device in self.pairs:
            self._of_account.setdefault(account, []).append(device)
        self._order, self._waiting = deque(), deque(held.waiting)
        for ts, provider, site, device in held.order:
            self.touch(provider, site, device, ts)
        self._merged = {}
        self.follow(dict(held.merged))

    def _judge(self, one: Waiting) -> list[tuple[int, int, int]]:
        candidates: set[int] = set()
        for site in self.sites_of(one.provider):
            if one.sites is not None and site not in one.sites:
                continue
            when = one.ts + self.offset(one.source, site)
            near = self.near(one.provider, site, when)
            candidates |= near
            if one.ip is not None:
                times = [when, *(when - shift for shift in SHIFTS_NS)]
                hits = [self._contacted(one, site, at, near if at == when else None) for at in times]
                self._tally_egress(site, one, hit=hits[0], shifted=sum(hits[1:]))
        held = self._of_account.setdefault(one.account, []) if candidates else self._of_account.get(one.account, [])
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

    def _contacted(self, one: Waiting, site: int, at: int, near: set[int] | None) -> bool:
        """Tell whether a device of the account's, or any where it has none, contacted the provider around a time."""
        asked = [self._seen.get((one.provider, site, device), []) for device in one.devices]
        if any(asked):
            return any(_within(times, at) for times in asked)
        return bool(self.near(one.provider, site, at) if near is None else near) and not one.devices

    def _tally(self, one: Waiting, device: int, *, hit: bool) -> bool:
        tally = self.pairs[one.account, device]
        self.pairs.move_to_end((one.account, device))
        shifted = 0
        for shift in SHIFTS_NS:
            shifted += any(
                _within(
                    self._seen.get((one.provider, site, device), []), one.ts + self.offset(one.source, site) - shift
                )
                for site in self.sites_of(one.provider)
            )
        tally.add(one.ts, hit=hit, shifted=shifted)
        return tally.hits >= COINCIDENCES_MIN and tally.days >= DAYS_MIN and tally.p_chance() < P_MAX

    def _tally_egress(self, site: int, one: Waiting, *, hit: bool, shifted: int) -> None:
        key = (site, one.ip or "")
        tally = self.egress.get(key)
        if tally is None:
            if not hit:
                return
            tally = self.egress[key] = Tally()
            if len(self.egress) > PAIRS_MAX:
                (_, address), _ = self.egress.popitem(last=False)
                self.learned.pop(address, None)
                self.alone.pop(address, None)
                self.dropped += 1
        self.egress.move_to_end(key)
        tally.add(one.ts, hit=hit, shifted=shifted)
        if hit and one.account not in tally.accounts and len(tally.accounts) < ACCOUNTS_MIN:
            tally.accounts.append(one.account)
        if hit and tally.is_egress():
            several = len(tally.accounts) > 1
            (self.learned if several else self.alone)[key[1]] = site
            if several:
                self.alone.pop(key[1], None)

    def _bound(self) -> None:
        while len(self.pairs) > PAIRS_MAX:
            (account, device), _ = self.pairs.popitem(last=False)
            self._of_account[account].remove(device)
            self.dropped += 1

    def _forget(self) -> None:
        ts, provider, site, device = self._order.popleft()
        minute = (provider, site, ts // MINUTE_NS)
        beside = self._minutes.get(minute)
        if beside is not None:
            beside.remove((ts, device))
            if not beside:
                del self._minutes[minute]
        sites = self._sites[provider]
        sites[site] -= 1
        if not sites[site]:
            del sites[site]
        key = (provider, site, self._merged.get(device, device))
        times = self._seen.get(key)
        if times:
            at = bisect.bisect_left(times, ts)
            if at < len(times) and times[at] == ts:
                del times[at]
            if not times:
                del self._seen[key]


def _within(times: list[int], ts: int, window_ns: int = WINDOW_NS) -> bool:
    """Tell whether one of the sorted times lies within a window of `ts`."""
    at = bisect.bisect_left(times, ts - window_ns)
    return at < len(times) and times[at] <= ts + window_ns
