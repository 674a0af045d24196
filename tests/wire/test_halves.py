r"""Halves of characters in JSON: the record is kept, and shows them as text."""

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensor.wire import envelopes, zeek_json
from sensor.wire.halves import mended


@pytest.mark.parametrize(
    ("document", "value"),
    [
        (rb'"a\ud83d"', r"a\ud83d"), (rb'"\udc00b"', r"\udc00b"), (rb'"\ud83d\ud83d\ude00"', "\\ud83d\U0001f600"),
        (rb'"\ud83dx\ude00"', r"\ud83dx\ude00"), (rb'["\uD800", "\\ud800"]', [r"\uD800", r"\ud800"]),
        (rb'{"\ud800": "\n"}', {r"\ud800": "\n"}), (r'"é\ud800"', "é\\ud800"),
    ],
)  # fmt: skip
def test_a_half_is_shown_and_the_rest_is_as_it_was(document, value):
    """Pairs are characters, escaped backslashes are no escapes."""
    assert value == msgspec.json.decode(mended(document))


@pytest.mark.parametrize("document", [b"{}", rb'"\ud83d\ude00"', rb'"\\ud800"', rb'"\u00e9"', b'"\\', b""])
def test_what_has_none_is_left_alone(document):
    """Nothing is made of it."""
    assert mended(document) is None


@given(st.text(st.characters(min_codepoint=0xD700, max_codepoint=0xE100) | st.sampled_from('\\"ua/\n'), max_size=30))
def test_any_text_of_halves_can_be_read_and_loses_nothing_else(text):
    """The whole characters of it come back, whatever lies between."""
    document = json.dumps(text).encode()
    found = msgspec.json.decode(mended(document) or document)

    whole = json.loads(document).encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    assert [one for one in whole if one != "\ufffd" and one not in "\\ud0123456789abcdef"] == [
        one for one in found if one not in "\\ud0123456789abcdef"
    ]


def test_records_with_a_half_in_them_are_read():
    """Of Zeek, and of any product."""
    assert {"ts": 1, "host_name": r"a\ud83d"} == zeek_json.decode(rb'{"ts": 1, "host_name": "a\ud83d"}')
    assert {"userAgent": r"\udc00"} == envelopes.decode(rb'{"userAgent": "\udc00"}')
