"""Who acted, and from where."""

import pytest

from sensor.wire.fields import Fields
from sensor.wire.m365_accounts import read_account, read_client


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        ({"UserId": "JoeB@Example.com"}, "joeb@example.com"),
        ({"UserId": "urn:spo:guest#Guest@Example.net"}, "guest@example.net"),
        ({"UserId": "urn:spo:anon#0f4c"}, None),
        ({"UserId": "i:0#.f|membership|Ann@Example.com"}, "ann@example.com"),
        ({"UserId": "app@sharepoint"}, "app@sharepoint"),
        ({"UserId": "S-1-5-18"}, "s-1-5-18"),
        (
            {"UserId": "NT AUTHORITY\\SYSTEM (Microsoft.Exchange.ServiceHost)"},
            "system (microsoft.exchange.servicehost)",
        ),
        ({"UserId": "NT AUTHORITY\\SYSTEM"}, "system"),
        ({"UserId": "ServicePrincipal_66-77"}, "serviceprincipal_66-77"),
        ({"UserId": "Not Available", "Actor": [{"ID": "g", "Type": 0}, {"ID": "A@b.c", "Type": "5"}]}, "a@b.c"),
        ({"UserId": "Unknown", "UserKey": "1003@example.com"}, "1003@example.com"),
        ({"UserId": "Unknown", "UserKey": "1003"}, None),
        ({"UserIds": "ann@example.com"}, "ann@example.com"),
        ({}, None),
    ],
)
def test_accounts_are_found_whatever_a_service_writes_around_them(record, expected):
    """UPNs in any case, SharePoint's guests and claims, and what names nobody."""
    assert expected == read_account(Fields(record), "UserIds")


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        ({"ClientIP": "[10.11.12.13]:12345"}, ("10.11.12.13", 12345)),
        ({"ClientIP": "10.11.12.13:12345"}, ("10.11.12.13", 12345)),
        ({"ClientIP": "::ffff:10.11.12.13"}, ("10.11.12.13", None)),
        ({"ClientIP": "[::ffff:10.11.12.13]:12345"}, ("10.11.12.13", 12345)),
        ({"ClientIP": "[2001:DB8::abcd]:12345"}, ("2001:db8::abcd", 12345)),
        ({"ClientIP": "[2001:db8::abcd]"}, ("2001:db8::abcd", None)),
        ({"ClientIP": "::1"}, ("::1", None)),
        ({"ClientIP": "1000:1000:100:007::1"}, ("1000:1000:100:7::1", None)),
        ({"ClientIP": "HOST.example (10.90.0.1)"}, ("10.90.0.1", None)),
        ({"ClientIP": "[HOST (2001:db8::1)]"}, ("2001:db8::1", None)),
        ({"ClientIP": "localhost:12345"}, (None, None)),
        ({"ClientIP": "HOST (10.9000.0.1)"}, (None, None)),
        ({"ClientIP": "192.0.2.1", "ClientIPAddress": "198.51.100.2"}, ("198.51.100.2", None)),
        ({"ClientIP": "192.0.2.1:5", "ClientIPAddress": "NOTANADDRESS (10.9000.0.1)"}, ("192.0.2.1", 5)),
        ({"Client_IPAddress": "192.0.2.3"}, ("192.0.2.3", None)),
        ({"ClientIP": "", "ActorIpAddress": "192.0.2.4"}, ("192.0.2.4", None)),
        ({"UserIp": "192.0.2.5"}, ("192.0.2.5", None)),
        ({}, (None, None)),
    ],
)
def test_addresses_are_found_with_ports_brackets_and_names(record, expected):
    """The person's own address goes before that of a service in between."""
    assert expected == read_client(Fields(record))
