"""What an agent says of its host."""

import pytest

from sensor.wire.fields import Fields
from sensor.wire.host_inventory import addresses, initiated, inventory


def test_addresses_that_every_host_has_say_nothing():
    """Loopback and link-local ones, and the eight bytes of a tunnel adapter."""
    record = Fields(
        {
            "host.ip": ["192.0.2.5", "fe80::1", "127.0.0.1", "::1", "169.254.1.1", "2001:DB8::5", "x"],
            "host": {
                "mac": ["00-00-5E-00-53-23", "00-00-00-00-00-00-00-E0"],
                "os": {"name": "Ubuntu", "version": "22"},
            },
        }
    )
    assert {
        "addresses": ["192.0.2.5", "2001:db8::5"],
        "macs": ["00:00:5e:00:53:23"],
        "os_version": "Ubuntu 22",
    } == inventory(record)
    assert ["192.0.2.5", "fe80::1", "127.0.0.1", "::1", "169.254.1.1", "2001:db8::5"] == addresses(record)


def test_a_host_without_inventory_has_none():
    """A name alone is none."""
    assert {} == inventory(Fields({"host": {"name": "x"}}))
    assert {"os_version": "Windows 11"} == inventory(Fields({"host.os.full": "Windows 11"}))


@pytest.mark.parametrize(
    ("direction", "expected"),
    [("egress", True), ("Outbound", True), ("ingress", False), ("inbound", False), ("internal", None), (None, None)],
)
def test_who_opened_a_connection_is_said_by_its_direction(direction, expected):
    """Words that name no side of the host (`internal`, `external`, `unknown`) say nothing."""
    assert expected == initiated(Fields({"network": {"direction": direction}}))
