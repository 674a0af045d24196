"""Vendors by link-layer address."""

import pytest

from sensor.entities import oui
from sensor.entities.oui import pack, unpack, vendor


def test_known_prefixes_have_their_vendor():
    """MA-L prefixes of the shipped table."""
    assert ["XEROX CORPORATION", "Raspberry Pi Foundation"] == [vendor(0x000000000001), vendor(0xB827EB123456)]


def test_the_longest_prefix_wins():
    """An MA-S piece of an MA-L block that the registry holds itself."""
    assert "SYNERGY SYSTEMS AND SOLUTIONS" == vendor(0xC85CE27ABCDE).upper()


def test_local_unknown_and_empty_addresses_have_none():
    """A locally administered address, no address, and a block that nobody was given."""
    assert [None] * 3 == [vendor(0x02AABBCCDD01), vendor(0), vendor(0xFCFFFF000001)]


def test_pack_and_unpack_is_identity():
    """Prefixes of all three lengths come back with the first line as the name; the registry itself is left out."""
    names, held = unpack(
        pack(
            {"0000AA": "B  Ltd\nStreet", "0000AA1": "A", "0000AA123": "B Ltd", "0000AB": "IEEE Registration Authority"}
        )
    )

    assert ["A", "B Ltd"] == names
    assert {6: [0xAA], 7: [0xAA1], 9: [0xAA123]} == {digits: rows[0].tolist() for digits, rows in held.items()}


def test_a_damaged_table_is_refused():
    """Neither noise nor another file is read as a table."""
    import lzma

    for blob in (b"noise", lzma.compress(b"another")):
        with pytest.raises(ValueError, match="vendor table"):
            unpack(blob)


def test_the_shipped_table_is_small():
    """It goes into every wheel."""
    assert oui.TABLE.stat().st_size < 1 << 20
