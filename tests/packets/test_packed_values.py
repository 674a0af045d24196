"""Texts and addresses are written as Python writes them."""

import ipaddress

from sensor.model import metadata as m
from tests.packets.packed_rows import ODD, laid_out, read


def test_texts_that_are_no_utf_8_are_escaped():
    """As Python does, whatever stands before and behind."""
    texts = [before + odd + behind for odd in ODD for before in (b"", b"12345678") for behind in (b"", b"\x80", b"z")]
    rows, arena = laid_out([(m.K_DNS, [(m.F_ANSWER_TEXT, text) for text in texts], True, 0, 0)])

    assert [tuple(text.decode("utf-8", "backslashreplace") for text in texts)] == [
        one.texts for one in read(rows, arena)[1]
    ]


def test_ipv6_addresses_have_the_form_of_rfc_5952():
    """The first of the longest runs of zeros is left out, one zero alone is not."""
    texts = (
        "::", "::1", "1::", "1:0:0:2::3", "1::2:0:0:3", "1:2:3:4:5:6:7:8", "1:0:3:4:5:6:7:8", "fe80::a:0:0:b", "0:1::",
        "::1:2:3:4:5:6:7", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "::fffe:0:1", "64:ff9b::102:304",
    )  # fmt: skip
    fields = [(m.F_ANSWER_A, ipaddress.IPv6Address(text).packed) for text in texts]
    rows, arena = laid_out([(m.K_DNS, fields, True, 0, 0)])

    assert [tuple(str(ipaddress.IPv6Address(text)) for text in texts)] == [
        one.addresses for one in read(rows, arena)[1]
    ]
