"""JSON text is cut into its objects, whatever its layout and its damage."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensor.wire.json_stream import RECORD_BYTES, JsonStream

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)


def cut(text, size=7):
    pieces = [text[at : at + size] for at in range(0, len(text), size)]
    return list(JsonStream(lambda: pieces.pop(0) if pieces else b""))


@given(st.lists(st.dictionaries(st.text(max_size=5), VALUES, max_size=4), max_size=5), st.integers(1, 40))
def test_every_layout_gives_the_same_objects(objects, size):
    """A line each, pretty-printed, in an array, or end to end; in pieces of any size."""
    layouts = [
        "\n".join(json.dumps(one) for one in objects),
        "\n".join(json.dumps(one, indent=1) for one in objects),
        json.dumps(objects, indent=2),
        "".join(json.dumps(one) for one in objects),
    ]
    for text in layouts:
        assert objects == [json.loads(one) for one in cut(text.encode(), size)]


def test_damage_costs_one_record():
    """A string that does not end, junk between records, and a last record that is cut."""
    text = b'{"a": "x\n{"b": 1}\nwhat is this\n{"c": 2}\n{"d": {"e": '

    assert ["not_a_record", b'{"b": 1}', "not_a_record", b'{"c": 2}', "cut_short"] == cut(text)


def test_a_wrapper_longer_than_a_record_is_looked_through():
    """The list of an API's answer may be of any length."""
    one = json.dumps({"id": 1, "text": "x" * 1000, "in": {"a": [1, {"b": 2}]}})
    many = ",".join([one] * 1500)
    text = f'{{"@odata.context": "c", "value": [{many}], "@odata.nextLink": "https://x/{{y"}}'.encode()

    assert [one.encode()] * 1500 == cut(text, 1 << 16)


def test_an_object_that_is_too_long_is_refused_with_bounded_memory():
    """It is passed over to the end of its line, and what follows is read."""
    text = b'{"a": "' + b"x" * (3 * RECORD_BYTES) + b'"}\n{"b": 1}\n'
    stream, at = None, 0

    def read():
        nonlocal at
        at += 1 << 16
        assert stream is None or len(stream._text) < 2 * RECORD_BYTES
        return text[at - (1 << 16) : at]

    stream = JsonStream(read)

    assert ["record_too_long", b'{"b": 1}'] == list(stream)


@pytest.mark.parametrize("text", [b"", b"  \n", b"[]", b"[\n]\n"])
def test_nothing_gives_nothing(text):
    """Empty files and empty arrays hold no record, and none is refused."""
    assert [] == cut(text)


@given(st.binary(max_size=200), st.integers(1, 50))
def test_garbage_ends(text, size):
    """Any bytes give objects and reasons, and an end."""
    assert all(isinstance(one, (bytes, str)) and one for one in cut(text, size))
