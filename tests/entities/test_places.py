"""Networks nobody configured."""

import numpy as np

from sensor.entities.places import Places
from sensor.model import addresses
from tests.entities.test_macs import columns


def test_advertised_prefixes_become_local_unless_they_are_absurd():
    """A /64 is taken once; the whole world, link-local, multicast, IPv4 and nonsense are not."""
    places = Places()

    assert places.advertise("A", ("2001:db8:7::/64", "2000::/3", "fe80::/64", "ff02::/64", "10.0.0.0/8", "?"))
    assert not places.advertise("A", ("2001:db8:7::/64",))
    assert {"A": ["2001:db8:7::/64"]} == places.learned
    _, hi, lo = columns("2001:db8:7::5", "2001:db8:8::5", "10.0.0.1")
    assert [True, False, True] == places.networks("A").contain(hi, lo).tolist()
    assert [False, True] == places.networks("B").contain(hi[1:], lo[1:]).tolist()


def test_networks_whose_hosts_speak_arp_are_told():
    """Three hosts are enough, two are too few. After a restart too."""
    places, other = Places(), Places()
    foreign = [addresses.parse(f"203.0.113.{k}")[1] & 0xFFFF_FFFF for k in (1, 2, 3, 3)]
    foreign += [addresses.parse(f"198.51.100.{k}")[1] & 0xFFFF_FFFF for k in (1, 2)]
    places.speak(np.zeros(6, np.int32), np.array(foreign, np.uint32))
    other.load(places.save())

    assert [(0, 0xCB_0071, 3)] == other.speaking()
