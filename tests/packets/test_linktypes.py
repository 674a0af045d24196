"""Link types have names, and codes where they are decoded."""

from sensor.model.capture import LINK_RADIOTAP, LINK_UNKNOWN, LINKTYPES
from sensor.packets.linktypes import NAMES, codes, name


def test_every_decoded_type_has_a_name():
    """What is decoded could also be named; 14 is RAW's number on OpenBSD alone, never in a file of ours."""
    assert {14, 12} == LINKTYPES.keys() - NAMES.keys()


def test_a_type_is_named_with_its_number():
    """Messages say both, and say so where the registry has no name."""
    assert ["USER0 (147)", "unregistered (9999)"] == [name(147), name(9999)]


def test_codes_cover_every_number():
    """Sixteen bits of link type each have an answer."""
    table = codes()
    assert (65_536, LINK_RADIOTAP, LINK_UNKNOWN) == (len(table), table[127], table[65_535])
