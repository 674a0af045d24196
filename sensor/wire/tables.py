"""Logs that are tables of text: CSV with a header row, and logs whose `#Fields:` line names the columns.

A row becomes {column: text}. The header is found, not assumed: spreadsheets put `sep=,` first, Windows' DHCP server a
page of explanations. A quoted value may span lines (RFC 4180 §2.6). A table without a header is no table for us: its
lines are text. Nothing is converted here.
"""

import csv
import re
from collections.abc import Iterator, Sequence

from sensor.errors import Malformed

CELL_BYTES = 1 << 20
"""The longest value: an audit record in the `AuditData` column of a portal's export."""
COLUMNS_MAX = 512
_PREAMBLE_LINES = 64
"""Windows' DHCP server explains its event ids in 31 lines."""
_COLUMNS_MIN = 3
_NAME = re.compile(r"[A-Za-z_@#(][\w .()/@#:,?%&'\-\[\]]{0,99}$")
_DELIMITERS = ",;\t|"
FIELDS = "#fields:"

csv.field_size_limit(CELL_BYTES)


class Header:
    """The columns of a table, and what separates them."""

    def __init__(self, columns: Sequence[str], delimiter: str) -> None:
        self.columns = [name.strip() for name in columns]
        self.delimiter = delimiter

    def record(self, cells: Sequence[str]) -> dict[str, object]:
        """Put a row under the columns' names. Raises Malformed: `column_count`."""
        if len(cells) > len(self.columns) and any(cell.strip() for cell in cells[len(self.columns) :]):
            raise Malformed("column_count")
        if len(cells) < len(self.columns) - _SHORT_MAX:
            raise Malformed("column_count")
        return dict(zip(self.columns, cells, strict=False))

    def cells(self, line: str) -> list[str]:
        """Split one line that is a whole row. Raises Malformed: `not_a_record`."""
        try:
            if self.delimiter == " ":
                return next(csv.reader([" ".join(line.split())], delimiter=" "), [])
            return next(csv.reader([line], delimiter=self.delimiter, skipinitialspace=True), [])
        except csv.Error:
            raise Malformed("not_a_record") from None


_SHORT_MAX = 8
"""Columns that a row may lack at its end: writers leave trailing empty cells out."""


def fields_line(line: str) -> Header | None:
    """Read a `#Fields:` line: W3C's columns stand between spaces, Exchange's between commas; None for other lines."""
    if line[: len(FIELDS)].lower() != FIELDS:
        return None
    names = line[len(FIELDS) :].strip()
    delimiter = "," if "," in names else "\t" if "\t" in names else " "
    columns = [name for name in names.split(None if delimiter == " " else delimiter) if name]
    return Header(columns, delimiter) if 0 < len(columns) <= COLUMNS_MAX else None


def find_header(head: str) -> tuple[int, Header] | None:
    """Find the header row of a CSV table in the beginning of a file.

    Returns:
        Number of its line and its columns; None where there is none: names in every cell, none twice, and the row
        below it, if there is one, as wide and not such a row itself.
    """
    lines = head.splitlines()[: _PREAMBLE_LINES + 2]
    for number, line in enumerate(lines[:_PREAMBLE_LINES]):
        header = _as_header(line)
        if header is None:
            continue
        below = next((text for text in lines[number + 1 :] if text.strip()), None)
        if below is None:
            return (number, header) if number == 0 else None
        try:
            width = len(header.cells(below))
        except Malformed:
            continue
        if abs(width - len(header.columns)) <= 1 or below.count('"') % 2:
            return number, header
    return None


def rows(lines: Iterator[str], header: Header) -> Iterator[list[str] | str]:
    """Read rows whose quoted values may span lines; a row that cannot be read is its reason.

    Args:
        lines: Lines behind the header, with their ends.
        header: The columns.
    """
    reader = csv.reader(lines, delimiter=header.delimiter)
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error:
            yield "not_a_record"
            continue
        if cells and any(cell.strip() for cell in cells):
            yield cells


def _as_header(line: str) -> Header | None:
    text = line.strip("\ufeff\r\n ")
    delimiter = max(_DELIMITERS, key=text.count)
    if text.count(delimiter) < _COLUMNS_MIN - 1 or text[:1] in "<{[":
        return None
    try:
        columns = next(csv.reader([text], delimiter=delimiter), [])
    except csv.Error:
        return None
    columns = [name.strip() for name in columns]
    while columns and not columns[-1]:
        columns.pop()
    named = all(_NAME.match(name) for name in columns)
    if not named or len(set(columns)) != len(columns) or not _COLUMNS_MIN <= len(columns) <= COLUMNS_MAX:
        return None
    return Header(columns, delimiter)
