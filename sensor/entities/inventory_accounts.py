"""Accounts and their links as they are stored and shown."""

from collections.abc import Iterator

from sensor.entities.entities import Entities
from sensor.entities.links import Held, expires_ns, weigh
from sensor.model import addresses
from sensor.model.account import LINK_KINDS, Account, Link
from sensor.model.times import rfc3339

_WEIGHT_DIGITS = 3

Crowds = dict[tuple[str, object], int]
"""Accounts by ("device", row) or ("place", place) that carries too many to weigh in full."""


def accounts(entities: Entities) -> Iterator[Account]:
    """Write every account with the links that hold now, by name."""
    rows, crowds = entities.identity.accounts.rows, crowded(entities)
    for number, row in sorted(enumerate(rows), key=lambda one: one[1].name):
        if row.sightings:  # none: somebody who was erased
            yield account_of(entities, number, crowds, entities.now_ns)


def crowded(entities: Entities) -> dict[tuple[str, object], int]:
    """Return which devices and places carry many persons' accounts. O(links)."""
    identity = entities.identity
    return identity.links.crowds(entities.now_ns, [row.kind == "user" for row in identity.accounts.rows])


def account_of(entities: Entities, number: int, crowds: Crowds, now_ns: int) -> Account:
    """Write one account, of a row's number."""
    row = entities.identity.accounts.rows[number]
    links = entities.identity.links.of(number, now_ns)
    devices = dict.fromkeys(entities.device_id(link.device) for link in links if link.device >= 0)
    return Account(
        name=row.name, kind=row.kind, names=tuple(form for form in row.forms if form != row.name), ids=tuple(row.ids),
        sites=tuple(entities.site_name(site) for site in row.sites), sources=tuple(row.sources),
        devices=tuple(devices), links=tuple(_link(entities, row.name, link, crowds) for link in links),
        first_seen=rfc3339(row.first_ns), last_seen=rfc3339(row.last_ns), sightings=row.sightings,
    )  # fmt: skip


def users_of(entities: Entities, device: int) -> dict[str, str]:
    """Return the accounts that are linked to a device now, of all its rows, but machines': kind by name."""
    rows, found = entities.identity.accounts.rows, dict[str, str]()
    for member in entities.devices.members(device):
        for account in sorted({link.account for link in entities.identity.links.through(member, entities.now_ns)}):
            if rows[account].kind != "machine":
                found[rows[account].name] = rows[account].kind
    return found


def _link(entities: Entities, account: str, link: Held, crowds: Crowds) -> Link:
    weight, is_shared = weigh(link, crowds)
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
