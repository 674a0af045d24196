"""Acts of accounts, told: what every identity detector's evidence shares, and events picked out of a tick by kind.

`observed` counts the records behind an evidence, `basis` holds a rate and the factors that make its p: so both can be
had again from the archive and by multiplication. Not here: what is unusual.
"""

from collections.abc import Iterable, Mapping, Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from baselines.evidence import decibans
from baselines.rates import is_own, shrunk
from sensor.model.archive import Archive
from sensor.model.event import Event
from sensor.model.evidence import RECORDS_MAX, Entity, Evidence, Finding, Record
from sensor.model.ids import identify
from sensor.model.tick import Detector, Names, Tick
from sensor.model.times import DAY_NS, rfc3339

CHECK = "Ask {name} over a channel that is not mail whether this was theirs."
DAYS_MAX = 1 << 16
"""Days of event time as they are kept, from 1970: until 2149."""


class Who(msgspec.Struct, frozen=True):
    """Whom an evidence is about."""

    account: int
    """Row of the account, −1 where it is not known."""
    name: str
    site: int


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """What a detector found, before it is made an evidence."""

    ts: int
    target: tuple[str | int, ...]
    """Parts of the evidence's id beside site, account and detector: the same parts are the same evidence, grown."""
    p: float
    text: str
    observed: float
    basis: Mapping[str, float]
    stage: str
    techniques: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()
    marks: tuple[str, ...] = ()
    events: Sequence[Event] = ()
    opens: bool = False
    counter: tuple[str, ...] = ()
    check: str = ""
    reference: str = "reference tail"
    reference_n: int = 0
    kind: str = "account"
    device: int = -1
    family: str = ""
    """Where it is not the detector's first one."""


def day_of(ts: int) -> int:
    """Return the number of a time's day, UTC, within what is kept."""
    return max(0, min(ts // DAY_NS, DAYS_MAX - 1))


def days_of(ts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return what `day_of` does, of many times; shape (n,)."""
    return np.clip(ts // DAY_NS, 0, DAYS_MAX - 1)


def who_of(names: Names, tick: Tick, i: int) -> Who:
    """Return whom an event's evidence is about: the account that acted, by its name in the record if it is new."""
    account = int(tick.event_account[i])
    event = tick.events[i]
    name = names.account_name(account) if account >= 0 else event.account or event.ip or "unknown"
    return Who(account, name, tick.event_site[i] if i < len(tick.event_site) else 0)


def keys_of(event: Event, names: Names | None = None, device: int = -1) -> tuple[str, ...]:
    """Return what ties an event to others: its address, its session, its device, its message."""
    message = event.detail.get("network_message_id") or event.detail.get("message_id")
    pairs = (
        ("address", event.ip), ("session", event.session_id), ("message", message),
        ("device", names.device_id(device) if names is not None and device >= 0 else None),
    )  # fmt: skip
    return tuple(f"{kind}:{value}" for kind, value in pairs if value)


def by_kind(tick: Tick, kind: str) -> list[int]:
    """Return the places of a tick's events of one kind; they are sorted out once a tick."""
    if tick.kinds is None:
        tick.kinds = {}
        for i, event in enumerate(tick.events):
            tick.kinds.setdefault(event.kind, []).append(i)
    return tick.kinds.get(kind, [])


def teaches(tick: Tick, i: int, flagged: NDArray[np.bool_]) -> bool:
    """Tell whether an event may be learned from: its account is not frozen, its device not flagged."""
    account, device = int(tick.event_account[i]), int(tick.event_device[i])
    if 0 <= account < len(tick.frozen_accounts) and tick.frozen_accounts[account]:
        return False
    return not (0 <= device < len(flagged) and flagged[device])


def told(detector: Detector, names: Names, who: Who, case: Case) -> Finding:
    """Make a finding of a case."""
    site = names.site_name(who.site)
    evidence = Evidence(
        id=identify("EV", site, who.name, detector.name, *case.target), ts=rfc3339(case.ts), site=site,
        entity=Entity(kind=case.kind, id=who.name), detector=detector.name,
        family=case.family or detector.family, source="identity",
        observed=case.observed, expected=None, range=None, reference=case.reference, reference_n=case.reference_n,
        p=case.p, db=decibans(case.p), text=case.text, records=records_of(names, case.events),
        model=f"{detector.name}.{case.target[0]}/1", basis=dict(case.basis), channel="identity", stage=case.stage,
        keys=case.keys, marks=case.marks,
    )  # fmt: skip
    return Finding(
        evidence=evidence, device=case.device, account=who.account, name=who.name,
        techniques=case.techniques or detector.techniques, opens=case.opens, digest=False, counter=case.counter,
        check=case.check or CHECK.format(name=who.name),
    )  # fmt: skip


def records_of(names: Names, events: Iterable[Event]) -> tuple[Record, ...]:
    """Return where to find events again, at most RECORDS_MAX."""
    return tuple(
        Record(input=names.input_path(event.input), uid=event.raw_id, row=event.row)
        for event, _ in zip(events, range(RECORDS_MAX), strict=False)
    )


def rate_of(events: float, days: float, assumed: float) -> tuple[float, str]:
    """Return a rate an account-day, and how to say it: assumed until the tenant's own days outweigh it."""
    rate = shrunk(events, days, assumed)
    said = f"one in {max(1, round(1 / rate)):,} account-days"
    return rate, f"here {said}" if is_own(days, assumed) else f"assumed: {said}"


def recount_records(evidence: Evidence, archive: Archive) -> float | None:
    """Return how many of an evidence's records the archive holds; None where it names fewer than it observed."""
    if not evidence.records or evidence.observed != len(evidence.records):
        return None
    found = 0
    for record in evidence.records:
        rows = archive.rows("SELECT count(*) FROM events WHERE input = ? AND record = ?", (record.input, record.row))
        found += min(1, int(rows[0][0]))
    return float(found)


def multiply_again(evidence: Evidence) -> float | None:
    """Return p again: the product of the basis's `rate` and every `factor …`."""
    basis = evidence.basis
    if "rate" not in basis:
        return None
    p = basis["rate"]
    for name, value in basis.items():
        if name.startswith("factor "):
            p *= value
    return float(min(1.0, max(p, basis.get("floor", 0.0))))
