"""Tests for sensor/sources/openvpn.py: server logs, status files, Access Server."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensor.errors import Malformed
from sensor.model.event import Event
from sensor.model.times import parse
from sensor.sources import openvpn
from sensor.wire.envelopes import from_line
from sensor.wire.fields import Fields
from tests.sources.hostile import check

AT = "Tue Oct 13 22:35:43 2015 "
TIME = parse("2015-10-13T22:35:43Z")


def told(text: str, **more: object) -> list[Event]:
    """The events of one line."""
    record = Fields({"message": text, **more})
    assert openvpn.claims(record)
    return openvpn.read(record)


def short(text: str) -> tuple[object, ...]:
    """Kind, outcome, account, address, port and tunnel address of a line's one event."""
    (event,) = told(text)
    return event.kind, event.outcome, event.account, event.ip, event.port, event.detail.get("assigned_addr")


def test_an_address_learned_is_a_lease() -> None:
    """From MULTI's line, the pool's and the pushed configuration, with and without microseconds."""
    wanted = ("lease", "success", "ann", "203.0.113.5", 58485, "10.8.0.6")
    client = "Ann/203.0.113.5:58485 "
    assert [wanted] * 4 == [
        short(AT + client + "MULTI: Learn: 10.8.0.6 -> Ann/203.0.113.5:58485"),
        short(AT + "us=123456 " + client + "MULTI_sva: pool returned IPv4=10.8.0.6, IPv6=(Not enabled)"),
        short("2015-10-13 22:35:43 " + client + "MULTI_sva: pool returned IPv4=10.8.0.6"),
        short(AT + client + "SENT CONTROL [Ann]: 'PUSH_REPLY,route 10.8.0.1,ifconfig 10.8.0.6 10.8.0.5' (status=1)"),
    ]
    (event,) = told(AT + client + "MULTI: Learn: 10.8.0.6 -> Ann/203.0.113.5:58485")
    assert (TIME, "MULTI: Learn", "203.0.113.5") == (event.ts, event.action, event.detail["public_addr"])


def test_addresses_of_either_family_are_read() -> None:
    """A v6 client in brackets or without, a v6 tunnel address where there is no other."""
    assert ("logon", "success", "ann", "2001:db8::5", 1194, None) == short(
        AT + "[Ann] Peer Connection Initiated with [AF_INET6]2001:db8::5:1194"
    )
    assert "fd00::2" == short(AT + "a/192.0.2.1:9 MULTI_sva: pool returned IPv4=(Not enabled), IPv6=fd00::2")[-1]


def test_logons_succeed_and_fail() -> None:
    """By certificate, by password, and why not."""
    peer = "203.0.113.5:58485 "
    assert [
        ("logon", "success", "ann b", "203.0.113.5", 58485, None),
        ("logon", "success", "ann", "203.0.113.5", 58485, None),
        ("logon", "failure", None, "203.0.113.5", 58485, None),
        ("logon", "failure", "bob", "203.0.113.5", 58485, None),
        ("logon", "failure", None, "203.0.113.5", 58485, None),
        ("logon", "failure", "ann", "203.0.113.5", 58485, None),
    ] == [
        short(AT + peer + "[Ann B] Peer Connection Initiated with [AF_INET]203.0.113.5:58485"),
        short(AT + peer + "TLS: Username/Password authentication succeeded for username 'Ann' [CN SET]"),
        short(AT + peer + "TLS Auth Error: Auth Username/Password verification failed for peer"),
        short(AT + peer + "VERIFY ERROR: depth=0, error=certificate revoked: C=AU, CN=Bob, emailAddress=x"),
        short(AT + peer + "TLS Error: TLS handshake failed"),
        short(AT + peer + "SENT CONTROL [Ann]: 'AUTH_FAILED' (status=1)"),
    ]


def test_a_client_that_goes_ends_its_lease() -> None:
    """By its own exit, a restart or a reset."""
    for said in ("SIGTERM[soft,remote-exit] received, client-instance exiting", "Connection reset, restarting [0]"):
        (event,) = told(AT + "ann/203.0.113.5:58485 " + said)
        assert ("lease", True, "ann") == (event.kind, event.detail["ended"], event.account)


def test_syslog_gives_the_time_and_the_claim() -> None:
    """The tag says whose line it is, whatever it says; what is about no client says nothing."""
    line = b"<29>Oct 13 22:35:43 gw ovpn-server[481]: ann/203.0.113.5:1 MULTI: Learn: 10.8.0.6 -> ann/203.0.113.5:1"
    record = Fields(from_line(line, TIME))
    assert openvpn.claims(record)
    assert [TIME] == [event.ts for event in openvpn.read(record)]
    assert [] == told("Initialization Sequence Completed", syslog={"timestamp": TIME, "appname": "openvpn"})
    assert [] == told(AT + "ann/203.0.113.5:1 MULTI: Learn: 192.168.9.0/24 -> ann/203.0.113.5:1")


def test_status_files_of_each_version_are_read() -> None:
    """A client's row and a route's, from lines and from tables; the same row again has the same id."""
    wanted = ("lease", "success", "ann", "203.0.113.5", 51514, "10.8.0.6")
    two = "CLIENT_LIST,Ann,203.0.113.5:51514,10.8.0.6,,48213,91022,2015-10-13 22:35:43,1444775743,UNDEF,3,0,AES-256-GCM"
    old = "CLIENT_LIST,Ann,203.0.113.5:51514,10.8.0.6,708468,4313605,Tue Oct 13 22:35:43 2015,1444775743"
    route = "ROUTING_TABLE,10.8.0.6,Ann,203.0.113.5:51514,Tue Oct 13 22:35:43 2015,1444775743"
    assert [wanted] * 4 == [short(two), short(two.replace(",", "\t")), short(old), short(route)]
    assert [wanted, (*wanted[:5], None)] == [
        short("10.8.0.6,Ann,203.0.113.5:51514,Tue Oct 13 22:35:43 2015"),
        short("Ann,203.0.113.5:51514,334948,1973012,Tue Oct 13 22:35:43 2015"),
    ]
    names = ["HEADER", "CLIENT_LIST", "Common Name", "Real Address", *"abcdefghi"]
    table = Fields(dict(zip(names, two.split(","), strict=True)))
    assert openvpn.claims(table)
    assert told(two) == openvpn.read(table)
    assert (TIME, []) == (told(two)[0].ts, told("TITLE,OpenVPN 2.4.2 x86_64"))
    assert "bob" == short(two.replace("UNDEF", "Bob"))[2]


def test_access_server_is_read() -> None:
    """Its log's successes and failures, and a row of its sessions."""
    text = (
        "2022-04-29T10:51:22+0530 [stdout#info] AUTH SUCCESS {'status': 0, 'user': 'Ann', 'reason': 'local'} cli='win'"
    )
    (good,) = told(text)
    assert (parse("2022-04-29T05:21:22Z"), "logon", "success", "ann", "local") == (
        good.ts,
        good.kind,
        good.outcome,
        good.account,
        good.reason,
    )
    assert "failure" == told(text.replace("SUCCESS", "FAILED"))[0].outcome
    peer = "203.0.113.5:9 [ann] Peer Connection Initiated with [AF_INET]203.0.113.5:9"
    inner = f"2021-03-24 11:30:00+0000 [-] OVPN 0 OUT: '{AT}{peer}'"
    assert TIME == told(inner)[0].ts
    row = Fields(
        {
            "Username": "Ann",
            "Start Time": "2015-10-13 22:35:43",
            "Service": "VPN",
            "Real IP": "203.0.113.5",
            "VPN IP": "10.8.0.6",
            "Error": "",
        }
    )
    assert openvpn.claims(row)
    assert ("lease", "ann", "10.8.0.6") == (
        openvpn.read(row)[0].kind,
        openvpn.read(row)[0].account,
        openvpn.read(row)[0].detail["assigned_addr"],
    )


def test_other_lines_are_not_claimed_and_a_time_is_needed() -> None:
    """A line with a time of the same form is not enough."""
    others = [
        AT + ": Auth: Login OK: [u] (from client c port 0)",
        AT + "words",
        "2023-03-16 03:08:58 status installed x",
    ]
    assert [False] * 3 == [openvpn.claims(Fields({"message": text})) for text in others]
    with pytest.raises(Malformed, match=r"^missing_time$"):
        told("AUTH FAILED {'user': 'x'}", syslog={"appname": "openvpn"})


@pytest.mark.parametrize("piece", ["AUTH FAILED {", "AUTH FAILED {{{{{{{{{{{{{{{", "AUTH SUCCESS {'user': '"])
def test_a_line_of_openings_costs_no_more_than_its_length(piece: str) -> None:
    """Half a megabyte took ten seconds when each opening was searched for its end."""
    record = Fields({"message": piece * ((1 << 19) // len(piece)), "syslog": {"appname": "openvpn", "timestamp": TIME}})
    began = time.process_time()
    events = openvpn.read(record)
    assert time.process_time() - began < 1
    assert len(events) <= 1


def test_a_row_whose_cells_hold_commas_is_read_as_its_text() -> None:
    """A table's cell that is a whole row, where other cells are missing, does not end the reader."""
    row = {
        "Common Name": "ann,192.0.2.1:9,10,20,Tue Oct 13 22:35:43 2015",
        "Real Address": None,
        "Bytes Received": None,
    }
    (event,) = openvpn.read(Fields(row))
    assert ("ann", "192.0.2.1", 9, TIME) == (event.account, event.ip, event.port, event.ts)


PIECES = st.sampled_from(
    [
        AT,
        "ann/203.0.113.5:1 ",
        "MULTI: Learn: ",
        "CLIENT_LIST",
        ",",
        "'user': 'x'",
        "AUTH FAILED {",
        "}",
        "VERIFY ERROR: depth=0, error=x: ",
        "SENT CONTROL [a]: 'PUSH_REPLY",
        ",ifconfig 1.2.3.4 ",
    ]
)


@given(st.lists(PIECES | st.text(max_size=5), max_size=16))
def test_garbage_is_read_or_refused(parts: list[str]) -> None:
    """Nothing but Malformed leaves the reader."""
    check(openvpn, {"message": "".join(parts), "syslog": {"appname": "openvpn", "timestamp": TIME}})
