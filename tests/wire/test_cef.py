"""Tests for sensor/wire/cef.py: CEF and LEEF records."""

from hypothesis import given
from hypothesis import strategies as st

from sensor.wire.cef import PAIRS_MAX, parse


def test_cef_is_read_with_its_escapes() -> None:
    """Header and values: spaces, escaped separators, an empty value; words before it are left out."""
    text = "x y CEF:0|Ven\\|dor|LF|2.0|GP|login|3|suser=ex\\\\ann act=a b\\=c empty= rt=Mar 01 2021 20:35:54"
    assert {
        "cef.vendor": "Ven|dor", "cef.product": "LF", "cef.version": "2.0", "cef.class_id": "GP", "cef.name": "login",
        "cef.severity": "3", "suser": "ex\\ann", "act": "a b=c", "empty": "", "rt": "Mar 01 2021 20:35:54",
    } == parse(text)  # fmt: skip


def test_leef_is_read_with_any_delimiter() -> None:
    """Tabs without a word, the header's own character or code, or a space."""
    wanted = {"cef.vendor": "V", "cef.product": "P", "cef.version": "1", "cef.class_id": "id", "a": "1", "b": "2 3"}
    assert wanted == parse("LEEF:1.0|V|P|1|id|a=1\tb=2 3")
    assert wanted == parse("LEEF:2.0|V|P|1|id|^|a=1^b=2 3")
    assert wanted == parse("LEEF:2.0|V|P|1|id|x5E|a=1^b=2 3")
    assert wanted == parse("LEEF:2.0|V|P|1|id| |a=1 b=2 3")


def test_other_text_is_none() -> None:
    """No header, or one that is cut short."""
    assert [None, None, None] == [parse("a=1"), parse("CEF:0|V|P"), parse("")]


def test_pairs_are_bounded() -> None:
    """The rest is left out."""
    found = parse("CEF:0|V|P|1|c|n|3|" + " ".join(f"k{i}=1" for i in range(PAIRS_MAX + 9))) or {}
    assert PAIRS_MAX + 6 == len(found)


@given(st.lists(st.sampled_from(["CEF:0|", "LEEF:2.0|", "a|", "x=", "\\", " ", "\t", "x09|", "=", "é"]), max_size=20))
def test_any_text_is_read_or_none(parts: list[str]) -> None:
    """Nothing is raised."""
    found = parse("".join(parts))
    assert found is None or all(isinstance(value, str) for value in found.values())
