"""Places: a sign-in from a network, in a country or with a client that neither its account nor its tenant is used to.

p = P(new for the account) × P(of the tenant's mass, at most as common), the smallest over the traits that the record
names × their number (`sensor.detectors.habits`). Place is read from sign-in records alone, of those whose secret was
right: successes, and prompts that were refused after it. A device known on three earlier days, and a sign-in that the
network supports, carry no place evidence. A record without a country is judged by its network, and the text says so.

Beside it, and weak: travel that no aircraft makes (VPNs, carriers and relays do), at most TRAVEL_DB; and what the
provider itself found risky, at its assumed rates.

What was said is taken back (`said`) when the network's verdict on the sign-in becomes supported, and when many accounts
moved together (`moves`), which is told once a day for all.

Does not judge token refreshes (`session` does), nor accounts that never signed in.
"""

from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from baselines.evidence import p_of_decibans
from sensor.detectors import moves, said
from sensor.detectors.acts import (
    Case,
    Who,
    by_kind,
    day_of,
    keys_of,
    multiply_again,
    rate_of,
    recount_records,
    told,
    who_of,
)  # fmt: skip
from sensor.detectors.habits import shared
from sensor.detectors.judged import JUDGED, P_RARE, Judged
from sensor.detectors.moves import Move
from sensor.detectors.provider_risk import RISKS, risk_of
from sensor.detectors.traits import agent_name, network_name
from sensor.detectors.travel import Leap, Placed, leaps, placed_in, remember
from sensor.model.account import SignInSeen
from sensor.model.archive import Archive
from sensor.model.event import Event
from sensor.model.evidence import Evidence, Finding
from sensor.model.result import Coverage
from sensor.model.tick import Names, Tick
from sensor.model.times import HOUR_NS, rfc3339

TRAVEL_DB = 6.0
MOVE_RATE = 1 / 100
"""A site whose accounts move to another network together, a day: assumed; a line fails some times a year."""
_REFUSED = frozenset({"denied", "timed_out"})
_WITHOUT_PERSON = frozenset({"non_interactive", "service_principal", "managed_identity"})


def detector(names: Names, secret: int) -> "Place":
    """Make the detector of this module."""
    return Place(names, secret)


def recount(evidence: Evidence, archive: Archive) -> float | None:
    """Return how many of the records behind it the archive holds."""
    return recount_records(evidence, archive)


def again(evidence: Evidence) -> float | None:
    """Return p by its definition, from P(new), the tenant's share, and the number of traits."""
    basis = evidence.basis
    if "own" not in basis:
        return multiply_again(evidence)
    return float(max(min(1.0, basis["own"] * basis["tail"] * basis["traits"]), basis.get("floor", 0.0)))


class Place:
    """Networks, countries and clients of sign-ins by account and tenant."""

    name = "place"
    family = "place"
    techniques: tuple[str, ...] = ("T1078.004",)
    needs = "history"
    unit = "P(a place as rare as this)"
    citation = "Pitman and Yor 1997, section 3; METHOD in force, Identity"

    def __init__(self, names: Names, secret: int) -> None:
        self._names = names
        self._habits = shared(names, secret)
        self._said = said.shared(names)
        self._moves = moves.shared(names, self._habits)
        self._seen = 0
        self._judged = 0
        self._tick: Tick | None = None
        self._placed: Placed | None = None

    @property
    def saturation(self) -> dict[str, float]:
        """Share of the cap in use, by table."""
        return self._habits.saturation

    def score(self, tick: Tick) -> list[Finding]:
        """Judge each sign-in whose secret was right."""
        found = [
            self._risky(tick, i, risk)
            for kind in ("signin", "admin", "other")
            for i in by_kind(tick, kind)
            if (risk := risk_of(tick.events[i]))
        ]
        if not tick.signins:
            return found
        judged = self._habits.judge(tick)
        self._seen += len(tick.signins)
        self._judged += int((judged.account >= 0).sum())
        found += self._common(tick, judged)
        rare = np.nonzero((judged.raw < P_RARE) & ~judged.known_device)[0].tolist()
        found += [self._finding(tick, judged, i) for i in rare if self._counts(tick.signins[i], judged, i)]
        return [*found, *self._travel(tick), *self._supported(tick, judged)]

    def learn(self, tick: Tick, flagged: NDArray[np.bool_]) -> None:
        """Teach what all identity detectors hold to be usual, and remember where each account was last."""
        self._habits.learn(tick, flagged)
        remember(self._placed_in(tick), self._habits.accounts)
        self._tick = self._placed = None

    def coverage(self) -> Coverage:
        """Say how many sign-ins were of accounts that are known."""
        if not self._seen:
            return Coverage(detector=self.name, state="no_input", why="no sign-in")
        if not self._judged:
            return Coverage(detector=self.name, state="learning", why="no account has signed in before")
        return Coverage(
            detector=self.name, state="judged", why=f"{self._judged:,} of {self._seen:,} sign-ins held against history"
        )

    def save(self) -> dict[str, NDArray[Any]]:
        """Return its state, which is the habits of all identity detectors, as named arrays."""
        blobs = {"said": self._said.save(), "moves": self._moves.save()}
        return {**self._habits.save(), **{name: np.frombuffer(blob, np.uint8) for name, blob in blobs.items()}}

    def load(self, state: dict[str, NDArray[Any]]) -> None:
        """Restore what `save` returned. Raises ValueError for a version it cannot read."""
        if state:
            self._habits.load(state)
        if "said" in state:
            self._said.load(state["said"].tobytes())
            self._moves.load(state["moves"].tobytes())

    def _counts(self, seen: SignInSeen, judged: Judged, i: int) -> bool:
        """Tell whether a sign-in can be place evidence: its secret was right, a person made it, nothing explains it."""
        row, account = seen.row, int(judged.account[i])
        right = row.result == "success" or row.mfa in _REFUSED
        if not right or row.category in _WITHOUT_PERSON or row.corroboration == "supported":
            return False
        if row.ip and row.corroboration == "unknown" and self._said.is_vouched(account, row.ip, seen.ts):
            return False
        # The move explains the network and where it is, not another client.
        return JUDGED[int(judged.which[i])] == "agent" or not self._moves.is_common(
            account, int(judged.values["network"][i]), seen.ts
        )

    def _supported(self, tick: Tick, judged: Judged) -> list[Finding]:
        """Take back what was said of places where the network saw the sign-in after all, or a known device signed in.

        Of one sign-in a federated service writes a row of its own, that names neither the device nor the provider's id.
        """
        found: list[Finding] = []
        own = judged.known_device & judged.good & (judged.network_days == 0)
        for i, seen in enumerate(tick.signins):
            row, account = seen.row, int(judged.account[i])
            if not row.ip or account < 0:
                continue
            if row.corroboration == "supported":
                found += self._said.vouch(account, row.ip, seen.ts, f"the network saw the sign-in: {row.because}")
            elif own[i]:
                why = f"{self._names.account_name(account)} signed in from {row.ip} on a device it is known by"
                found += self._said.vouch(account, row.ip, seen.ts, why)
        return found

    def _common(self, tick: Tick, judged: Judged) -> list[Finding]:
        """Tell of moves of many, once a day and site, and take back what was said of each account's part in them."""
        found: dict[str, Finding] = {}
        for move, seen, accounts in self._moves.observe(tick.signins, judged):
            row = self._move(tick, move, seen)
            found[row.evidence.id] = row
            for account in accounts:
                ts, address = move.moved.get(account, (seen.ts, seen.row.ip or ""))
                for taken in self._said.vouch(account, address, ts, row.evidence.text):
                    found[taken.evidence.id] = taken
        return list(found.values())

    def _move(self, tick: Tick, move: Move, last: SignInSeen) -> Finding:
        site = self._names.site_name(last.site)
        network, count = network_name(last.row.ip, last.row.asn), len(move.moved)
        case = Case(
            ts=last.ts, target=("move", move.network, day_of(move.told_ns)), p=MOVE_RATE,
            text=f"{count} accounts that are at home on one network signed in from {network} ({last.row.ip}) since "
            f"{rfc3339(move.begun_ns)[:16]}Z, with clients they are known by: one move, as when a site's line fails "
            f"over, not {count} new places.",
            observed=float(count), basis={"rate": MOVE_RATE}, stage="", events=self._habits.events_of(tick, last),
            kind="site", check=f"Ask who runs {site}'s line whether it moved to {network}.",
        )  # fmt: skip
        row = told(self, self._names, Who(-1, site, last.site), case)
        return msgspec.structs.replace(row, digest=True, techniques=())

    def _finding(self, tick: Tick, judged: Judged, i: int) -> Finding:
        seen, p, k = tick.signins[i], float(judged.p[i]), int(judged.which[i])
        row, account = seen.row, int(judged.account[i])
        who = Who(account, self._names.account_name(account), seen.site)
        events = self._habits.events_of(tick, seen)
        marks = (
            *(("success",) if row.result == "success" else ()), *(("rare_place",) if p < P_RARE else ()),
            *(("repeated",) if judged.repeated[i] else ()),
        )  # fmt: skip
        tenant_days = self._habits.tenant_days(int(judged.tenant[i]))
        basis = {
            "own": float(judged.own[k, i]), "tail": float(judged.tail[k, i]),
            "traits": float(sum(bool(judged.values[trait][i]) for trait in JUDGED)), "tenant_days": float(tenant_days),
            "account_days": float(self._habits.account_days(account)),
        }  # fmt: skip
        if p > judged.raw[i]:
            basis["floor"] = p
        counter = () if p < P_RARE else (f"the tenant is known for {tenant_days} account-days only: new is not rare",)
        case = Case(
            ts=seen.ts, target=("rare", int(judged.values[JUDGED[k]][i]), int(judged.first_day[i])), p=p,
            text=self._text(judged, i, seen, who, tenant_days), observed=float(max(1, len(events))), basis=basis,
            stage="entry", keys=_keys(self._names, seen), marks=marks, events=events, opens=p < P_RARE, counter=counter,
            reference="own", reference_n=int(basis["account_days"]),
            check=f"Ask {who.name} where they were, over a channel that is not mail.",
        )  # fmt: skip
        return self._said.tell(told(self, self._names, who, case), row.ip or "")

    def _text(self, judged: Judged, i: int, seen: SignInSeen, who: Who, tenant_days: int) -> str:
        row, k, days = seen.row, int(judged.which[i]), self._habits.account_days(int(judged.account[i]))
        network = network_name(row.ip, row.asn)
        where = f"{row.country}, {network}" if row.country else network
        what = {
            "network": f"network {network}", "country": f"country {row.country}",
            "agent": f"client {agent_name(row.user_agent or '')}",
        }  # fmt: skip
        beside = [what[trait] for j, trait in enumerate(JUDGED) if j != k and judged.own[j, i] < 1.0]
        nor = f" (nor the {' and the '.join(beside)})" if beside else ""
        how = "signed in" if row.result == "success" else "gave the right secret, and no second factor,"
        blind = "" if row.country else "; no country is known, so it is judged by its network"
        old = int(judged.day[i] - judged.first_day[i])
        first = f"first so {old} day{'s' * (old != 1)} before" if old else "as earlier that day"
        again_so = f"; {first}" if judged.repeated[i] else ""
        return (
            f"{who.name} {how} from {row.ip or 'an unknown address'} ({where}). In {days:,} days the account never "
            f"used the {what[JUDGED[k]]}{nor}, and of its tenant's {tenant_days:,} account-days "
            f"{_share(judged.tail[k, i])} are as rare"
            f"{self._hour(judged, i, seen)}{blind}{again_so}; p = {judged.p[i]:.2g}."
        )

    def _hour(self, judged: Judged, i: int, seen: SignInSeen) -> str:
        """Say where the account was never active at that hour of the day (UTC); told, not weighed."""
        hours = self._habits.accounts["hours"][judged.account[i]]
        hour = seen.ts // HOUR_NS % 24
        days = self._habits.account_days(int(judged.account[i]))
        near = sum(int(hours[(hour + step) % 24 + 24 * part]) for step in (-1, 0, 1) for part in (0, 1))
        return f"; it was never active around {hour:02d}:00 UTC" if days >= 10 and near == 0 else ""

    def _travel(self, tick: Tick) -> list[Finding]:
        """Return sign-ins that are too far from the one before, unless the network is one of the account's."""
        found: list[Finding] = []
        for leap in leaps(self._placed_in(tick), self._habits.accounts):
            event = tick.events[leap.at]
            if not self._is_explained(int(tick.event_account[leap.at]), leap.network, event):
                found.append(self._said.tell(self._impossible(tick, leap), event.ip or ""))
        return found

    def _placed_in(self, tick: Tick) -> Placed:
        """Return where a tick's sign-ins succeeded, read once."""
        if self._tick is not tick or self._placed is None:
            self._tick, self._placed = tick, placed_in(tick, self._habits.traits)
        return self._placed

    def _is_explained(self, account: int, network: int, event: Event) -> bool:
        """Tell whether a network is the account's own (VPN, carrier, relay), was vouched for, or that of a move."""
        return (
            bool((self._habits.accounts["network"][account] == network).any())
            or self._said.is_vouched(account, event.ip or "", event.ts)
            or self._moves.is_common(account, network, event.ts)
        )

    def _impossible(self, tick: Tick, leap: Leap) -> Finding:
        event, who, km, hours = tick.events[leap.at], who_of(self._names, tick, leap.at), leap.km, leap.hours
        where = f" ({event.country})" if event.country else ""
        case = Case(
            ts=event.ts, target=("travel", event.ts // (24 * HOUR_NS)), p=p_of_decibans(TRAVEL_DB),
            text=f"{who.name} signed in from {event.ip or 'an unknown address'}{where}, {km:,.0f} km from its "
            f"sign-in {hours:.1f} h before. VPNs, carriers and relays do that every day: weak by itself.",
            observed=1.0, basis={"rate": p_of_decibans(TRAVEL_DB), "km": km, "hours": hours}, stage="entry",
            keys=keys_of(event), events=(event,), counter=("a VPN, a carrier or a relay moves an address as far",),
        )  # fmt: skip
        return told(self, self._names, who, case)

    def _risky(self, tick: Tick, i: int, risk: str) -> Finding:
        """Return what the provider itself found."""
        event, who = tick.events[i], who_of(self._names, tick, i)
        assumed, words, technique = RISKS[risk]
        rate, said = rate_of(0, 0, assumed)
        case = Case(
            ts=event.ts, target=("risk", risk, event.ts // (24 * HOUR_NS)), p=rate,
            text=f"{event.source} says of {who.name}, {event.action} from {event.ip or 'an unknown address'}: {words} "
            f"({said}).",
            observed=1.0, basis={"rate": rate}, stage="entry", techniques=(technique,), keys=keys_of(event),
            marks=("success",) if event.outcome == "success" and event.kind == "signin" else (), events=(event,),
        )  # fmt: skip
        return told(self, self._names, who, case)


def _keys(names: Names, seen: SignInSeen) -> tuple[str, ...]:
    row = seen.row
    device = names.device_id(seen.device) if seen.device >= 0 else row.device
    pairs = (("address", row.ip), ("session", row.session_id), ("device", device))
    return tuple(f"{kind}:{value}" for kind, value in pairs if value)


def _share(tail: float) -> str:
    return f"{100 * tail:.2g} %" if tail < 1 else "all"
