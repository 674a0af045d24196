"""Devices that sites report: which of them are one, and which are never."""

import numpy as np
import pytest

from sensor.entities import reported as module
from sensor.entities.inventory import devices
from sensor.model.event import Event
from sensor.model.report import Sighting
from tests.entities.test_entities import fresh
from tests.scenes import START, S, arp, flows

MAC, OTHER, RANDOM = "54:e1:ad:77:31:05", "54:e1:ad:77:31:06", "02:11:22:33:44:01"
EMPTY = np.empty(0, np.int32)


def seen(device, site="A", *, at_s=0, **more):
    return Sighting(ts=START + int(at_s * S), site=site, device=device, first_ns=START, last_ns=START + at_s, **more)


def hear(entities, *reports, at_s=10, events=()):
    return entities.resolve(
        START + at_s * S, flows(), EMPTY, arp()[:0], EMPTY, EMPTY, [], [], fresh=np.empty(0, np.bool_), learn=True,
        reports=reports, events=list(events), event_site=[0] * len(events),
    )  # fmt: skip


def shown(entities):
    return {one.id: one for one in devices(entities, lambda _: 0.0, {})}


def test_two_sites_address_is_never_one_device():
    """10.0.0.5 of three sites, with one name: three devices, each found at its own site."""
    entities = fresh()
    hear(entities, *(seen(f"dev-{site}", site, addresses=("10.0.0.5",), names=(("nas", "dhcp"),)) for site in "ABC"))

    assert 3 == len(shown(entities)) == entities.devices.count()
    rows = [entities.locate(entities.site_number(site), "10.0.0.5") for site in "ABC"]
    assert ["A", "B", "C"] == [entities.device_site(row) for row in rows]


def test_the_sites_own_ids_may_be_equal():
    """Two sites that give their devices the same ids and random MACs: still two, for their names differ."""
    entities = fresh()
    hear(entities, seen("dev-1", "A", macs=(RANDOM,)), seen("dev-1", "B", macs=(RANDOM,)))

    assert 2 == len(shown(entities))


def test_a_name_alone_joins_no_two_sites():
    """Each site may have a "nas" whose MAC nobody saw, and sees it again: hostnames are the site's."""
    entities = fresh()
    for n in range(3):
        for site in ("A", "B"):
            hear(entities, seen("dev-1", site, at_s=n, names=(("nas", "dhcp"),)), at_s=10 + n)

    assert 2 == len(shown(entities))


def test_a_burned_in_mac_is_one_device_everywhere():
    """At two sites and in one's VPN: one device with both sites, and the id that the sites gave it."""
    entities = fresh()
    hear(entities, seen("dev-1", "A", macs=(MAC,), addresses=("10.0.0.5",)))
    hear(
        entities, seen("dev-1", "B", macs=(MAC,), addresses=("10.0.0.5",), names=(("LAP-1", "dhcp"),), at_s=20),
        seen("dev-1", "A", macs=(MAC,), addresses=("10.9.0.7",), location="both", at_s=30), at_s=40,
    )  # fmt: skip

    (one,) = shown(entities).values()
    at_a_site = fresh()
    at_a_site.devices.lease(0, "10.0.0.5", 0x54E1AD773105, START)
    assert (at_a_site.devices.ids[0], ("A", "B"), "LAP-1", "both") == (one.id, one.sites, one.name, one.location)
    assert -1 == entities.locate(0, "10.0.0.5")  # it has another address there now
    assert entities.locate(0, "10.9.0.7") == entities.locate(1, "10.0.0.5") >= 0


@pytest.mark.parametrize("known_first", [True, False])
def test_an_identity_providers_id_joins_what_no_mac_does(known_first):
    """The tenant's log at the hub names the laptop that two sites know by two network cards."""
    entities = fresh()
    signin = Event(
        ts=START + 5 * S, source="entra", kind="signin", action="Sign-in activity", outcome="success",
        device_id="b7c1f7f0-1111-2222-3333-444455556666", device_name="LAP-1", account="ann@example.com",
    )  # fmt: skip
    sighted = [
        seen("dev-1", "A", macs=(MAC,), addresses=("10.0.0.5",), names=(("LAP-1", "dhcp"),)),
        seen("dev-2", "B", macs=(OTHER,), addresses=("10.0.0.5",), names=(("LAP-1", "dhcp"),), at_s=90 * 60),
    ]
    if known_first:
        hear(entities, events=[signin])
    hear(entities, sighted[0], at_s=20)
    hear(entities, events=[signin], at_s=30)
    hear(entities, sighted[1], at_s=2 * 3600)

    (one,) = shown(entities).values()
    assert ({MAC, OTHER}, ("A", "B")) == (set(one.macs), tuple(site for site in one.sites if site in "AB"))


def test_agents_that_differ_keep_a_docks_mac_from_joining():
    """Two laptops at one dock, each with its own agent."""
    entities = fresh()
    hear(entities, seen("dev-1", macs=(MAC,), agents={"sysmon": "laptop-aaaa-0001"}))
    hear(entities, seen("dev-2", macs=(OTHER,), agents={"sysmon": "laptop-bbbb-0002"}))
    hear(entities, seen("dev-2", macs=(OTHER, MAC), agents={"sysmon": "laptop-bbbb-0002"}))

    assert 2 == len(shown(entities))


def test_what_a_site_found_to_be_one_is_one():
    """By its aliases; what only the site can know (role, who stands behind it, history) is shown."""
    entities = fresh()
    hear(entities, seen("dev-1", addresses=("10.0.0.5",)), seen("dev-2", addresses=("10.0.0.6",)))
    assert 2 == len(shown(entities))
    hear(
        entities, seen("dev-1", aliases=("dev-2",), addresses=("10.0.0.5",), role="NAS", shared="an explicit proxy",
                       flows=70, progress=0.5), at_s=20,
    )  # fmt: skip
    hear(entities, seen("dev-1", addresses=("10.0.0.5",), role="NAS", flows=100, progress=0.5), at_s=30)

    (one,) = shown(entities).values()
    assert ("NAS", 100, 0.5, None) == (one.role, one.flows, one.learning.progress, one.shared)
    assert "NAS" == entities.role(entities.locate(0, "10.0.0.5"))


def test_a_router_joins_nobody():
    """Its MAC is before others; it is a device of its own at each site."""
    entities = fresh()
    hear(entities, seen("dev-1", "A", macs=(MAC,), is_router=True), seen("dev-1", "B", macs=(MAC,), is_router=True))

    assert [True, True] == [entities.is_router(row) for row in range(entities.count())]


def test_the_state_is_saved_and_read_again():
    """Ids, rows, roles and progress; a state without any has none."""
    entities, again = fresh(), fresh()
    hear(entities, seen("dev-1", addresses=("10.0.0.5",), role="NAS", shared="a proxy", progress=0.25))
    before = shown(entities)
    again.load(entities.save())

    assert before == shown(again)
    hear(again, seen("dev-1", addresses=("10.0.0.5",), role="NAS", shared="a proxy", progress=0.25, at_s=20), at_s=20)
    assert list(before) == list(shown(again))
    assert not fresh().reported.any


def test_devices_have_a_cap(monkeypatch):
    """What is beyond it is counted."""
    monkeypatch.setattr(module, "DEVICES_MAX", 1)
    entities = fresh()
    hear(entities, *(seen(f"dev-{k}") for k in range(5)))

    assert (2, 3) == (entities.devices.count(), entities.reported.refused)
