"""Network messages told as events."""

import pytest

from sensor.model.message_events import event_of
from sensor.model.metadata import Dhcp, Dns, Kerberos, Ntlm, Ssh
from sensor.model.protocols import Ldap, Radius, Rdp, Smtp
from tests.scenes import common


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (Kerberos(**common(), client="Ann/EX", success=True, request_type="AS"), ("logon", "AS", "success", "ann@ex")),
        (Kerberos(**common(), client="Ann/EX.COM", success=False), ("logon", "kerberos", "failure", "ann@ex.com")),
        (Ntlm(**common(), username="Ann", domainname="EX"), ("logon", "ntlm", "unknown", "ann@ex")),
        (Radius(**common(), username="ann", result="failed"), ("logon", "radius", "failure", "ann")),
        (Radius(**common(), username="ann", result="success"), ("lease", "radius", "success", "ann")),
        (Rdp(**common(), cookie="ann"), ("logon", "rdp", "unknown", "ann")),
        (Ldap(**common(), opcode="bind simple", object="cn=ann"), ("logon", "bind simple", "unknown", None)),
        (Smtp(**common(), mailfrom="A@ex.com"), ("email", "smtp", "unknown", "a@ex.com")),
        (Dhcp(**common(), mac="00:11:22:33:44:55"), ("lease", "dhcp", "unknown", None)),
        (Ssh(**common(), client="SSH-2.0-x"), ("other", "ssh", "unknown", None)),
        (Dns(**common(), query="a.example"), ("other", "dns", "unknown", None)),
    ],
)  # fmt: skip
def test_each_message_is_the_event_it_stands_for(message, expected):
    """Logons, leases and mail are told as such; the rest is `other`, with its fields."""
    event = event_of(message)

    assert expected == (event.kind, event.action, event.outcome, event.account)
    assert (message.ts, message.orig_h) == (event.ts, event.ip)
    assert event.detail["uid"] == message.uid
