"""What sites report of links, leases, contacts, presence and coverage, and what the hub knows by it."""

import msgspec
import numpy as np

from sensor.model.evidence import Peer
from sensor.model.report import Contact, Covered, Lease, Linked, Told, written_ids
from sensor.model.times import MINUTE_NS
from tests.entities.test_entities import fresh
from tests.entities.test_reported import hear, seen
from tests.incidents.hands import seen as found_by
from tests.scenes import DAY, START, S

LAPTOP = "dev-00ff10203040"
MINUTE = START // MINUTE_NS


def link(kind="ntlm", account="ann@example.com", **more):
    given = {"of": "user", "device": LAPTOP, "first_ns": START, "last_ns": START + 5, "count": 4, "days": 2}
    return Linked(ts=START + 9 * S, site="A", account=account, kind=kind, **(given | more))


def contact(*tenths, provider="microsoft", device=LAPTOP, **more):
    who, before = np.zeros(len(tenths), "<u2"), np.array(tenths, "<u4")
    return Contact(
        ts=START + 400 * S, site="A", provider=provider, devices=written_ids([device]), who=who.tobytes(),
        before=before.tobytes(), **more,
    )  # fmt: skip


def test_a_link_is_as_its_site_has_counted_it():
    """Told again it grows; it is never counted twice, and never falls."""
    entities = fresh()
    hear(entities, seen(LAPTOP, addresses=("10.0.0.5",)), link(forms=("ann",), ids=("42",)))
    hear(entities, link(count=9, days=3, last_ns=START + 2 * DAY), at_s=20)
    hear(entities, link(count=1, days=1), at_s=30)
    row = entities.account_row("ann@example.com")

    (held,) = entities.identity.links.of(row, START)
    assert (entities.locate(0, "10.0.0.5"), "ntlm", 9, 3) == (held.device, held.kind, held.count, held.days)
    assert [(row, "strong")] == entities.accounts_of(held.device)
    assert row == entities.account_row("ann")


def test_a_link_of_a_kind_that_is_none_is_left_out():
    """What a newer release may tell of, or who makes things up."""
    entities = fresh()
    hear(entities, link(kind="telepathy"), link(of="ghost"), link(device="", address=""))

    assert 0 == len(entities.identity.links)


def test_a_link_to_an_address_is_the_sites():
    """10.0.0.5 of site A, and not of B."""
    entities = fresh()
    hear(entities, link(device="", address="10.0.0.5"))

    (held,) = entities.identity.links.of(0, START)
    assert (-1, 0) == (held.device, held.place[0])


def test_contacts_are_within_a_tenth_of_a_second():
    """Of the device at its site, and of an agent's elsewhere; a verdict finds the nearest."""
    entities = fresh()
    contacts = entities.identity.contacts
    hear(entities, seen(LAPTOP), contact(1234, 20), contact(7, provider="okta", elsewhere=True), at_s=400)
    row = entities.reported.row(0, LAPTOP)

    when = START + 400 * S
    assert [-123_400_000_000, -2_000_000_000] == [
        contacts.nearest("microsoft", 0, row, when - ago) + (-ago) for ago in (123_400_000_000, 2_000_000_000)
    ]
    assert -700_000_000 == contacts.nearest("okta", -1, row, when)
    assert contacts.delay_ns > 5 * MINUTE_NS


def test_minutes_are_covered_as_told():
    """With flows and with names; a site that was not heard of since is said to be silent, and is no gap of its own."""
    entities = fresh()
    coverage = entities.identity.corroboration.coverage
    hear(entities, Covered(ts=START + 600 * S, site="A", minute=MINUTE, flows=b"\xff\x03", names=b"\xff\x03"))

    assert coverage.gap(0, START + 300 * S) is None
    assert "nothing has been heard of it since 2023-11-14T00:09Z" == coverage.gap(0, START + 3600 * S)
    assert "it has no sensor" == coverage.gap(1, START)


def test_a_lease_holds_until_its_end_is_told():
    """By the public address, with the hub's own rows."""
    entities = fresh()
    lease = Lease(
        ts=START, site="A", device=LAPTOP, kind="vpn", public="203.0.113.9", assigned="10.9.0.7", begin_ns=START,
        end_ns=START + 3600 * S,
    )  # fmt: skip
    hear(entities, seen(LAPTOP), lease)
    remote = entities.identity.corroboration.remote

    assert [entities.reported.row(0, LAPTOP)] == [one.device for one in remote.at("203.0.113.9", START + 1800 * S)]
    hear(entities, msgspec.structs.replace(lease, end_ns=START + 900 * S), at_s=1000)
    assert [] == remote.at("203.0.113.9", START + 1800 * S)


def test_a_finding_is_of_the_hubs_devices():
    """Subject, peers and keys have the ids that devices have here; of one that nobody told of yet a row is made."""
    entities = fresh()
    hear(entities, seen("dev-0", addresses=("10.0.0.5",)), seen("dev-7", addresses=("10.0.0.6",)))
    finding = found_by(
        "scan", "scan", 1e-6, START, device=0, keys=("device:dev-0", "destination:x.example.com"), site="A"
    )
    finding = msgspec.structs.replace(finding, peers=(Peer(kind="device", id="dev-7", name="NAS"),))
    first, unknown = entities.findings([
        Told(ts=START, site="A", finding=finding, device="dev-0"),
        Told(ts=START, site="B", finding=finding, device="dev-9"),
    ])  # fmt: skip

    row = entities.locate(0, "10.0.0.5")
    here = entities.device_id(row)
    assert (row, here, f"device:{here}") == (first.device, first.evidence.entity.id, first.evidence.keys[0])
    assert entities.device_id(entities.locate(0, "10.0.0.6")) == first.peers[0].id != "dev-7"
    assert ("B", finding.evidence.id) == (entities.device_site(unknown.device), unknown.evidence.id)


def test_late_contacts_change_a_verdict_that_was_open(monkeypatch):
    """They are told to what waits for a verdict, however late."""
    entities = fresh()
    told = []
    monkeypatch.setattr(entities.identity.corroboration, "late", lambda times, devices, now: told.append(times))
    hear(entities, seen(LAPTOP), at_s=7200)
    hear(entities, contact(0), at_s=7200)

    assert [[START + 400 * S]] == told
