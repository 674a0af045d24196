"""One TSV line as a record."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensor.errors import Malformed
from sensor.wire.zeek_header import Schema
from sensor.wire.zeek_tsv import TsvReader

READER = TsvReader(Schema(fields=("ts", "uid", "answers", "query")))


def test_fields_by_column():
    """Unset is None, empty is empty, an unknown column is None."""
    get = READER.record(b"1.5\t-\t(empty)\t(empty)")
    assert ["1.5", None, [], "", None] == [get(name) for name in ("ts", "uid", "answers", "query", "other")]


def test_sets_are_split_before_escapes_are_decoded():
    """An escaped separator belongs to its element; an unset element is None."""
    get = READER.record(b"1.5\tC1\ta\\x2cb,-,\\x2d\tback\\\\slash")
    assert (["a,b", None, "-"], "back\\slash") == (get("answers"), get("query"))


def test_a_field_that_holds_a_markers_text_escaped():
    """Zeek escapes text that equals a marker; it is text, not unset."""
    get = READER.record(b"1\t\\x2d\ta\t\\x28empty)")
    assert ("-", "(empty)") == (get("uid"), get("query"))


@pytest.mark.parametrize("line", [b"", b"1\t2\t3", b"1\t2\t3\t4\t5"])
def test_lines_with_other_than_the_headers_columns(line):
    """They are refused: no value is taken from a shifted column."""
    with pytest.raises(Malformed, match="column_count"):
        READER.record(line)


@given(st.lists(st.binary(max_size=10).filter(lambda field: not {9, 10} & set(field)), min_size=4, max_size=4))
def test_any_bytes_are_shown(fields):
    """Bytes that are not UTF-8 are shown, never dropped or an error."""
    get = READER.record(b"\t".join(fields))
    assert all(value is None or isinstance(value, (str, list)) for value in map(get, READER.schema.fields))


def test_columns_before_the_headers():
    """They are passed over."""
    assert "C1" == TsvReader(Schema(fields=("ts", "uid"), lead=2)).record(b"host\tconn\t1.5\tC1")("uid")
