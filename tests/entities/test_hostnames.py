"""Spelling of hostnames."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensor.entities.hostnames import fold, is_generic, resembles, same, shown, skeleton


@pytest.mark.parametrize(
    "text", ["LAPTOP-231", "laptop-231.corp.example.com", "Laptop-231$", "ＬＡＰＴＯＰ-231.", "laptop-231\0"]
)
def test_one_host_has_one_spelling(text):
    """Case, domain, the machine account's sign, full-width letters and a trailing zero byte make no difference."""
    assert "laptop-231" == fold(text)


def test_what_is_no_hostname_is_empty():
    """Nothing, white space, dots, an address of either family."""
    assert [""] * 5 == [fold(text) for text in (None, " ", "...", "10.0.0.5", "fe80::1")]


def test_punycode_is_decoded_and_nonsense_left():
    """bücher is bücher in both its forms; a label that does not decode stays."""
    assert ["bücher", "bücher", "xn--\u20ac"] == [
        fold(text) for text in ("xn--bcher-kva.example", "Bücher", "xn--\u20ac")
    ]
    assert "bücher.example (xn--bcher-kva.example)" == shown("xn--bcher-kva.example")


def test_a_netbios_name_is_the_host_it_was_cut_from():
    """Fifteen characters of a longer name are the same host; shorter prefixes are not, and nothing is nobody's."""
    assert [True, True, False, False] == [
        same("marketing-lapto", "marketing-laptop-7"), same("a", "a"), same("marketing", "marketing-laptop-7"),
        same("", ""),
    ]  # fmt: skip


def test_look_alikes_are_marked():
    """Cyrillic among Latin letters, and a name of Cyrillic letters alone that reads as Latin; honest names are not."""
    assert ["fileserver", "apple", None, None, None] == [
        resembles(name) for name in ("fil\u0435server", "\u0430\u0440\u0440\u04cf\u0435", "bücher", "сервер", "file0")
    ]  # fmt: skip
    assert shown("fil\u0435server").endswith("(look-alike of fileserver)")
    assert skeleton("fi1e0") == skeleton("fileo")


def test_names_that_nobody_chose_are_generic():
    """Defaults, also numbered, and very short ones."""
    assert [True, True, True, True, False] == [
        is_generic(fold(n)) for n in ("iPhone", "android-2", "ESP_", "pc", "LAPTOP-KJ42")
    ]


@given(st.text())
def test_any_text_folds_to_one_label(text):
    """Whatever a log says is folded without an error to a name without dots, and can be shown."""
    assert "." not in fold(text)
    shown(text)
    resembles(text)
