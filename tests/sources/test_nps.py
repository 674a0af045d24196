"""Tests for sensor/sources/nps.py: who was let in, from where, in all three formats of the log."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensor.errors import Malformed
from sensor.model.event import Event
from sensor.model.times import parse
from sensor.sources import nps
from sensor.sources.records import RecordsSource, readers
from sensor.wire.fields import Fields
from tests.sources.hostile import check

AT = parse("2026-03-07T13:04:33Z")
MAC = "aa:bb:cc:dd:ee:ff"


def only(text: str) -> Event:
    """The one event of a line, which nobody else claims."""
    record = Fields({"message": text})
    assert ["nps"] == [one.name for one in readers() if one.claims(record)]
    (event,) = nps.read(record)
    return event


def xml(**values: object) -> str:
    """A record of the XML format; underscores stand for hyphens."""
    given_values = {"Timestamp": "03/07/2026 13:04:33.000", "Computer_Name": "NPS1", **values}
    elements = (f'<{name.replace("_", "-")} data_type="1">{value}</{name.replace("_", "-")}>'
                for name, value in given_values.items())  # fmt: skip
    return f"<Event>{''.join(elements)}</Event>"


def pairs(*values: object) -> str:
    """A record of the IAS format."""
    return "10.0.0.9,EX\\ann,03/07/2026,13:04:33,IAS,NPS1," + ",".join(map(str, values))


def database(kind: int, user: str, found: str, calling: str, framed: str, reason: int) -> str:
    """A record of the database format."""
    return (
        f'"NPS1","IAS",03/07/2026,13:04:33,{kind},"{user}","{found}",,"{calling}",,"{framed}",,"10.0.0.9",9,0,'
        f'"10.0.0.9","ap1",,,19,,,,4,"Wi-Fi",{reason},"311 1 10.0.0.2 03/01/2026 08:00:00 7",,,'
    )


@pytest.mark.parametrize(
    "text",
    [
        xml(User_Name="EX\\Ann", Packet_Type=4, Acct_Status_Type=1, Calling_Station_Id="AA-BB-CC-DD-EE-FF",
            Framed_IP_Address="10.1.0.5", Acct_Session_Id="s1", Class="c1", Client_Friendly_Name="ap1"),
        pairs(4136, 4, 40, 1, 31, "AA-BB-CC-DD-EE-FF", 8, "10.1.0.5", 44, "s1", 25, "c1", 4128, "ap1"),
    ],
)  # fmt: skip
def test_accounting_links_account_mac_and_address(text: str) -> None:
    """In XML and in pairs alike."""
    event = only(text)
    assert (AT, "lease", "Accounting-Start", "success") == (event.ts, event.kind, event.action, event.outcome)
    assert ("ann@ex", "10.1.0.5", "ap1", "s1", "c1") == (
        event.account,
        event.ip,
        event.resource,
        event.session_id,
        event.correlation_id,
    )
    assert {"mac": MAC, "assigned_addr": "10.1.0.5"} == event.detail


def test_the_end_of_a_session_ends_the_lease() -> None:
    """By number or by word, and without a packet type; an interim record does not end it."""
    states = ((4, 2), ("", "Stop"), (4, 3), ("", "Interim-Update"))
    ends = [
        only(xml(Packet_Type=packet, Acct_Status_Type=state, User_Name="ann", Framed_IP_Address="10.1.0.5"))
        for packet, state in states
    ]
    assert [("Accounting-Stop", True)] * 2 + [("Accounting-Interim", None)] * 2 == [
        (event.action, event.detail.get("ended")) for event in ends
    ]


def test_answers_have_an_outcome_and_a_reason() -> None:
    """The database format; a request is no outcome yet, and what it has in common with its answer is `Class`."""
    accept = only(database(2, "", "EX\\ann", "", "10.1.0.5", 0))
    reject = only(database(3, "", "EX\\ann", "", "", 16))
    asked = only(database(1, "ann", "EX\\ann", "AA-BB-CC-DD-EE-FF", "", 0))
    bare = only(database(2, "", "EX\\ann", "", "", 0))
    assert [("lease", "success"), ("logon", "failure"), ("other", "unknown"), ("logon", "success")] == [
        (event.kind, event.outcome) for event in (accept, reject, asked, bare)
    ]
    assert ("Access-Reject", "16", "authentication failed: credentials") == (
        reject.action,
        reject.reason_code,
        reject.reason,
    )
    assert {"311 1 10.0.0.2 03/01/2026 08:00:00 7"} == {one.correlation_id for one in (accept, reject, asked)}
    assert ["ann@ex"] * 3 == [one.account for one in (accept, reject, asked)]
    assert {"mac": MAC, "package": "MS-CHAP v2"} == asked.detail


def test_a_vpn_client_has_a_public_and_an_assigned_address() -> None:
    """The caller's address stands where a MAC does on Wi-Fi, or as the tunnel's other end."""
    for calling in ({"Calling_Station_Id": "203.0.113.9"}, {"Tunnel_Client_Endpt": "203.0.113.9"}):
        event = only(
            xml(User_Name="ann@ex.com", Packet_Type=4, Acct_Status_Type=1, Framed_IP_Address="10.9.0.5", **calling)
        )
        assert ("203.0.113.9", "ann@ex.com") == (event.ip, event.account)
        assert {"assigned_addr": "10.9.0.5", "public_addr": "203.0.113.9"} == event.detail


@pytest.mark.parametrize(
    ("typed", "found", "account", "host"),
    [
        ("Ann@Ex.com", "EX\\ann", "ann@ex.com", None),
        ("anonymous@ex.com", "EX\\ann", "ann@ex", None),
        ("host/PC1.ex.com", "EX\\PC1$", "pc1$@ex", "PC1.ex.com"),
        ("host/PC1.ex.com", "", "pc1$@ex.com", "PC1.ex.com"),
        ("host/PC1", "", "pc1$", "PC1"),
        ("EX\\PC1$", "", "pc1$@ex", "PC1"),
        ("", "", None, None),
    ],
)
def test_the_account_is_a_upn_else_what_nps_found(
    typed: str, found: str, account: str | None, host: str | None
) -> None:
    """A computer that signs on as itself is a device, too."""
    event = only(xml(User_Name=typed, SAM_Account_Name=found, Packet_Type=2))
    assert (account, host) == (event.account, event.device_name)


def test_an_address_that_means_any_is_none() -> None:
    """RFC 2865 §5.8: the server lets the user or itself choose."""
    for framed in ("255.255.255.255", "255.255.255.254", "0.0.0.0"):  # noqa: S104 - nothing is bound
        event = only(xml(User_Name="ann", Packet_Type=2, Framed_IP_Address=framed))
        assert ("logon", None, {}) == (event.kind, event.ip, event.detail)


def test_a_directory_path_is_no_account() -> None:
    """Its last part is a name for people."""
    assert only(database(2, "", "ex.com/Users/Ann Example", "", "", 0)).account is None


def test_unknown_types_are_other() -> None:
    """Packets, states and reasons that no table has; a challenge interrupts."""
    packet, challenge = only(xml(Packet_Type=77)), only(xml(Packet_Type=11))
    state = only(xml(Packet_Type=4, Acct_Status_Type=15, Framed_IP_Address="10.1.0.5"))
    assert [("77", "unknown"), ("Access-Challenge", "interrupt"), ("Accounting 15", "unknown")] == [
        (event.action, event.outcome) for event in (packet, challenge, state)
    ]
    assert {"other"} == {event.kind for event in (packet, challenge, state)}
    reject = only(xml(Packet_Type=3, Reason_Code=4711))
    assert ("4711", None) == (reject.reason_code, reject.reason)


def test_what_is_missing_is_told() -> None:
    """The time, and the packet's type."""
    bad = xml(Packet_Type=2, Timestamp="13/13/2026 1:00:00")
    for text, reason in (
        (xml(Packet_Type=2, Timestamp=""), "missing_time"), (bad, "bad_time"),
        (xml(User_Name="ann"), "bad_event"), (pairs(6, 2), "bad_event"),
    ):  # fmt: skip
        with pytest.raises(Malformed, match=f"^{reason}$"):
            only(text)


def test_files_of_each_format_are_read_whole(tmp_path) -> None:
    """As they are, with a header that somebody wrote, and XML over several lines."""
    start = xml(User_Name="ann", Packet_Type=4, Acct_Status_Type=1, Framed_IP_Address="10.1.0.5")
    header = (
        "ComputerName,ServiceName,Record-Date,Record-Time,Packet-Type,User-Name,Fully-Qualified-Distinguished-Name,"
        "Called-Station-ID,Calling-Station-ID,Callback-Number,Framed-IP-Address,Reason-Code\n"
    )
    row = "NPS1,IAS,03/07/2026,13:04:33,2,ann,EX\\ann,,AA-BB-CC-DD-EE-FF,,10.1.0.5,0\n"
    texts = {
        "xml": f"{start}\r\n" * 3,
        "pretty": start.replace("><", ">\n  <") * 3,
        "pairs": f"{pairs(4136, 2, 8, '10.1.0.5')}\r\n" * 3,
        "database": f"{database(2, '', 'EX' + chr(92) + 'ann', '', '10.1.0.5', 0)}\r\n" * 3,
        "header": header + row * 3,
    }
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
        source = RecordsSource(tmp_path / name, "local", 0)
        events = [event for batch in source.batches() for event in batch.events]
        assert (name, ["10.1.0.5"] * 3, {}) == (
            name,
            [event.detail.get("assigned_addr") for event in events],
            source.account.rejected,
        )


@given(st.dictionaries(st.sampled_from(["User_Name", "Packet_Type", "Acct_Status_Type", "Calling_Station_Id",
                                        "Framed_IP_Address", "Timestamp", "Reason_Code", "SAM_Account_Name"]),
                       st.text(max_size=20) | st.integers()))  # fmt: skip
def test_garbage_under_the_right_names_gives_an_event_or_a_reason(values: dict[str, object]) -> None:
    """Nothing else is raised."""
    for raw in ({"message": xml(**values)}, {**values, "Record-Date": "x", "Record-Time": 1, "Packet-Type": []}):
        check(nps, raw)
        with contextlib.suppress(Malformed):
            assert 1 == len(nps.read(Fields(raw)))
