"""The registered part of names."""

import pytest

from sensor.detectors.registered import is_public, registered


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a.b.example.co.uk", "example.co.uk"),
        ("WWW.Example.COM.", "example.com"),
        ("user.github.io", "user.github.io"),
        ("ec2-1-2-3-4.compute-1.amazonaws.com", "ec2-1-2-3-4.compute-1.amazonaws.com"),
        ("github.io", "github.io"),
        ("_ldap._tcp.dc._msdcs.corp.local", "corp.local"),
        ("wpad", None),
        ("4.3.2.1.in-addr.arpa", None),
        ("192.0.2.1", None),
        ("", None),
        (None, None),
    ],
)
def test_registered_part(name, expected):
    """Tenants of a shared suffix are told apart; one label, reverse names and addresses are nobody's."""
    assert expected == registered(name)


def test_public_suffixes():
    """Names of home and office networks lie below none."""
    assert [True, True, False, False] == [is_public(name) for name in ("a.co.uk", "a.xyz", "corp.local", "nas.lan")]
