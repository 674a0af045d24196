"""Addresses go to two words and back, and are written as Zeek writes them."""

import ipaddress

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensor.model import addresses


@given(st.ip_addresses(v=4))
def test_ipv4_survives_the_round_trip(address: ipaddress.IPv4Address) -> None:
    """Dotted quad in, the mapped words, dotted quad out."""
    words = addresses.parse(str(address))
    assert (0, 0xFFFF << 32 | int(address)) == words
    assert addresses.is_v4(*words)
    assert str(address) == addresses.text(*words)


@given(st.ip_addresses(v=6))
def test_ipv6_survives_the_round_trip(address: ipaddress.IPv6Address) -> None:
    """The words hold the address; its text is RFC 5952's but for mapped IPv4, which is written as IPv4."""
    hi, lo = addresses.parse(str(address))
    assert int(address) == hi << 64 | lo
    expected = str(address.ipv4_mapped) if address.ipv4_mapped is not None else str(address)
    assert expected == addresses.text(hi, lo)


@pytest.mark.parametrize("wrong", ["", "10.0.0", "10.0.0.256", "fe80::1::2", "host", "10.0.0.1/24"])
def test_what_is_no_address_is_refused(wrong: str) -> None:
    """ValueError, whatever was written."""
    with pytest.raises(ValueError, match="does not appear to be an IPv4 or IPv6 address"):
        addresses.parse(wrong)


def test_many_are_written_in_order() -> None:
    """Repeated, mixed and in any order; no address at all gives none."""
    expected = ["10.0.0.1", "fe80::1", "10.0.0.1", "255.255.255.255", "::"]
    words = np.array([addresses.parse(one) for one in expected], np.uint64)
    assert expected == addresses.texts(words[:, 0].copy(), words[:, 1].copy()).tolist()
    empty = np.empty(0, np.uint64)
    assert [] == addresses.texts(empty, empty).tolist()


@given(st.integers(0, 2**48 - 1))
def test_a_link_layer_address_survives_the_round_trip(value: int) -> None:
    """Colons, dashes, dots and bare digits are all read; colons are written."""
    written = addresses.mac(value)
    assert 17 == len(written)
    dots = written.replace(":", "")
    dots = f"{dots[:4]}.{dots[4:8]}.{dots[8:]}"
    assert {value} == {addresses.parse_mac(text) for text in (written, written.upper().replace(":", "-"), dots)}


@pytest.mark.parametrize("wrong", ["", "aa:bb:cc:dd:ee", "aa:bb:cc:dd:ee:fg", "aabbccddeeff00"])
def test_what_is_no_link_layer_address_is_refused(wrong: str) -> None:
    """Too short, too long, or not hexadecimal."""
    with pytest.raises(ValueError, match=r"not a link-layer address|invalid literal"):
        addresses.parse_mac(wrong)
