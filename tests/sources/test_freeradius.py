"""Tests for sensor/sources/freeradius.py: authentications in radius.log."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensor.errors import Malformed
from sensor.model.event import Event
from sensor.model.times import parse
from sensor.sources import freeradius
from sensor.wire.fields import Fields
from tests.sources.hostile import check

AT = "Thu Mar 16 03:08:58 2023 : Auth: "


def only(text: str) -> Event:
    """The one event of a line."""
    record = Fields({"message": text})
    assert freeradius.claims(record)
    (event,) = freeradius.read(record)
    return event


def test_a_success_links_account_and_mac() -> None:
    """With and without a request's number; the password is not kept."""
    for text in ("Login OK: [Ann] ", "(17) Login OK: [ann/secret] ", "(17)  Login OK: [Ann/<via Auth-Type = EAP>] "):
        event = only(AT + text + "(from client ap1 port 13 cli AA-BB-CC-DD-EE-FF)")
        assert (parse("2023-03-16T03:08:58Z"), "lease", "success", "ann", {"mac": "aa:bb:cc:dd:ee:ff"}, "ap1") == (
            event.ts,
            event.kind,
            event.outcome,
            event.account,
            event.detail,
            event.resource,
        )


def test_a_failure_is_a_logon_with_its_reason() -> None:
    """A VPN's client stands with its address."""
    why = "mschap: MS-CHAP2-Response is incorrect"
    event = only(AT + f"Login incorrect ({why}): [EX\\ann] (from client vpn port 0 cli 203.0.113.9 via TLS tunnel)")
    assert ("logon", "failure", "mschap: MS-CHAP2-Response is incorrect", "ann@ex", "203.0.113.9") == (
        event.kind,
        event.outcome,
        event.reason,
        event.account,
        event.ip,
    )


def test_other_lines_are_not_claimed_and_a_time_is_needed() -> None:
    """Syslog gives the time where the line has none."""
    assert not freeradius.claims(Fields({"message": AT + "rlm_ldap: opening connection"}))
    line = "Login OK: [ann] (from client ap1 port 13)"
    assert 5 * 10**9 == freeradius.read(Fields({"message": line, "syslog": {"timestamp": 5 * 10**9}}))[0].ts // 10**9
    with pytest.raises(Malformed, match=r"^missing_time$"):
        only(line)


@given(st.text(max_size=20), st.text(max_size=20))
def test_garbage_is_read(name: str, client: str) -> None:
    """Nothing is raised where there is a time."""
    text = f"{AT}Login OK: [{name}] (from client {client} port 1)"
    assert "none" == check(freeradius, {"message": text})
    assert len(freeradius.read(Fields({"message": text}))) <= 1
