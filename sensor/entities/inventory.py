"""The inventory as it is stored and shown: devices with their addresses, accounts and learning state."""

from collections.abc import Callable, Iterator, Mapping

from sensor.entities.entities import Entities
from sensor.entities.inventory_accounts import users
from sensor.model import addresses
from sensor.model.device import Device, Learning
from sensor.model.times import DAY_NS, rfc3339


def devices(entities: Entities, progress_of: Callable[[int], float], risk_db: Mapping[str, float]) -> Iterator[Device]:
    """Write every device.

    Args:
        entities: Who is who.
        progress_of: How far a device row's 24 h of history are, 0 to 1.
        risk_db: Decibans of open incidents by device id.
    """
    held = users(entities)
    for row in range(entities.count()):
        yield _device(entities, row, progress_of(row), held.get(row, ()), risk_db)


def _device(
    entities: Entities, row: int, progress: float, users: tuple[str, ...], risk_db: Mapping[str, float]
) -> Device:
    columns = entities.devices.table.columns
    site, identity = entities.device_site(row), entities.device_id(row)
    first, mac = int(columns["first"][row]), int(columns["mac"][row])
    ready = progress >= 1.0
    return Device(
        id=identity, site=site, sites=entities.device_sites(row), name=entities.device_name(row),
        macs=(addresses.mac(mac),) if mac else (),
        addresses=tuple(addresses.text(hi, lo) for hi, lo, *_ in entities.devices.addresses_of(row)),
        location="on_prem", vendor=None, role="router" if columns["router"][row] else None, accounts=users,
        first_seen=rfc3339(first), last_seen=rfc3339(int(columns["last"][row])), flows=int(columns["flows"][row]),
        learning=Learning(
            state="ready" if ready else "learning", progress=round(progress, 4),
            ready_at=None if ready else rfc3339(first + DAY_NS),
        ),
        risk_db=round(risk_db.get(identity, 0.0), 3), confirmed=bool(columns["confirmed"][row]),
    )  # fmt: skip
