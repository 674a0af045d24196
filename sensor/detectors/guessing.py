"""Guessed secrets: logins refused again and again, of one account or of many, from inside or from outside.

One evidence a (source, service, day) that grows. An inside source is a subject; what comes from outside folds into one
digest row a (service that was asked, day), and is an incident only by success after failures. p:

- *burst*: k refusals within a minute are k wrong secrets in a row, .6^k (the method in force), never below P_MIN;
- *spray*: distinct accounts refused at a source where none of them succeeded that day, Poisson; its mean is the
  source's own accounts a day, shrunk to λ = .1 (the method in force);
- *success*: an account accepted after k ≥ SUCCESS_AFTER refusals at that source that day, .6^k.

The least of those shown, times their number. Refusals of one account spread over the day are what a program with an
outdated password does: listed with an assumed rate, they open nothing.

Not here: sessions whose result nobody saw (sensor/detectors/guessing_sessions.py); sign-ins to a tenant.
"""

import math
from collections import OrderedDict
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from baselines.distinct import values_of
from baselines.evidence import decibans
from baselines.rates import poisson_tail
from baselines.table import Table
from sensor.detectors.device_days import P_OPENS
from sensor.detectors.logins import Login, is_address, is_public, logins, result_of
from sensor.detectors.parties import last_records
from sensor.model.archive import Archive
from sensor.model.evidence import Entity, Evidence, Finding, Peer, Record
from sensor.model.ids import identify
from sensor.model.protocols import AnyMessage
from sensor.model.result import Coverage
from sensor.model.tick import Names, Tick
from sensor.model.times import DAY_NS, MINUTE_NS, rfc3339, span

WRONG = 0.6
"""P of one more wrong secret: the method in force."""
ACCOUNTS_RATE = 0.1
"""Accounts refused a source-day: the method in force."""
WEIGHT = 20
"""Days that ACCOUNTS_RATE weighs against a source's own."""
P_MIN = 1e-6
"""No assumed rate carries a p below this."""
OUTDATED = 1e-2
"""Assumed: device-days on which a program goes on with an outdated password."""
BURST, SPRAY, SUCCESS_AFTER, OUTDATED_AFTER = 10, 3, 10, 20
"""From where each is told: .6^10 = .006 is one in 165 device-days, 10 dB; three sprayed accounts have p = 1.5e-4."""
ATTEMPTS_MAX = 1 << 14
"""(source, service) pairs of a day; the one quiet for longest goes first."""
KEPT = 64
"""Accounts and targets that are kept of a pair."""
HTTP_SHARE = 0.9
"""Of a web server's answers that must be 401: browsers are refused once and then served."""

_DEVICE: dict[str, Any] = {"days": (np.int64, (), 0), "accounts": (np.int64, (), 0), "day": (np.int64, (), -1)}


class Attempts(msgspec.Struct):
    """What one source did at one service on one day."""

    day: int
    site: int
    device: int
    outside: bool
    first_ns: int
    last_ns: int = 0
    refused: int = 0
    accepted: int = 0
    minute: int = -1
    in_minute: int = 0
    burst: int = 0
    accounts: dict[str, int] = msgspec.field(default_factory=dict)
    """Refusals since its last success, by account; −1 once it had succeeded without being guessed."""
    guessed: dict[str, int] = msgspec.field(default_factory=dict)
    """Refusals before its success, by account."""
    targets: dict[str, int] = msgspec.field(default_factory=dict)
    records: tuple[Record, ...] = ()


def detector(names: Names, secret: int) -> "Guessing":
    """Make the detector of this module."""
    return Guessing(names, secret)


class Guessing:
    """Refused and accepted logins by (source, service) and day."""

    name = "guessing"
    family = "guessing"
    techniques: tuple[str, ...] = ("T1110.001", "T1110.003")
    needs = "nothing"
    unit = "refused logins a day"
    citation = "METHOD in force, Identity: pressure and spray"

    def __init__(self, names: Names, _secret: int) -> None:
        self._names = names
        self._attempts: OrderedDict[tuple[str, str], Attempts] = OrderedDict()
        self._devices = Table(_DEVICE, 1 << 20)
        self._over: list[Attempts] = []
        """Of earlier days, since the last `learn`."""
        self.dropped = 0
        self._seen = 0

    @property
    def saturation(self) -> dict[str, float]:
        """Share of the cap in use."""
        return {"guessing_pairs": len(self._attempts) / ATTEMPTS_MAX}

    def score(self, tick: Tick) -> list[Finding]:
        """Take the tick's attempts in and judge the pairs that were refused or got in."""
        self._follow(tick)
        touched: dict[tuple[str, str], None] = {}
        for login in logins(tick, self._names):
            self._seen += 1
            key = (f"{login.site} {login.source}", login.service)
            if self._take(key, login):
                touched[key] = None
        held = [(key, self._attempts[key]) for key in touched if key in self._attempts]
        found = [self._inside(tick, key, one) for key, one in held if not one.outside]
        asked = {(one.site, key[1], target) for key, one in held if one.outside for target in one.targets}
        found += [self._outside(tick, *service) for service in sorted(asked)]
        return [one for one in found if one is not None]

    def learn(self, tick: Tick, flagged: NDArray[np.bool_]) -> None:
        """Count each source's days and the accounts that it was refused, but of flagged ones."""
        self._devices.cover(self._names.count())
        today, columns = (tick.end_ns - 1) // DAY_NS, self._devices.columns
        present = values_of(tick.orig_device[tick.orig_device >= 0])
        new = present[(columns["day"][present] != today) & ~flagged[present]]
        columns["days"][new] += 1
        columns["day"][new] = today
        for key in [key for key, one in self._attempts.items() if one.day < today]:
            self._over.append(self._attempts.pop(key))
        for one in self._over:
            if one.device >= 0 and not flagged[one.device]:
                columns["accounts"][one.device] += len(_refused(one))
        self._over.clear()

    def coverage(self) -> Coverage:
        """Say whether results of logins were seen."""
        more = f"; {self.dropped:,} sources over {ATTEMPTS_MAX:,} at a time were let go" if self.dropped else ""
        if not self._seen:
            return Coverage(detector=self.name, state="no_input", why="no login whose result was seen")
        return Coverage(detector=self.name, state="judged", why=f"{self._seen:,} logins whose result was seen{more}")

    def save(self) -> dict[str, NDArray[Any]]:
        """Return its state as named arrays."""
        state = {f"devices/{name}": column for name, column in self._devices.save().items()}
        held = [(*key, one) for key, one in self._attempts.items()]
        state["attempts"] = np.frombuffer(msgspec.json.encode(held), np.uint8)
        return state | {"counters": np.array([self.dropped, self._seen], np.int64)}

    def load(self, state: dict[str, NDArray[Any]]) -> None:
        """Restore what `save` returned. Raises ValueError for a version it cannot read."""
        if not state:
            return
        self._devices.load({name[8:]: column for name, column in state.items() if name.startswith("devices/")})
        held = msgspec.json.decode(state["attempts"].tobytes(), type=list[tuple[str, str, Attempts]])
        self._attempts = OrderedDict(((source, service), one) for source, service, one in held)
        self.dropped, self._seen = (int(value) for value in state["counters"])

    def _follow(self, tick: Tick) -> None:
        moved = dict(tick.merged)
        if not moved:
            return
        self._devices.cover(self._names.count())
        columns = self._devices.columns
        for gone, kept in moved.items():
            columns["accounts"][kept] += columns["accounts"][gone]
            columns["days"][kept] = max(columns["days"][kept], columns["days"][gone])
            self._devices.clear(gone)
        for one in self._attempts.values():
            one.device = moved.get(one.device, one.device)

    def _take(self, key: tuple[str, str], login: Login) -> bool:
        """Count an attempt; tell whether it may have changed what is to be said."""
        day = login.ts // DAY_NS
        one = self._attempts.get(key)
        if one is None or one.day != day:
            if one is None and len(self._attempts) >= ATTEMPTS_MAX:
                self._attempts.popitem(last=False)
                self.dropped += 1
            if one is not None:
                self._over.append(one)
            outside = login.device < 0 and is_public(login.source)
            one = self._attempts[key] = Attempts(day, login.site, login.device, outside, login.ts)
        self._attempts.move_to_end(key)
        one.device = login.device if one.device < 0 else one.device
        one.last_ns = login.ts
        account = (login.account or "").lower()
        if login.success:
            one.accepted += 1
            return _accepted(one, account)
        one.refused += 1
        minute = login.ts // MINUTE_NS
        one.in_minute = one.in_minute + 1 if minute == one.minute else 1
        one.minute, one.burst = minute, max(one.burst, one.in_minute)
        if account in one.accounts or len(one.accounts) < KEPT:
            one.accounts[account] = max(0, one.accounts.get(account, 0)) + 1
        if login.target in one.targets or len(one.targets) < KEPT:
            one.targets[login.target] = one.targets.get(login.target, 0) + 1
        one.records = last_records([*one.records, login.record])
        return True

    def _inside(self, tick: Tick, key: tuple[str, str], one: Attempts) -> Finding | None:
        if key[1] == "http" and (one.device < 0 or one.refused < HTTP_SHARE * (one.refused + one.accepted)):
            return None
        told = _told(one, self._mean(one.device) if one.device >= 0 else ACCOUNTS_RATE)
        if not told:
            return None
        names, device, source = self._names, one.device, key[0].partition(" ")[2]
        opens = set(told) != {"outdated"} and min(told.values()) * len(told) <= P_OPENS
        if device < 0:  # a log tells of it, and no sensor saw it
            subject = Entity(kind="address" if is_address(source) else "service", id=source)
            return self._finding(tick, key, one, told, subject, source, names.site_name(one.site), device, opens=opens)
        name, site, identity = names.device_name(device), names.device_site(device), names.device_id(device)
        subject, opens = Entity(kind="device", id=identity), opens and not names.is_router(device)
        return self._finding(tick, key, one, told, subject, name, site, device, opens=opens)

    def _mean(self, device: int) -> float:
        """Return the accounts that a source is refused a day: its own, shrunk to the assumed."""
        self._devices.cover(self._names.count())
        columns = self._devices.columns
        return (ACCOUNTS_RATE * WEIGHT + int(columns["accounts"][device])) / (WEIGHT + int(columns["days"][device]))

    def _outside(self, tick: Tick, site: int, service: str, target: str) -> Finding | None:
        """Fold what outside sources did at one service; tell of a success after failures, else count."""
        sources = [
            (key, one) for key, one in self._attempts.items()
            if one.outside and key[1] == service and one.site == site and target in one.targets
        ]  # fmt: skip
        in_first = [(key, one) for key, one in sources if one.guessed]
        key, one = in_first[0] if in_first else sources[-1]
        device = self._names.locate(site, target) if is_address(target) else -1
        told = {"success": _wrong(max(one.guessed.values()))} if in_first else {}
        refused = sum(attempts.refused for _, attempts in sources)
        if not told and refused < BURST:
            return None
        name = f"{service} of {self._names.device_name(device) if device >= 0 else target or 'the site'}"
        where = self._names.site_name(site)
        if told and device >= 0:
            subject = Entity(kind="device", id=self._names.device_id(device))
            name = self._names.device_name(device)
            return self._finding(tick, key, one, told, subject, name, where, device, opens=True)
        subject = Entity(kind="service", id=f"{where}:{service}:{target}")
        if told:
            return self._finding(tick, key, one, told, subject, name, where, -1, opens=True)
        return self._weather(tick, one, subject, name, where, refused, len(sources))

    def _weather(
        self, tick: Tick, one: Attempts, subject: Entity, name: str, site: str, refused: int, sources: int
    ) -> Finding:
        text = (
            f"{sources:,} outside addresses guessed at {name}: {refused:,} logins were refused, none of theirs was "
            "accepted after. That is the internet's weather: no incident by itself."
        )
        evidence = Evidence(
            id=identify("EV", site, subject.id, self.name, one.day), ts=rfc3339(tick.end_ns), site=site, entity=subject,
            detector=self.name, family="weather", source="network", observed=float(refused), expected=None, range=None,
            reference="analytic", reference_n=0, p=1.0, db=decibans(1.0), text=text, records=one.records,
            model="guessing.weather/1", basis={"refused": refused, "sources": sources, "day": one.day},
        )  # fmt: skip
        return Finding(
            evidence=evidence, device=-1, name=name, techniques=("T1110",), digest=True,
            check=f"Must {name} be reachable from outside?",
        )  # fmt: skip

    def _finding(
        self, tick: Tick, key: tuple[str, str], one: Attempts, told: dict[str, float], subject: Entity, name: str,
        site: str, device: int, *, opens: bool,
    ) -> Finding:  # fmt: skip
        source, service = key[0].partition(" ")[2], key[1]
        accounts = _refused(one)
        p = min(1.0, min(told.values()) * len(told))
        mean = self._mean(one.device) if one.device >= 0 else ACCOUNTS_RATE
        basis = {
            "refused": float(one.refused), "burst": float(one.burst), "accounts": float(len(accounts)),
            "after": float(max(one.guessed.values(), default=0)), "mean": mean, "day": float(one.day),
            **{f"told_{what}": 1.0 for what in told},
        }  # fmt: skip
        targets = tuple(
            Peer(kind="address" if is_address(target) else "service", id=target, name=target)
            for target in list(one.targets)[:KEPT] if target
        )  # fmt: skip
        shown = name if not one.outside else source
        keys = (f"source:{source}", *(f"account:{account}" for account in list(one.guessed or accounts)[:8] if account))
        evidence = Evidence(
            id=identify("EV", site, subject.id, self.name, *key, one.day), ts=rfc3339(tick.end_ns), site=site,
            entity=subject, detector=self.name, family=self.family, source="network", observed=float(one.refused),
            expected=mean, range=(0.0, float(BURST - 1)), reference="analytic", reference_n=0, p=p, db=decibans(p),
            text=_text(shown, service, one, told, p), records=one.records, model="guessing.results/1", basis=basis,
            keys=keys,
        )  # fmt: skip
        techniques = ("T1110.003",) if "spray" in told else ("T1110.001",)
        return Finding(
            evidence=evidence, device=device, name=name, peers=targets,
            techniques=(*techniques, "T1078") if one.guessed else techniques,
            opens=opens, digest=not opens,
            counter=(f"{one.accepted:,} logins were accepted",) if one.accepted else (),
            check=f"Ask whose logins {shown} makes; lock the accounts that were accepted after failures.",
        )  # fmt: skip


def _accepted(one: Attempts, account: str) -> bool:
    """Note a success; tell whether it came after enough failures."""
    before = one.accounts.get(account, 0)
    if before >= SUCCESS_AFTER or (before > 0 and len(_refused(one)) > SPRAY):
        one.guessed[account] = max(before, one.guessed.get(account, 0), len(_refused(one)))
        return True
    if account in one.accounts or len(one.accounts) < KEPT:
        one.accounts[account] = -1
    return False


def _refused(one: Attempts) -> list[str]:
    """Return the accounts that were refused and never accepted as their own."""
    return [account for account, count in one.accounts.items() if count > 0]


def _told(one: Attempts, mean: float) -> dict[str, float]:
    """Return what is shown, with its p."""
    told, accounts = {}, len(_refused(one))
    if one.burst >= BURST:
        told["burst"] = _wrong(one.burst)
    if accounts >= SPRAY:
        told["spray"] = max(P_MIN, poisson_tail(accounts, mean))
    if one.guessed:
        told["success"] = _wrong(max(one.guessed.values()))
    if not told and one.refused >= OUTDATED_AFTER:
        told["outdated"] = OUTDATED
    return told


def _wrong(count: int) -> float:
    return max(P_MIN, WRONG**count)


def _text(source: str, service: str, one: Attempts, told: dict[str, float], p: float) -> str:
    accounts = _refused(one)
    named = ", ".join(account or "an account not named" for account in accounts[:4])
    parts = {
        "burst": f"{one.burst:,} of them within one minute",
        "spray": f"of {len(accounts)} accounts that it never got into ({named})",
        "success": f"then accepted: {', '.join(list(one.guessed)[:4]) or 'an account not named'}",
        "outdated": "spread over the day, as by a program with an outdated password",
    }
    where = f" at {len(one.targets)} hosts" if len(one.targets) > 1 else ""
    return (
        f"{source} was refused {one.refused:,} times by {service}{where} in {span(one.last_ns - one.first_ns)}, "
        f"{'; '.join(parts[what] for what in told)}. One in {1 / p:,.0f} device-days by the assumed rates: each more "
        f"wrong secret {WRONG}, {ACCOUNTS_RATE} accounts a source-day."
    )


def again(evidence: Evidence) -> float | None:
    """Return p again: .6^k, the Poisson tail term by term, and their union."""
    basis = evidence.basis
    if evidence.model == "guessing.weather/1":
        return 1.0
    parts = []
    for what, count in (("burst", basis["burst"]), ("success", basis["after"])):
        if f"told_{what}" in basis:
            parts.append(max(1e-6, 0.6**count))
    if "told_spray" in basis:
        mean = basis["mean"]
        below = sum(math.exp(-mean) * mean**k / math.factorial(k) for k in range(int(basis["accounts"])))
        parts.append(max(1e-6, 1.0 - below))
    if "told_outdated" in basis:
        parts.append(0.01)
    return min(1.0, min(parts) * len(parts)) if parts else None


def recount(evidence: Evidence, archive: Archive) -> float | None:
    """Count the source's refusals again from the archived messages; None where logs, not messages, told of them."""
    source = next((key.partition(":")[2] for key in evidence.keys if key.startswith("source:")), None)
    begin, uids = int(evidence.basis["day"]) * DAY_NS, {record.uid for record in evidence.records if record.uid}
    if source is None or archive.since_ns > begin or not uids:
        return None
    rows = archive.rows(
        "SELECT body FROM messages WHERE site = ? AND ts >= ? AND ts < ?", (evidence.site, begin, begin + DAY_NS)
    )
    refused: dict[str, int] = {}
    named = set()
    for (body,) in rows:
        message = msgspec.json.decode(body, type=AnyMessage)
        judged = result_of(message) if message.orig_h == source else None
        if judged is not None and not judged[2]:
            refused[judged[0]] = refused.get(judged[0], 0) + 1
            named |= {judged[0]} if message.uid in uids else set()
    return float(sum(refused[service] for service in named)) if named else None
