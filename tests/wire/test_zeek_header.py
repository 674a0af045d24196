"""Headers: what the columns are, and what kind of log they show."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensor.errors import Malformed
from sensor.wire.zeek_header import COLUMNS_MAX, DIRECTIVES_MAX_BYTES, Header, directives, unescape

ID = "ts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p"


def taken(*lines):
    """Return the schema after some directives."""
    header = Header()
    for line in lines:
        header.take(line)
    return header.schema


def test_the_header_says_how_fields_are_written():
    """Separators and markers are the header's, the separator decoded."""
    schema = taken(
        b"#separator \\x7c",
        b"#set_separator|;",
        b"#empty_field|NONE",
        b"#unset_field|?",
        b"#path|dns",
        b"#fields|ts|query",
    )
    assert (b"|", b";", b"NONE", b"?", "dns", ("ts", "query")) == (
        schema.separator, schema.set_separator, schema.empty, schema.unset, schema.path, schema.fields,
    )  # fmt: skip


def test_a_separator_behind_a_tab():
    """A directive whose own separator is a tab, as some copies have, is read too."""
    assert b"\t" == taken(b"#separator\t\\x09", b"#fields\tts\tuid").separator


def test_a_new_header_forgets_the_last():
    """Nothing of a header holds for the next one."""
    schema = taken(b"#separator \\x7c", b"#path|conn", b"#fields|ts", b"#separator \\x09", b"#fields\tts\tuid")
    assert (b"\t", "", ("ts", "uid")) == (schema.separator, schema.path, schema.fields)


def test_other_lines_change_nothing():
    """Open and close times and comments are passed over."""
    before = taken(b"#fields\tts")
    assert before == taken(b"#fields\tts", b"#close\t2020", b"#types\ta\tb", b"### BTest", b"#", b"# x")


@pytest.mark.parametrize("line", [b"#fields", b"#fields\tts\tts", b"#fields" + b"\tx" * (COLUMNS_MAX + 1)])
def test_columns_that_cannot_be_used(line):
    """A header without columns, with one twice or with absurdly many is refused, and its lines are not read."""
    header = Header()
    header.take(b"#fields\tts")
    with pytest.raises(Malformed):
        header.take(line)
    assert header.schema is None


@given(st.lists(st.binary(max_size=30).map(lambda rest: b"#" + rest)))
def test_any_directive_is_taken_or_refused(lines):
    """No line raises anything but Malformed."""
    header = Header()
    for line in lines:
        try:
            header.take(line)
        except Malformed:
            assert header.schema is None


@given(st.binary())
def test_escapes_are_undone(raw):
    """What Zeek's escaping does to bytes is undone exactly."""
    escaped = b"".join(
        b"\\\\" if byte == 0x5C else bytes([byte]) if 32 < byte < 127 else b"\\x%02x" % byte for byte in raw
    )
    assert raw == unescape(escaped)


def test_types_follow_the_columns():
    """`#types` names each column's type; a line that has another number of them says nothing."""
    assert ("time", "set[string]") == taken(b"#fields\tts\tx", b"#types\ttime\tset[string]").types
    assert () == taken(b"#fields\tts\tx", b"#types\ttime").types


def test_a_header_as_text():
    """The directives in force can be handed on; a new header drops the last, and there is a limit."""
    text = b""
    for line in (b"#separator |", b"#fields|a", b"#separator \\x09", b"#path\tconn", b"#open\t1", b"#fields\tts"):
        text = directives(text, line)
    assert b"#separator \\x09\n#path\tconn\n#fields\tts\n" == text
    assert ("conn", ("ts",)) == ((schema := taken(*text.splitlines())).path, schema.fields)
    for _ in range(100):
        text = directives(text, b"#path\t" + b"x" * 5000)
    assert len(text) <= DIRECTIVES_MAX_BYTES
