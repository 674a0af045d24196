"""NTLM messages, plain and in base64."""

import base64

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sensor.model import metadata as m
from tests.naive import ntlm as twin
from tests.packets.parsing import outcome
from tests.packets.samples import TCP, UDP, ntlm_authenticate, ntlm_challenge


def read(content, wire=None, proto=TCP):
    return outcome(m.K_NTLM, content, proto, wire)


def test_an_authenticate_message_names_domain_user_and_host():
    """UTF-16 becomes UTF-8, characters beyond the basic plane too."""
    fields = read(ntlm_authenticate("EXAMPLE", "Grüße€😀", "DESKTOP-1"))[2]
    assert {
        m.F_MSG_TYPE: [b"\3"],
        m.F_DOMAINNAME: [b"EXAMPLE"],
        m.F_USERNAME: ["Grüße€😀".encode()],
        m.F_HOSTNAME: [b"DESKTOP-1"],
    } == fields


def test_an_anonymous_logon_names_nobody():
    """Empty names are null."""
    assert {m.F_MSG_TYPE: [b"\3"], m.F_HOSTNAME: [b"H"]} == read(ntlm_authenticate("", "", "H"))[2]


def test_an_oem_client_writes_bytes():
    """Without the Unicode flag names stay as they are."""
    assert [b"us\xe9r"] == read(ntlm_authenticate(b"D", b"us\xe9r", b"H", flags=2))[2][m.F_USERNAME]


def test_a_challenge_names_the_server():
    """NetBIOS, DNS and tree name of the target information; the domain names are not the server's."""
    fields = read(ntlm_challenge(id2="DOM", id1="SRV", id4="dom.example", id3="srv.dom.example", id5="example"))[2]
    assert {
        m.F_MSG_TYPE: [b"\2"],
        m.F_SERVER_NB_NAME: [b"SRV"],
        m.F_SERVER_DNS_NAME: [b"srv.dom.example"],
        m.F_SERVER_TREE_NAME: [b"example"],
    } == fields


def test_base64_reads_as_the_message_itself():
    """Whatever its padding, ended by a line end; without an end it may go on."""
    for extra in range(3):
        message = ntlm_authenticate("D", "user", "HOST", response=bytes(24 + extra))
        coded = base64.b64encode(message)
        assert read(message) == read(coded + b"\r\n")
        assert m.NEED_MORE == read(coded.rstrip(b"="))[0]


def test_other_messages_are_refused():
    """A NEGOTIATE message, a damaged signature, names that lie in the header or beyond belief."""
    good = ntlm_authenticate("D", "user", "HOST")
    far = good[:40] + b"\xff\xff\0\0" + good[44:]
    inside = good[:40] + b"\x08\0\0\0" + good[44:]
    odd = good[:36] + b"\3" + good[37:]
    for bad in (good[:8] + b"\1" + good[9:], b"NTLMSSX" + good[7:], far, inside, odd):
        assert m.NOT_THIS == read(bad)[0]


@pytest.mark.parametrize(
    "message", [ntlm_authenticate("DOMAIN", "user", "HOST"), ntlm_challenge(id1="SRV", id5="tree")]
)
def test_a_message_that_goes_on_is_waited_for_only_in_a_stream(message):
    """NEED_MORE over TCP until the last name is there; a datagram has no more."""
    assert m.NEED_MORE == read(message[:70])[0]
    assert m.NOT_THIS == read(message[:70], proto=UDP)[0]


NAMES = st.text(max_size=12) | st.binary(max_size=12)


@given(NAMES, NAMES, NAMES, st.integers(0, 3), st.integers(0, 60), st.booleans())
@settings(max_examples=1500, deadline=None)
def test_any_names_read_as_the_twin_does(domain, user, host, flags, cut, coded):
    """Random texts and bytes, lone surrogates among them, whole and cut, plain and coded."""
    content = ntlm_authenticate(domain, user, host, flags=flags, response=b"")
    content = base64.b64encode(content) + b"\r" if coded else content
    for seen, wire in (
        (content, len(content)),
        (content[: -cut or None], len(content)),
        (content[: -cut or None], len(content[: -cut or None])),
    ):
        status, fields = twin.parse_ntlm(seen, wire)
        assert (status, m.K_NTLM, {} if status < 0 else fields) == read(seen, wire)


@given(
    st.dictionaries(st.sampled_from([f"id{k}" for k in range(1, 12)]), st.text(max_size=20), max_size=11),
    st.integers(0, 60),
)
@settings(max_examples=700, deadline=None)
def test_any_target_information_reads_as_the_twin_does(pairs, cut):
    """Random attributes, whole and cut."""
    content = ntlm_challenge(**pairs)
    for seen, wire in ((content, len(content)), (content[: -cut or None], len(content))):
        status, fields = twin.parse_ntlm(seen, wire)
        assert (status, m.K_NTLM, {} if status < 0 else fields) == read(seen, wire)
