"""Checked reads."""

import pytest

from sensor.errors import Malformed
from sensor.packets.octets import Octets, address, plain, until_damage, utf16


def test_reads_move_on_and_stop_at_the_end():
    """What is not there is never read."""
    at = Octets(b"\1\2\3\4\5")
    assert (1, 0x0302, b"\4\5", 0) == (at.big(1), at.little(2), at.upto(9), at.left)
    with pytest.raises(Malformed, match="cut"):
        at.big(1)
    with pytest.raises(Malformed, match="cut"):
        at.skip(-1)


def test_texts_end_at_a_nul_and_keep_what_cannot_be_decoded():
    """Damaged bytes are shown, not dropped."""
    assert ("ab", "a\\xff") == (utf16(b"a\0b\0\0\0c\0"), plain(b"a\xff\0b"))


def pieces(*found):
    """Give some, then meet damage."""
    yield from found
    raise Malformed("cut")


def test_what_was_found_before_damage_is_kept():
    """Damage at the very beginning is the payload's."""
    assert [1, 2] == until_damage(pieces(1, 2))
    with pytest.raises(Malformed, match="cut"):
        until_damage(pieces())


def test_addresses_of_both_kinds():
    """As Zeek writes them."""
    assert ("10.0.0.9", "fe80::1") == (address(bytes([10, 0, 0, 9])), address(b"\xfe\x80" + bytes(13) + b"\1"))
