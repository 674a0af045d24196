"""Tests for sensor/sources/globalprotect.py: PAN-OS's CSV, the older SYSTEM log, and the logging service's forms."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensor.errors import Malformed
from sensor.model.event import Event
from sensor.model.times import parse
from sensor.sources import globalprotect
from sensor.wire.fields import Fields
from tests.sources.hostile import check

LEAD = "1,2026/10/01 08:02:11,016201004321,GLOBALPROTECT,0,2817,2026/10/01 08:02:10,vsys1,"
TAIL = ',6c1f3e2a,PF3K9Z2A,6.2.4,Windows,"Microsoft Windows 11 , 64-bit",1,,,"said, more",'


def line(event: str, stage: str, user: str, addresses: str, status: str = "success", exact: str = "") -> str:
    """A row of the CSV; `addresses` are public, public v6, private, private v6."""
    return f"{LEAD}{event},{stage},SAML,IPSec,{user},IL,LT-0412,{addresses}{TAIL}{status},,0,,0,GW,741,0x0,{exact}"


def only(text: str) -> Event:
    """The one event of a message."""
    record = Fields({"message": text})
    assert globalprotect.claims(record)
    (event,) = globalprotect.read(record)
    return event


def test_a_tunnel_is_a_lease_between_account_device_and_addresses() -> None:
    """Every field of a connection, with the time that has a zone."""
    text = line(
        "gateway-connected",
        "connected",
        "ex\\Ann",
        "203.0.113.24,0.0.0.0,10.9.8.7,0.0.0.0",
        exact="2026-10-01T08:02:11.114+03:00",
    )
    event = only("Oct  1 08:02:11 PA-3220 " + text)
    assert (
        parse("2026-10-01T05:02:11.114Z"),
        "lease",
        "gateway-connected",
        "success",
        "ann@ex",
        "203.0.113.24",
        "IL",
        "6c1f3e2a",
        "LT-0412",
        "Microsoft Windows 11 , 64-bit",
        "GW",
        None,
        "016201004321:741",
        {"assigned_addr": "10.9.8.7", "public_addr": "203.0.113.24", "host_name": "LT-0412"},
    ) == (
        event.ts,
        event.kind,
        event.action,
        event.outcome,
        event.account,
        event.ip,
        event.country,
        event.device_id,
        event.device_name,
        event.os,
        event.resource,
        event.reason,
        event.raw_id,
        event.detail,
    )


def test_a_logout_ends_the_lease() -> None:
    """So does a release."""
    for action in ("gateway-logout", "gateway-config-release"):
        event = only(line(action, "logout", "ann", "203.0.113.24,,10.9.8.7,"))
        assert ("lease", True) == (event.kind, event.detail["ended"])


def test_authentications_and_failures_are_logons() -> None:
    """A failure's reason is what the description says, where nothing else does."""
    good = only(line("portal-auth", "login", "Ann@Example.com", "203.0.113.24,0.0.0.0,0.0.0.0,0.0.0.0"))
    bad = only(line("gateway-auth", "login", "ann", "203.0.113.24,,,", "failure"))
    assert (
        "logon",
        "success",
        "ann@example.com",
        {"public_addr": "203.0.113.24", "host_name": "LT-0412", "package": "SAML"},
    ) == (
        good.kind,
        good.outcome,
        good.account,
        good.detail,
    )
    assert ("logon", "failure", "said, more") == (bad.kind, bad.outcome, bad.reason)


def test_the_device_s_own_tunnel_has_no_account() -> None:
    """`pre-logon` is nobody; other steps are other."""
    event = only(line("gateway-getconfig", "configuration", "pre-logon", "203.0.113.24,,,"))
    assert (None, "other") == (event.account, event.kind)


def test_a_bogus_exact_time_and_an_inside_region_are_not_taken() -> None:
    """1970 gives way to the generated time, read as UTC; a range is no country; IPv6 stands in for a missing IPv4."""
    text = line("gateway-connected", "connected", "ann", ",2001:db8::1,,fd00::2", exact="1970-01-01T01:00:00.000+01:00")
    event = only(text.replace(",IL,", ",10.0.0.0-10.255.255.255,"))
    assert (parse("2026-10-01T08:02:10Z"), None, "2001:db8::1", "fd00::2") == (
        event.ts,
        event.country,
        event.ip,
        event.detail["assigned_addr"],
    )


def test_the_older_system_log_is_read_from_its_words() -> None:
    """Authentication, configuration with the tunnel's address, and failure, behind one or two syslog headers."""
    lead = "1,2016/02/24 21:45:08,007200001165,SYSTEM,globalprotect,0,2016/02/24 21:40:52,,globalprotect"
    tail = ',GW-N,0,0,general,informational,"{}",641953,0x8000000000000000,0,0,0,0,,PA-VM'
    said = (
        "GlobalProtect gateway user authentication succeeded. Login from: 203.0.113.230, Source "
        "region: US, User name: user3, Auth type: profile, Client OS version: Windows 7"
    )
    good = only("Feb 24 19:44:58 Panorama " + lead + "gateway-auth-succ" + tail.format(said))
    assert (parse("2016-02-24T21:40:52Z"), "logon", "success", "user3", "203.0.113.230", "US", "Windows 7", "GW-N") == (
        good.ts,
        good.kind,
        good.outcome,
        good.account,
        good.ip,
        good.country,
        good.os,
        good.resource,
    )
    said = (
        "GlobalProtect gateway client configuration generated. User name: ex\\user3, Private IP: "
        "10.1.1.2, Device name: PC7, Client OS version: Windows 7."
    )
    lease = only(lead + "gateway-config-succ" + tail.format(said))
    assert ("lease", "user3@ex", "10.1.1.2", "PC7") == (
        lease.kind,
        lease.account,
        lease.detail["assigned_addr"],
        lease.device_name,
    )
    said = (
        "GlobalProtect gateway user authentication failed. Login from: 203.0.113.230, User name: "
        "user3, Reason: Invalid password."
    )
    bad = only(lead + "gateway-auth-fail" + tail.format(said))
    assert ("logon", "failure", "Invalid password") == (bad.kind, bad.outcome, bad.reason)


def test_the_logging_service_s_forms_are_read() -> None:
    """CEF with spaces and doubled backslashes, LEEF with its event in the header, JSON with LEEF's names."""
    cef = (
        "CEF:0|Palo Alto Networks|LF|2.0|GLOBALPROTECT|globalprotect|3|dtz=UTC rt=Mar 01 2021 20:35:54 "
        "start=Mar 01 2021 20:35:54 PanOSEventIDValue=gateway-connected PanOSStage=connected "
        "PanOSSourceUserName=ex\\\\\\\\ann PanOSSourceRegion=ET "
        "PanOSEndpointDeviceName=m 2 PanOSPublicIPv4=203.0.113.9 "
        "PanOSPrivateIPv4=10.1.1.9 PanOSEventStatus=success PanOSConnectionErrorID=0"
    )
    leef = (
        "LEEF:2.0|Palo Alto Networks|Next Generation Firewall|10.0|gateway-connected| |cat=globalprotect "
        "devTime=2021-03-01 20:35:54.000000 Stage=connected usrName=ex\\ann SourceRegion=ET EndpointDeviceName=m 2 "
        "PublicIPv4=203.0.113.9 PrivateIPv4=10.1.1.9 EventStatus=success ConnectionErrorID=0"
    )
    json = {
        "LogType": "GLOBALPROTECT",
        "EventIDValue": "gateway-connected",
        "SourceUserName": "ex\\ann",
        "SourceRegion": "ET",
        "EndpointDeviceName": "m 2",
        "PublicIPv4": "203.0.113.9",
        "PrivateIPv4": "10.1.1.9",
        "EventStatus": "success",
        "TimeGenerated": "2021-03-01T20:35:54.000000Z",
    }
    assert globalprotect.claims(Fields(json))
    first = only(cef)
    assert (parse("2021-03-01T20:35:54Z"), "ann@ex", "m 2", "10.1.1.9", "lease", "ET", "gateway-connected") == (
        first.ts,
        first.account,
        first.device_name,
        first.detail["assigned_addr"],
        first.kind,
        first.country,
        first.action,
    )
    assert [first, first] == [only(leef), *globalprotect.read(Fields(json))]


@pytest.mark.parametrize(
    "text",
    [
        "1,2026/10/01 08:02:11,016201004321,TRAFFIC,end,2817,2026/10/01 08:02:10,10.0.0.5",
        "1,2021/10/26 15:05:03,,SYSTEM,general,2561,2021/10/26 15:05:03,,general,,0,0,general,informational,x",
        "CEF:0|Other|P|1|GLOBALPROTECT|x|3|a=b",
        "globalprotect is a word",
        "CEF:0|globalprotect",
    ],
)
def test_other_records_are_not_claimed(text: str) -> None:
    """Other log types of the firewall, other vendors, prose."""
    assert not globalprotect.claims(Fields({"message": text}))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (line("", "", "ann", ",,,"), "missing_event"),
        (LEAD, "missing_event"),
        (LEAD.replace("2026/10/01 08:02:10", "2026/13/41 08:02:10") + "x,", "bad_time"),
        ("1,2026/10/01 08:02:11,0162,GLOBALPROTECT,0", "column_count"),
    ],
)
def test_what_cannot_be_read_is_named(text: str, reason: str) -> None:
    """Half a row, a time that is none."""
    with pytest.raises(Malformed, match=f"^{reason}$"):
        globalprotect.read(Fields({"message": text}))


PIECES = st.sampled_from(
    [
        LEAD,
        TAIL,
        "gateway-auth,",
        "login,",
        '"',
        ",",
        "1.2.3.4",
        "CEF:0|Palo Alto|GLOBALPROTECT|",
        "start=",
        "\\",
        "Login from: ",
    ]
)


@given(st.lists(PIECES | st.text(max_size=5), max_size=20))
def test_garbage_is_read_or_refused(parts: list[str]) -> None:
    """Nothing but Malformed leaves the reader."""
    check(globalprotect, {"message": "".join(parts)})
