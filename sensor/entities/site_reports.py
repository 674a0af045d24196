"""What a site tells its hub of who is where, made of columns that changed: devices, links, leases, contacts, presence.

Only the site's own: a process that ingests for several tells of the one that it is named after. Addresses that were
only seen sending are not told of, nor what they did. Not here: when, and in which packets (`pipeline.forwarding`).
"""

import hashlib
from collections.abc import Iterable, Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from baselines.distinct import values_of
from sensor.entities.coverage import MINUTES, SITES_MAX, Coverage
from sensor.entities.entities import Entities
from sensor.entities.links import NOWHERE, Held
from sensor.entities.networks import NO_ADDRESS
from sensor.entities.portrait import location_of
from sensor.entities.presence import RING
from sensor.entities.remote import Span
from sensor.entities.thinned import thin
from sensor.model import addresses
from sensor.model.report import AnyReport, Contact, Covered, Lease, Linked, Present, Sighting, written_ids
from sensor.model.times import SECOND_NS

CONTACTS_MAX = 8192
DEVICES_MAX = SLOTS_MAX = 255
"""Devices in a report of slots, and how far these may be apart: a byte each. Later a slot is of no use any more."""
NAMES_MAX = 8
"""Hostnames and addresses of a sighting, the latest."""
TENTH_NS = SECOND_NS // 10


def rows_since(entities: Entities, site: int, since_ns: int) -> list[int]:
    """Return the device rows of a site that were seen since a time, those that stand for themselves."""
    devices = entities.devices
    columns = {name: devices.table.columns[name][: len(devices)] for name in ("last", "site", "kept", "confirmed")}
    seen = (columns["last"] >= since_ns) & (columns["site"] == site) & (columns["confirmed"] == 1)
    rows = np.unique(columns["kept"][seen])
    return [row for row in rows.tolist() if devices.is_live(row)]


def sighting(entities: Entities, row: int, ts: int, site: int, progress: float) -> Sighting:
    """Write a device as the site knows it."""
    devices, recognition = entities.devices, entities.sightings.recognition
    columns, members = devices.table.columns, devices.members(row)
    here = [
        addresses.text(hi, lo) for at, hi, lo, *_ in devices.places_of(row)
        if at == site and devices.raw(at, hi, lo) in members
    ]  # fmt: skip
    names = [(name, source) for name, _, _, source in devices.naming.spans(members)[:NAMES_MAX]]
    return Sighting(
        ts=ts, device=devices.ids[row], aliases=tuple(devices.ids[one] for one in members if one != row),
        macs=tuple(addresses.mac(mac) for mac in devices.macs_of(row)), addresses=tuple(sorted(here[:NAMES_MAX])),
        names=tuple(names), agents=recognition.agents_of(row), location=location_of(entities, row),
        role=entities.role(row), shared=entities.sightings.shared(row), is_router=entities.is_router(row),
        first_ns=int(columns["first"][row]), last_ns=devices.last(row), flows=int(columns["flows"][row]),
        progress=round(progress, 2),
    )  # fmt: skip


def digest_of(seen: Sighting) -> int:
    """Return a digest of what a sighting says beside its times and counts."""
    bare = msgspec.structs.replace(seen, ts=0, first_ns=0, last_ns=0, flows=0, progress=float(seen.progress >= 1.0))
    return int.from_bytes(hashlib.blake2b(msgspec.msgpack.encode(bare), digest_size=8).digest())


def linked(entities: Entities, link: Held, ts: int, site: int) -> Linked | None:
    """Write a link; None of one that is another site's."""
    if link.place != NOWHERE and link.place[0] != site:
        return None
    account, devices = entities.identity.accounts.rows[link.account], entities.devices
    return Linked(
        ts=ts, account=account.name, of=account.kind, kind=link.kind,
        device=devices.ids[devices.kept(link.device)] if link.device >= 0 else "",
        address="" if link.place == NOWHERE else addresses.text(*link.place[1:]), first_ns=link.first_ns,
        last_ns=link.last_ns, count=link.count, days=link.days,
        forms=tuple(one for one in account.forms if one != account.name), ids=tuple(account.ids),
    )  # fmt: skip


def leases(entities: Entities, spans: Iterable[tuple[tuple[int, int], Span]], ts: int) -> list[AnyReport]:
    """Write who was at which public address, each span as it is now."""
    accounts, devices = entities.identity.accounts.rows, entities.devices
    latest = {(public, span.device, span.kind, span.begin): span for public, span in spans}
    return [
        Lease(
            ts=ts, device=devices.ids[devices.kept(span.device)] if span.device >= 0 else "",
            account=accounts[span.account].name if span.account >= 0 else "", kind=span.kind,
            public=addresses.text(*public), begin_ns=span.begin, end_ns=span.end,
            assigned=addresses.text(*span.assigned[1:]) if span.assigned and span.assigned[1:] != NO_ADDRESS else "",
        )
        for (public, *_), span in latest.items()
    ]  # fmt: skip


def contacts(
    entities: Entities, told: Sequence[tuple[str, int, int, int]], ts: int, site: int, elsewhere: int
) -> list[AnyReport]:
    """Write contacts with providers, a report for each provider.

    Args:
        entities: Who is who.
        told: (provider, site number, device row, ns).
        ts: When it is told; none is later.
        site: Number of the site.
        elsewhere: Number under which agents' contacts are kept.
    """
    by_provider: dict[tuple[str, bool], list[tuple[int, int]]] = {}
    for provider, at, device, when in told:
        if at in {site, elsewhere}:
            row = entities.devices.kept(device)
            by_provider.setdefault((provider, at == elsewhere), []).append((row, when))
    found: list[AnyReport] = []
    for (provider, is_elsewhere), rows in sorted(by_provider.items()):
        for begin in range(0, len(rows), CONTACTS_MAX):
            who, when = np.array(rows[begin : begin + CONTACTS_MAX], np.int64).T
            devices, places = np.unique(who, return_inverse=True)
            before = np.clip((ts - when) // TENTH_NS, 0, (1 << 32) - 1)
            found.append(
                Contact(
                    ts=ts, provider=provider, elsewhere=is_elsewhere, who=places.astype("<u2").tobytes(),
                    devices=written_ids([entities.devices.ids[row] for row in devices.tolist()]),
                    before=before.astype("<u4").tobytes(),
                )
            )  # fmt: skip
    return found


def present(entities: Entities, changed: NDArray[np.int64], ts: int, site: int) -> list[Present]:
    """Write slots of presence.

    Args:
        entities: Who is who.
        changed: Device row << 32 | slot, each once, int64, shape (n,).
        ts: When it is told.
        site: Number of the site.
    """
    presence, devices = entities.identity.corroboration.presence, entities.devices
    device, slot = devices.table.columns["kept"][changed >> 32].astype(np.int64), changed & 0xFFFF_FFFF
    row = np.array([presence.row(one) for one in device.tolist()], np.int64)
    device, slot, row = device[row >= 0], slot[row >= 0], row[row >= 0]
    cells = presence.table.columns["cells"][row, slot % RING]
    mine = (cells["slot"] == slot) & ((cells["site"] == site + 1) | (cells["site"] == 0))
    mine &= devices.table.columns["confirmed"][device] == 1
    mine &= slot > slot.max(initial=0) - SLOTS_MAX
    device, slot, cells = device[mine], slot[mine], cells[mine]
    order = np.lexsort((slot, device))
    _, place = np.unique(device[order], return_inverse=True)
    found = []
    for begin in range(0, int(place.max(initial=-1)) + 1, DEVICES_MAX):
        some = (place >= begin) & (place < begin + DEVICES_MAX)
        at, who = order[some], place[some] - begin
        ids = [devices.ids[one] for one in values_of(device[at]).tolist()]
        found.append(thin(ts, ids, who.astype(np.int64), slot[at], cells[at]))
    return found


def covered(
    coverage: Coverage, before: NDArray[np.int64], ts: int, site: int
) -> tuple[list[AnyReport], NDArray[np.int64]]:
    """Write the minutes that have records and had none when it was last told, and what is told now.

    Args:
        coverage: Of the sites.
        before: Minute << 2 | flows | names << 1 by place in the ring, int64, shape (MINUTES,).
        ts: When it is told.
        site: Number of the site.
    """
    minute, flows, names = coverage.ring(site)
    now = np.where(minute >= 0, minute << 2 | (names > 0).astype(np.int64) << 1 | (flows > 0), -1)
    changed = np.nonzero((now != before) & (now >= 0))[0]
    if not len(changed) or site >= SITES_MAX:
        return [], before
    first = int(minute[changed].min())
    bits = np.zeros((2, MINUTES), np.uint8)
    which = changed[minute[changed] < first + MINUTES]
    for k, seen in enumerate((flows, names)):
        bits[k, minute[which] - first] = seen[which] > 0
    size = (int(minute[which].max()) - first) // 8 + 1
    if bits[:, : len(which)].all():
        return [Covered(ts=ts, minute=first, flows=b"", names=b"", whole=len(which))], now
    packed = np.packbits(bits, axis=1, bitorder="little")[:, :size]
    return [Covered(ts=ts, minute=first, flows=packed[0].tobytes(), names=packed[1].tobytes())], now
