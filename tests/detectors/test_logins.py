"""What tells of a login's result, and what does not."""

import pytest

from sensor.detectors.logins import is_address, is_public, logins
from sensor.model.event import Event
from sensor.model.metadata import Http, Kerberos, Ntlm, Ssh
from sensor.model.protocols import Ftp, Ldap, Radius, Smb, Smtp
from tests.detectors.ticks import entities, tick
from tests.scenes import START, common, flow, flows


def asks(**said):
    return Kerberos(**common(), request_type=said.pop("kind", "AS"), client="ann/EX.COM", **said)


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (asks(success=False, error_code=24), ("kerberos", False)),
        (asks(success=False, error_code=6), ("kerberos", False)),
        (asks(success=False, error_code=25), None),
        (asks(success=True), ("kerberos", True)),
        (asks(kind="TGS", success=False, error_code=24), None),
        (asks(kind=None, success=False, error_code=24), ("kerberos", False)),
        (asks(kind=None, success=True), None),
        (Ntlm(**common(), username="ann", success=False), ("ntlm", False)),
        (Ntlm(**common(), username="ann"), None),
        (Ftp(**common(), user="ann", command="PASS", reply_code=530), ("ftp", False)),
        (Ftp(**common(), user="ann", command="PASS", reply_code=230), ("ftp", True)),
        (Ftp(**common(), user="ann", command="RETR", reply_code=226), None),
        (Ldap(**common(), opcode="bind simple", object="cn=ann", result="invalid credentials"), ("ldap", False)),
        (Ldap(**common(), opcode="bind simple", object="cn=ann", result="invalidCredentials"), ("ldap", False)),
        (Ldap(**common(), opcode="bind simple", object="cn=ann", result="success"), ("ldap", True)),
        (Ldap(**common(), opcode="bind SASL", object="cn=ann", result="SASL bind in progress"), None),
        (Ldap(**common(), opcode="search", object="dc=ex", result="success"), None),
        (Smtp(**common(), last_reply="535 5.7.8 no"), ("smtp", False)),
        (Smtp(**common(), last_reply="250 ok"), None),
        (Radius(**common(), username="ann", result="failed"), ("radius", False)),
        (Radius(**common(), username="ann"), None),
        (Smb(**common(), status="STATUS_LOGON_FAILURE", username="ann"), ("smb", False)),
        (Smb(**common(), status="ACCESS_DENIED"), None),
        (Http(**common(), status_code=401), ("http", False)),
        (Http(**common(), status_code=200), ("http", True)),
        (Http(**common(), status_code=403), None),
        (Ssh(**common(), client="SSH-2.0-x"), None),
    ],
)  # fmt: skip
def test_messages_tell_of_results(message, expected):
    """Refused, accepted, or neither."""
    found = list(logins(tick(entities(), flows(), end_ns=START, messages=[message]), entities()))

    assert ([] if expected is None else [expected]) == [(login.service, login.success) for login in found]


def test_logon_events_tell_of_results_and_ends_do_not():
    """By what the log says of outcome, package and target; another kind of event is none."""
    known = entities()
    one = tick(known, flows(flow()))
    one.events = [
        Event(ts=START, source="windows", kind="logon", action="4625", outcome="failure", account="ann@ex.com",
              ip="10.0.0.5", detail={"package": "NTLM", "target": "SRV1"}),
        Event(ts=START, source="windows", kind="logon", action="4634", outcome="success", ip="10.0.0.5",
              detail={"ended": True}),
        Event(ts=START, source="entra", kind="signin", action="x", outcome="failure", ip="10.0.0.5"),
        Event(ts=START, source="sshd", kind="logon", action="failed", outcome="unknown", ip="10.0.0.5"),
    ]  # fmt: skip
    one.event_site, one.event_device = [0] * 4, one.orig_device.repeat(4)

    assert [("ntlm", "SRV1", "ann@ex.com", False)] == [
        (login.service, login.target, login.account, login.success) for login in logins(one, known)
    ]


def test_outside_is_a_public_address():
    """Names and private addresses are not outside; those of documentation are nobody's inside."""
    assert [True, True, False, False, False] == [
        is_public(text) for text in ("8.8.8.8", "203.0.113.7", "10.0.0.5", "fe80::1", "SRV1")
    ]
    assert [True, False] == [is_address("2001:db8::1"), is_address("")]
