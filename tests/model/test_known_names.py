"""Names in text."""

from hypothesis import given
from hypothesis import strategies as st

from sensor.model.known_names import KnownNames

SIGNS = " .-_@$/\\'\"(),:"


def known(*names):
    made = KnownNames()
    for name in names:
        made.note(name, "X")
    return made


def test_a_name_is_found_whatever_stands_around_it_and_nothing_longer_is():
    """Case does not matter; a part of a longer word is not the name."""
    names = known("ann.lee", "pc-7$", "Ann's Mac")
    assert "X, C:\\X\\x X! annalee ann.leeds" == names.replaced("Ann.Lee, C:\\PC-7$\\x ann's mac! annalee ann.leeds")
    assert (True, False, False) == tuple(names.holds(text) for text in ("_ANN.LEE_", "ann", ""))


def test_the_longest_counts_and_the_first_stays():
    """A name that begins another does not hide it."""
    names = known("ann", "ann.lee")
    names.note("ann", "Y")
    assert "X X.smith" == names.replaced("ann.lee ann.smith")


@given(
    st.lists(st.text("ab", min_size=1, max_size=3), min_size=1, max_size=4),
    st.text("ab" + SIGNS, max_size=40),
)
def test_it_is_what_a_search_word_by_word_finds(names, text):
    """Names of one word, against the naive definition."""
    words, made = "", []
    for sign in text + " ":
        if sign in SIGNS:
            made += ["X" if words in names else words, sign]
            words = ""
        else:
            words += sign
    assert "".join(made)[:-1] == known(*names).replaced(text)
    assert known(*names).holds(text) == ("X" in made)
