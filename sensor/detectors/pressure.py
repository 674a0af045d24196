"""Pressure on one account: prompts that its user refused or did not answer, wrong secrets, a lockout.

A refused prompt is rare by itself (assumed: one in 500 account-days), a second the same day a fifth of that. Prompts
are told apart by their flow, since one flow writes several rows, and one push is written once a device of the user:
rows within PUSH_NS are one. k wrong secrets of different flows are .6^k. A success from the address that was refused
twice, or from a rare place after any refusal, is marked, unless its device is known; what that adds is the sequence's
business.

Interrupts, expired passwords, refreshes and noise are no pressure. Wrong secrets from a network that the account has
used for days are mostly a saved password that is out of date: they weigh no more than OWN_P.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from baselines.parts import packed, unpack
from baselines.slots import Key, Slots
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
from sensor.detectors.failures import GUESSES, LOCKOUT, is_lockout, is_refused, why_failed
from sensor.detectors.habits import KNOWN_DAYS, TENANTS_MAX, shared
from sensor.detectors.judged import P_RARE
from sensor.model.account import SignInSeen
from sensor.model.archive import Archive
from sensor.model.event import Event
from sensor.model.evidence import Evidence, Finding
from sensor.model.result import Coverage
from sensor.model.tick import Names, Tick
from sensor.model.times import DAY_NS, SECOND_NS, rfc3339

DENIED_RATE = 1 / 500
TIMED_OUT_RATE = 1 / 100
"""Assumed rates an account-day: METHOD in force for refusals; a prompt without an answer is about five times that."""
LOCKOUT_RATE = 1 / 200
AGAIN = 0.2
"""Of a second prompt, and each further, that day; METHOD in force."""
WRONG_BASE = 0.6
"""k wrong secrets: .6^k; METHOD in force."""
WRONG_SHOWN = 5
"""Wrong secrets from which on an evidence is told: .6^5 = .08."""
OWN_P = 0.05
PUSH_NS = 2 * SECOND_NS
"""One push is written once a device of the user within about 2 s (Okta)."""
RING = 8
FLOWS = 4
"""Sign-ins with a wrong secret remembered by name: one of several that are written at once."""
PRESSED_MAX, UNKNOWN_MAX = 100_000, 4096
"""Accounts under pressure at a time, and names that are no known account."""
_PROMPTS = frozenset({"denied", "timed_out"})


def detector(names: Names, secret: int) -> "Pressure":
    """Make the detector of this module."""
    return Pressure(names, secret)


def recount(evidence: Evidence, archive: Archive) -> float | None:
    """Return how many of the records behind it the archive holds."""
    return recount_records(evidence, archive)


def again(evidence: Evidence) -> float | None:
    """Return p again: the rate × AGAIN for each further prompt, or .6^k."""
    basis = evidence.basis
    if "wrong" in basis:
        return float(max(WRONG_BASE ** basis["wrong"] * basis.get("lockout", 1.0), basis.get("floor", 0.0)))
    if "prompts" in basis:
        return float(basis["rate"] * AGAIN ** (basis["prompts"] - 1))
    return multiply_again(evidence)


class Pressure:
    """Refused prompts and wrong secrets by account."""

    name = "pressure"
    family = "pressure"
    techniques: tuple[str, ...] = ("T1621",)
    needs = "nothing"
    unit = "refused prompts or wrong secrets of an account in 24 h"
    citation = "METHOD in force, Identity"

    def __init__(self, names: Names, secret: int) -> None:
        self._names = names
        self._habits = shared(names, secret)
        spec: dict[str, Any] = {
            "ts": (np.int64, (RING,), 0), "flow": (np.uint64, (RING,), 0), "address": (np.uint64, (RING,), 0),
            "denied": (np.uint8, (RING,), 0), "at": (np.int64, (), 0), "counted_day": (np.int32, (), -1),
            "succeeded": (np.int64, (), 0),
            "timed_day": (np.int32, (), -1),
            "wrong": (np.int32, (), 0), "wrong_since": (np.int64, (), 0), "wrong_flow": (np.uint64, (FLOWS,), 0),
            "wrong_own": (np.int32, (), 0), "wrong_last": (np.int64, (), 0),
        }  # fmt: skip
        self._held = Slots(spec, PRESSED_MAX, UNKNOWN_MAX)
        self._tenants = Table({"denied": (np.int64, (), 0), "timed_out": (np.int64, (), 0)}, TENANTS_MAX)
        self._seen = 0

    @property
    def saturation(self) -> dict[str, float]:
        """Share of the cap in use, by table."""
        return {"pressed_accounts": self._held.saturation}

    def score(self, tick: Tick) -> list[Finding]:
        """Judge each refused prompt, each run of wrong secrets, and each success after refusals."""
        found: dict[str, Finding] = {}
        refused: dict[str, list[Event]] = {}
        signins = by_kind(tick, "signin")
        self._seen += len(signins)
        prompts = [i for i in signins if tick.events[i].mfa in _PROMPTS and is_refused(tick.events[i])]
        known = self._known_devices(tick) if prompts else set()
        for i in prompts:
            self._put(found, self._prompt(tick, i, refused, known))
        for kind in ("admin", "other", "signin"):
            for i in by_kind(tick, kind):
                if is_lockout(tick.events[i]):
                    self._put(found, self._locked(tick, i))
        for i, seen in enumerate(tick.signins):
            result = seen.row.result
            if result == "failure":
                self._put(found, self._wrong(tick, i, seen))
            elif result == "success" and len(self._held) and self._held.find(seen.account) >= 0:
                self._put(found, self._success(tick, i, seen))
        return list(found.values())

    def learn(self, tick: Tick, flagged: NDArray[np.bool_]) -> None:
        """Count the account-days with refused prompts of each tenant, but those of frozen accounts."""
        for i in by_kind(tick, "signin"):
            mfa, account = tick.events[i].mfa, int(tick.event_account[i])
            if mfa not in _PROMPTS or account < 0 or not is_refused(tick.events[i]):
                continue
            if not teaches(tick, i, flagged):
                continue
            row, day = self._held.find(account), day_of(tick.events[i].ts)
            last, counted = ("counted_day", "denied") if mfa == "denied" else ("timed_day", "timed_out")
            if row >= 0 and self._held.columns[last][row] < day:
                self._held.columns[last][row] = day
                tenant = self._habits.tenant_of(account)
                self._tenants.cover(tenant + 1)
                self._tenants.columns[counted][tenant] += 1

    def coverage(self) -> Coverage:
        """Say whether there were sign-ins."""
        if not self._seen:
            return Coverage(detector=self.name, state="no_input", why="no sign-in")
        return Coverage(detector=self.name, state="judged", why=f"{self._seen:,} records of sign-ins")

    def save(self) -> dict[str, NDArray[Any]]:
        """Return its state as named arrays."""
        parts = (("held", self._held), ("tenants", self._tenants))
        return packed(parts)

    def load(self, state: dict[str, NDArray[Any]]) -> None:
        """Restore what `save` returned. Raises ValueError for a version it cannot read."""
        unpack(state, (("held", self._held), ("tenants", self._tenants)), optional=True)

    @staticmethod
    def _put(found: dict[str, Finding], finding: Finding | None) -> None:
        if finding is not None:
            found[finding.evidence.id] = finding

    def _key(self, who: Who) -> Key:
        return who.account if who.account >= 0 else who.name

    def _prompt(self, tick: Tick, i: int, refused: dict[str, list[Event]], known: set[str]) -> Finding:
        """Take one refused or unanswered prompt in; `refused` holds the tick's by account."""
        event, who = tick.events[i], who_of(self._names, tick, i)
        row, columns = self._held.take(self._key(who)), self._held.columns
        key = self._habits.traits.key
        flow = key(event.correlation_id) if event.correlation_id else 0
        recent = columns["ts"][row] > event.ts - DAY_NS
        same = recent & ((columns["flow"][row] == flow) & (flow != 0) | (abs(columns["ts"][row] - event.ts) <= PUSH_NS))
        denied = event.mfa == "denied"
        if same.any():
            columns["denied"][row] |= (same & denied).astype(np.uint8)
        else:
            at = int(columns["at"][row]) % RING
            columns["at"][row] += 1
            columns["ts"][row, at], columns["flow"][row, at], columns["denied"][row, at] = event.ts, flow, denied
            columns["address"][row, at] = key(event.ip) if event.ip else 0
        marks = ("known_device",) if event.raw_id in known else ()
        events = refused.setdefault(who.name, [])
        events.append(event)
        return self._refused(who, row, event, events, marks, keys_of(event))

    def _known_devices(self, tick: Tick) -> set[str]:
        """Return the ids of the tick's records that came from a device that is the account's own."""
        known = np.nonzero(self._habits.judge(tick).known_device)[0].tolist()
        return {raw_id for i in known for raw_id in tick.signins[i].row.raw_ids}

    def _refused(
        self, who: Who, row: int, event: Event, events: list[Event], marks: tuple[str, ...], keys: tuple[str, ...],
        more: str = "",
    ) -> Finding:  # fmt: skip
        """Tell of the prompts of the last 24 h."""
        columns = self._held.columns
        recent = columns["ts"][row] > event.ts - DAY_NS
        prompts = int(recent.sum())
        denied = int((recent & (columns["denied"][row] > 0)).sum())
        rate, said = self._rate(who.account, row, event.ts, "denied" if denied else "timed_out")
        p = rate * AGAIN ** (prompts - 1)
        first = int(columns["ts"][row][recent].min())
        what = f"{denied} refused" if denied == prompts else f"{denied} refused and {prompts - denied} unanswered"
        what = f"{prompts} unanswered" if not denied else what
        sources = len(set(columns["address"][row][recent].tolist()))
        case = Case(
            ts=event.ts, target=("prompts", day_of(first)), p=p,
            text=f"{who.name}: {what} second-factor prompt{'s' * (prompts > 1)} since {rfc3339(first)[:16]}Z, from "
            f"{event.ip or 'an unknown address'}{f' and {sources - 1} more' if sources > 1 else ''}. A first one is "
            f"{said}, each further a fifth of that; p = {p:.2g}. Whoever asks mostly knows the password.{more}",
            observed=float(prompts), basis={"rate": rate, "prompts": float(prompts), "denied": float(denied)},
            stage="entry", techniques=("T1621", "T1078.004") if "success" in marks else ("T1621",), keys=keys,
            marks=(*(("denied",) if denied else ()), *marks), events=events, opens=True,
            check=f"Ask {who.name} whether they refused a prompt, and change the password.",
        )  # fmt: skip
        return told(self, self._names, who, case)

    def _success(self, tick: Tick, i: int, seen: SignInSeen) -> Finding | None:
        """Tell of a success after refusals: two from that address, or any and a rare place; on no known device."""
        row, columns = self._held.find(seen.account), self._held.columns
        recent = (columns["ts"][row] > seen.ts - DAY_NS) & (columns["ts"][row] <= seen.ts)
        columns["wrong"][row] = 0
        if not recent.any():
            return None
        judged = self._habits.judge(tick)
        if judged.known_device[i]:
            return None
        address = self._habits.traits.key(seen.row.ip) if seen.row.ip else 0
        here = int((recent & (columns["address"][row] == address)).sum()) if address else 0
        rare = bool(judged.p[i] < P_RARE)
        if (here < 2 and not rare) or columns["succeeded"][row] >= columns["ts"][row][recent].min():
            return None  # it is the first success that the refusals led to, not every later sign-in of the day
        columns["succeeded"][row] = seen.ts
        who = Who(seen.account, self._names.account_name(seen.account), seen.site)
        events = self._habits.events_of(tick, seen)
        event = events[-1] if events else Event(ts=seen.ts, source="", kind="signin", action="", ip=seen.row.ip)
        why = f"{here} of them from this address" if here >= 2 else "from a place that is rare for it"
        keys = keys_of(event) or ((f"address:{seen.row.ip}",) if seen.row.ip else ())
        return self._refused(
            who, row, event, events, ("success", "success_after_denial"), keys,
            f" Then it signed in from {seen.row.ip or 'an unknown address'} at {rfc3339(seen.ts)[:16]}Z, {why}.",
        )  # fmt: skip

    def _wrong(self, tick: Tick, i: int, seen: SignInSeen) -> Finding | None:
        """Take one failed sign-in in."""
        reason = why_failed(seen.row)
        if reason not in GUESSES or seen.account < 0:
            return None
        row = self._held.take(seen.account)
        columns = self._held.columns
        if columns["wrong_since"][row] <= seen.ts - DAY_NS:
            columns["wrong"][row], columns["wrong_own"][row], columns["wrong_since"][row] = 0, 0, seen.ts
        flow = self._habits.traits.key(seen.row.id)
        # A row of another log may come when its ring has forgotten it: a sign-in that was seen before was counted then.
        if flow in columns["wrong_flow"][row] or (columns["wrong"][row] >= FLOWS and not seen.begun):
            return None
        columns["wrong_flow"][row, int(columns["wrong"][row]) % FLOWS] = flow
        columns["wrong"][row] += 1
        columns["wrong_last"][row] = seen.ts
        judged = self._habits.judge(tick)
        if judged.network_days[i] >= KNOWN_DAYS or judged.known_device[i]:
            columns["wrong_own"][row] += 1
        k, own = int(columns["wrong"][row]), int(columns["wrong_own"][row])
        if k < WRONG_SHOWN and reason != LOCKOUT:
            return None
        return self._guessed(tick, seen, k, own, locked=reason == LOCKOUT)

    def _guessed(self, tick: Tick, seen: SignInSeen, k: int, own: int, *, locked: bool) -> Finding:
        who = Who(seen.account, self._names.account_name(seen.account), seen.site)
        mostly_own = 2 * own > k
        rate = LOCKOUT_RATE if locked else 1.0
        p = max(WRONG_BASE**k * rate, OWN_P if mostly_own else 0.0)
        basis = {"wrong": float(k), "lockout": rate, "own_network": float(own)}
        if mostly_own:
            basis["floor"] = OWN_P
        events = self._habits.events_of(tick, seen)
        end = ", until it was locked" if locked else ""
        counter = ("most came from a network the account has used for days: a saved password?",) if mostly_own else ()
        since = int(self._held.columns["wrong_since"][self._held.find(seen.account)])
        lock = " × one in 200 account-days (assumed) for the lockout" if locked else ""
        case = Case(
            ts=seen.ts, target=("secrets", day_of(since)), p=p,
            text=f"{who.name}: {k} wrong secrets in 24 h{end}, the last from {seen.row.ip or 'an unknown address'}. "
            f"A user's own mistakes end sooner: .6^{k}{lock}; p = {p:.2g}.",
            observed=float(k), basis=basis, stage="entry", techniques=("T1110.001",),
            keys=tuple(f"{kind}:{seen.row.ip}" for kind in ("address", "source") if seen.row.ip), events=events,
            opens=not mostly_own, counter=counter,
        )  # fmt: skip
        return told(self, self._names, who, case)

    def _locked(self, tick: Tick, i: int) -> Finding:
        """Tell of a lockout that has a record of its own."""
        event, who = tick.events[i], who_of(self._names, tick, i)
        target = next((str(one) for one in event.detail.get("targets", ()) if "@" in str(one)), None)
        if target is not None and target != who.name:
            row = self._names.account_row(target)
            who = Who(row, self._names.account_name(row) if row >= 0 else target, who.site)
        rate, said = rate_of(0, 0, LOCKOUT_RATE)
        case = Case(
            ts=event.ts, target=("lockout", day_of(event.ts)), p=rate,
            text=f"{who.name} was locked out after wrong secrets from {event.ip or 'an unknown address'} ({said}).",
            observed=1.0, basis={"rate": rate}, stage="entry", techniques=("T1110.001",),
            keys=keys_of(event) + ((f"source:{event.ip}",) if event.ip else ()), events=(event,),
        )  # fmt: skip
        return told(self, self._names, who, case)

    def _rate(self, account: int, row: int, ts: int, what: str) -> tuple[float, str]:
        """Return the tenant's rate; what this account did in the last day is what is judged, and no part of it."""
        tenant = self._habits.tenant_of(account)
        events = int(self._tenants.columns[what][tenant]) if tenant < self._tenants.rows else 0
        last = self._held.columns["counted_day" if what == "denied" else "timed_day"][row]
        events -= events > 0 and last >= day_of(ts) - 1
        return rate_of(events, self._habits.tenant_days(tenant), DENIED_RATE if what == "denied" else TIMED_OUT_RATE)
