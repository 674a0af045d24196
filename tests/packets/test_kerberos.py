"""Kerberos requests, replies and errors, over UDP and TCP."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sensor.model import metadata as m
from tests.naive import kerberos as twin
from tests.packets.parsing import outcome
from tests.packets.samples import (
    TCP,
    UDP,
    all_samples,
    der,
    integer,
    kdc_reply,
    kdc_request,
    kerberos_error,
    principal,
    vector,
)

USER = principal(1, "mpl")
HOST = principal(1, "host", "ws1.example.com")
KRBTGT = principal(2, "krbtgt", "EXAMPLE.COM")


def read(content, wire=None, proto=UDP):
    return outcome(m.K_KERBEROS, content, proto, wire)


def test_a_request_names_client_realm_service_and_types():
    """AS-REQ, with negative encryption types as Windows offers them."""
    whole, _, fields = read(kdc_request(10, USER, "EXAMPLE.COM", KRBTGT, etypes=(18, 23, -133)))
    assert 1 == whole
    assert {
        m.F_REQUEST_TYPE: [b"\x0a"],
        m.F_CNAME: [b"mpl"],
        m.F_REALM: [b"EXAMPLE.COM"],
        m.F_SNAME: [b"krbtgt/EXAMPLE.COM"],
        m.F_ETYPE: [b"\x12\0\0\0", b"\x17\0\0\0", (-133).to_bytes(4, "little", signed=True)],
    } == fields


def test_a_reply_names_the_client_and_the_service_of_its_ticket():
    """TGS-REP: the client's realm, not the service's."""
    fields = read(kdc_reply(13, HOST, "CLIENT.REALM", principal(2, "cifs", "files")))[2]
    assert {
        m.F_REQUEST_TYPE: [b"\x0d"],
        m.F_CNAME: [b"host/ws1.example.com"],
        m.F_REALM: [b"CLIENT.REALM"],
        m.F_SNAME: [b"cifs/files"],
        m.F_ETYPE: [b"\x11\0\0\0"],
    } == fields


def test_an_error_tells_its_code():
    """KRB-ERROR, 24 = preauthentication failed."""
    fields = read(kerberos_error(24, USER, "EXAMPLE.COM", KRBTGT))[2]
    assert ([b"\x1e"], [b"\x18\0\0\0"], [b"mpl"]) == tuple(
        fields[field] for field in (m.F_REQUEST_TYPE, m.F_ERROR_CODE, m.F_CNAME)
    )


def test_an_application_request_names_its_service():
    """AP-REQ: realm and name from the ticket."""
    ticket = der(0x61, der(0x30, der(0xA0, integer(5)), der(0xA1, der(0x1B, b"R")), der(0xA2, HOST)))
    fields = read(der(0x6E, der(0x30, der(0xA0, integer(5)), der(0xA1, integer(14)), der(0xA3, ticket))))[2]
    assert {m.F_REQUEST_TYPE: [b"\x0e"], m.F_REALM: [b"R"], m.F_SNAME: [b"host/ws1.example.com"]} == fields


@pytest.mark.parametrize("size", [511, 512, 513])
def test_names_beyond_their_bounds_are_left_out(size):
    """512 bytes or eight components at most: never half a name."""
    fields = read(kdc_request(10, principal(1, "a" * size), "R", principal(2, *["x"] * (size - 504))))[2]
    assert (size <= 512, size <= 512) == (m.F_CNAME in fields, m.F_SNAME in fields)


def test_lengths_that_contradict_are_refused():
    """Indefinite and oversized lengths, another version, another message type than its tag says."""
    good = kdc_request(10, USER, "R", KRBTGT)
    wrong_type = der(0x6A, der(0x30, der(0xA1, integer(5)), der(0xA2, integer(12))))
    old = der(0x6A, der(0x30, der(0xA1, integer(4)), der(0xA2, integer(10))))
    for bad in (
        b"\x6a\x80" + good[2:],
        b"\x6a\x85\1\1\1\1\1" + good[2:],
        good[:-1],
        wrong_type,
        old,
        b"\x60" + good[1:],
    ):
        assert m.NOT_THIS == read(bad)[0]


def test_over_tcp_the_length_leads():
    """NEED_MORE until it is there; the reserved bit and lengths above 64 KiB are refused."""
    message = kdc_request(12, b"", "R", KRBTGT, padata=bytes(3000))
    framed = vector(message, 4)
    for size in range(1, len(framed)):
        assert m.NEED_MORE == read(framed[:size], proto=TCP)[0]
    assert read(message) == read(framed + b"next", proto=TCP)
    for bad in (
        b"\x80" + framed[1:],
        b"\0\1\0\1" + framed[4:],
        b"\0\0\0\x09" + framed[4:],
        framed[:4] + b"\x60" + framed[5:],
    ):
        assert m.NOT_THIS == read(bad, proto=TCP)[0]


TAGS = st.sampled_from((0x02, 0x1B, 0x30, 0x61, 0xA0, 0xA1, 0xA2, 0xA3, 0xA4, 0xA5, 0xA6, 0xA7, 0xA8, 0xAA, 0x0C))
TREES = st.recursive(
    st.builds(der, TAGS, st.binary(max_size=6)) | st.sampled_from((USER, KRBTGT, integer(18), der(0x1B, b"R"))),
    lambda inner: st.builds(lambda tag, parts: der(tag, *parts), TAGS, st.lists(inner, max_size=4)),
    max_leaves=12,
)


@given(st.sampled_from((10, 11, 12, 13, 14, 15, 30)), st.lists(TREES, max_size=6), st.integers(0, 30))
@settings(max_examples=2000, deadline=None)
def test_any_tree_reads_as_the_twin_does(kind, parts, cut):
    """Random elements behind a right start, whole and cut."""
    base = 1 if kind in (10, 12) else 0
    content = der(0x60 + kind, der(0x30, der(0xA0 + base, integer(5)), der(0xA1 + base, integer(kind)), *parts))
    for seen in (content, content[: -cut or None]):
        status, fields = twin.parse_kerberos(seen, len(content))
        assert (status, m.K_KERBEROS, {} if status < 0 else fields) == read(seen, len(content))


def test_every_sample_reads_as_its_twin_does():
    """Both framings, through the twins of this module."""
    for kind, proto, content in all_samples():
        if kind == m.K_KERBEROS:
            found = (twin.parse_kerberos_tcp if proto == TCP else twin.parse_kerberos)(content, len(content))
            assert (found[0], kind, found[1]) == read(content, proto=proto)
