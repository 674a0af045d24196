"""Bytes of information in names."""

import math

import pytest

from sensor.detectors.dns_information import information, labels


@pytest.mark.parametrize(
    ("query", "domain", "expected"),
    [
        ("aaaabbbb.ccccdddd.t.example.com", "example.com", ("ccccdddd", "aaaabbbb")),
        ("www.example.com.", "example.com", ()),
        ("example.com", "example.com", ()),
        ("4.3.2.1.zen.example.org", "example.org", ()),
        ("_ldap._tcp.site.example.org", "example.org", ("site",)),
    ],
)
def test_labels_that_may_say_something(query, domain, expected):
    """Short labels, service labels and the registered name are left out."""
    assert expected == labels(query, domain)


@pytest.mark.parametrize(
    ("label", "before", "expected"),
    [
        ("deadbeefdeadbeef", "", 8.0),
        ("img-02", "img-01", math.log2(36) / 8),
        ("kqzpwxyrtu", "", 10 * math.log2(36) / 8),
        ("same", "same", 0.0),
        ("aa", "aaa", 0.0),
    ],
)
def test_a_label_says_what_it_does_not_share_with_the_one_before(label, before, expected):
    """Four bits a hexadecimal digit, log2 of 36 any other character; ends that repeat say nothing."""
    assert pytest.approx(expected) == information(label, before)
