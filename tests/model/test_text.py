"""Text of the network is shown, not obeyed."""

import pytest

from sensor.model.text import CUT, clean, code, markdown


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


@pytest.mark.parametrize(
    "text",
    [
        *(
            "- a",
            "+ a",
            "* a",
            "1. a",
            "12) a",
            "# a",
            "=== a",
            "    a",
            "<b>a",
            "[a](javascript:b)",
            "![a](b)",
            "&lt;a",
        ),
        *("**a**", "_a_", "`a`", "~~a~~", "|a|b|", "http://a.b", "www.a.b", "a@b.c", "\\*a*", "> a", "--- a", "<!-- a"),
    ],
)
def test_markdown_of_it_is_text_alone(text):
    """By a parser of it, with the extensions that make tables, links and struck words."""
    from markdown_it import MarkdownIt

    parser = MarkdownIt("gfm-like", {"linkify": False})
    for before, kind in (("", "paragraph"), ("# ", "heading"), ("x ", "paragraph"), ("- x ", "bullet_list")):
        tokens = parser.parse(before + markdown(text))
        words = [one for token in tokens for one in token.children or ()]
        assert f"{kind}_open" == tokens[0].type
        assert {"text", "text_special"} >= {one.type for one in words}
        assert "".join(one.content for one in words).endswith(text.strip())
        assert 1 == sum(token.type == "inline" for token in tokens)


@pytest.mark.parametrize("text", ["a", "`", "``a```b", "", "</code>", "a\nb"])
def test_code_is_not_ended_by_what_is_in_it(text):
    """One run of code, whatever back-ticks it holds."""
    from markdown_it import MarkdownIt

    [inline] = [one for one in MarkdownIt("commonmark").parse(f"- {code(text)} after") if one.type == "inline"]
    assert ["code_inline", "text"] == [one.type for one in inline.children]
    assert clean(text).strip() == inline.children[0].content.strip()
