"""Checked reads."""

import pytest

from sensor.errors import Malformed
from sensor.packets.octets import Octets, plain, utf16


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
