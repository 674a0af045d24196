"""Mailboxes: what a suspected account does in mail, where it never did.

People read, move and delete mail all day: it weighs only after a rare place, or while an incident of the account is
open, and opens nothing. Then: a folder that the account never changed before, with Sent Items and Deleted Items apart,
where traces are removed; a mailbox that is not its own; messages read in bulk or synchronised whole.

A folder is compared by its name and by what was done in it; to change what is attached to a message is an act of its
own, as payments are diverted by it. Counted in active days. Exchange's own services
(`Client=REST;Client=RESTSystem`) act for nobody and are left out.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from baselines.novelty import ALPHA, DISCOUNT
from baselines.slots import Slots
from sensor.detectors.acts import (
    Case,
    Who,
    by_kind,
    day_of,
    keys_of,
    multiply_again,
    recount_records,
    teaches,
    told,
    who_of,
)  # fmt: skip
from sensor.detectors.habits import shared
from sensor.model.archive import Archive
from sensor.model.event import Event
from sensor.model.evidence import Evidence, Finding
from sensor.model.result import Coverage
from sensor.model.tick import Names, Tick

PLACES = 24
"""(act, folder or mailbox) remembered an account; the one not used longest goes."""
ACCOUNTS_MAX, UNKNOWN_MAX = 200_000, 4096
FACTORS = {"traces": 0.5, "another's": 0.2, "bulk": 0.1, "sync": 0.2}
"""Share of benign acts of mail that have a property: assumed, orders of magnitude."""
RATE = 0.3
"""A day on which an account changes a folder it never did, of all its days: assumed until it has own days."""
P_TOLD = 0.15
"""Beyond, an act weighs under 1 dB."""
BULK_ITEMS = 100
"""Messages of one record: Exchange aggregates two minutes of access, in which nobody reads a hundred."""
_SERVICE = "client=rest;client=restsystem"
_TRACES = ("sent", "deleted", "recoverable", "gesendet", "gelöscht", "envoy", "supprim")
_CHANGES = {
    "update": "changed", "create": "created", "move": "moved", "movetodeleteditems": "deleted", "softdelete": "deleted",
    "harddelete": "deleted", "send": "sent", "sendas": "sent as another", "sendonbehalf": "sent for another",
    "mailitemsaccessed": "read", "folderbind": "read", "messagebind": "read", "copy": "copied",
    "delivery sent": "sent", "delivery replied": "sent", "delivery forwarded": "sent", "delivery moved": "moved",
    "delivery trashed": "deleted", "delivery deleted": "deleted", "delivery archived": "archived",
    "delivery opened": "read", "delivery viewed": "read", "delivery fetched": "read", "delivery read_by_app": "read",
    "delivery attachment_fetched": "fetched what is attached to",
}  # fmt: skip
"""Exchange's operations on items and Gmail's events, folded → what was done."""


def detector(names: Names, secret: int) -> "Mailbox":
    """Make the detector of this module."""
    return Mailbox(names, secret)


def recount(evidence: Evidence, archive: Archive) -> float | None:
    """Return how many of the records behind it the archive holds."""
    return recount_records(evidence, archive)


def again(evidence: Evidence) -> float | None:
    """Return the rate times its factors again."""
    return multiply_again(evidence)


class Mailbox:
    """Folders and mailboxes by account."""

    name = "mailbox"
    family = "mailbox"
    techniques: tuple[str, ...] = ("T1114.002",)
    needs = "history"
    unit = "folders an account never changed before"
    citation = "METHOD in force, Identity"

    def __init__(self, names: Names, secret: int) -> None:
        self._names = names
        self._habits = shared(names, secret)
        spec: dict[str, Any] = {
            "place": (np.uint64, (PLACES,), 0), "last": (np.uint16, (PLACES,), 0), "draws": (np.int32, (), 0),
            "kinds": (np.int32, (), 0),
        }  # fmt: skip
        self._accounts = Slots(spec, ACCOUNTS_MAX, UNKNOWN_MAX)
        self._seen = 0

    @property
    def saturation(self) -> dict[str, float]:
        """Share of the cap in use, by table."""
        return {"mailbox_accounts": self._accounts.saturation}

    def score(self, tick: Tick) -> list[Finding]:
        """Judge what suspected accounts did in mail, one evidence an account, day and act."""
        groups: dict[tuple[str, str, int], list[int]] = {}
        for i in by_kind(tick, "mailbox"):
            event = tick.events[i]
            self._seen += 1
            if event.outcome == "failure" or _is_service(event):
                continue
            if self._habits.is_suspected(int(tick.event_account[i]), event.ts):
                who = who_of(self._names, tick, i)
                groups.setdefault((who.name, _act(event), day_of(event.ts)), []).append(i)
        found = (self._judge(tick, rows, act) for (_, act, _), rows in groups.items())
        return [finding for finding in found if finding is not None]

    def learn(self, tick: Tick, flagged: NDArray[np.bool_]) -> None:
        """Learn which folders were changed on which days, but by frozen accounts."""
        for i in by_kind(tick, "mailbox"):
            event = tick.events[i]
            if event.outcome == "failure" or _is_service(event) or not teaches(tick, i, flagged):
                continue
            who = who_of(self._names, tick, i)
            row = self._accounts.take(who.account if who.account >= 0 else who.name)
            columns, day = self._accounts.columns, day_of(event.ts)
            for place in _places(event, who.name):
                key = self._habits.traits.key(place)
                at = np.nonzero(columns["place"][row] == key)[0]
                if len(at) and columns["last"][row, at[0]] >= day:
                    continue
                slot = int(at[0]) if len(at) else int(np.argmin(columns["last"][row]))
                columns["kinds"][row] += not len(at)
                columns["place"][row, slot], columns["last"][row, slot] = key, day
                columns["draws"][row] += 1

    def coverage(self) -> Coverage:
        """Say whether mailbox auditing was logged."""
        if not self._seen:
            return Coverage(detector=self.name, state="no_input", why="no record of a mailbox")
        return Coverage(detector=self.name, state="judged", why=f"{self._seen:,} records of mailboxes")

    def save(self) -> dict[str, NDArray[Any]]:
        """Return its state as named arrays."""
        return self._accounts.save()

    def load(self, state: dict[str, NDArray[Any]]) -> None:
        """Restore what `save` returned. Raises ValueError for a version it cannot read."""
        if state:
            self._accounts.load(state)

    def _judge(self, tick: Tick, rows: list[int], act: str) -> Finding | None:
        events = [tick.events[i] for i in rows]
        who = who_of(self._names, tick, rows[0])
        new = self._new(who, events)
        others = sorted({mailbox for event in events if (mailbox := _others(event, who.name))})
        items = sum(int(event.detail.get("items") or len(event.detail.get("message_ids", ())) or 1) for event in events)
        sync = any(str(event.detail.get("access") or "").lower() == "sync" for event in events)
        if not new and not others and items < BULK_ITEMS and not sync:
            return None
        rate, draws = self._own_rate(who)
        basis = {"rate": rate if new else 1.0, "items": float(items), "draws": float(draws)}
        if any(part in place.lower() for place in new for part in _TRACES) and act != "read":
            basis["factor traces"] = FACTORS["traces"]
        if others:
            basis["factor another's"] = FACTORS["another's"]
        if items >= BULK_ITEMS:
            basis["factor bulk"] = FACTORS["bulk"]
        if sync:
            basis["factor sync"] = FACTORS["sync"]
        p = basis["rate"]
        for name, value in basis.items():
            p *= value if name.startswith("factor ") else 1.0
        if p > P_TOLD:
            return None
        folders = ", ".join(place.partition("/")[2] or place for place in sorted(new)[:4])
        whose = f" in {', '.join(others[:3])}, which is not its own mailbox" if others else ""
        where = f" in folders where it never did ({folders})" if new else ""
        case = Case(
            ts=events[-1].ts, target=(act, day_of(events[0].ts)), p=p,
            text=f"{who.name} {act} {items:,} message{'s' * (items != 1)}{where}{whose} from "
            f"{events[-1].ip or 'an unknown address'}{', synchronised whole' * sync}; the account is suspected "
            f"already. Factors are assumed; p = {p:.2g}.",
            observed=float(len(events)), basis=basis, stage="act", keys=_keys(events),
            marks=("mass_access",) if items >= BULK_ITEMS or sync else (), events=events, reference="own",
            reference_n=draws,
        )  # fmt: skip
        return told(self, self._names, who, case)

    def _new(self, who: Who, events: list[Event]) -> list[str]:
        """Return places of these events that the account never used."""
        row = self._accounts.find(who.account if who.account >= 0 else who.name)
        places = dict.fromkeys(place for event in events for place in _places(event, who.name))
        if row < 0:
            return list(places)
        held = set(self._accounts.columns["place"][row].tolist())
        return [place for place in places if self._habits.traits.key(place) not in held]

    def _own_rate(self, who: Who) -> tuple[float, int]:
        """Return P(a place new for the account), assumed where it has no days."""
        row = self._accounts.find(who.account if who.account >= 0 else who.name)
        if row < 0:
            return RATE, 0
        draws, kinds = int(self._accounts.columns["draws"][row]), int(self._accounts.columns["kinds"][row])
        return min(RATE, (ALPHA + DISCOUNT * kinds) / (ALPHA + draws)), draws


def _is_service(event: Event) -> bool:
    return str(event.detail.get("client") or "").lower().startswith(_SERVICE)


def _act(event: Event) -> str:
    act = _CHANGES.get(event.action.lower(), "used")
    attached = act == "changed" and any("attachment" in str(one).lower() for one in event.detail.get("changed", ()))
    return "changed what is attached to" if attached else act


def _others(event: Event, name: str) -> str | None:
    """Return the mailbox where it is not the account's own."""
    mailbox = event.detail.get("mailbox")
    if not mailbox or str(mailbox).partition("@")[0] == name.partition("@")[0]:
        return None
    return str(mailbox) if event.detail.get("logon_type") in {"admin", "delegate"} else None


def _places(event: Event, name: str) -> list[str]:
    """Return what an event did where, as texts: `changed/Sent Items`, and the mailbox that is not its own."""
    act = _act(event)
    found = [f"{act}/{folder}" for folder in event.detail.get("folders", ())[:16]]
    mailbox = _others(event, name)
    return [*found, f"mailbox/{mailbox}"] if mailbox else found


def _keys(events: list[Event]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(key for event in events[:64] for key in keys_of(event)))[:16]
