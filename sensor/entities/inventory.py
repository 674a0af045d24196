"""The inventory as it is stored and shown: devices with their names, addresses, role, accounts and learning state."""

from collections.abc import Callable, Iterator, Mapping

from sensor.entities.devices import AGE_NS
from sensor.entities.entities import Entities
from sensor.entities.hostnames import shown
from sensor.entities.inventory_accounts import users_of
from sensor.entities.portrait import location_of, role_of, vendor_of
from sensor.entities.spans import ELSEWHERE
from sensor.model import addresses
from sensor.model.device import Device, Learning, Span
from sensor.model.times import DAY_NS, rfc3339


def devices(entities: Entities, progress_of: Callable[[int], float], risk_db: Mapping[str, float]) -> Iterator[Device]:
    """Write every device once, whatever rows it was met as.

    Args:
        entities: Who is who.
        progress_of: How far a device row's 24 h of history are, 0 to 1.
        risk_db: Decibans of open incidents by device id.
    """
    for row in range(entities.count()):
        if entities.devices.is_live(row):
            yield device(entities, row, progress_of(row), risk_db)


def addresses_of(entities: Entities, row: int) -> tuple[str, ...]:
    """Return a device's addresses, latest first."""
    return tuple(dict.fromkeys(addresses.text(hi, lo) for _, hi, lo, *_ in entities.devices.places_of(row)))


def device(entities: Entities, row: int, progress: float, risk_db: Mapping[str, float]) -> Device:
    """Write the device that a row stands for; the rest as for `devices`."""
    known, columns, users = entities.devices, entities.devices.table.columns, users_of(entities, row)
    identity, members = entities.device_id(row), entities.devices.members(row)
    aliases = tuple(known.ids[member] for member in members[1:])
    shared = entities.sightings.shared(row)
    role, why = role_of(entities, row, sum(kind == "user" for kind in users.values()))
    told = entities.reported.role(row)
    if told is not None:
        role, why = told, ("its site says so",)
    return Device(
        id=identity, site=entities.device_site(row), sites=entities.device_sites(row), name=entities.device_name(row),
        macs=tuple(addresses.mac(mac) for mac in known.macs_of(row)),
        addresses=addresses_of(entities, row),
        location=location_of(entities, row), vendor=vendor_of(entities, row), role=role,
        accounts=tuple(sorted(users)),
        first_seen=rfc3339(int(columns["first"][row])), last_seen=rfc3339(known.last(row)),
        flows=int(columns["flows"][row]),
        learning=_learning(entities, row, max(progress, entities.reported.progress(row))),
        risk_db=round(max(risk_db.get(one, 0.0) for one in (identity, *aliases)), 3),
        confirmed=any(bool(columns["confirmed"][member]) for member in members),
        names=tuple(
            Span(value=shown(name), first=rfc3339(first), last=rfc3339(last), source=source)
            for name, first, last, source in known.naming.spans(members)
        ),
        address_spans=_spans(entities, row), role_evidence=why, agents=entities.sightings.recognition.agents_of(row),
        aliases=aliases,
        joined_by=tuple(dict.fromkeys(known.joins.reasons[one] for one in members if one in known.joins.reasons)),
        shared=shared,
    )  # fmt: skip


def _learning(entities: Entities, row: int, progress: float) -> Learning:
    stale = entities.now_ns - entities.devices.last(row) > AGE_NS
    ready = progress >= 1.0
    first = int(entities.devices.table.columns["first"][row])
    return Learning(
        state="stale" if stale else "ready" if ready else "learning", progress=round(progress, 4),
        ready_at=None if ready else rfc3339(first + DAY_NS),
    )  # fmt: skip


def _spans(entities: Entities, row: int) -> tuple[Span, ...]:
    return tuple(
        Span(
            value=addresses.text(hi, lo), first=rfc3339(first), last=rfc3339(last),
            where=None if site == ELSEWHERE else entities.site_name(site),
        )
        for site, hi, lo, first, last in entities.devices.places_of(row)
    )  # fmt: skip
