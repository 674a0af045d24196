"""What shippers put around a record comes off again."""

import pytest

from sensor.errors import Malformed
from sensor.wire.envelopes import contained, decode, from_line, wrapped_text


@pytest.mark.parametrize(
    "record",
    [
        {"@timestamp": "x", "message": '{"a": 1}'},
        {"event": {"original": '{"a": 1}'}},
        {"event.original": ' {"a": 1}'},
        {"_raw": '{"a": 1}'},
        {"message": 'CEF: {"a": 1}', "syslog": {"appname": "x"}},
        {"message": '<134>1 2024-01-01T00:00:00Z host app - - - {"a": 1}'},
    ],
)
def test_json_held_as_text_is_offered(record):
    """In the fields that Beats, Elastic, Splunk and syslog use."""
    assert {"a": 1} == next(wrapped_text(record))


@pytest.mark.parametrize(
    "record",
    [
        {"_source": {"a": 1}},
        {"preview": False, "result": {"a": 1}},
        {"records": [{"a": 1}]},
        {"@odata.context": "c", "value": [{"a": 1}]},
    ],
)
def test_objects_and_lists_are_offered(record):
    """Stores' and APIs' wrappers."""
    assert [{"a": 1}] == list(contained(record))


def test_nothing_is_made_up():
    """Text that is no JSON stays text; a record without a wrapper contains none."""
    assert [] == list(wrapped_text({"message": "{not json", "b": 2}))
    assert [] == list(contained({"a": 1, "value": 3}))
    assert {"message": "plain \\xff"} == from_line(b"plain \xff")
    assert "host" == from_line(b"<13>Jan  2 03:04:05 host app[1]: hello")["syslog"]["hostname"]


def test_what_is_no_object_is_refused():
    """With its reason; nesting beyond the parser's limit too."""
    for text in (b"[1]", b"{", b"nothing", b""):
        with pytest.raises(Malformed, match="not_a_record"):
            decode(text)
    with pytest.raises(Malformed, match="too_deep"):
        decode(b'{"a":' * 40_000 + b"1" + b"}" * 40_000)
    assert {"a": "\\xff"} == decode(b'{"a": "\xff"}')
