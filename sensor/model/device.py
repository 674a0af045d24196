"""Devices as they are stored and shown."""

import msgspec


class Learning(msgspec.Struct, frozen=True, kw_only=True):
    """How far an entity's baseline is: `progress` 0 to 1, ready after 24 h of history."""

    state: str
    progress: float
    ready_at: str | None


class Span(msgspec.Struct, frozen=True, kw_only=True):
    """An address or a hostname with its time. `where`: a site, None elsewhere; `source` who gave a hostname."""

    value: str
    first: str
    last: str
    where: str | None = None
    source: str | None = None


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
    names: tuple[Span, ...] = ()
    """Every hostname, the latest first; one that only looks like another is marked in `value`."""
    address_spans: tuple[Span, ...] = ()
    role_evidence: tuple[str, ...] = ()
    agents: dict[str, str] = {}
    """Its id in other products, by source."""
    aliases: tuple[str, ...] = ()
    """Ids of devices that turned out to be this one."""
    joined_by: tuple[str, ...] = ()
    shared: str | None = None
    """Why several people or machines stand behind it; such a device gives no strong link."""
