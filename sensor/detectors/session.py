"""Sessions: one session or token that is used from two networks, or by two clients, at once.

A browser's session stays with its browser: another client of the same session is a copied token. Another network within
WINDOW_NS is one only where it is not the account's own by KNOWN_DAYS of use, since phones move between Wi-Fi and
carrier all day and people come home; where no sign-in from there was supported; and where not everybody moved there.
A record that names no network (a file's, a mail's) has that which the sign-ins from its address named. Read from every
record that names a session: sign-ins, files, mail. A provider's own finding that a token was reused is told as such.

Sessions without a client or an address are not judged; addresses of services that act for the user are excluded where
the record says so.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from baselines.evidence import p_of_decibans
from baselines.parts import packed, unpack
from baselines.slots import Slots
from baselines.table import Table
from sensor.detectors import moves, said
from sensor.detectors.acts import (
    Case,
    day_of,
    keys_of,
    multiply_again,
    rate_of,
    recount_records,
    told,
    who_of,
)  # fmt: skip
from sensor.detectors.habits import KNOWN_DAYS, TENANTS_MAX, shared
from sensor.detectors.place import TRAVEL_DB
from sensor.detectors.traits import agent_name, network_name
from sensor.model.archive import Archive
from sensor.model.event import Event
from sensor.model.evidence import Evidence, Finding
from sensor.model.result import Coverage
from sensor.model.tick import Names, Tick
from sensor.model.times import DAY_NS, HOUR_NS

CLIENT_RATE = 1 / 500
"""A session on two clients, an account-day: assumed, until the tenant has its own days."""
NETWORK_RATE = p_of_decibans(TRAVEL_DB)
"""A session on two networks with one client, at the least: as weak as travel that no aircraft makes, and for the same
reason. By the tenant's own rate a site that leaves by another provider for a day made one page of it (12 dB), in 40
people's five weeks three triages."""
BOTH = 0.1
REUSED_RATE = 1 / 1000
SESSIONS_MAX = 1 << 16
WINDOW_NS = HOUR_NS
KEPT_NS = 2 * DAY_NS
_REUSED = frozenset({"app.oauth2.token.detect_reuse", "app.oauth2.as.token.detect_reuse", "app.token.reuse"})
_KINDS = frozenset({"signin", "file", "mailbox", "mail_rule", "admin", "consent"})


def detector(names: Names, secret: int) -> "Session":
    """Make the detector of this module."""
    return Session(names, secret)


def recount(evidence: Evidence, archive: Archive) -> float | None:
    """Return how many of the records behind it the archive holds."""
    return recount_records(evidence, archive)


def again(evidence: Evidence) -> float | None:
    """Return the rate times its factors again."""
    return multiply_again(evidence)


class Session:
    """Networks and clients by session."""

    name = "session"
    family = "session"
    techniques: tuple[str, ...] = ("T1550.001", "T1539")
    needs = "nothing"
    unit = "sessions on two networks or clients"
    citation = "METHOD in force, Identity"

    def __init__(self, names: Names, secret: int) -> None:
        self._names = names
        self._habits = shared(names, secret)
        self._said = said.shared(names)
        self._moves = moves.shared(names, self._habits)
        spec: dict[str, Any] = {
            "network": (np.uint64, (), 0), "agent": (np.uint64, (), 0), "last": (np.int64, (), 0),
            "account": (np.int32, (), -1), "told": (np.uint8, (), 0),
        }  # fmt: skip
        self._sessions = Slots(spec, 1, SESSIONS_MAX)
        self._tenants = Table({"agent": (np.int64, (), 0), "network": (np.int64, (), 0)}, TENANTS_MAX)
        self._seen = 0

    @property
    def saturation(self) -> dict[str, float]:
        """Share of the cap in use, by table."""
        return {"sessions": self._sessions.saturation}

    def score(self, tick: Tick) -> list[Finding]:
        """Compare every record's session with where, and by what, it was used last."""
        found: dict[str, Finding] = {}
        for i, event in enumerate(tick.events):
            if event.action in _REUSED and event.outcome != "unknown":
                finding = self._reused(tick, i)
                found[finding.evidence.id] = finding
            if event.session_id is None or event.kind not in _KINDS or event.outcome == "failure":
                continue
            self._seen += 1
            moved = self._take(tick, i, event)
            if moved is not None:
                found[moved.evidence.id] = moved
        return list(found.values())

    def learn(self, tick: Tick, flagged: NDArray[np.bool_]) -> None:
        """Do nothing: a session is remembered as it is judged."""

    def coverage(self) -> Coverage:
        """Say whether records named sessions."""
        if not self._seen:
            return Coverage(detector=self.name, state="no_input", why="no record names a session")
        return Coverage(detector=self.name, state="judged", why=f"{self._seen:,} records with a session")

    def save(self) -> dict[str, NDArray[Any]]:
        """Return its state as named arrays."""
        parts = (("sessions", self._sessions), ("tenants", self._tenants))
        return packed(parts)

    def load(self, state: dict[str, NDArray[Any]]) -> None:
        """Restore what `save` returned. Raises ValueError for a version it cannot read."""
        unpack(state, (("sessions", self._sessions), ("tenants", self._tenants)), optional=True)

    def _take(self, tick: Tick, i: int, event: Event) -> Finding | None:
        """Take one record of a session in."""
        traits = self._habits.traits
        network = self._moves.network_of(event.ip, event.asn)
        # Office's own clients share a browser's session; another browser does not.
        agent = traits.agent(event.user_agent) if (event.user_agent or "").startswith("Mozilla/") else 0
        row = self._sessions.take(f"{event.source}/{event.session_id}")
        columns = self._sessions.columns
        before_network, before_agent = int(columns["network"][row]), int(columns["agent"][row])
        before_ts = int(columns["last"][row])
        account = int(tick.event_account[i])
        fresh = before_ts <= event.ts - KEPT_NS or int(columns["account"][row]) != account
        columns["account"][row], columns["last"][row] = account, event.ts
        if network:
            columns["network"][row] = network
        if agent:
            columns["agent"][row] = agent
        if fresh:
            columns["told"][row] = 0
            return None
        other_network = bool(network and before_network and network != before_network)
        other_agent = bool(agent and before_agent and agent != before_agent)
        if other_network and (event.ts - before_ts > WINDOW_NS or self._is_explained(account, network, event)):
            other_network = False
        if not other_agent and not other_network:
            return None
        return self._moved(tick, i, event, row, other_agent=other_agent, other_network=other_network)

    def _is_explained(self, account: int, network: int, event: Event) -> bool:
        """Tell whether a network is the account's own, was vouched for, or is where everybody moved."""
        columns = self._habits.accounts
        if not 0 <= account < len(columns["network"]):
            return False
        own = columns["network_days"][account][columns["network"][account] == network] >= KNOWN_DAYS
        return (
            bool(own.any())
            or self._said.is_vouched(account, event.ip or "", event.ts)
            or self._moves.is_common(account, network, event.ts)
        )

    def _moved(
        self, tick: Tick, i: int, event: Event, row: int, *, other_agent: bool, other_network: bool
    ) -> Finding:  # fmt: skip
        who = who_of(self._names, tick, i)
        what = "agent" if other_agent else "network"
        tenant = self._habits.tenant_of(who.account)
        days = self._habits.tenant_days(tenant)
        self._tenants.cover(tenant + 1)
        counted = int(self._tenants.columns[what][tenant])
        rate, said = rate_of(counted, days, CLIENT_RATE if other_agent else NETWORK_RATE)
        if not self._sessions.columns["told"][row]:
            self._tenants.columns[what][tenant] += 1
        self._sessions.columns["told"][row] = 1
        if not other_agent and rate < NETWORK_RATE:
            rate, said = NETWORK_RATE, f"taken for one in {1 / NETWORK_RATE:.0f} account-days, however rare it is here"
        basis = {"rate": rate}
        if other_agent and other_network:
            basis["factor both"] = BOTH
        p = rate * basis.get("factor both", 1.0)
        how = f"with {agent_name(event.user_agent or '')}" if other_agent else "with the same client"
        where = (
            f"from another network ({network_name(event.ip, event.asn)})" if other_network else "from the same network"
        )
        case = Case(
            ts=event.ts, target=("moved", str(event.session_id), day_of(event.ts)), p=p,
            text=f"{who.name}: a session begun elsewhere went on {where} {how}, from {event.ip or 'nowhere known'}. "
            f"A session stays with its browser: that is {said}; p = {p:.2g}.",
            observed=1.0, basis=basis, stage="entry", keys=keys_of(event), events=(event,), opens=other_agent,
            counter=() if other_agent else ("phones change networks",),
            check=f"End the sessions of {who.name}, and see what this one did.",
        )  # fmt: skip
        found = told(self, self._names, who, case)
        # Another client of a session is strange wherever it is.
        return found if other_agent or not event.ip else self._said.tell(found, event.ip)

    def _reused(self, tick: Tick, i: int) -> Finding:
        event, who = tick.events[i], who_of(self._names, tick, i)
        rate, said = rate_of(0, 0, REUSED_RATE)
        case = Case(
            ts=event.ts, target=("reused", day_of(event.ts)), p=rate,
            text=f"{who.name}: {event.source} saw a token used again that was spent, from "
            f"{event.ip or 'an unknown address'} ({said}).",
            observed=1.0, basis={"rate": rate}, stage="entry", techniques=("T1528", "T1550.001"), keys=keys_of(event),
            events=(event,),
        )  # fmt: skip
        return told(self, self._names, who, case)
