"""DNS names, questions and answers, from messages built by RFC 1035."""

import struct

from hypothesis import given, settings
from hypothesis import strategies as st

from sensor.model import metadata as m
from tests.naive import dns as twin
from tests.packets import samples
from tests.packets.parsing import check_twin, outcome
from tests.packets.samples import TCP, UDP, dns, name, record

OWNER = b"\xc0\x0c"


def read(content, wire=None, proto=UDP):
    return outcome(m.K_DNS, content, proto, wire)


def test_a_query_says_its_name_in_lower_case():
    """Name, type, class, id and flags of a plain query; no rcode, which only answers have."""
    whole, _, fields = read(dns(name("WWW.ExAmple.com"), kind=28))
    assert 1 == whole
    assert {
        m.F_QUERY: [b"www.example.com"],
        m.F_QTYPE: [b"\x1c\0"],
        m.F_QCLASS: [b"\1\0"],
        m.F_TRANS_ID: [b"\7\0"],
        m.F_FLAGS: [b"\0\1"],
    } == fields


def test_answers_come_in_order_each_with_its_ttl():
    """Addresses, names and texts; types that say nothing here are stepped over with their TTL."""
    answers = (
        record(OWNER, 5, name("cdn.example.net"), ttl=300),
        record(OWNER, 46, bytes(30), ttl=999),
        record(OWNER, 1, bytes([192, 0, 2, 1]), ttl=1),
        record(OWNER, 16, b"\5hello\6 world", ttl=2),
        record(OWNER, 15, b"\0\x0a" + name("mail.example.com"), ttl=3),
        record(OWNER, 33, bytes(6) + name("srv.example.com"), ttl=4),
    )
    _, _, fields = read(dns(name("example.com"), answers=answers))
    assert [bytes([192, 0, 2, 1])] == fields[m.F_ANSWER_A]
    assert [b"cdn.example.net", b"mail.example.com", b"srv.example.com"] == fields[m.F_ANSWER_NAME]
    assert [b"hello world"] == fields[m.F_ANSWER_TEXT]
    assert [300, 1, 2, 3, 4] == [int.from_bytes(ttl, "little") for ttl in fields[m.F_TTL]]


def test_labels_that_could_pass_for_others_are_escaped():
    r"""A dot or backslash inside a label, and bytes outside printable ASCII, as \xNN; the root is a dot."""
    odd = b"\4a.b\\\3\xff\0 \0"
    assert [b"a\\x2eb\\x5c.\\xff\\x00 "] == read(dns(odd))[2][m.F_QUERY]
    assert [b"."] == read(dns(b"\0"))[2][m.F_QUERY]


def test_netbios_names_are_decoded_without_their_service_byte():
    """RFC 1001 §14.1 gives FOO for EGEPEPCA…; another 32-letter label of another type stays as it is."""
    encoded = b"\x20EGEPEPCACACACACACACACACACACACACA\0"
    assert [b"foo"] == read(dns(encoded, kind=32, flags=0x0110))[2][m.F_QUERY]
    assert [b"egepepcacacacacacacacacacacacaca"] == read(dns(encoded))[2][m.F_QUERY]


def test_compression_never_goes_forward_or_round():
    """Pointers to themselves, forwards, into the header, and long chains are damage, not work."""
    for target in (12, 14, 200, 3):
        assert m.NOT_THIS == read(dns(struct.pack(">H", 0xC000 | target)))[0]
    start = 12 + 1 + 4 + 2 + 10  # behind the question and the head of the first record
    for length, found in ((31, [b"."]), (32, None)):
        targets = [12, *range(start, start + 2 * length - 2, 2)]
        chain = b"".join(struct.pack(">H", 0xC000 | target) for target in targets)
        last = struct.pack(">H", 0xC000 | start + 2 * length - 2)
        message = dns(b"\0", answers=(record(OWNER, 46, chain), record(OWNER, 5, last)))
        assert found == read(message)[2].get(m.F_ANSWER_NAME)


def test_a_name_has_at_most_255_bytes():
    """RFC 1035 §2.3.4: one byte more is damage."""
    longest = b"\x3f" + b"a" * 63
    assert [b".".join([b"a" * 63] * 3 + [b"a" * 61])] == read(dns(longest * 3 + b"\x3d" + b"a" * 61 + b"\0"))[2][
        m.F_QUERY
    ]
    assert m.NOT_THIS == read(dns(longest * 3 + b"\x3e" + b"a" * 62 + b"\0"))[0]


def test_more_than_64_answers_are_left_out_and_said_so():
    """The record is written with the first 64, not whole."""
    many = dns(name("a.b"), answers=[record(OWNER, 1, bytes([10, 0, 0, k])) for k in range(65)])
    whole, _, fields = read(many)
    assert (0, 64, 64) == (whole, len(fields[m.F_ANSWER_A]), len(fields[m.F_TTL]))


def test_long_answers_stay_inside_the_arena():
    """Names of the longest kind fill the arena up to its bound and no further."""
    label = b"\x3f" + b"\xff" * 63
    answers = [record(OWNER, 5, label * 3 + b"\x3d" + b"\xff" * 61 + b"\0") for _ in range(20)]
    content = dns(name("a.b"), answers=answers)
    whole, _, fields = read(content)
    assert 0 == whole
    assert 8 == len(fields[m.F_ANSWER_NAME])
    check_twin(m.K_DNS, content, UDP)


def test_counts_that_find_no_room_are_no_dns():
    """A header that announces more records than bytes is refused, but for a truncated answer."""
    content = bytearray(dns(name("a.b")))
    content[7] = 9
    assert m.NOT_THIS == read(bytes(content))[0]
    content[2] |= 2
    assert 1 == read(bytes(content))[0]


def test_a_stream_waits_for_all_its_bytes():
    """Over TCP the length leads; what follows the message is not looked at."""
    message = dns(name("a.b"))
    framed = struct.pack(">H", len(message)) + message
    assert m.NEED_MORE == read(framed[:-1], proto=TCP)[0]
    assert read(message) == read(framed + b"rest", proto=TCP)
    assert m.NOT_THIS == read(b"\0\5" + message, proto=TCP)[0]


LABEL = st.binary(min_size=1, max_size=20)
NAME = st.lists(LABEL, max_size=5).map(lambda labels: b"".join(bytes([len(x)]) + x for x in labels) + b"\0")
RECORD = st.builds(
    record,
    st.sampled_from((OWNER, b"\0", b"\1a\xc0\x0c")),
    st.sampled_from((1, 2, 5, 12, 15, 16, 28, 33, 41)),
    NAME | st.binary(max_size=20),
    st.integers(0, 2**32 - 1),
)


@given(NAME, st.integers(0, 40), st.lists(RECORD, max_size=6), st.integers(0, 65535), st.integers(0, 20))
@settings(max_examples=1500, deadline=None)
def test_any_message_reads_as_its_twin_does(query, kind, answers, flags, cut):
    """Random questions, answers and flags, whole and cut."""
    content = dns(query, kind=kind, answers=answers, flags=flags)
    for seen in (content, content[: len(content) - cut]):
        status, fields = twin.parse_dns(seen, len(content))
        assert (status, m.K_DNS, {} if status < 0 else fields) == read(seen, len(content))


def test_every_sample_reads_as_its_twin_does():
    """Both framings, through the twin of this module."""
    for kind, proto, content in samples.all_samples():
        if kind == m.K_DNS:
            found = (twin.parse_dns_tcp if proto == TCP else twin.parse_dns)(content, len(content))
            assert (found[0], kind, found[1]) == read(content, proto=proto)
