"""Password spraying and stuffing: many accounts fail at a source where they never succeeded.

Per source: the distinct accounts that failed with a wrong secret, an unknown name or a lockout at one address in 24 h,
from a network that was never theirs, against a Poisson count of mean LAMBDA. Per tenant: many sources with a failure or
two each, all with one client. A success from a source that sprays, of an account that is not at home there, is an
evidence of its own.

Names that are no account are counted, never stored: one source holds NAMES digests, and sources are bounded. A site's
own egress, where accounts have succeeded, raises the mean by as many. Interrupts and expired passwords do not count.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from baselines.parts import packed, unpack
from baselines.rates import poisson_tail
from baselines.slots import Slots
from sensor.detectors.acts import Case, Who, by_kind, day_of, recount_records, told
from sensor.detectors.failures import GUESSES, NO_USER, why_failed
from sensor.detectors.habits import KNOWN_DAYS, shared
from sensor.detectors.judged import Judged
from sensor.model.account import SignInSeen
from sensor.model.archive import Archive
from sensor.model.event import Event
from sensor.model.evidence import Evidence, Finding
from sensor.model.result import Coverage
from sensor.model.tick import Names, Tick
from sensor.model.times import DAY_NS

LAMBDA = 0.1
"""Accounts that fail at an address never theirs, a day and source; METHOD in force."""
EGRESS_SHARE = 0.02
"""Accounts of a shared egress that mistype there for the first time on a day: assumed, one in 50."""
TENANT_SHARE = 0.02
"""The same over all new places of a tenant: assumed, one in 50 of the accounts active that day."""
ACCOUNTS_SHOWN = 3
"""P(≥ 3) = 1.5e-4 at the mean of LAMBDA; two is still two colleagues in a hotel."""
SOURCES_SHOWN = 5
NAMES = 32
"""Digests of names a source or client remembers; beyond, it is `at least 32`."""
SOURCES_MAX = 16_384
P_FLOOR = 1e-12
P_SUCCESS = 1e-4
"""Least p of a success at a spraying source: the sequence adds what it adds."""
WATCHED_NS = DAY_NS


def detector(names: Names, secret: int) -> "Spray":
    """Make the detector of this module."""
    return Spray(names, secret)


def recount(evidence: Evidence, archive: Archive) -> float | None:
    """Return how many of the records behind it the archive holds."""
    return recount_records(evidence, archive)


def again(evidence: Evidence) -> float | None:
    """Return the Poisson tail again."""
    basis = evidence.basis
    return max(basis["floor"], poisson_tail(int(basis["accounts"]), basis["mean"]))


class Spray:
    """Accounts that fail by source, and by client of a tenant."""

    name = "spray"
    family = "spray"
    techniques: tuple[str, ...] = ("T1110.003",)
    needs = "nothing"
    unit = "accounts failing at one source in 24 h where they never succeeded"
    citation = "METHOD in force, Identity"

    def __init__(self, names: Names, secret: int) -> None:
        self._names = names
        self._habits = shared(names, secret)
        spec: dict[str, Any] = {
            "who": (np.uint64, (NAMES,), 0), "ts": (np.int64, (NAMES,), 0), "from": (np.uint64, (NAMES,), 0),
            "unknown": (np.uint8, (NAMES,), 0), "good_day": (np.int32, (), -1), "good": (np.int32, (), 0),
            "since": (np.int64, (), 0), "more": (np.int64, (), 0),
        }  # fmt: skip
        self._sources = Slots(spec, 1, SOURCES_MAX)
        self._clients = Slots(spec, 1, SOURCES_MAX // 8)
        self._seen = 0

    @property
    def saturation(self) -> dict[str, float]:
        """Share of the cap in use, by table."""
        return {"failing_sources": self._sources.saturation}

    def score(self, tick: Tick) -> list[Finding]:
        """Count failures, and tell of the sources and clients that stand out, and of successes there."""
        found: dict[str, Finding] = {}
        sources: dict[str, int] = {}
        clients: dict[tuple[int, str], int] = {}
        judged = self._habits.judge(tick) if tick.signins else None
        for i, seen in enumerate(tick.signins):
            row = seen.row
            if row.ip is None:
                continue
            self._seen += 1
            if row.result == "failure":
                if judged is not None and self._failed(judged, i, seen):
                    sources[row.ip] = i
                    if row.user_agent:
                        clients[int(judged.tenant[i]), row.user_agent] = i
            elif row.result == "success":
                at = self._sources.find(row.ip)
                if at >= 0 and judged is not None and not judged.known_device[i]:
                    self._put(found, self._success(tick, judged, i, seen, at))
        failures = _failures(tick, set(sources))
        for ip, i in sources.items():
            self._put(found, self._spraying(tick, ip, i, failures))
        for (tenant, agent), i in clients.items():
            self._put(found, self._distributed(tick, tenant, agent, i))
        return list(found.values())

    def learn(self, tick: Tick, flagged: NDArray[np.bool_]) -> None:
        """Count accounts that succeed at an address that fails too."""
        if not len(self._sources):
            return
        for seen in tick.signins:
            if seen.row.result == "success" and seen.row.ip is not None:
                at = self._sources.find(seen.row.ip)
                suspected = 0 <= seen.device < len(flagged) and bool(flagged[seen.device])
                if at >= 0 and not suspected and not _is_frozen(tick, seen.account):
                    self._sources.columns["good"][at] += 1

    def coverage(self) -> Coverage:
        """Say whether sign-ins had addresses."""
        if not self._seen:
            return Coverage(detector=self.name, state="no_input", why="no sign-in with an address")
        return Coverage(detector=self.name, state="judged", why=f"{self._seen:,} sign-ins with an address")

    def save(self) -> dict[str, NDArray[Any]]:
        """Return its state as named arrays."""
        parts = (("sources", self._sources), ("clients", self._clients))
        return packed(parts)

    def load(self, state: dict[str, NDArray[Any]]) -> None:
        """Restore what `save` returned. Raises ValueError for a version it cannot read."""
        unpack(state, (("sources", self._sources), ("clients", self._clients)), optional=True)

    @staticmethod
    def _put(found: dict[str, Finding], finding: Finding | None) -> None:
        if finding is not None:
            found[finding.evidence.id] = finding

    def _failed(self, judged: Judged, i: int, seen: SignInSeen) -> bool:
        """Take one failure in; tell whether it was a guess from a place that is not the account's."""
        row = seen.row
        why = why_failed(row)
        if why not in GUESSES or judged.network_days[i] > 0 or judged.known_device[i]:
            return False
        key = self._habits.traits.key
        name, address = key(row.account), key(str(row.ip))
        self._note(self._sources, str(row.ip), name, address, seen.ts, why)
        if row.user_agent:
            self._note(self._clients, f"{int(judged.tenant[i])}/{row.user_agent}", name, address, seen.ts, why)
        return True

    @staticmethod
    def _note(held: Slots, target: str, name: int, address: int, ts: int, why: str) -> None:
        """Remember one failing name; the oldest of NAMES goes, and is only counted if it was of the last 24 h."""
        at, columns = held.take(target), held.columns
        if columns["since"][at] <= ts - DAY_NS:
            columns["since"][at], columns["more"][at], columns["good"][at] = ts, 0, columns["good"][at] // 2
        names = columns["who"][at]
        same = np.nonzero(names == name)[0]
        slot = int(same[0]) if len(same) else int(np.argmin(columns["ts"][at]))
        if not len(same) and columns["ts"][at, slot] > ts - DAY_NS:
            columns["more"][at] += 1
        names[slot], columns["from"][at, slot], columns["unknown"][at, slot] = name, address, why == NO_USER
        columns["ts"][at, slot] = max(ts, int(columns["ts"][at, slot]))

    def _count(self, held: Slots, at: int, ts: int) -> tuple[int, int, int, int]:
        """Return accounts, unknown names, sources, and names beyond those remembered, in the last 24 h."""
        columns = held.columns
        recent = (columns["ts"][at] > ts - WATCHED_NS) & (columns["who"][at] != 0)
        return (
            int(recent.sum()), int((recent & (columns["unknown"][at] > 0)).sum()),
            len(set(columns["from"][at][recent].tolist())), int(columns["more"][at]),
        )  # fmt: skip

    def _mean(self, at: int) -> float:
        return LAMBDA + EGRESS_SHARE * float(self._sources.columns["good"][at])

    def _spraying(self, tick: Tick, ip: str, i: int, failures: dict[str, list[Event]]) -> Finding | None:
        seen = tick.signins[i]
        at = self._sources.find(ip)
        accounts, unknown, _, more = self._count(self._sources, at, seen.ts)
        mean = self._mean(at)
        p = max(P_FLOOR, poisson_tail(accounts, mean))
        if accounts < ACCOUNTS_SHOWN:
            return None
        events = failures.get(ip, [])
        technique = ("T1110.004",) if 2 * unknown > accounts else ("T1110.003",)
        count = f"at least {accounts}" if more else str(accounts)
        never = f", {unknown} of them names that no account has" if unknown else ""
        case = Case(
            ts=seen.ts, target=("source", ip, day_of(int(self._sources.columns["since"][at]))), p=p, kind="address",
            text=f"{count} accounts{never} failed to sign in from {ip} in 24 h, where none of them ever succeeded. "
            f"Mistyping there has a mean of {mean:.2g} accounts a day; p = {p:.2g}.",
            observed=float(accounts), basis={"accounts": float(accounts), "mean": mean, "floor": P_FLOOR},
            stage="entry", techniques=technique,
            keys=(f"source:{ip}", f"address:{ip}", *_accounts(events)), events=events, opens=True, reference="analytic",
            check=f"Block {ip}, and look for a success from it.",
        )  # fmt: skip
        return told(self, self._names, Who(-1, ip, seen.site), case)

    def _distributed(self, tick: Tick, tenant: int, agent: str, i: int) -> Finding | None:
        seen = tick.signins[i]
        at = self._clients.find(f"{tenant}/{agent}")
        accounts, _, sources, more = self._count(self._clients, at, seen.ts)
        if sources < SOURCES_SHOWN or accounts < SOURCES_SHOWN or 2 * sources < accounts:
            return None
        mean = LAMBDA + TENANT_SHARE * self._active_accounts(tenant)
        p = max(P_FLOOR, poisson_tail(accounts, mean))
        if p > P_SUCCESS:
            return None
        events = [
            event for k in by_kind(tick, "signin") if (event := tick.events[k]).user_agent == agent
            and event.outcome == "failure"
        ]  # fmt: skip
        count = f"at least {accounts}" if more else str(accounts)
        known = tuple(dict.fromkeys(f"source:{event.ip}" for event in events if event.ip))[:16]
        case = Case(
            ts=seen.ts, target=("client", tenant, agent, day_of(int(self._clients.columns["since"][at]))), p=p,
            kind="site", text=f"{count} accounts failed to sign in from {sources} addresses in 24 h, all "
            f"with the client {agent[:80]!r}, none at a place of theirs: a spray over many sources. "
            f"Mistyping has a mean of {mean:.2g} a day (assumed: one in 50 accounts active); p = {p:.2g}.",
            observed=float(accounts), basis={"accounts": float(accounts), "mean": mean, "floor": P_FLOOR},
            stage="entry", keys=(*known, *_accounts(events)), events=events, opens=True, reference="analytic",
            check="Look for a success with the same client.",
        )  # fmt: skip
        return told(self, self._names, Who(-1, self._names.site_name(seen.site), seen.site), case)

    def _active_accounts(self, tenant: int) -> float:
        """Return how many accounts a tenant has that ever signed in."""
        columns, rows = self._habits.accounts, self._names.account_count()
        tenants = columns["tenant"][:rows]
        return float(((tenants == tenant) & (columns["days"][: len(tenants)] > 0)).sum())

    def _success(self, tick: Tick, judged: Judged, i: int, seen: SignInSeen, at: int) -> Finding | None:
        """Tell of a success where a spray came from, of an account that is not at home there."""
        accounts, _, _, _ = self._count(self._sources, at, seen.ts)
        if accounts < ACCOUNTS_SHOWN or seen.account < 0 or judged.network_days[i] >= KNOWN_DAYS:
            return None
        columns = self._sources.columns
        mean = self._mean(at)
        p = max(P_SUCCESS, poisson_tail(accounts, mean))
        own = bool((columns["who"][at] == self._habits.traits.key(seen.row.account)).any())
        who = Who(seen.account, self._names.account_name(seen.account), seen.site)
        ip = str(seen.row.ip)
        events = self._habits.events_of(tick, seen)
        tried = "after failing there" if own else "at the first try"
        case = Case(
            ts=seen.ts, target=("success", ip, day_of(seen.ts)), p=p,
            text=f"{who.name} signed in from {ip} {tried}: {accounts} accounts failed from that address in the 24 h "
            f"before, and the account is not at home there; p = {p:.2g}.",
            observed=float(max(1, len(events))), stage="act", techniques=("T1110.003", "T1078.004"),
            basis={"accounts": float(accounts), "mean": mean, "floor": P_SUCCESS},
            keys=(f"source:{ip}", f"address:{ip}", *_session(seen)),
            marks=("success", "sprayed_success"), events=events, opens=True, reference="analytic",
            check=f"Reset the password of {who.name} and end its sessions.",
        )  # fmt: skip
        return told(self, self._names, who, case)


def _is_frozen(tick: Tick, account: int) -> bool:
    return 0 <= account < len(tick.frozen_accounts) and bool(tick.frozen_accounts[account])


def _failures(tick: Tick, sources: set[str]) -> dict[str, list[Event]]:
    """Return the tick's failed records of these sources."""
    found: dict[str, list[Event]] = {}
    for i in by_kind(tick, "signin") if sources else ():
        event = tick.events[i]
        if event.outcome == "failure" and event.ip in sources:
            found.setdefault(str(event.ip), []).append(event)
    return found


def _accounts(events: list[Event]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(f"account:{event.account}" for event in events if event.account))[:16]


def _session(seen: SignInSeen) -> tuple[str, ...]:
    return (f"session:{seen.row.session_id}",) if seen.row.session_id else ()
