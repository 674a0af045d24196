"""DHCP messages: hardware address, names, addresses and lease."""

import struct

from hypothesis import given, settings
from hypothesis import strategies as st

from sensor.model import metadata as m
from tests.naive import dhcp as twin
from tests.packets.parsing import outcome
from tests.packets.samples import UDP, dhcp, option


def read(content, wire=None):
    return outcome(m.K_DHCP, content, UDP, wire)


def test_a_request_says_who_asks():
    """Hardware address, host name, wanted address, vendor class and the list of wanted options."""
    whole, _, fields = read(
        dhcp(
            option(53, b"\3"),
            option(12, b"laptop\0"),
            option(50, bytes([10, 0, 0, 5])),
            option(60, b"MSFT 5.0"),
            option(61, b"\1abcdef"),
            option(55, b"\1\3"),
            option(0, b"")[:1],
            client=0x0A000007,
        )
    )
    assert 1 == whole
    assert {
        m.F_MAC: [b"\2\0\0\xab\xcd\xef"],
        m.F_TRANS_ID: [struct.pack("<I", 0x1234ABCD)],
        m.F_CLIENT_ADDR: [bytes([10, 0, 0, 7])],
        m.F_MSG_TYPE: [b"\3"],
        m.F_HOST_NAME: [b"laptop"],
        m.F_REQUESTED_ADDR: [bytes([10, 0, 0, 5])],
        m.F_VENDOR_CLASS: [b"MSFT 5.0"],
        m.F_CLIENT_ID: [b"\1abcdef"],
        m.F_PARAM_LIST: [b"\1\3"],
    } == fields


def test_an_answer_says_what_was_leased():
    """Address, server, seconds, router and resolvers; 0.0.0.0 is no address."""
    _, _, fields = read(
        dhcp(
            option(53, b"\5"),
            option(54, bytes([10, 0, 0, 1])),
            option(51, b"\0\0\x0e\x10"),
            option(3, bytes(4)),
            option(6, bytes([10, 0, 0, 2, 0, 0, 0, 0, 10, 0, 0, 3])),
            op=2,
            assigned=0x0A000005,
        )
    )
    assert [bytes([10, 0, 0, 5])] == fields[m.F_ASSIGNED_ADDR]
    assert [bytes([10, 0, 0, 1])] == fields[m.F_SERVER_ADDR]
    assert [struct.pack("<I", 3600)] == fields[m.F_LEASE_TIME]
    assert [bytes([10, 0, 0, 2]), bytes([10, 0, 0, 3])] == fields[m.F_DNS_SERVER]
    assert m.F_ROUTER not in fields


def test_the_client_name_is_read_in_both_forms():
    """RFC 4702 §2.1: with the E bit in wire form, else as text; damage gives nothing."""
    for value, want in (
        (b"\4\0\0\6laptop\7example\3com\0", [b"laptop.example.com"]),
        (b"\4\0\0\6laptop", [b"laptop"]),
        (b"\1\0\0laptop.example.com", [b"laptop.example.com"]),
        (b"\4\0\0\x40" + b"a" * 64, None),
        (b"\4\0\0\7laptop", None),
        (b"\1\0\0", None),
    ):
        assert want == read(dhcp(option(81, value)))[2].get(m.F_FQDN)


def test_overloaded_fields_hold_further_options():
    """RFC 2132 §9.3: the file field, then the server name field, and each code counts once."""
    content = dhcp(
        option(12, b"first"),
        option(52, b"\3"),
        file=option(12, b"second") + option(15, b"example.com") + b"\xff",
        sname=option(60, b"vendor") + b"\xff",
    )
    fields = read(content)[2]
    assert ([b"first"], [b"example.com"], [b"vendor"]) == tuple(
        fields[field] for field in (m.F_HOST_NAME, m.F_DOMAIN, m.F_VENDOR_CLASS)
    )


def test_only_dhcp_over_known_operations_is_dhcp():
    """Without the magic cookie, with another operation or cut inside the fixed part it is refused."""
    good = dhcp(option(53, b"\1"))
    for bad in (good[:236] + b"\0" + good[237:], b"\3" + good[1:], good[:2] + b"\x11" + good[3:], good[:239]):
        assert m.NOT_THIS == read(bad)[0]
    assert m.F_MAC not in read(good[:1] + b"\6" + good[2:])[2]


OPTION = st.builds(
    option, st.sampled_from((0, 1, 3, 6, 12, 15, 50, 51, 52, 53, 54, 55, 60, 61, 62, 81, 255)), st.binary(max_size=20)
)


@given(
    st.lists(OPTION, max_size=12),
    st.binary(max_size=128),
    st.binary(max_size=64),
    st.integers(0, 90),
    st.integers(0, 3),
)
@settings(max_examples=1500, deadline=None)
def test_any_options_read_as_the_twin_does(options, file, sname, cut, overload):
    """Random options in all three places, cut by the capture or on the wire."""
    content = dhcp(option(52, bytes([overload])), *options, file=file, sname=sname)
    for seen, wire in (
        (content, len(content)),
        (content[: -cut or None], len(content)),
        (content[: -cut or None], len(content[: -cut or None])),
    ):
        status, fields = twin.parse_dhcp(seen, wire)
        assert (status, m.K_DHCP, fields) == read(seen, wire)
