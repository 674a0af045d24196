"""Records that stand one a line, and what is carried from line to line."""

import pytest

from sensor.wire.record_lines import LineReader, parsed


def read(reader, *lines):
    items = [reader.line(line) for line in lines]
    return [item and (item.raw if item.raw is not None else item.reason) for item in items]


def test_columns_are_carried_to_the_next_reader():
    """A reader made from `carry` goes on where the other stopped."""
    first = LineReader("fields")
    assert [None, {"a": "1", "b": "2"}] == read(first, b"#Fields: a b", b"1 2")
    assert [{"a": "3", "b": "4"}] == read(LineReader("fields", carry=first.carry), b"3 4")
    table = LineReader("csv")
    assert [None, {"x": "1", "y": "2", "z": "3"}] == read(table, b"x,y,z", b"1,2,3")
    assert [{"x": "4", "y": "5", "z": "6"}] == read(LineReader("csv", carry=table.carry), b"4,5,6")


@pytest.mark.parametrize(
    ("line", "expected"),
    [(b'{"a":1}', {"a": 1}), (b'{"a":', "not_a_record"), (b"", None), (b" \r", None), (b"hello", {"message": "hello"}),
     (b"# comment", {"message": "# comment"})],
)  # fmt: skip
def test_lines_of_no_table(line, expected):
    """JSON, text, nothing."""
    assert [expected] == read(LineReader("lines"), line)


def test_a_row_that_does_not_fit_is_refused():
    """More cells than columns."""
    assert [None, "column_count"] == read(LineReader("fields"), b"#Fields: a b", b"1 2 3")
    assert "not_a_record" == parsed(b"[1]").reason


def test_known_lines_give_their_columns():
    """What was read before is passed over, but for the header."""
    reader = LineReader("fields")
    reader.pass_known(b"#Fields: a b\n1 2\n")
    assert [{"a": "3", "b": "4"}] == read(reader, b"3 4")
