"""Devices as they are stored and shown."""

import msgspec


class Learning(msgspec.Struct, frozen=True, kw_only=True):
    """How far an entity's baseline is: `progress` 0 to 1, ready after 24 h of history."""

    state: str
    progress: float
    ready_at: str | None


class Device(msgspec.Struct, frozen=True, kw_only=True):
    """One device of the inventory. `location`: on_prem, remote or both."""

    id: str
    site: str
    sites: tuple[str, ...]
    name: str
    macs: tuple[str, ...]
    addresses: tuple[str, ...]
    location: str
    vendor: str | None
    role: str | None
    accounts: tuple[str, ...]
    first_seen: str
    last_seen: str
    flows: int
    learning: Learning
    risk_db: float
    confirmed: bool = True
    """It answered or was answered, holds a lease, or spoke ARP; else its address was only seen sending."""
