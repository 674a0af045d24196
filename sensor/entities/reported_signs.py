"""What sites report that bears on sign-ins and on who uses what: links, leases, contacts, presence, coverage.

It goes where the site's own records would have gone, so that the same verdicts come of it. Devices are found by
`reported`, which has had the sightings of the same tick. A finding is handed on with the hub's own rows and ids.
"""

from collections.abc import Sequence
from typing import Protocol

import msgspec
import numpy as np
from numpy.typing import NDArray

from sensor.entities.devices import Devices
from sensor.entities.identity import Identity
from sensor.entities.links import NOWHERE, Held, Place
from sensor.entities.networks import NO_ADDRESS, words_of
from sensor.entities.presence import SLOT_NS
from sensor.entities.remote import Span
from sensor.entities.reported import Reported
from sensor.entities.thinned import marks
from sensor.model.account import KINDS, LINK_KINDS
from sensor.model.evidence import Evidence, Finding
from sensor.model.report import AnyReport, Contact, Covered, Lease, Linked, Present, Told, read_ids
from sensor.model.times import DAY_NS, SECOND_NS

TENTH_NS = SECOND_NS // 10
ELSEWHERE = -1
"""Site number of contacts that an agent tells of (`corroboration`)."""


class Known(Protocol):
    """Who is who at the hub."""

    devices: Devices
    identity: Identity
    reported: Reported


def take(known: Known, reports: Sequence[AnyReport], sites: Sequence[int]) -> None:
    """Take a tick's reports in, each of a site's number; sightings and findings are not for here."""
    for report, site in zip(reports, sites, strict=True):
        if isinstance(report, Linked):
            _link(known, report, site)
        elif isinstance(report, Lease):
            _lease(known, report, site)
        elif isinstance(report, Contact):
            _contact(known, report, site)
        elif isinstance(report, Present):
            _present(known, report, site)
        elif isinstance(report, Covered):
            whole = report.minute + np.arange(report.whole, dtype=np.int64)
            flows, names = (
                np.concatenate([whole, _minutes(report.minute, bits)]) for bits in (report.flows, report.names)
            )
            known.identity.witness.cover(site, flows, names)


def finding_of(known: Known, report: Told, site: int) -> Finding:
    """Return what a site found as a finding of this process: its rows, and its devices' ids here."""
    found = report.finding
    evidence = found.evidence
    device = _row(known, report.device, report, site)
    accounts = known.identity.accounts
    account = accounts.find(report.account) if report.account else -1
    if account < 0 and report.account:
        account = accounts.sight(report.account, report.ts, site, evidence.source)
    entity, name = evidence.entity, found.name
    if entity.kind == "device" and device >= 0:
        entity = msgspec.structs.replace(entity, id=known.devices.ids[device])
    elif entity.kind == "account" and account >= 0:
        entity = msgspec.structs.replace(entity, id=accounts.rows[account].name)
        name = entity.id if name == evidence.entity.id else name
    peers = tuple(
        msgspec.structs.replace(one, id=_here(known, one.id, site)) if one.kind == "device" else one
        for one in found.peers
    )
    return msgspec.structs.replace(
        found, evidence=msgspec.structs.replace(
            evidence, entity=entity, keys=_keys(known, evidence, site), marks=(*evidence.marks, "reported")
        ),
        device=device, account=account, name=name, peers=peers,
    )  # fmt: skip


def _link(known: Known, report: Linked, site: int) -> None:
    if report.kind not in LINK_KINDS or report.of not in KINDS:
        return
    accounts = known.identity.accounts
    is_service = report.of == "service"
    account = accounts.sight(report.account, report.last_ns, site, report.kind, is_service=is_service)
    for form in report.forms:
        accounts.sight(form, report.last_ns, site, report.kind, is_service=is_service)
    for identity in report.ids:
        accounts.sight(report.account, report.last_ns, site, report.kind, identity)
    device = known.reported.row(site, report.device) if report.device else -1
    words = words_of(report.address)
    place: Place = NOWHERE if words == NO_ADDRESS else (site, *words)
    if account >= 0 and (device >= 0 or place != NOWHERE):
        known.identity.links.adopt(
            Held(
                account, device, place, report.kind, report.first_ns, report.last_ns, report.count, report.days,
                report.last_ns // DAY_NS, report.site,
            )
        )  # fmt: skip


def _lease(known: Known, report: Lease, site: int) -> None:
    public, assigned = words_of(report.public), words_of(report.assigned)
    if public == NO_ADDRESS:
        return
    account = known.identity.accounts.find(report.account) if report.account else -1
    device = _row(known, report.device, report, site)
    where = None if assigned == NO_ADDRESS else (site, *assigned)
    known.identity.corroboration.remote.adopt(
        public, Span(device, account, report.kind, report.begin_ns, report.end_ns, where)
    )


def _contact(known: Known, report: Contact, site: int) -> None:
    rows = _rows(known, report.devices, report, site)
    who = rows[np.frombuffer(report.who, "<u2")].tolist()
    times = report.ts - np.frombuffer(report.before, "<u4").astype(np.int64) * TENTH_NS
    where = ELSEWHERE if report.elsewhere else site
    for device, ts in zip(who, times.tolist(), strict=True):
        if device >= 0:
            known.identity.witness.report(report.provider, where, device, ts)


def _present(known: Known, report: Present, site: int) -> None:
    found = marks(report, _rows(known, report.devices, report, site), site)
    known.identity.corroboration.presence.report(found)
    known.devices.touch(found["row"], found["slot"].astype(np.int64) * SLOT_NS, np.ones(len(found), np.bool_))


def _rows(known: Known, devices: bytes, report: AnyReport, site: int) -> NDArray[np.int32]:
    return np.array([_row(known, one, report, site) for one in read_ids(devices)], np.int32)


def _row(known: Known, device: str, report: AnyReport, site: int) -> int:
    return known.reported.row_or_new(site, report.site, device, report.ts)


def _here(known: Known, device: str, site: int) -> str:
    """Return the id here of a site's device; its own where it is not known."""
    row = known.reported.row(site, device)
    return known.devices.ids[row] if row >= 0 else device


def _keys(known: Known, evidence: Evidence, site: int) -> tuple[str, ...]:
    return tuple(f"device:{_here(known, key[7:], site)}" if key.startswith("device:") else key for key in evidence.keys)


def _minutes(first: int, bits: bytes) -> NDArray[np.int64]:
    """Return the minutes whose bit is set, int64, shape (n,)."""
    return first + np.nonzero(np.unpackbits(np.frombuffer(bits, np.uint8), bitorder="little"))[0].astype(np.int64)
