"""ClientHello and ServerHello, over one record or many, whole or cut."""

import ssl

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sensor.model import metadata as m
from tests.naive import tls as twin
from tests.packets.parsing import check_cuts, check_twin, outcome
from tests.packets.samples import (
    TCP,
    alpn,
    chrome_hello,
    client_hello,
    extension,
    records,
    server_hello,
    sni,
    vector,
    words,
)


def read(content, wire=None):
    return outcome(m.K_TLS_CLIENT, content, TCP, wire)


def test_a_browser_hello_says_name_protocols_and_versions():
    """The legacy version, the highest offered one, the name and every protocol."""
    whole, kind, fields = read(records(chrome_hello("shop.example.com")))
    assert (1, m.K_TLS_CLIENT) == (whole, kind)
    assert [b"shop.example.com"] == fields[m.F_SERVER_NAME]
    assert [b"h2", b"http/1.1"] == fields[m.F_ALPN]
    assert [b"\3\3"], [b"\4\3"] == (fields[m.F_VERSION], fields[m.F_SUPPORTED_VERSION])
    assert m.F_ECH not in fields


def test_a_server_hello_says_what_was_chosen():
    """Suite, version, protocol and JA3S; the rest of the record is not waited for."""
    hello = server_hello(0xC02F, [extension(0xFF01, b"\0"), alpn(b"h2"), extension(0)])
    whole, kind, fields = read(records(hello + bytes(3000))[: len(hello) + 200], wire=len(hello) + 200)
    assert (1, m.K_TLS_SERVER) == (whole, kind)
    assert {
        m.F_VERSION: [b"\3\3"],
        m.F_CIPHER: [b"\x2f\xc0"],
        m.F_ALPN: [b"h2"],
        m.F_SUPPORTED_VERSION: [b"\3\3"],
        m.F_JA3S_TEXT: [b"771,49199,65281-16-0"],
    } == fields
    assert [b"\4\3"] == read(records(server_hello(0x1301, [extension(43, b"\3\4")])))[2][m.F_SUPPORTED_VERSION]


@pytest.mark.parametrize("kind", [0xFE0D, 0xFFCE])
def test_an_encrypted_hello_is_told(kind):
    """The extension of RFC 9849, and that of its ESNI drafts."""
    assert [b"\1"] == read(records(client_hello([1], [sni("a"), extension(kind, bytes(20))])))[2][m.F_ECH]


@pytest.mark.parametrize("sizes", [(1,), (1, 1, 1, 1), (3, 2), (4,), (5, 100, 3), (60, 60, 60)])
def test_a_hello_over_many_records_is_the_same_hello(sizes):
    """However it is cut into records, and while they arrive one byte after the other."""
    split = records(chrome_hello(), *sizes)
    assert read(records(chrome_hello())) == read(split)
    for size in range(1, len(split)):
        assert m.NEED_MORE == read(split[:size])[0]
    check_cuts(m.K_TLS_CLIENT, split, TCP)


def test_a_long_hello_over_records_says_what_was_joined():
    """Beyond 4 KiB the joined hello is not whole; in one record it is read to its end."""
    hello = client_hello([0x1301], [sni("a.example"), extension(21, bytes(6000))])
    assert 1 == read(records(hello))[0]
    whole, _, fields = read(records(hello, 100))
    assert (0, [b"a.example"]) == (whole, fields[m.F_SERVER_NAME])
    assert m.F_JA4_TEXT not in fields


def test_a_record_a_byte_is_given_up_after_64():
    """A client that sends one byte a record is no client."""
    assert m.NOT_THIS == read(records(chrome_hello(), *[1] * 300))[0]


def test_names_that_are_none_are_left_out():
    """Longer than a host name can be, empty, or of another type: null, and JA4 still says that one was sent."""
    for body in (b"\0" + vector(b"a" * 256, 2), b"\0\0\0", b"\1" + vector(b"host", 2)):
        fields = read(records(client_hello([1], [extension(0, vector(body, 2))])))[2]
        assert m.F_SERVER_NAME not in fields
        assert b"d" == fields[m.F_JA4_TEXT][0][3:4]


def test_lists_beyond_belief_give_no_fingerprint():
    """257 suites are an attack or a scanner: the rest of the hello is told, not whole."""
    fields = read(records(client_hello([1] * 256, [sni("a")])))[2]
    assert {m.F_JA3_TEXT, m.F_JA4_TEXT} <= fields.keys()
    whole, _, fields = read(records(client_hello([1] * 257, [sni("a")])))
    assert (0, False, [b"a"]) == (whole, m.F_JA4_TEXT in fields, fields[m.F_SERVER_NAME])
    many = [extension(1000 + k) for k in range(129)]
    assert (1, 0) == (read(records(client_hello([1], many[:128])))[0], read(records(client_hello([1], many)))[0])


def test_what_openssl_sends_is_read():
    """The hello of this machine's TLS library, and its answer."""
    client, server = ssl.MemoryBIO(), ssl.MemoryBIO()
    context = ssl.create_default_context()
    context.set_alpn_protocols(["h2", "http/1.1"])
    connection = context.wrap_bio(client, server, server_hostname="www.example.org")
    with pytest.raises(ssl.SSLWantReadError):
        connection.do_handshake()
    content = server.read()
    whole, _, fields = read(content)
    assert (1, [b"www.example.org"], [b"h2", b"http/1.1"]) == (whole, fields[m.F_SERVER_NAME], fields[m.F_ALPN])
    check_twin(m.K_TLS_CLIENT, content, TCP)


def test_other_records_and_lengths_are_refused():
    """Alerts, application data, SSL 2, empty and oversized records, hellos whose lengths contradict."""
    good = records(chrome_hello())
    for bad in (
        b"\x15" + good[1:],
        b"\x17" + good[1:],
        b"\x80\x2e\1\3\1" + bytes(50),
        good[:3] + b"\0\0" + good[5:],
        good[:3] + b"\x40\1" + good[5:],
        good[:43] + b"\x21" + good[44:],
        good[:5] + b"\4" + good[6:],
    ):
        assert m.NOT_THIS == read(bad)[0]


LISTS = st.lists(st.integers(0, 65535), max_size=30)
EXTENSIONS = st.lists(
    st.builds(extension, st.sampled_from((0, 5, 10, 11, 13, 16, 43, 51, 0x0A0A, 0xFE0D)), st.binary(max_size=40)),
    max_size=12,
)


@given(LISTS, EXTENSIONS, st.lists(st.integers(1, 90), max_size=5), st.integers(0, 400), st.booleans())
@settings(max_examples=1500, deadline=None)
def test_any_hello_reads_as_its_twin_does(ciphers, extensions, sizes, cut, server):
    """Random lists and extensions, in random records, cut on the wire or by the capture."""
    hello = server_hello(ciphers[0], extensions) if server and ciphers else client_hello(ciphers, extensions)
    content = records(hello, *sizes)
    for seen, wire in (
        (content, len(content)),
        (content[: -cut or None], len(content)),
        (content[: -cut or None], len(content[: -cut or None])),
    ):
        status, kind, fields = twin.parse_tls(seen, wire)
        want = (status, kind or m.K_TLS_CLIENT, {} if status < 0 else fields)
        assert want == read(seen, wire)


def test_the_highest_version_is_taken_in_any_order():
    """GREASE and unknown order do not matter; without the extension the legacy version counts."""
    offered = extension(43, vector(words([0x0301, 0x5A5A, 0x0304, 0x0302]), 1))
    assert [b"\4\3"] == read(records(client_hello([1], [offered])))[2][m.F_SUPPORTED_VERSION]
    assert [b"\2\3"] == read(records(client_hello([1], [], version=0x0302)))[2][m.F_SUPPORTED_VERSION]
