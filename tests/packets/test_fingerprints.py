"""JA3 and JA4 texts against their authors' published examples, ja4plus and the twins."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from ja4plus.fingerprinters.ja4 import generate_ja4
from ja4plus.utils.tls_utils import parse_tls_handshake

from baselines._jit import borrow, kernel, rows
from sensor.model import metadata as m
from sensor.packets.fingerprints import put_alpn_ends, put_version, sort_words
from sensor.packets.messages import ja3_hash, ja4_hash
from tests.naive import fingerprints as twin
from tests.packets.parsing import outcome
from tests.packets.payloads import captures, records
from tests.packets.samples import TCP, alpn, chrome_hello, client_hello, extension, vector, words
from tests.packets.samples import records as tls_records

ARRAY = rows(np.uint8)


@kernel(ARRAY, "int64")
def sort(out, count):
    sort_words(borrow(out), 0, count)


@kernel(ARRAY, "int64")
def version(out, value):
    return put_version(borrow(out), 0, value)


@kernel(ARRAY, "int64", ARRAY)
def ends(buf, size, out):
    return put_alpn_ends(borrow(buf), 0, size, borrow(out), 0)


def read(hello):
    return outcome(m.K_TLS_CLIENT, tls_records(hello), TCP)[2]


def test_the_published_example_of_ja4():
    """The browser hello of technical_details/JA4.md gives its raw form, and that its fingerprint."""
    text = read(chrome_hello())[m.F_JA4_TEXT][0]
    assert (
        b"t13d1516h2_002f,0035,009c,009d,1301,1302,1303,c013,c014,c02b,c02c,c02f,c030,cca8,cca9_"
        b"0005,000a,000b,000d,0012,0015,0017,001b,0023,002b,002d,0033,4469,ff01_"
        b"0403,0804,0401,0503,0805,0501,0806,0601"
    ) == text
    assert "t13d1516h2_8daaf6152771_e5627efa2ab1" == ja4_hash(text)


def test_ja3_lists_what_was_offered_in_its_order():
    """Version, suites, extensions, groups and point formats, without GREASE; its MD5 is the fingerprint."""
    text = read(chrome_hello())[m.F_JA3_TEXT][0]
    assert (
        b"771,4865-4866-4867-49195-49199-49196-49200-52393-52392-49171-49172-156-157-47-53,"
        b"0-23-65281-10-11-35-16-5-13-18-51-45-43-27-17513-21,29-23-24,0"
    ) == text
    # https://github.com/salesforce/ja3, README
    assert "ada70206e40642a3e4461f35503241d5" == ja3_hash(
        b"769,47-53-5-10-49161-49162-49171-49172-50-56-19-4,0-10-11,23-24-25,0"
    )


def test_lists_that_are_empty_leave_their_place():
    """No extensions: JA3 keeps its commas, JA4 has zeros for the empty hash."""
    fields = read(client_hello([0x2F], None, version=0x0301))
    assert [b"769,47,,,"] == fields[m.F_JA3_TEXT]
    assert [b"t10i010000_002f_"] == fields[m.F_JA4_TEXT]
    assert "t10i010000_" + ja4_hash(b"x_002f_").split("_")[1] + "_000000000000" == ja4_hash(b"t10i010000_002f_")


@given(st.lists(st.integers(0, 65535), max_size=256))
@settings(max_examples=300, deadline=None)
def test_words_are_sorted(values):
    """Any list of 16-bit words comes out in order."""
    out = np.frombuffer(bytearray(words(values) + b"\0"), np.uint8)
    sort(out, len(values))
    assert words(sorted(values)) == out[: 2 * len(values)].tobytes()


@given(
    st.sampled_from((0x0304, 0x0303, 0x0302, 0x0301, 0x0300, 2, 0xFEFF, 0xFEFE, 0xFEFD, 0xFEFC)) | st.integers(0, 65535)
)
def test_versions_have_two_characters(value):
    """Those of JA4's table, or 00."""
    out = np.zeros(8, np.uint8)
    version(out, value)
    assert twin.ja4("t", value, False, b"", [], [], [])[1:3] == out[:2].tobytes()


@given(st.binary(max_size=6))
def test_the_ends_of_a_protocol(protocol):
    """First and last character, or the ends of its hexadecimal form where they are no letters or digits."""
    out = np.zeros(8, np.uint8)
    ends(np.frombuffer(bytearray(protocol + b"\0"), np.uint8), len(protocol), out)
    assert twin.alpn_ends(protocol).encode() == out[:2].tobytes()


WORDS = st.lists(st.sampled_from((0x0A0A, 0x1A1A, 0xFAFA, 0x0A1A)) | st.integers(0, 65535), max_size=40)


@given(WORDS, WORDS, WORDS, WORDS, st.booleans())
@settings(max_examples=500, deadline=None)
def test_any_hello_has_the_texts_of_the_twins(ciphers, kinds, groups, signatures, protocols):
    """Random lists in random order, GREASE among them."""
    fixed = {0, 10, 11, 13, 16, 43, 0xFE0D, 0xFFCE}
    kinds = [kind for kind in kinds if kind not in fixed]
    offered = [extension(kind, b"\0") for kind in kinds]
    offered += [extension(10, vector(words(groups), 2)), extension(13, vector(words(signatures), 2))]
    offered += [alpn(b"h2")] * protocols
    order = [*kinds, 10, 13] + [16] * protocols
    fields = read(client_hello(ciphers, offered))
    assert [twin.ja3(0x0303, ciphers, order, groups, [])] == fields[m.F_JA3_TEXT]
    protocol = b"h2" if protocols else b""
    assert [twin.ja4("t", 0x0303, False, protocol, ciphers, order, signatures)] == fields[m.F_JA4_TEXT]


def test_real_hellos_have_the_fingerprint_of_ja4plus(data_dir):
    """Every complete ClientHello of the shared captures whose first protocol is plain text."""
    seen = set()
    for path in captures(data_dir):
        for item in records(path):
            if item.kind == m.K_TLS_CLIENT and item.whole and item.content not in seen:
                seen.add(item.content)
                theirs = generate_ja4(parse_tls_handshake(item.content))
                assert theirs == ja4_hash(item.fields[m.F_JA4_TEXT][0])
    assert len(seen) > 50
