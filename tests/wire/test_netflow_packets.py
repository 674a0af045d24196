"""Tests for sensor/wire/netflow_packets.py: templates are held by stream and within bounds."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensor.errors import Malformed
from sensor.wire.netflow_packets import FIELDS_MAX, TEMPLATES_MAX, Exports
from tests.wire.netflow_crafted import IPV4, SENT, ipfix, part, record, template, v5, v9

VALUES = ("10.0.0.1", "10.0.0.2", 40_000, 443, 6, 27, 5, 700, 90_000, 91_000)
DATA = part(256, record(IPV4, VALUES))
DECLARED = part(0, template(256, IPV4))
DECLARED_10 = part(2, template(256, IPV4))


def test_v5_needs_no_template_and_keeps_its_nanoseconds() -> None:
    """Records and the export's time come from the packet alone."""
    flow = ("10.0.0.1", 40_000, "10.0.0.2", 443, 6, 27, 5, 700, 90_000, 91_000)
    packet = Exports().read(v5(flow, nanoseconds=5), "a")
    assert (SENT * 10**9 + 5, 100_000, 1, {}) == (packet.sent_ns, packet.uptime_ms, len(packet.records), packet.refused)
    assert ("10.0.0.1", 443, 700) == tuple(packet.records[0][key] for key in ("src_addr", "dst_port", "octets"))


def test_templates_belong_to_an_exporter_and_a_domain() -> None:
    """Records of another exporter, or of another domain, are not read by them."""
    exports = Exports()
    exports.read(v9(DECLARED), "a")
    told = [exports.read(v9(DATA, domain=domain), name) for name, domain in (("a", 7), ("a", 8), ("b", 7))]
    assert [1, 0, 0] == [len(one.records) for one in told]
    assert [{}, {"no_template": 1}, {"no_template": 1}] == [one.refused for one in told]


@pytest.mark.parametrize(
    "bad", [[(8, 4), (12, 0)], [(1, 0)], [(number, 4) for number in range(1, FIELDS_MAX + 2)]], ids=str
)
def test_a_template_that_is_refused_replaces_what_was_held(bad) -> None:
    """No field of no length, not more than 128; the records behind it are not read by the old one."""
    exports = Exports()
    exports.read(v9(DECLARED), "a")
    packet = exports.read(v9(part(0, template(256, bad)), DATA, sequence=1), "a")
    assert ({"bad_template": 1, "no_template": 1}, []) == (packet.refused, packet.records)


def test_a_flood_of_templates_is_bounded_and_spares_those_in_use() -> None:
    """The least recently used go first."""
    exports = Exports()
    exports.read(v9(DECLARED), "a")
    for k in range(3 * TEMPLATES_MAX):
        exports.read(v9(DECLARED), f"forged {k}")
        if k % 500 == 0:
            assert 1 == len(exports.read(v9(DATA), "a").records)
    assert TEMPLATES_MAX == len(exports.templates)
    assert 1 == len(exports.read(v9(DATA), "a").records)


def test_ipfix_uptime_comes_from_an_options_record() -> None:
    """systemInitTimeMilliseconds is kept for the stream."""
    exports = Exports()
    assert exports.read(ipfix(DATA), "a").uptime_ms is None
    options = part(3, b"\x01\x01\x00\x02\x00\x01" + template(257, [(143, 4), (160, 8)])[4:])
    started = part(257, record([(143, 4), (160, 8)], (1, SENT * 1000 - 5000)))
    exports.read(ipfix(options, started), "a")
    assert 5000 == exports.read(ipfix(DATA), "a").uptime_ms


def test_the_start_told_longest_ago_is_forgotten_first() -> None:
    """An exporter that keeps telling its start keeps it, however many others tell theirs."""
    exports = Exports()
    options = part(3, b"\x01\x01\x00\x02\x00\x01" + template(257, [(143, 4), (160, 8)])[4:])
    told = ipfix(DECLARED_10, options, part(257, record([(143, 4), (160, 8)], (1, SENT * 1000 - 5000))))
    for name in ("old", "kept", *map(str, range(TEMPLATES_MAX - 2)), "kept", "new", "newer"):
        exports.read(told, name)
    assert (None, 5000) == tuple(exports.read(ipfix(DECLARED_10, DATA), name).uptime_ms for name in ("old", "kept"))


def test_what_is_no_packet_is_refused_with_a_reason() -> None:
    """Another version, too short a header; a packet that ends early keeps what arrived."""
    flow = ("10.0.0.1", 40_000, "10.0.0.2", 443, 6, 27, 5, 700, 90_000, 91_000)
    for data, reason in ((b"", "bad_version"), (b"\x00\x07abc", "bad_version"), (b"\x00\x05\x00", "cut_short"),
                         (b"\x00\x09", "cut_short"), (b"\x00\x0a\x00\x00", "cut_short")):  # fmt: skip
        with pytest.raises(Malformed, match=f"^{reason}$"):
            Exports().read(data, "a")
    packet = Exports().read(v5(flow, flow)[:-1], "a")
    assert (1, {"cut_short": 1}) == (len(packet.records), packet.refused)


def test_a_gap_in_the_sequence_is_told_once() -> None:
    """After two packets in a row it is known what is counted."""
    exports = Exports()
    exports.read(v9(DECLARED, sequence=1), "a")
    told = [exports.read(v9(DATA, DATA, sequence=number), "a").refused for number in (2, 3, 9, 10)]
    assert [{}, {}, {"sequence_gap": 1}, {}] == told


@given(st.lists(st.binary(max_size=200), max_size=4), st.sampled_from([5, 9, 10]))
def test_garbage_is_read_or_refused(parts: list[bytes], version: int) -> None:
    """Nothing but Malformed comes out, whatever follows the version."""
    exports = Exports()
    exports.read(v9(DECLARED), "a")
    for body in parts:
        for data in (version.to_bytes(2, "big") + body, v9(part(0, body), part(256, body)), ipfix(part(2, body))):
            with contextlib.suppress(Malformed):
                packet = exports.read(data, "a")
                assert set(packet.refused) <= {"cut_short", "no_template", "bad_template", "sequence_gap"}
