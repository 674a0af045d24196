"""Tables of text: where the columns are named, and what their rows are."""

import pytest

from sensor.errors import Malformed
from sensor.wire.tables import Header, fields_line, find_header, rows


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        ("A,B,C\n1,2,3\n", (0, ["A", "B", "C"], ",")),
        ('"Date","User Id","Audit Data"\n"x","y","{""a"": 1}"\n', (0, ["Date", "User Id", "Audit Data"], ",")),
        ("sep=;\na;b;c\n1;2;3\n", (1, ["a", "b", "c"], ";")),
        ("\t\tLog\n\nEvent ID  Meaning\n00\tStarted\nID,Date,Time,IP Address\n10,1/1/24,00:00:00,10.0.0.1\n",
         (4, ["ID", "Date", "Time", "IP Address"], ",")),
        ("a,b,c\n", (0, ["a", "b", "c"], ",")),
    ],
)  # fmt: skip
def test_a_header_is_found(head, expected):
    """On the first line or behind a preamble, with the delimiter it uses."""
    number, header = find_header(head)

    assert expected == (number, header.columns, header.delimiter)


@pytest.mark.parametrize(
    "head",
    [
        "",
        "one line of text, with commas, in it\nand another without\n",
        '"SERVER","IAS",03/07/2008,13:04:33,1,"user"\n',
        '10.0.0.1 - - [01/Jan/2024] "GET /a,b,c"\n',
        "a,a,b\n1,2,3\n",
        '{"a": 1, "b": 2, "c": 3}\n',
    ],
)
def test_text_is_no_table(head):
    """Values in the place of names, a name twice, rows of another width."""
    assert find_header(head) is None


def test_columns_of_a_fields_line():
    """W3C separates by spaces, Exchange by commas; other lines name no columns."""
    assert ["date", "time", "c-ip"] == fields_line("#Fields: date time c-ip").columns
    assert ["date-time", "client-ip"] == fields_line("#Fields: date-time,client-ip").columns
    assert fields_line("#Software: x") is None
    assert ["a", "b c", "-"] == fields_line("#Fields: x y z").cells('a "b c" -')


def test_values_may_span_lines_and_rows_may_be_short():
    """As RFC 4180 and spreadsheets write them; too many cells, or far too few, are refused."""
    header = Header(["a", "b", "c"], ",")
    found = list(rows(iter(['1,"two\n', 'lines",3\n', "\n", "4,5\n"]), header))

    assert [["1", "two\nlines", "3"], ["4", "5"]] == found
    assert {"a": "4", "b": "5"} == header.record(found[1])
    with pytest.raises(Malformed, match="column_count"):
        header.record(["1", "2", "3", "4"])
    with pytest.raises(Malformed, match="column_count"):
        Header([str(k) for k in range(20)], ",").record(["1"])


def test_a_value_beyond_the_limit_is_refused():
    """An open quote cannot swallow a file."""
    lines = ['a,"' + "x" * (1 << 20) + "\n", "y\n", '","b"\n']

    assert "not_a_record" == next(rows(iter(lines), Header(["a", "b", "c"], ",")))
