"""Which link-layer addresses identify a host."""

import numpy as np

from sensor.entities.macs import EVERYWHERE, ROUTER_ADDRESSES, ROUTER_V6, Macs, identifies, is_link_local, key_of
from sensor.model import addresses

BURNED, LOCAL = 0x00AABBCCDD01, 0x02AABBCCDD01


def columns(*texts):
    words = np.array([addresses.parse(text) for text in texts], np.uint64).reshape(-1, 2)
    return np.zeros(len(texts), np.int32), words[:, 0].copy(), words[:, 1].copy()


def test_virtual_and_group_addresses_identify_nobody():
    """VRRP, HSRP, an adapter that every laptop has, multicast, none; a host's own does."""
    nobody = (0x00005E000105, 0x00000C07AC01, 0x00059A3C7A00, 0x005056C00008, 0x01005E000001, 0)

    assert [False] * 6 + [True] * 2 == [identifies(mac) for mac in (*nobody, BURNED, LOCAL)]


def test_keys_are_the_organisations_or_the_sites():
    """A burned-in MAC is one device everywhere, a random one at its site."""
    assert [(EVERYWHERE, BURNED), (3, LOCAL)] == [key_of(3, mac) for mac in (BURNED, LOCAL)]


def test_what_is_behind_a_router_is_not_the_routers():
    """Its MAC is blanked, but before a link-local address, and where the MAC itself says the address is its own."""
    macs = Macs()
    macs.make_router((0, BURNED))
    site, hi, _ = columns("10.0.0.5", "fe80::1", "10.0.0.6")
    mac = np.array([BURNED, BURNED, BURNED + 1], np.uint64)

    assert [0, BURNED, BURNED + 1] == macs.own(site, hi, mac).tolist()
    assert mac.tolist() == macs.own(site, hi, mac, linked=True).tolist()
    assert [False, True, False] == is_link_local(hi).tolist()


def test_outside_addresses_show_routers():
    """The first of IPv4, or more of IPv6 than a host has."""
    macs = Macs()
    many = [f"2001:db8::{k:x}" for k in range(1, ROUTER_V6 + 2)]

    assert [(0, BURNED)] == macs.outside(*columns("198.51.100.1", "198.51.100.2"), np.array([BURNED] * 2, np.uint64))
    assert [] == macs.outside(*columns(*many[:-1]), np.array([BURNED + 1] * ROUTER_V6, np.uint64))
    assert [(0, BURNED + 1)] == macs.outside(*columns(many[-1]), np.array([BURNED + 1], np.uint64))


def test_many_local_addresses_show_a_router_after_a_restart_too():
    """Counts are saved."""
    macs, other = Macs(), Macs()
    shown = [macs.shows(0, BURNED, lo) for lo in range(ROUTER_ADDRESSES)]
    macs.make_router((1, LOCAL))
    macs.flip((0, 0, 5), BURNED, LOCAL, 10)
    other.load(macs.save())

    assert macs.flip((0, 0, 5), LOCAL, BURNED, 20) == other.flip((0, 0, 5), LOCAL, BURNED, 20) != 0
    assert (False, True) == (any(shown), other.shows(0, BURNED, 99))
    assert {(1, LOCAL)} == other.routers
