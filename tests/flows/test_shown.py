"""Columns become text as Zeek and RFC 3339 write them."""

import ipaddress

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensor.flows import shown
from sensor.model import addresses, times
from tests.flows.rows import flow

NS = st.integers(0, 9_214_646_399 * 10**9)


@given(st.lists(NS, max_size=5))
def test_seconds_have_six_digits_rounded(moments):
    """As unbounded integers round to the nearest microsecond, halves up."""
    expected = [f"{(ns + 500) // 10**9}.{(ns + 500) % 10**9 // 1000:06d}" for ns in moments]
    assert expected == shown.decimal_seconds(np.array(moments, np.int64))


@given(st.lists(NS, max_size=5))
def test_rfc3339_columns_equal_single_values(moments):
    """A column is written as `sensor.model.times` writes one time."""
    assert [times.rfc3339(ns) for ns in moments] == shown.rfc3339(np.array(moments, np.int64))


@given(st.lists(st.integers(0, 2**32 - 1).map(lambda n: 0xFFFF_0000_0000 | n) | st.integers(0, 2**128 - 1), max_size=8))
def test_hosts_equal_ipaddress(values):
    """IPv4 and IPv6, mixed and repeated, in order."""
    values += values[:2]
    words = [(value >> 64, value & (2**64 - 1)) for value in values]
    expected = [
        str(ipaddress.IPv4Address(low & 0xFFFF_FFFF))
        if addresses.is_v4(high, low)
        else str(ipaddress.IPv6Address(value))
        for value, (high, low) in zip(values, words, strict=True)
    ]
    hi, lo = (np.array([pair[k] for pair in words], np.uint64) for k in (0, 1))
    assert expected == shown.hosts(hi, lo)


def test_absent_values_are_none():
    """Integers, intervals, booleans and texts each have their way of being absent."""
    assert [None, 0, 7] == shown.unless(np.array([-1, 0, 7]), -1)
    assert [None, 0.0, 1.5] == shown.seconds(np.array([-1, 0, 1_500_000_000]))
    assert [None, False, True] == shown.booleans(np.array([-1, 0, 1], np.int8))
    assert [None, "dns"] == shown.optional_texts(np.array([b"", b"dns"]))
    assert [None, "00:00:00:00:00:ff", None] == shown.macs(np.array([0, 255, 0], np.uint64))
    assert [None, "SF"] == shown.conn_states(np.array([0, 3], np.uint8))
    assert [None, "gre"] == shown.tunnels(np.array([0, 1], np.uint8))


def test_zeek_logs_no_ports_but_those_of_its_own_protocols():
    """TCP, UDP and ICMP keep theirs; SCTP's are 0. What was given is not changed."""
    flows = np.concatenate([flow(proto=number) for number in (6, 17, 1, 58, 132, 47)])
    logged = shown.as_zeek_logs(flows)
    assert [443, 443, 443, 443, 0, 0] == logged["resp_p"].tolist()
    assert [49152, 49152, 49152, 49152, 0, 0] == logged["orig_p"].tolist()
    assert {443} == set(flows["resp_p"].tolist())


@pytest.mark.parametrize(
    ("number", "name"), [(6, "tcp"), (17, "udp"), (1, "icmp"), (58, "icmp"), (132, "unknown_transport")]
)
def test_protocols_have_zeeks_names(number, name):
    """Both ICMPs are icmp; what Zeek's conn.log does not name is unknown_transport."""
    assert [name] == shown.proto_names(np.array([number], np.uint8))


def test_arp_columns():
    """Operations without a name are numbers; 32-bit addresses are dotted quads."""
    assert ["request", "reply", "9"] == shown.arp_operations(np.array([1, 2, 9], np.uint16))
    assert ["10.0.0.254"] == shown.v4_hosts(np.array([0x0A0000FE], np.uint32))
