"""Finding a subject in text."""

import pytest

from sensor.model.erasure import Finder, Subject, terms_of_account


def finder(*terms):
    return Finder(Subject(kind="account", names=("ann.lee@ex.com",), terms=terms, stands="erased-1"))


def test_an_account_is_looked_for_by_all_its_spellings_and_by_its_user_name_where_nobody_else_has_it():
    """Also as OneDrive writes it; a user name of two characters is in too many words."""
    found = terms_of_account(("ann.lee@ex.com", "0a-1b"), ("bob@ex.com",), ("Ann Lee-Jones",))
    assert {"ann.lee@ex.com", "ann_lee_ex_com", "ann.lee", "ann_lee", "ann lee", "0a-1b", "Ann Lee-Jones"} == set(found)
    assert "admin" not in terms_of_account(("admin@ex.com",), ("admin@ex.org",))
    assert "jo" not in terms_of_account(("jo@ex.com",), ())


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("Ann.Lee@ex.com and ann.leeds", "erased-1 and ann.leeds"), ("joann.lee", "joann.lee"),
        ('{"a":["x ann.lee@ex.com"],"ann.lee@ex.com":1.50}', '{"a":["x erased-1"],"erased-1":1.5}'),
        ('{"a":1.50}', '{"a":1.50}'), ("[ann.lee@ex.com", "[erased-1"), ("", ""),
    ],
)  # fmt: skip
def test_something_else_stands_for_it_in_text_and_json(text, told):
    """Keys too; what does not name it stays as it is, to the byte."""
    found = finder("ann.lee@ex.com")
    assert (told, text != told) == (found.scrubbed(text), found.holds(text))


def test_it_is_found_in_bytes_whatever_they_are():
    """Between other letters it is another; UTF-16 as Windows writes it; case does not matter."""
    found = finder("ann.lee")
    assert [True, True, True, False, False] == [
        found.in_bytes(content)
        for content in (b"\x00Ann.Lee\xff", "x ANN.LEE y".encode("utf-16-le"), b"_ann.lee_", b"joann.lee", b"annxlee")
    ]
    assert not finder().in_bytes(b"anything")


def test_quotes_and_letters_beyond_ascii_are_found_in_json():
    """However they are escaped there."""
    found = finder('o"brien', "müller")
    assert found.holds(r'{"a":"o\"brien"}')
    assert found.holds('{"a":"M\\u00fcller"}')
    assert '{"a":"erased-1 erased-1"}' == found.scrubbed(r'{"a":"o\"brien m\u00fcller"}')
