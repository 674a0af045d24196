"""Administration: acts that give, widen or hide access, and accounts that should not be signing in as they do.

Each kind of act (`administration_kinds`) has a rate an account-day: its tenant's where there are enough days, else an
assumed one, said so. Who does it on many days is an administrator, for whom it is daily work: the account's own rate
stands first. Daily work of everybody (adding a factor, registering a device) is told of suspected accounts alone.

From sign-ins: an account that slept DORMANT_DAYS; a service's account used by a person; a protocol that knows no second
factor; a device code, by which a sign-in is lent to somebody else. Each only where it is not usual for the account.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from baselines.evidence import p_of_decibans
from baselines.parts import packed, unpack
from baselines.slots import Slots
from baselines.table import Table
from sensor.detectors.acts import (
    Case,
    Who,
    by_kind,
    day_of,
    keys_of,
    multiply_again,
    rate_of,
    recount_records,
    teaches,
    told,
    who_of,
)  # fmt: skip
from sensor.detectors.administration_kinds import KINDS, ORDINARY, SERIOUS, kind_of
from sensor.detectors.habits import TENANTS_MAX, shared
from sensor.model.archive import Archive
from sensor.model.event import Event
from sensor.model.evidence import Evidence, Finding
from sensor.model.result import Coverage
from sensor.model.tick import Names, Tick

DORMANT_DAYS = 45
"""As long as an entity without a sign of life is kept; METHOD in force."""
SIGNINS = {
    "dormant": (1 / 500, "an account that had slept", "T1078"),
    "service": (1 / 500, "a service's account, used by a person", "T1078.004"),
    "legacy": (1 / 500, "a protocol that knows no second factor", "T1078.004"),
    "device_code": (1 / 500, "a device code, which lends a sign-in to another machine", "T1528"),
}  # fmt: skip
"""Kind of sign-in → (assumed rate an account-day, words, technique)."""
LEGACY = frozenset(
    {
        *("imap4", "imap", "pop3", "pop", "authenticated smtp", "smtp", "mapi over http", "exchange web services"),
        *("other clients", "autodiscover", "exchange online powershell", "offline address book", "outlook anywhere"),
        *("outlook anywhere (rpc over http)", "reporting web services", "exchange activesync", "other clients; pop"),
        *("other clients; imap", "other clients; smtp", "outlook service"),
    }
)
"""`clientAppUsed` of protocols with basic authentication, folded: Microsoft's "legacy authentication"."""
_AGENTS = ("bav2ropc", "cbainprod", "cbainmail")
"""Agents that Exchange writes for passwords passed on by such protocols."""
_TARGETED = frozenset({"mfa_added", "mfa_removed", "mfa_bypass"})
"""Acts that are about their target where no person did them."""
_LATER = ("takeout",)
"""Kinds that came later: a state is by number, and an older one has fewer."""
_ORDER = (*(kind for kind in KINDS if kind not in _LATER), *SIGNINS, *_LATER)
_SLEPT = 1 << _ORDER.index("dormant")
ACTORS_MAX, UNKNOWN_MAX = 100_000, 4096
USUAL_DAYS = 3
"""Days with an act from which on it may be the account's usual work: as many as make a device known."""
MADE_MAX = 4096
"""Accounts that were just made, remembered."""
MADE_DAYS = 1
AGAIN = 0.2
"""Of each further serious kind a day, as of a second refused prompt: assumed. That the account had slept until then is
one for an act of any kind: as a sign-in of the same family it was lost beside the act, which weighs more."""
NEW_ACCOUNT = 0.1
P_OPENS = p_of_decibans(20.0)
"""An act whose weight alone is that of an incident: METHOD in force, triage of a small tenant."""
P_TOLD = 0.15
"""Beyond, an act weighs under 1 dB: it is daily work."""


def detector(names: Names, secret: int) -> "Administration":
    """Make the detector of this module."""
    return Administration(names, secret)


def recount(evidence: Evidence, archive: Archive) -> float | None:
    """Return how many of the records behind it the archive holds."""
    return recount_records(evidence, archive)


def again(evidence: Evidence) -> float | None:
    """Return the rate times its factors again."""
    return multiply_again(evidence)


class Administration:
    """Acts by kind and actor."""

    name = "administration"
    family = "administration"
    techniques: tuple[str, ...] = ("T1098",)
    needs = "nothing"
    unit = "acts that give, widen or hide access"
    citation = "METHOD in force, Identity"

    def __init__(self, names: Names, secret: int) -> None:
        self._names = names
        self._habits = shared(names, secret)
        k = len(_ORDER)
        spec: dict[str, Any] = {
            "days": (np.uint16, (k,), 0), "last": (np.uint16, (k,), 0), "told_day": (np.uint16, (), 0),
            "told": (np.uint64, (), 0),
        }  # fmt: skip
        self._actors = Slots(spec, ACTORS_MAX, UNKNOWN_MAX)
        self._tenants = Table({"days": (np.int64, (k,), 0)}, TENANTS_MAX)
        self._made: dict[str, int] = {}
        self._seen = 0
        self._sorted: tuple[Tick, list[tuple[int, str]], list[tuple[int, str]]] | None = None

    @property
    def saturation(self) -> dict[str, float]:
        """Share of the cap in use, by table."""
        return {"administrators": self._actors.saturation}

    def score(self, tick: Tick) -> list[Finding]:
        """Judge each act and each sign-in of an unusual kind."""
        found: dict[str, Finding] = {}
        acts, signins = self._acts(tick), self._signins(tick)
        self._sorted = tick, acts, signins
        for i, kind in signins:
            if kind == "dormant":
                self._today(who_of(self._names, tick, i), kind, day_of(tick.events[i].ts))
        for i, kind in acts:
            finding = self._act(tick, i, kind)
            if finding is not None:
                found[finding.evidence.id] = finding
        for i, kind in signins:
            finding = self._signin(tick, i, kind)
            if finding is not None:
                found[finding.evidence.id] = finding
        return list(found.values())

    def learn(self, tick: Tick, flagged: NDArray[np.bool_]) -> None:
        """Count the days on which each account did each kind, but of frozen accounts."""
        held, self._sorted = self._sorted, None
        known = held is not None and held[0] is tick
        for i, kind in [*held[1], *held[2]] if held and known else [*self._acts(tick), *self._signins(tick)]:
            who = who_of(self._names, tick, i)
            event = tick.events[i]
            if kind == "user_made":
                self._note_made(event)
            if not teaches(tick, i, flagged):
                continue
            k, day = _ORDER.index(kind), day_of(event.ts)
            row = self._actors.take(who.account if who.account >= 0 else who.name)
            columns = self._actors.columns
            if columns["last"][row, k] < day:
                columns["last"][row, k] = day
                columns["days"][row, k] = min(65_535, int(columns["days"][row, k]) + 1)
                tenant = self._habits.tenant_of(who.account)
                self._tenants.cover(tenant + 1)
                self._tenants.columns["days"][tenant, k] += 1

    def coverage(self) -> Coverage:
        """Say whether acts of administration were logged."""
        if not self._seen:
            return Coverage(detector=self.name, state="no_input", why="no record of administration")
        return Coverage(detector=self.name, state="judged", why=f"{self._seen:,} records of administration")

    def save(self) -> dict[str, NDArray[Any]]:
        """Return its state as named arrays."""
        parts = (("actors", self._actors), ("tenants", self._tenants))
        state = packed(parts)
        text = "\n".join(f"{ts} {name}" for name, ts in self._made.items())
        return {**state, "made": np.frombuffer(text.encode(), np.uint8)}

    def load(self, state: dict[str, NDArray[Any]]) -> None:
        """Restore what `save` returned. Raises ValueError for a version it cannot read."""
        unpack(_widened(state), (("actors", self._actors), ("tenants", self._tenants)), optional=True)
        if "made" in state:
            lines = state["made"].tobytes().decode().split("\n")
            self._made = {name: int(ts) for ts, name in (line.split(" ", 1) for line in lines if line)}

    def _acts(self, tick: Tick) -> list[tuple[int, str]]:
        found = []
        for kind in ("admin", "consent", "mail_rule", "other"):
            for i in by_kind(tick, kind):
                self._seen += kind in {"admin", "consent"}
                act = kind_of(tick.events[i]) if kind != "mail_rule" else None
                if act is not None:
                    found.append((i, act))
        return found

    def _signins(self, tick: Tick) -> list[tuple[int, str]]:
        """Return sign-ins of an unusual kind."""
        found = []
        for i in by_kind(tick, "signin"):
            event = tick.events[i]
            if event.outcome == "success":
                kind = _protocol(event) or self._sleeper(event, int(tick.event_account[i]))
                if kind is not None:
                    found.append((i, kind))
        return found

    def _sleeper(self, event: Event, account: int) -> str | None:
        """Tell whether an account is a service's, or slept; of sign-ins that a person makes."""
        if (
            not 0 <= account < len(self._habits.accounts["day"])
            or event.detail.get("event_category", "interactive") != "interactive"
        ):
            return None
        last = self._habits.last_day(account)
        if last >= 0 and day_of(event.ts) - last >= DORMANT_DAYS:
            return "dormant"
        return "service" if self._names.account_kind(account) == "service" else None

    def _act(self, tick: Tick, i: int, kind: str) -> Finding | None:
        event, who = tick.events[i], self._subject(tick, i, kind)
        targets = [str(one) for one in event.detail.get("targets", ())][:3]
        new = (
            next((one for one in targets if self._is_new(one, event.ts)), None)
            if kind in {"role", "role_made"}
            else None
        )
        suspected = self._habits.is_suspected(who.account, event.ts)
        if kind in ORDINARY and not suspected:
            return None
        rate, said = self._rate(who, kind)
        if rate > P_TOLD:
            return None
        _, words, technique = KINDS[kind]
        about = [one for one in targets if one != who.name] or ([event.object] if event.object else [])
        place = event.ip or "an unknown address"
        whom = f" ({', '.join(about)})" if about else ""
        p, basis, more = self._weigh(who, kind, rate, day_of(event.ts), new)
        case = Case(
            ts=event.ts, target=(kind, *(about[:1] or [""]), day_of(event.ts)), p=p,
            text=f"{who.name} {words}{whom}: {event.source}'s "
            f'"{event.action}" from {place}. {said[0].upper() + said[1:]}{more}; p = {p:.2g}.',
            observed=1.0, basis=basis, stage="act", techniques=(technique,),
            keys=(*keys_of(event), *(f"account:{one}" for one in about if "@" in one)), events=(event,),
            opens=p <= P_OPENS,
            check=f"Ask {who.name} for the request behind it.",
        )  # fmt: skip
        return told(self, self._names, who, case)

    def _weigh(
        self, who: Who, kind: str, rate: float, day: int, new: str | None
    ) -> tuple[float, dict[str, float], str]:
        """Return the p of an act with what else was that day, the factors of it, and the words for them."""
        p, basis, more = rate, {"rate": rate}, ""
        if new is not None:
            p *= NEW_ACCOUNT
            basis["factor new account"] = NEW_ACCOUNT
            more += f"; {new} was made in the day before"
        others = self._others_today(who, kind, day)
        if others:
            p *= AGAIN**others
            basis["factor other acts"] = AGAIN**others
            more += f"; {others} other kind{'s' * (others > 1)} of such acts that day, each a fifth"
        if self._woke_today(who, day):
            p *= AGAIN
            basis["factor slept"] = AGAIN
            more += "; it had slept until that day, which counts as another"
        return p, basis, more

    def _others_today(self, who: Who, kind: str, day: int) -> int:
        """Note a serious kind for its actor's day; return how many others there were."""
        return (self._today(who, kind, day) & ~_SLEPT).bit_count() if kind in SERIOUS else 0

    def _woke_today(self, who: Who, day: int) -> bool:
        """Tell whether an account signed in that day that had slept: it would be no news in the days after."""
        row = self._actors.find(who.account if who.account >= 0 else who.name)
        columns = self._actors.columns
        return row >= 0 and int(columns["told_day"][row]) == day and bool(int(columns["told"][row]) & _SLEPT)

    def _today(self, who: Who, kind: str, day: int) -> int:
        """Note a kind for its actor's day; return the others there were, a bit each."""
        row = self._actors.take(who.account if who.account >= 0 else who.name)
        columns = self._actors.columns
        if columns["told_day"][row] != day:
            columns["told_day"][row], columns["told"][row] = day, 0
        bit = 1 << _ORDER.index(kind)
        before = int(columns["told"][row])
        columns["told"][row] = before | bit
        return before & ~bit

    def _subject(self, tick: Tick, i: int, kind: str) -> Who:
        """Return whose act it is: the actor, or the target of an act on second factors that no person did."""
        who, event = who_of(self._names, tick, i), tick.events[i]
        target = next((str(one).lower() for one in event.detail.get("targets", ()) if "@" in str(one)), None)
        if kind in _TARGETED and target and "@" not in who.name:
            row = self._names.account_row(target)
            return Who(row, self._names.account_name(row) if row >= 0 else target, who.site)
        return who

    def _signin(self, tick: Tick, i: int, kind: str) -> Finding | None:
        event, who = tick.events[i], who_of(self._names, tick, i)
        rate, said = self._rate(who, kind)
        if rate > P_TOLD:
            return None
        _, words, technique = SIGNINS[kind]
        if kind == "dormant":
            words += f" for {day_of(event.ts) - self._habits.last_day(who.account)} days"
        case = Case(
            ts=event.ts, target=(kind, day_of(event.ts)), p=rate,
            text=f"{who.name} signed in from {event.ip or 'an unknown address'} to {event.app or 'an application'}: "
            f"{words} ({said}); p = {rate:.2g}.",
            observed=1.0, basis={"rate": rate}, stage="entry", techniques=(technique,), keys=keys_of(event),
            marks=("success",), events=(event,),
        )  # fmt: skip
        return told(self, self._names, who, case)

    def _rate(self, who: Who, kind: str) -> tuple[float, str]:
        """Return the rate of a kind for an account: its own days with it, held against its tenant's."""
        k = _ORDER.index(kind)
        assumed = (KINDS.get(kind) or SIGNINS[kind])[0]
        tenant = self._habits.tenant_of(who.account)
        days = self._habits.tenant_days(tenant)
        counted = int(self._tenants.columns["days"][tenant, k]) if tenant < self._tenants.rows else 0
        rate, said = rate_of(counted, days, assumed)
        row = self._actors.find(who.account if who.account >= 0 else who.name)
        own = int(self._actors.columns["days"][row, k]) if row >= 0 else 0
        if own < USUAL_DAYS:
            return rate, said
        active = max(own, self._habits.account_days(who.account))
        mine = min(1.0, (own + 1.0) / (active + 2.0))
        return (mine, f"{who.name} does that on {own} of {active} days") if mine > rate else (rate, said)

    def _note_made(self, event: Event) -> None:
        for name in event.detail.get("targets", ()):
            if len(self._made) >= MADE_MAX:
                self._made.pop(next(iter(self._made)))
            self._made[str(name).lower()[:256]] = event.ts

    def _is_new(self, name: str, ts: int) -> bool:
        made = self._made.get(name.lower()[:256])
        return made is not None and day_of(ts) - day_of(made) <= MADE_DAYS


def _protocol(event: Event) -> str | None:
    """Tell whether a sign-in went by a protocol without a second factor, or by a device code."""
    client, agent = event.detail.get("client_app"), event.user_agent
    if client is not None and client.lower() in LEGACY:
        return "legacy"
    if agent is not None and agent[:9].lower().startswith(_AGENTS):
        return "legacy"
    return "device_code" if event.detail.get("protocol") == "devicecode" else None


def _widened(state: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """Return a state of fewer kinds with columns for all, the later ones never seen."""
    return {
        name: np.pad(column, ((0, 0), (0, len(_ORDER) - column.shape[1])))
        if column.ndim == 2 and column.shape[1] < len(_ORDER)
        else column
        for name, column in state.items()
    }
