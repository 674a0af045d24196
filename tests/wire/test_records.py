"""Files of every form give records."""

import io
import json

import pytest

from sensor.wire.records import Records, form_of
from tests.sources.ledgers import MemoryLedger


def read(text, ledger=None):
    """Return (form, raw records or reasons) of bytes; each item counts as one record."""
    count = 0
    records = Records(io.BytesIO(text), "local", ledger, lambda: count)
    out = []
    for item in records:
        count += item.known or 1
        out.append(item.raw if item.raw is not None else item.known or item.reason)
    return records.form, out


@pytest.mark.parametrize(
    ("text", "form", "expected"),
    [
        (b'{"a":1}\n{"a":2}\n', "json_lines", [{"a": 1}, {"a": 2}]),
        (b'\xef\xbb\xbf{"a":1}\r\n{"a":2}', "json_lines", [{"a": 1}, {"a": 2}]),
        (b'{"a":1}\n{"a":\n', "json_lines", [{"a": 1}, "not_a_record"]),
        (b'[{"a":1},\n{"a":2}]', "json", [{"a": 1}, {"a": 2}]),
        (b'{\n "a": 1\n}\n{\n "a": 2\n}', "json", [{"a": 1}, {"a": 2}]),
        (b'x,y,z\n1,"2\n2",3\n', "csv", [{"x": "1", "y": "2\n2", "z": "3"}]),
        ("x;y;z\n1;ä;3\n".encode("utf-16"), "csv", [{"x": "1", "y": "ä", "z": "3"}]),
        (
            b"#Version: 1\n#Fields: a b\n1 -\n#Fields: b c\n2 3\n",
            "fields",
            [{"a": "1", "b": "-"}, {"b": "2", "c": "3"}],
        ),
        (b"<Events><Event>\n</Event></Events>", "xml", [{"message": "<Event>\n</Event>"}]),
        (b"<Event>1</Event>\n<Event>2</Event>\n", "lines", [{"message": f"<Event>{n}</Event>"} for n in (1, 2)]),
        (b"hello\n\nworld\n", "lines", [{"message": "hello"}, {"message": "world"}]),
        (b"", "lines", []),
    ],
)
def test_the_form_is_told_from_the_beginning(text, form, expected):
    """JSON in both layouts, tables with their columns, XML that spans lines, and lines of text."""
    assert (form, expected) == read(text)


@pytest.mark.parametrize("text", [b'{"a":1}\n{"a":2}\n', b"#Fields: a b\n1 2\n3 4\n", b"one\ntwo\n"])
def test_blocks_that_were_read_are_known(text):
    """The same file again is all known; what was added to it is new, and is read under the old columns."""
    ledger = MemoryLedger()
    read(text, ledger)
    ledger.commit()

    assert [2] == read(text, ledger)[1]
    more = text.splitlines()[-1]
    again = read(text + more + b"\n", ledger)[1]
    assert 2 == again[0]
    assert [read(text)[1][-1]] == again[1:]


def test_records_that_span_lines_carry_a_digest_instead():
    """In JSON documents and CSV: the same bytes have the same digest."""
    for text in (b'[{"a":1},{"a":1},{"a":2}]', b"x,y,z\n1,2,3\n1,2,3\n4,5,6\n"):
        digests = [item.digest for item in Records(io.BytesIO(text), "local", None, lambda: 0)]
        assert digests[0] == digests[1] != digests[2]


def test_a_line_that_is_too_long_is_refused_and_the_next_one_read():
    """Memory stays bounded."""
    form, found = read(b'{"a":1}\n{"a":"' + b"x" * (3 << 20) + b'"}\n{"a":2}\n')

    assert ("json_lines", [{"a": 1}, "line_too_long", {"a": 2}]) == (form, found)


def test_a_first_line_that_is_damaged_does_not_hide_the_rest():
    """It is read as a document, in which damage costs one record."""
    text = b'{"a": "unended\n' + json.dumps({"b": 1}).encode()

    assert ("json", ["not_a_record", {"b": 1}]) == read(text)
    assert "json" == form_of(text)
