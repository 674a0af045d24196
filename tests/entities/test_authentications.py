"""What messages and events prove about who was where."""

import pytest

from sensor.entities.authentications import cookie_of, fits_cookie, of_event, of_message
from sensor.model.event import Event
from sensor.model.metadata import Dns, Kerberos, Ntlm
from sensor.model.protocols import Ldap, Radius, Rdp
from tests.scenes import common


def event(kind, **fields):
    return Event(ts=1, source="windows", kind=kind, **{"action": "4624", "outcome": "success", **fields})


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (Kerberos(**common(), client="Ann/EX.COM", request_type="AS", success=True), ("ann@ex.com", "kerberos_as")),
        (Kerberos(**common(), client="Ann/EX.COM", request_type="TGS", success=True), ("ann@ex.com", "kerberos_tgs")),
        (Kerberos(**common(), client="eve/EX.COM", success=False), None),
        (Kerberos(**common(), client="eve/EX.COM"), None),
        (Ntlm(**common(), username="Ann", domainname="EX", success=True), ("ann@ex", "ntlm")),
        (Ntlm(**common(), username="Ann", domainname="EX"), ("ann@ex", "ntlm_claim")),
        (Ntlm(**common(), username="eve", success=False), None),
        (Ntlm(**common(), username=""), None),
        (Radius(**common(), username="ann", result="success", framed_addr="10.9.0.2"), ("ann", "radius")),
        (Radius(**common(), username="ann", result="failed"), None),
        (Ldap(**common(), opcode="bind simple", object="ann@ex.com", result="success"), ("ann@ex.com", "ldap_bind")),
        (Ldap(**common(), opcode="bind simple", object="cn=Ann Lee,dc=ex"), None),
        (Dns(**common(), query="a"), None),
    ],
)
def test_messages_prove_what_was_not_refused(message, expected):
    """A request alone proves nothing; a display name is no account."""
    found = of_message(message)

    assert expected == (None if found is None else (found.account, found.link))


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        (event("logon", account="ann", ip="10.0.0.5", detail={"logon_type": 3, "workstation": "PC5"}),
         ("windows_logon", "10.0.0.5", "PC5")),
        (event("logon", account="ann", ip="10.0.0.5", device_name="dc1", action="4768"),
         ("windows_logon", "10.0.0.5", None)),
        (event("logon", account="ann", device_name="pc5", detail={"logon_type": 2}), ("windows_logon", None, "pc5")),
        (event("logon", account="ann", device_name="pc5", detail={"logon_type": 5}), (None, None, None)),
        (event("logon", account="ann", ip="10.0.0.5", outcome="failure"), (None, None, None)),
        (event("lease", account="ann", detail={"assigned_addr": "10.8.0.9", "public_addr": "203.0.113.5"}),
         ("vpn", "10.8.0.9", None)),
        (event("lease", account="ann", detail={"assigned_addr": "10.8.0.9", "ended": True}), (None, None, None)),
        (event("process", account="ann", device_name="pc5"), ("agent", None, "pc5")),
        (event("file", account="ann"), (None, None, None)),
    ],
)  # fmt: skip
def test_events_prove_where_an_account_acted(told, expected):
    """From afar it was where the address is, at the console at the host; a lease's end proves nothing."""
    found = of_event(told)

    assert expected == (found.link, found.address, found.host)


def test_a_sign_in_from_a_known_device_links_to_it():
    """If it succeeded; a failed one proves that the account exists only where its provider gives an id."""
    shared = {"ts": 1, "source": "entra", "kind": "signin", "action": "Sign-in activity", "account": "ann@ex.com"}
    good = of_event(Event(**shared, outcome="success", device_id="d1", device_name="PC5"))
    bad = of_event(Event(**shared, outcome="failure", device_id="d1"))
    known = of_event(Event(**shared, outcome="failure", account_id="id"))

    assert ("idp_device", "PC5", True) == (good.link, good.host, good.is_proven)
    assert (None, False, True) == (bad.link, bad.is_proven, known.is_proven)
    assert of_event(Event(ts=1, source="x", kind="file", action="x")) is None


def test_a_cookie_may_be_cut():
    """Nine characters are the beginning of a name, fewer are all of it."""
    assert "administr" == cookie_of(Rdp(**common(), cookie="ADMINISTR"))
    assert fits_cookie("administrator@ex", "administr")
    assert fits_cookie("ann@ex", "ann")
    assert not fits_cookie("annette@ex", "ann")
    assert cookie_of(Dns(**common())) is None
