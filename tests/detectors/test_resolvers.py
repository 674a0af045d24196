"""Public resolvers by name and address."""

import ipaddress

from sensor.detectors.resolvers import ADDRESSES, HOSTS, is_resolver


def test_names_of_resolvers():
    """Whole names and customers' names below them, not what merely looks like one."""
    assert [True, True, True, False, False, False] == [
        is_resolver(name)
        for name in ("dns.google", "DNS.Quad9.net.", "abc123.dns.nextdns.io", "google", "xdns.google", None)
    ]


def test_the_lists_are_well_formed():
    """Addresses are in the form that the flows' are written in; names are lower case."""
    assert all(str(ipaddress.ip_address(text)) == text for text in ADDRESSES)
    assert all(name == name.lower() and "." in name for name in HOSTS)
