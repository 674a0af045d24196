"""Neighbours, sharing, proxies and what is said from an address."""

import numpy as np

from sensor.entities.networks import words_of
from sensor.entities.proposals import proposals
from sensor.model import addresses
from sensor.model.event import Event
from sensor.model.metadata import Dhcp, Http, Kerberos, Ntlm, Tls
from sensor.model.protocols import Name, Neighbor
from tests.entities.test_entities import fresh, resolve
from tests.scenes import START, arp, common, flow, flows

HOST, ROUTER = "54:e1:ad:77:31:05", "24:a4:3c:90:00:01"
HOST_MAC, ROUTER_MAC = 0x54E1AD773105, 0x24A43C900001


def ndp(kind, orig, mac, *, target=None, prefixes=(), at_s=0.0):
    return Neighbor(**common(at_s, orig=orig, resp="ff02::1"), kind=kind, mac=mac, target=target, prefixes=prefixes)


def advertisement(prefix="2001:db8:7::/64"):
    return ndp("ra", "fe80::1", ROUTER, prefixes=(prefix,))


def test_an_ipv6_site_needs_no_configuration():
    """The router's prefix is local, a host's privacy addresses are one device by its neighbour messages."""
    entities = fresh()
    told = [advertisement(), ndp("ns", "2001:db8:7::a1", HOST, at_s=1),
            ndp("na", "2001:db8:7::a2", HOST, target="2001:db8:7::a2", at_s=2)]  # fmt: skip
    rows = flows(flow("2001:db8:7::a1", "2001:db8:ffff::1", at_s=3), flow("2001:db8:7::a2", "2001:db8:ffff::1", at_s=4))
    tick = resolve(entities, rows, told)

    assert [True, True] == tick.orig_local.tolist()
    assert tick.orig_device[0] == tick.orig_device[1] >= 0
    assert entities.is_router(entities.locate(0, "fe80::1"))
    assert ["2001:db8:7::/64"] == [one["value"] for one in proposals(entities, {})]


def test_a_configured_site_takes_no_advertisement():
    """A rogue router does not make the world local."""
    entities = fresh({"A": ["10.0.0.0/8"]})

    assert [False] == resolve(entities, flows(flow("2001:db8:7::a1")), [advertisement()]).orig_local.tolist()


def test_a_router_is_one_device_and_what_is_behind_it_is_not():
    """Its own addresses by ARP and link-local scope; the hosts behind it have rows of their own, the world has none."""
    entities = fresh()
    rows = flows(
        flow("10.0.0.5", "198.51.100.1", resp_mac=ROUTER_MAC), flow("10.0.8.7", "10.0.0.5", orig_mac=ROUTER_MAC),
        flow("10.0.8.8", "10.0.0.5", orig_mac=ROUTER_MAC), flow("fe80::1", "fe80::2", orig_mac=ROUTER_MAC),
    )  # fmt: skip
    resolve(entities, rows, asks=arp("10.0.0.1", mac=ROUTER_MAC))
    own = {entities.locate(0, address) for address in ("10.0.0.1", "fe80::1")}
    behind = {entities.locate(0, address) for address in ("10.0.8.7", "10.0.8.8")}

    assert (1, 2, set()) == (len(own), len(behind), own & behind)
    assert [True, False, False] == [entities.is_router(row) for row in (*own, *behind)]
    assert [ROUTER_MAC] == entities.devices.macs_of(own.pop())


def test_a_proxy_of_arp_does_not_become_every_host():
    """A router that answers ARP for a network has a few addresses, not all."""
    entities = fresh()
    resolve(
        entities, flows(flow("10.0.0.5", "198.51.100.1", resp_mac=ROUTER_MAC)), asks=arp("10.0.0.1", mac=ROUTER_MAC)
    )
    asks = np.concatenate([arp(f"10.0.3.{k}", mac=ROUTER_MAC, at_s=20 + k) for k in range(30)])
    resolve(entities, asks=asks, at_s=60)

    assert 5 > sum(entities.locate(0, f"10.0.3.{k}") == entities.locate(0, "10.0.0.1") for k in range(30))


def test_shared_addresses_stand_for_many():
    """Three hostnames, or five accounts, at one address: no strong link goes to it; a workstation is not shared."""
    for told in (
        [Ntlm(**common(k), username="a", hostname=f"PC-{k}") for k in range(3)],
        [Kerberos(**common(k), client=f"user{k}/R", success=True) for k in range(5)],
        [Http(**common(k), user_agent=f"Mozilla/5.0 (Windows NT 6.{k})") for k in range(3)],
    ):
        entities = fresh()
        resolve(entities, flows(flow("10.0.0.5")), told)
        resolve(
            entities,
            flows(flow("10.0.0.6", at_s=11)),
            [Ntlm(**common(11, orig="10.0.0.6"), username="a", hostname="P6")],
            at_s=20,
        )

        assert entities.stands_for_many(entities.locate(0, "10.0.0.5"))
        assert not entities.stands_for_many(entities.locate(0, "10.0.0.6"))


def test_behind_a_proxy_the_destination_is_the_host_asked_for():
    """The flow is the proxy's, its destination the CONNECT host; the proxy is not named after what is asked of it."""
    entities = fresh()
    told = [
        Http(**{**common(k, resp="10.0.0.8"), "uid": f"C{k}"}, method="CONNECT", host=f"site{k}.example:443")
        for k in range(4)
    ]  # fmt: skip
    told.append(Tls(**common(5, resp="10.0.0.8"), server_name="site9.example"))
    tick = resolve(entities, flows(flow("10.0.0.5", "10.0.0.8", port=3128, uid="C2")), told)

    assert {0: "site2.example"} == tick.destinations
    assert entities.address_name(*addresses.parse("10.0.0.8")) is None
    assert "an explicit proxy" == entities.sightings.shared(entities.locate(0, "10.0.0.8"))


def test_what_a_host_announces_and_a_logon_tell_its_name():
    """By mDNS for want of better, by a logon's workstation; the event is about the device of its address."""
    entities = fresh()
    logon = Event(
        ts=START, source="windows", kind="logon", action="4624", outcome="success", account="ann", ip="10.0.0.6",
        detail={"workstation": "PC-6"},
    )  # fmt: skip
    tick = resolve(
        entities, flows(flow("10.0.0.5"), flow("10.0.0.6")), [Name(**common(1), protocol="mdns", name="kitchen.local")],
        events=[logon],
    )  # fmt: skip

    assert ["kitchen.local", "PC-6"] == [entities.device_name(int(row)) for row in tick.orig_device]
    assert [tick.orig_device[1]] == tick.event_device.tolist()


def test_the_server_of_leases_is_remembered():
    """It is a DHCP server; after a restart too."""
    entities, other = fresh(), fresh()
    resolve(
        entities, messages=[Dhcp(**common(), mac=HOST, assigned_addr="10.0.0.5", server_addr="10.0.0.1", msg_type=5)]
    )
    other.load(entities.save())

    assert {(0, *words_of("10.0.0.1"))} == set(other.sightings.lease_servers)


def test_nonsense_in_messages_changes_nothing():
    """Addresses and MACs that are none."""
    told = [
        ndp("na", "?", "zz", target="?"), ndp("ra", "", None, prefixes=("?",)),
        Name(**common(orig="?"), protocol="mdns", name="x"), Ntlm(**common(orig="?"), hostname="PC"),
        Kerberos(**common(orig="?"), client="PC$/R", success=True),
    ]  # fmt: skip
    entities = fresh()
    resolve(entities, messages=told)

    assert 0 == entities.count()
