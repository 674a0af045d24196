"""Local networks and addresses that are no host's."""

import ipaddress

import numpy as np
import pytest

from sensor.entities import networks
from sensor.model import addresses


def words(*texts):
    pairs = np.array([addresses.parse(text) for text in texts], np.uint64).reshape(-1, 2)
    return np.ascontiguousarray(pairs[:, 0]), np.ascontiguousarray(pairs[:, 1])


def test_private_ranges_agree_with_the_standard_library():
    """Random and border addresses of both families lie inside exactly where ipaddress says so."""
    rng = np.random.default_rng(0)
    texts = [str(ipaddress.IPv4Address(int(v))) for v in rng.integers(0, 2**32, 300)]
    texts += [str(ipaddress.IPv6Address(int.from_bytes(rng.bytes(16), "big"))) for _ in range(100)]
    texts += [
        "9.255.255.255",
        "10.0.0.0",
        "10.255.255.255",
        "172.15.0.1",
        "172.16.0.1",
        "172.32.0.0",
        "fe80::1",
        "fd00::9",
    ]
    nets = [ipaddress.ip_network(text) for text in networks.PRIVATE]
    expected = [
        any(ipaddress.ip_address(text) in net for net in nets if net.version == ipaddress.ip_address(text).version)
        for text in texts
    ]

    assert expected == networks.Networks(networks.PRIVATE).contain(*words(*texts)).tolist()


def test_a_prefix_with_host_bits_is_its_network():
    """10.1.2.3/16 means 10.1.0.0/16, and free text is refused."""
    assert [True, False] == networks.Networks(["10.1.2.3/16"]).contain(*words("10.1.9.9", "10.2.0.1")).tolist()
    with pytest.raises(ValueError, match="office"):
        networks.Networks(["office"])


def test_groups_and_loopback_are_no_hosts():
    """Multicast, broadcast, loopback and unspecified addresses of both families are nobody's."""
    texts = [
        "224.0.0.251",
        "255.255.255.255",
        "127.0.0.1",
        "0.0.0.1",
        "ff02::1",
        "::",
        "::1",
        "10.0.0.1",
        "2001:db8::1",
    ]

    assert [True] * 7 + [False] * 2 == networks.no_host(*words(*texts)).tolist()


def test_an_empty_column_is_an_empty_answer():
    """No addresses, no answers."""
    assert [] == networks.Networks(networks.PRIVATE).contain(*words()).tolist()


def test_the_words_of_what_is_no_address_are_zeros():
    """Whatever a record holds in its place."""
    assert [(0, 0xFFFF_0A00_0001), (0, 0), (0, 0)] == [networks.words_of(one) for one in ("10.0.0.1", None, "?")]
