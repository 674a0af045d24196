"""Readers of single values: bounds that lines seldom reach."""

import datetime as dt
import ipaddress

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from baselines._jit import kernel
from sensor.flows import log_values as v
from tests.naive.log_tsv import Refused, nanoseconds, time


def padded(text):
    """Return the text as bytes with the room behind it that readers need."""
    return np.frombuffer(text.encode() + b"\t" * v.SLACK_BYTES, np.uint8).copy()


@kernel()
def _count(buf, end):
    return v.count(buf, 0, end)


@kernel()
def _seconds(buf):
    return v.seconds_ns(buf, 0)


@kernel()
def _time(buf):
    return v.time_ns(buf, 0)


@kernel()
def _address(buf, end):
    return v.address(buf, 0, end)


def call(reader, *arguments):
    """Call a reader; with the JIT off, words wrap as they do in kernels."""
    with np.errstate(over="ignore"):
        return reader(*arguments)


def read(reader, text):
    """Return the value that ends with the text, None where it is not plain."""
    value, end = call(reader, padded(text))
    return value if end == len(text) else None


@given(st.integers(0, 10**16 - 1))
def test_counts_of_up_to_sixteen_digits(number):
    """Every one is read exactly."""
    text = str(number)
    assert number == call(_count, padded(text), len(text))


@pytest.mark.parametrize("text", ["", "-1", "1a", "a1", "12345678x", "x12345678", "1" * 17, "1.0", " 1", "１"])
def test_what_is_no_plain_count(text):
    """It is -1, never a part of it and never 0."""
    assert call(_count, padded(text), len(text.encode())) == -1


@given(st.from_regex(r"[0-9]{1,12}(\.[0-9]{1,25})?([eE][-+]?[0-9]{1,2})?", fullmatch=True))
def test_lengths_of_time_round_half_up_at_the_tenth_digit(text):
    """What is read equals exact decimal arithmetic; what is too long is not plain."""
    try:
        expected = nanoseconds(text)
    except Refused:
        expected = None
    assert read(_seconds, text) in {expected, None}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0.000001", 1000),
        ("0.9999999995", 1_000_000_000),
        ("9.5367431640625e-07", 954),
        ("1e3", 1_000_000_000_000),
        ("4.294967e+09", 4_294_967_000_000_000_000),
        ("9223372036", None),
        ("1e300", None),
        ("1.", None),
        (".5", None),
        ("-0.1", None),
        ("1e", None),
        ("0e0", 0),
    ],
)
def test_some_lengths_of_time(text, expected):
    """Forms that Zeek's writers produce, and the bounds."""
    assert expected == read(_seconds, text)


@given(st.datetimes(dt.datetime(1970, 1, 2), dt.datetime(2260, 1, 1)))  # noqa: DTZ001 - hypothesis wants them so
def test_iso_times(moment):
    """Any date and time is the same ns as the standard library's."""
    text = moment.isoformat() + "Z"
    assert time(text) == read(_time, text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1588205198.899710", 1_588_205_198_899_710_000),
        ("1588205198.89971", 1_588_205_198_899_710_000),
        ("1588205198", 1_588_205_198_000_000_000),
        ("1588205198899.71", 1_588_205_198_899_710_000),
        ("2020-04-30T00:06:38.89971+10:00", 1_588_169_198_899_710_000),
        ("2020-02-29T00:00:00Z", 1_582_934_400_000_000_000),
        ("2021-02-29T00:00:00Z", None),
        ("2020-04-30T24:00:00Z", None),
        ("1970-01-01T00:00:00+01:00", None),
        ("XXXXXXXXXX.XXXXXX", None),
        ("10000000000", None),
        ("1588205198.8997X0", None),
    ],
)
def test_some_times(text, expected):
    """Seconds, milliseconds and ISO, with their bounds."""
    assert expected == read(_time, text)


def words(text):
    """Return an address's words, None where it is not plain."""
    hi, lo, plain = call(_address, padded(text), len(text))
    return (int(hi) << 64 | int(lo)) if plain else None


@given(st.ip_addresses(v=6))
def test_ipv6_addresses_in_both_their_forms(address):
    """The shortest and the longest writing of an address are the same number."""
    assert int(address) == words(str(address)) == words(address.exploded)


@given(st.ip_addresses(v=4))
def test_ipv4_addresses_are_mapped(address):
    """IPv4 becomes ::ffff:a.b.c.d, alone or inside IPv6."""
    expected = int(ipaddress.IPv6Address(f"::ffff:{address}"))
    assert expected == words(str(address)) == words(f"0::ffff:{address}")


@given(st.text("0123456789abcdefF:.", max_size=20))
def test_what_is_read_as_an_address_is_one(text):
    """Text that the standard library refuses is never plain."""
    found = words(text)
    if found is not None:
        value = ipaddress.ip_address(text)
        assert int(value if value.version == 6 else ipaddress.IPv6Address(f"::ffff:{text}")) == found
