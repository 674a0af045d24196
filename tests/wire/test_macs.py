"""Tests for sensor/wire/macs.py: link-layer addresses in each spelling."""

import pytest

from sensor.wire.macs import read_mac

MAC = "00:11:22:aa:bb:cc"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("00:11:22:aa:bb:cc", MAC),
        ("00-11-22-AA-BB-CC", MAC),
        ("0011.22aa.bbcc", MAC),
        ("001122AABBCC", MAC),
        ("0011-22AA-BBCC", MAC),
        ("00-11-22-AA-BB-CC:office", MAC),
        ("01:00:11:22:aa:bb:cc", MAC),
        (" 001122aabbcc ", MAC),
        ("00-11-22-AA-BB-CC:cafe net", MAC),
        ("001122aabbccdd", None),
        ("00:11:22:aa:bb", None),
        ("192.0.2.1", None),
        ("00:00:00:00:00:00", None),
        ("ff:ff:ff:ff:ff:ff", None),
        ("", None),
        (None, None),
        ("5551234567", None),
        ("00:11:22:aa:bb:cc:dd:ee", None),
    ],
)
def test_each_spelling_is_read(text: str | None, expected: str | None) -> None:
    """With any separator, a network's name behind or a hardware type before; what is none is None."""
    assert expected == read_mac(text)
