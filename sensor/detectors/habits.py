"""What each account's sign-ins usually look like, and each tenant's: shared by the identity detectors.

Values of five traits (network, country, client, device, application) are counted in *active days*, never rows: a value
counts once an account and day. P(new for the account) is Pitman–Yor's; P(of the tenant's mass, at most as common) is
the same predictive with every value that is at most as common put to the new one:
(α + d K + Σ_{n_j ≤ c} (n_j − d)) / (α + N). One object serves all detectors of a process; `place` saves, loads and
teaches it. A tick is judged once, by whoever asks first.

Sketches: a value that an account has not used longest gives up its slot and is then new again.
"""

import weakref
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from baselines.evidence import p_of_decibans
from baselines.keyed import KeyedTable
from baselines.novelty import ALPHA, DISCOUNT
from baselines.parts import packed, unpack
from baselines.table import Table
from sensor.detectors.acts import by_kind, day_of, days_of
from sensor.detectors.judged import JUDGED, P_RARE, Judged, news
from sensor.detectors.traits import Traits, values_of
from sensor.model.account import SignInSeen
from sensor.model.event import Event
from sensor.model.tick import Names, Tick
from sensor.model.times import HOUR_NS

ACCOUNTS_MAX = 200_000
TENANTS_MAX = 4096
"""Tenants told apart; the first one stands for all further ones."""
VALUES_MAX = 1 << 20
"""(tenant, trait, value); the half unused longest goes first."""
SLOTS = {"network": 16, "country": 8, "agent": 12, "device": 8, "app": 12}
"""Values remembered an account. 672 bytes in all, of the account's 3 KiB."""
BINS = 64
"""Classes of counts: exact below EXACT, two an octave above, up to 10^6 account-days."""
EXACT = 32
RING = 8
"""Unusual values an account is remembered for, so that they count once an incident."""
KNOWN_DAYS = 3
"""Earlier days from which on a device is the account's own; METHOD in force."""
QUARANTINE_DAYS = 2
"""An unusual value is learned after 48 h, if nothing came of it; METHOD in force."""
REPEATED_DAYS = 14
"""As long as an account's incident stays open after its last evidence; METHOD in force."""
P_QUARANTINE = 1e-3
TENANT_DAYS = 100
"""Account-days below which a tenant's novelty is worth at most SMALL_DB; METHOD in force."""
SMALL_DB = 2.0
_PIECE = 1 << 16
_SHARED: "weakref.WeakKeyDictionary[Names, Habits]" = weakref.WeakKeyDictionary()


def shared(names: Names, secret: int) -> "Habits":
    """Return the one object of these entities."""
    found = _SHARED.get(names)
    if found is None:
        found = _SHARED[names] = Habits(names, secret)
    return found


class Habits:
    """Usual values of accounts and tenants.

    Attributes:
        traits: Keys of texts and addresses.
    """

    def __init__(self, names: Names, secret: int) -> None:
        self.traits = Traits(secret)
        self._names = names
        spec: dict[str, Any] = {
            "tenant": (np.int32, (), -1), "days": (np.int32, (), 0), "day": (np.int32, (), -1),
            "alive": (np.int32, (), -1),
            "hour": (np.int32, (), -1), "hours": (np.uint16, (48,), 0),
            "lat": (np.float32, (), np.nan), "lon": (np.float32, (), np.nan),
            "placed_ns": (np.int64, (), 0), "placed_network": (np.uint64, (), 0),
            "flagged": (np.uint64, (RING,), 0), "flagged_first": (np.int32, (RING,), -1),
            "flagged_last": (np.int32, (RING,), -1),
        }  # fmt: skip
        for trait, slots in SLOTS.items():
            spec[f"{trait}"] = (np.uint64, (slots,), 0)
            spec[f"{trait}_days"] = (np.uint16, (slots,), 0)
            spec[f"{trait}_last"] = (np.uint16, (slots,), 0)
            spec[f"{trait}_draws"] = (np.int32, (), 0)
            spec[f"{trait}_kinds"] = (np.int32, (), 0)
        self._accounts = Table(spec, ACCOUNTS_MAX)
        k = len(JUDGED)
        self._tenants = Table(
            {
                "days": (np.int64, (), 0), "draws": (np.int64, (k,), 0), "kinds": (np.int64, (k,), 0),
                "mass": (np.int64, (k, BINS), 0), "held": (np.int64, (k, BINS), 0),
            }, TENANTS_MAX,
        )  # fmt: skip
        self._values = KeyedTable({"days": (np.int64, (), 0)}, VALUES_MAX, secret)
        self._tenant_names: dict[str, int] = {}
        self._domains: dict[str, int] = {}
        self._frozen = np.zeros(0, np.bool_)
        self._indexed: Tick | None = None
        self._by_id: dict[str | None, list[int]] = {}
        self._tick: Tick | None = None
        self._judged: Judged | None = None

    @property
    def saturation(self) -> dict[str, float]:
        """Share of each cap in use."""
        return {"identity_accounts": self._accounts.saturation, "identity_values": self._values.saturation}

    @property
    def accounts(self) -> dict[str, NDArray[Any]]:
        """Columns by account row."""
        return self._accounts.columns

    def tenant_of(self, account: int) -> int:
        """Return the number of an account's tenant; 0 (all that are of none) for an account that is not known."""
        self._cover()
        return int(self.accounts["tenant"][account]) if 0 <= account < self._accounts.rows else 0

    def tenant_days(self, tenant: int) -> int:
        """Return how many account-days a tenant has."""
        return int(self._tenants.columns["days"][tenant]) if 0 <= tenant < self._tenants.rows else 0

    def account_days(self, account: int) -> int:
        """Return on how many days an account signed in."""
        return int(self.accounts["days"][account]) if 0 <= account < self._accounts.rows else 0

    def is_own_domain(self, domain: str, account: int) -> bool:
        """Tell whether a domain, or one it is under, is of the account's tenant."""
        self._cover()
        tenant = self.tenant_of(account)
        return any(self._domains.get(part) == tenant for part in _parents(domain))

    def is_suspected(self, account: int, ts: int) -> bool:
        """Tell whether an account was in an open incident a moment ago, or at an unusual place in REPEATED_DAYS."""
        if not 0 <= account < self._accounts.rows:
            return False
        if account < len(self._frozen) and self._frozen[account]:
            return True
        return bool(self.accounts["flagged_last"][account].max() >= day_of(ts) - REPEATED_DAYS)

    def last_day(self, account: int) -> int:
        """Return the day an account last signed in before the tick, −1 where it never did.

        Of frozen accounts too: nobody sleeps for being suspected.
        """
        return max(int(self.accounts["day"][account]), int(self.accounts["alive"][account]))

    def judge(self, tick: Tick) -> Judged:
        """Judge a tick's sign-ins, once."""
        if self._tick is not tick or self._judged is None:
            self._cover()
            self._judged = self._judge(tick)
            self._tick = tick
        return self._judged

    def events_of(self, tick: Tick, seen: SignInSeen) -> list[Event]:
        """Return the tick's records of a sign-in."""
        if self._indexed is not tick:
            self._indexed, self._by_id = tick, {}
            for i in by_kind(tick, "signin"):
                self._by_id.setdefault(tick.events[i].raw_id, []).append(i)
        return [tick.events[i] for raw_id in seen.row.raw_ids for i in self._by_id.get(raw_id, ())]

    def learn(self, tick: Tick, flagged: NDArray[np.bool_]) -> None:
        """Learn a tick's successes, but of frozen accounts, flagged devices, and values in quarantine."""
        self._frozen = tick.frozen_accounts
        if tick.signins:
            self._learn(tick, self.judge(tick), flagged)
        self._tick = self._judged = self._indexed = None
        self._by_id = {}

    def save(self) -> dict[str, NDArray[Any]]:
        """Return everything as named arrays."""
        parts = (("accounts", self._accounts), ("tenants", self._tenants), ("values", self._values))
        state = packed(parts)
        text = msgspec.json.encode([self._tenant_names, self._domains])
        return {**state, "tenant_names": np.frombuffer(text, np.uint8)}

    def load(self, state: dict[str, NDArray[Any]]) -> None:
        """Restore what `save` returned. Raises ValueError for a version it cannot read."""
        unpack(state, (("accounts", self._accounts), ("tenants", self._tenants), ("values", self._values)))
        self._tenant_names, self._domains = msgspec.json.decode(state["tenant_names"].tobytes())

    def _learn(self, tick: Tick, judged: Judged, flagged: NDArray[np.bool_]) -> None:
        self._remember_flagged(judged)
        take = judged.good & (judged.account >= 0)
        # Of several in a tick the last counts: they are of one day, or nearly.
        alive, who = self.accounts["alive"], judged.account[take]
        alive[who] = np.maximum(alive[who], judged.day[take])
        if len(tick.frozen_accounts):
            take &= ~tick.frozen_accounts[np.maximum(judged.account, 0)]
        device = np.array([one.device for one in tick.signins], np.int64)
        if len(flagged):
            take &= ~((device >= 0) & flagged[np.clip(device, 0, len(flagged) - 1)])
        take &= judged.settled
        rows = np.nonzero(take)[0]
        if len(rows) == 0:
            return
        account, day, tenant = judged.account[rows], judged.day[rows], judged.tenant[rows]
        self._learn_days(account, day, tenant, np.array([tick.signins[i].ts for i in rows.tolist()], np.int64))
        for trait in SLOTS:
            value = judged.values[trait][rows]
            on = np.nonzero(value)[0]
            added = self._learn_trait(trait, account[on], value[on], day[on])
            if trait in JUDGED and len(added):
                self._learn_tenant(JUDGED.index(trait), tenant[on[added]], value[on[added]], day[on[added]])

    def _cover(self) -> None:
        """Give new accounts a row and their tenant."""
        before, count = self._accounts.rows, min(self._names.account_count(), ACCOUNTS_MAX)
        if self._tenants.rows == 0:
            self._tenant_names[""] = self._tenants.add()
        if count == before:
            return
        self._accounts.cover(count)
        for row in range(before, count):
            self._place_in_tenant(row)

    def _place_in_tenant(self, row: int) -> None:
        """Give an account the tenant that its name tells, and its tenant the name's domain."""
        number = self.accounts["tenant"][row] = self._tenant_number(self._names.account_tenant(row))
        domain = self._names.account_name(row).partition("@")[2]
        if domain and len(self._domains) < 4 * TENANTS_MAX:
            self._domains.setdefault(domain, int(number))

    def _tenant_number(self, name: str) -> int:
        number = self._tenant_names.get(name)
        if number is None:
            added = self._tenants.add()
            number = self._tenant_names[name] = max(0, added) if added >= 0 else 0
        return number

    def _judge(self, tick: Tick) -> Judged:
        seen = tick.signins
        rows = [one.row for one in seen]
        account = np.array([one.account for one in seen], np.int64)
        account[account >= ACCOUNTS_MAX] = -1
        day = days_of(np.array([one.ts for one in seen], np.int64))
        values = values_of(rows, self.traits)
        good = np.array([row.result == "success" for row in rows], np.bool_)
        known = np.maximum(account, 0)
        if self._accounts.rows:
            for row in np.unique(known[(account >= 0) & (self.accounts["tenant"][known] == 0)]).tolist():
                self._place_in_tenant(row)  # a bare name may have met its realm since
        tenant = self.accounts["tenant"][known].astype(np.int64) if self._accounts.rows else np.zeros_like(account)
        tenant[account < 0] = 0
        own, tail, network_days = self._rarity(account, tenant, day, values)
        named = np.stack([values[trait] != 0 for trait in JUDGED]) if len(seen) else np.zeros((3, 0), np.bool_)
        product = np.where(named, own * tail, 1.0)
        which = np.argmin(product, axis=0)
        p = np.minimum(1.0, product.min(axis=0) * np.maximum(1, named.sum(axis=0))) if len(seen) else np.zeros(0)
        p[account < 0] = 1.0
        first, told = self._flagged(account, day, values)
        at = np.arange(len(seen))
        settled = (p >= P_QUARANTINE) | (day - first[which, at] >= QUARANTINE_DAYS)
        which = news(which, told, product * np.maximum(1, named.sum(axis=0)))
        p = np.minimum(1.0, product[which, at] * np.maximum(1, named.sum(axis=0)))
        p[account < 0] = 1.0
        small = self._tenants.columns["days"][tenant] < TENANT_DAYS
        raw, p = p, np.where(small, np.maximum(p, p_of_decibans(SMALL_DB)), p)
        device_days = self._earlier_days("device", account, day, values["device"])
        return Judged(
            account=account, tenant=tenant, day=day, values=values, own=own, tail=tail, p=p, raw=raw, which=which,
            known_device=device_days >= KNOWN_DAYS, network_days=network_days, good=good, first_day=first[which, at],
            repeated=told[which, at], settled=settled,
        )  # fmt: skip

    def _rarity(
        self, account: NDArray[np.int64], tenant: NDArray[np.int64], day: NDArray[np.int64],
        values: dict[str, NDArray[np.uint64]],
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]:  # fmt: skip
        """Return P(new for the account), P(of the tenant, at most as common), and earlier days on the network."""
        n, columns = len(account), self.accounts
        own, tail = np.ones((len(JUDGED), n)), np.ones((len(JUDGED), n))
        network_days = np.zeros(n, np.int64)
        if n == 0 or not self._accounts.rows:
            return own, tail, network_days
        known = np.maximum(account, 0)
        for k, trait in enumerate(JUDGED):
            value = values[trait]
            hit = columns[trait][known] == value[:, None]
            there = hit.any(axis=1)
            draws, kinds = columns[f"{trait}_draws"][known], columns[f"{trait}_kinds"][known]
            own[k] = np.where(there, 1.0, (ALPHA + DISCOUNT * kinds) / (ALPHA + draws))
            new = np.nonzero(~there & (value != 0) & (account >= 0))[0]
            if len(new):
                tail[k, new] = self._tail(k, tenant[new], value[new])
            if trait == "network":
                network_days = self._earlier_days(trait, account, day, value)
        return own, tail, network_days

    def _earlier_days(
        self, trait: str, account: NDArray[np.int64], day: NDArray[np.int64], value: NDArray[np.uint64]
    ) -> NDArray[np.int64]:
        """Return on how many days before this one an account showed a value."""
        if not self._accounts.rows or not len(account):
            return np.zeros(len(account), np.int64)
        columns, known = self.accounts, np.maximum(account, 0)
        hit = (columns[trait][known] == value[:, None]) & (value != 0)[:, None] & (account >= 0)[:, None]
        today = hit & (columns[f"{trait}_last"][known] == day[:, None])
        days = np.where(hit, columns[f"{trait}_days"][known], 0).sum(axis=1).astype(np.int64)
        return np.asarray(days - today.any(axis=1), np.int64)

    def _tail(self, k: int, tenant: NDArray[np.int64], value: NDArray[np.uint64]) -> NDArray[np.float64]:
        """Return P(of a tenant's mass, at most as common as these values), shape (n,)."""
        columns = self._tenants.columns
        where = self._values.find(_words(tenant, k), value, np.zeros(len(value), np.uint64))
        count = np.where(where >= 0, self._values.columns["days"][np.maximum(where, 0)], 0)
        which, at = np.unique(tenant, return_inverse=True)
        mass = columns["mass"][which, k] - DISCOUNT * columns["held"][which, k]
        below = np.where(count > 0, np.cumsum(mass, axis=1)[at, _bin(count)], 0.0)
        new = ALPHA + DISCOUNT * columns["kinds"][tenant, k]
        return np.asarray(np.minimum(1.0, (new + below) / (ALPHA + columns["draws"][tenant, k])), np.float64)

    def _flagged(
        self, account: NDArray[np.int64], day: NDArray[np.int64], values: dict[str, NDArray[np.uint64]]
    ) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """Return the day on which each value of JUDGED was first unusual, and whether it was before; shape (3, n)."""
        n = len(account)
        first, told = np.tile(day, (len(JUDGED), 1)), np.zeros((len(JUDGED), n), np.bool_)
        if n == 0 or not self._accounts.rows:
            return first, told
        columns, known = self.accounts, np.maximum(account, 0)
        fresh = (day[:, None] - columns["flagged_last"][known] <= REPEATED_DAYS) & (account >= 0)[:, None]
        for k, trait in enumerate(JUDGED):
            value = values[trait]
            hit = (columns["flagged"][known] == value[:, None]) & fresh & (value != 0)[:, None]
            told[k] = hit.any(axis=1)
            since = np.where(hit, columns["flagged_first"][known], 0).max(axis=1)
            first[k] = np.where(told[k], np.minimum(since, day), day)
        return first, told

    def _remember_flagged(self, judged: Judged) -> None:
        """Keep every value that is unusual in the account's ring; the one not seen longest goes."""
        columns, named = self.accounts, np.stack([judged.values[trait] != 0 for trait in JUDGED])
        rare = named & (judged.own * judged.tail * named.sum(axis=0) < P_RARE)
        for i in np.nonzero(judged.good & (judged.p < P_RARE) & (judged.account >= 0))[0].tolist():
            row, day = int(judged.account[i]), judged.day[i]
            for k in np.nonzero(rare[:, i])[0].tolist():
                value = judged.values[JUDGED[k]][i]
                at = np.nonzero(columns["flagged"][row] == value)[0]
                if len(at):
                    slot = int(at[0])
                    if day - columns["flagged_last"][row, slot] > REPEATED_DAYS:
                        columns["flagged_first"][row, slot] = day
                else:
                    slot = int(np.argmin(columns["flagged_last"][row]))
                    columns["flagged"][row, slot], columns["flagged_first"][row, slot] = value, day
                columns["flagged_last"][row, slot] = day

    def _learn_days(
        self, account: NDArray[np.int64], day: NDArray[np.int64], tenant: NDArray[np.int64], ts: NDArray[np.int64]
    ) -> None:
        """Count active days and their hours, each once."""
        columns = self.accounts
        late = np.nonzero(columns["day"][account] < day)[0]
        if len(late):
            _, first = np.unique(account[late] * (1 << 17) + day[late], return_index=True)
            first = late[first]
            np.add.at(columns["days"], account[first], 1)
            np.add.at(self._tenants.columns["days"], tenant[first], 1)
            np.maximum.at(columns["day"], account[first], day[first].astype(np.int32))
        hours = ts // HOUR_NS
        late = np.nonzero(columns["hour"][account] < hours)[0]
        if len(late):
            _, first = np.unique(account[late] * (1 << 24) + hours[late], return_index=True)
            rows, since = account[late[first]], hours[late[first]]
            hour = since % 24 + 24 * ((since // 24 + 3) % 7 >= 5)  # 1970 began on a Thursday
            np.add.at(columns["hours"], (rows, hour), np.uint16(1))
            np.maximum.at(columns["hour"], rows, since.astype(np.int32))

    def _learn_trait(
        self, trait: str, account: NDArray[np.int64], value: NDArray[np.uint64], day: NDArray[np.int64]
    ) -> NDArray[np.int64]:
        """Count a value's day for its account; return the places that were counted, each account, value, day once."""
        columns = self.accounts
        today = (columns[trait][account] == value[:, None]) & (columns[f"{trait}_last"][account] >= day[:, None])
        left = np.nonzero(~today.any(axis=1))[0]
        if len(left) == 0:
            return left
        return left[self._count(trait, account[left], value[left], day[left])]

    def _count(
        self, trait: str, account: NDArray[np.int64], value: NDArray[np.uint64], day: NDArray[np.int64]
    ) -> NDArray[np.int64]:
        """Count values that were not counted on their day yet; return the places that were."""
        columns = self.accounts
        order = np.lexsort((day, value, account))
        keep = np.ones(len(order), np.bool_)
        a, v, d = account[order], value[order], day[order]
        keep[1:] = (a[1:] != a[:-1]) | (v[1:] != v[:-1]) | (d[1:] != d[:-1])
        places = order[keep]
        hit = columns[trait][account[places]] == value[places][:, None]
        slot, there = hit.argmax(axis=1), hit.any(axis=1)
        old = there & (columns[f"{trait}_last"][account[places], slot] < day[places])
        multi = np.zeros(len(places), np.bool_)
        multi[1:] = (a[keep][1:] == a[keep][:-1]) & (v[keep][1:] == v[keep][:-1])
        easy = np.nonzero(old & ~multi)[0]
        rows, at = account[places[easy]], slot[easy]
        columns[f"{trait}_days"][rows, at] = np.minimum(columns[f"{trait}_days"][rows, at].astype(np.int64) + 1, 65_535)
        columns[f"{trait}_last"][rows, at] = day[places[easy]]
        np.add.at(columns[f"{trait}_draws"], rows, 1)
        hard = np.nonzero(multi | ~there)[0]
        added = [easy, *self._add(trait, account[places], value[places], day[places], hard)]
        return np.asarray(places[np.sort(np.concatenate(added))], np.int64)

    def _add(
        self, trait: str, account: NDArray[np.int64], value: NDArray[np.uint64], day: NDArray[np.int64],
        left: NDArray[np.int64],
    ) -> list[NDArray[np.int64]]:  # fmt: skip
        """Count values that are new to their accounts, or seen on two days of one tick: one an account at a time."""
        columns, counted = self.accounts, []
        while len(left):
            _, first = np.unique(account[left], return_index=True)
            now = left[np.sort(first)]
            left = np.setdiff1d(left, now, assume_unique=True)
            rows, keys, days = account[now], value[now], day[now]
            hit = columns[trait][rows] == keys[:, None]
            there = hit.any(axis=1)
            slot = np.where(there, hit.argmax(axis=1), columns[f"{trait}_last"][rows].argmin(axis=1))
            new = ~there | (columns[f"{trait}_last"][rows, slot] < days)
            fresh = np.nonzero(~there)[0]
            columns[trait][rows[fresh], slot[fresh]] = keys[fresh]
            columns[f"{trait}_days"][rows[fresh], slot[fresh]] = 0
            columns[f"{trait}_kinds"][rows[fresh]] += 1
            rows, slot, days = rows[new], slot[new], days[new]
            before = columns[f"{trait}_days"][rows, slot].astype(np.int64)
            columns[f"{trait}_days"][rows, slot] = np.minimum(before + 1, 65_535)
            columns[f"{trait}_last"][rows, slot] = days
            columns[f"{trait}_draws"][rows] += 1
            counted.append(now[new])
        return counted

    def _learn_tenant(
        self, k: int, tenant: NDArray[np.int64], value: NDArray[np.uint64], day: NDArray[np.int64]
    ) -> None:
        """Count account-days of values for their tenants."""
        held = self._tenants.columns
        whose, distinct, counts = _pairs(tenant, value)
        for start in range(0, len(distinct), _PIECE):
            piece = slice(start, start + _PIECE)
            which, more = whose[piece], counts[piece]
            self._values.reserve(len(which))
            where = self._values.insert(_words(which, k), distinct[piece], np.zeros(len(which), np.uint64))
            before = self._values.columns["days"][where]
            after = before + more
            self._values.columns["days"][where], self._values.columns["last"][where] = after, int(day.max())
            old, fresh = np.nonzero(before > 0)[0], np.nonzero(before == 0)[0]
            for name, change in (("mass", before[old]), ("held", np.ones(len(old), np.int64))):
                np.subtract.at(held[name][:, k], (which[old], _bin(before[old])), change)
            for name, change in (("mass", after), ("held", np.ones(len(after), np.int64))):
                np.add.at(held[name][:, k], (which, _bin(after)), change)
            np.add.at(held["kinds"][:, k], which[fresh], 1)
            np.add.at(held["draws"][:, k], which, more)


def _pairs(
    tenant: NDArray[np.int64], value: NDArray[np.uint64]
) -> tuple[NDArray[np.int64], NDArray[np.uint64], NDArray[np.int64]]:
    """Return each pair of tenant and value once, in order, and how often it is there."""
    order = np.lexsort((value, tenant))
    whose, which = tenant[order], value[order]
    first = np.ones(len(order), np.bool_)
    first[1:] = (whose[1:] != whose[:-1]) | (which[1:] != which[:-1])
    at = np.nonzero(first)[0]
    return whose[at], which[at], np.diff(at, append=len(order))


def _words(tenant: NDArray[np.int64], k: int) -> NDArray[np.uint64]:
    return np.asarray(tenant * 8 + k, np.uint64)


def _bin(count: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the class of each count: exact below EXACT, then two an octave."""
    above = EXACT + np.floor(2 * np.log2(np.maximum(count, 1) / EXACT)).astype(np.int64)
    return np.asarray(np.where(count < EXACT, count, np.minimum(above, BINS - 1)), np.int64)


def _parents(domain: str) -> list[str]:
    """Return a domain and those it is under, of at least two labels, at most eight."""
    labels = domain.lower().strip(".").split(".")[-8:]
    return [".".join(labels[i:]) for i in range(max(1, len(labels) - 1))]
