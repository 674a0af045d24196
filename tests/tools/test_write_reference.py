"""The references in docs/ are what the code says now."""

import pytest

from tests.tools.write_reference import DOCS, HELP, texts


@pytest.mark.parametrize("name", ["metrics.md", "configuration.md"])
def test_the_reference_is_current(name):
    """`python -m tests.tools.write_reference` changes nothing."""
    assert (DOCS / name).read_text(encoding="utf-8") == texts()[name]


def test_every_key_of_the_program_s_own_tables_is_explained():
    """No line of the first part ends without a word."""
    first = texts()["configuration.md"].partition("## [sources.NAME]")[0]
    bare = [line for line in first.splitlines() if line.startswith("| `") and line.endswith("|  |")]

    assert [] == bare


def test_no_remark_is_left_over():
    """What is said here is of a key that there is."""
    text = texts()["configuration.md"]

    assert [] == [key for key in HELP if f"| `{key}` |" not in text]
