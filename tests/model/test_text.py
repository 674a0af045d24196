"""Text of the network is shown, not obeyed."""

import pytest

from sensor.model.text import CUT, clean


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        *(("PC-7", "PC-7"), ("Zoë ñ 東京 عربي", "Zoë ñ 東京 عربي"), ("", "")),
        *(("a\r\nb", r"a\r\nb"), ("\x1b[2J", r"\x1b[2J"), ("a\x00b\x85c", r"a\x00b\x85c"), ("a\u2028b", r"a\u2028b")),
        *(
            ("a\u202eb", r"a\u202eb"),
            ("a\u200bb", r"a\u200bb"),
            ("a\ud800b", r"a\ud800b"),
            ("\U000e0041", r"\U000e0041"),
        ),
    ],
)
def test_what_does_not_print_is_escaped(text, shown):
    """Line ends, terminal codes, marks that turn or hide text, halves of characters; letters of any script stay."""
    assert shown == clean(text)


def test_what_is_long_is_cut_and_says_so():
    """The result is as long as is allowed, after what was escaped grew."""
    assert "abc" == clean("abc", 3)
    assert f"ab{CUT}" == clean("abcd", 3)
    assert (r"\r\n\r\n" + CUT) == clean("\r\n" * 100, 9)
