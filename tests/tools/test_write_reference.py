"""The references in docs/ are what the code says now."""

import pytest

from tests.tools.write_reference import DOCS, HELP, texts


@pytest.mark.parametrize("name", ["metrics.md", "configuration.md"])
def test_the_reference_is_current(name):
    """`python -m tests.tools.write_reference` changes nothing."""
    assert (DOCS / name).read_text(encoding="utf-8") == texts()[name]


@pytest.mark.parametrize("name", ["metrics.md", "configuration.md"])
def test_every_key_metric_and_label_is_explained(name):
    """No line of a table ends without a word."""
    rows = [line for line in texts()[name].splitlines() if line.startswith("| `")]

    assert [] == [line for line in rows if not line.split(" | ")[-1].strip("| ")]
    assert len(rows) > 50


def test_no_remark_is_left_over():
    """What is said here is of a key that there is."""
    text = texts()["configuration.md"]

    assert [] == [key for key in HELP if f"| `{key.rpartition('.')[2]}` |" not in text]
