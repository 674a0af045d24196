"""Accounts and their links as they are stored and shown."""

from collections.abc import Iterator

from sensor.entities.entities import Entities
from sensor.entities.links import Held, expires_ns, sharing, weigh
from sensor.model import addresses
from sensor.model.account import LINK_KINDS, Account, Link
from sensor.model.times import rfc3339

_WEIGHT_DIGITS = 3


def accounts(entities: Entities) -> Iterator[Account]:
    """Write every account with the links that hold now, by name."""
    identity, now_ns = entities.identity, entities.now_ns
    rows = identity.accounts.rows
    shared_by = sharing(identity.links.all(now_ns), [row.kind == "user" for row in rows])
    for number, row in sorted(enumerate(rows), key=lambda one: one[1].name):
        if not row.sightings:  # of somebody who was erased
            continue
        links = identity.links.of(number, now_ns)
        devices = dict.fromkeys(entities.device_id(link.device) for link in links if link.device >= 0)
        yield Account(
            name=row.name, kind=row.kind, names=tuple(form for form in row.forms if form != row.name),
            ids=tuple(row.ids), sites=tuple(entities.site_name(site) for site in row.sites),
            sources=tuple(row.sources), devices=tuple(devices),
            links=tuple(_link(entities, row.name, link, shared_by) for link in links),
            first_seen=rfc3339(row.first_ns), last_seen=rfc3339(row.last_ns), sightings=row.sightings,
        )  # fmt: skip


def users(entities: Entities) -> dict[int, dict[str, str]]:
    """Return the accounts that are linked to each device row now, but machines': kind by name."""
    rows = entities.identity.accounts.rows
    found: dict[int, dict[str, str]] = {}
    for link in entities.identity.links.all(entities.now_ns):
        row = rows[link.account]
        if link.device >= 0 and row.kind != "machine":
            found.setdefault(link.device, {})[row.name] = row.kind
    return found


def _link(entities: Entities, account: str, link: Held, shared_by: dict[tuple[str, object], int]) -> Link:
    weight, is_shared = weigh(link, shared_by)
    site, hi, lo = link.place
    known = link.device >= 0
    return Link(
        account=account, kind=link.kind, strength=LINK_KINDS[link.kind],
        device=entities.device_id(link.device) if known else None,
        device_name=entities.device_name(link.device) if known else None,
        site=entities.site_name(site) if site >= 0 else None, address=addresses.text(hi, lo) if hi or lo else None,
        first=rfc3339(link.first_ns), last=rfc3339(link.last_ns), count=link.count, days=link.days,
        weight=round(weight, _WEIGHT_DIGITS), expires=rfc3339(expires_ns(link)), shared=is_shared,
        evidence=f"{link.input} {link.record}".strip(),
    )  # fmt: skip
