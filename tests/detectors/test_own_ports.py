"""Whose port a port is."""

import pytest

from sensor.detectors.own_ports import HOMES, OWN, TITLES, stranger


@pytest.mark.parametrize(
    ("services", "port", "expected"),
    [
        ("ssh", 22, None), ("ssh", 443, ("ssh", True)), ("ssh", 2222, None), ("ssh", 8080, ("ssh", False)),
        ("http", 8080, None), ("http", 22, ("http", True)), ("http", 443, None), ("ssl", 53, ("ssl", True)),
        ("ssl", 8443, None), ("ssl", 80, ("ssl", False)), ("smtp,ssl", 25, None), ("ssl", 853, None),
        ("dns", 443, ("dns", True)), ("quic,ssl", 443, None), ("quic,ssl", 53, ("quic", True)),
        ("gssapi,smb,krb", 445, None), ("krb_tcp", 88, None), ("dce_rpc", 49_701, None), ("ftp", 25, None),
        ("smb", 80, ("smb", True)), ("dns", 5353, None), ("modbus", 443, None), ("-ssh", 443, None), ("", 443, None),
        ("ssl", 3389, None), ("rdp", 443, ("rdp", True)),
    ],
)  # fmt: skip
def test_a_service_is_at_home_or_a_stranger(services, port, expected):
    """On its own port, on nobody's, and on another's; common alternates are no news."""
    assert expected == stranger(services, port)


def test_every_own_port_has_a_title():
    """Text names whose port it is; every judged service's usual ports are ports."""
    assert set(OWN) == set(TITLES)
    assert all(0 < port < 65_536 for homes in HOMES.values() for port in homes)
