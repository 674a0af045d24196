"""Every product's reader: it claims what is its own, and any record leads to events or to a counted reason."""

import contextlib
import json
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensor.errors import Malformed
from sensor.sources.records import readers
from sensor.wire.envelopes import contained, wrapped_text
from sensor.wire.fields import Fields
from sensor.wire.records import Records


class Bytes:
    """A stream of bytes."""

    def __init__(self, text):
        self._text = text

    def readinto(self, view):
        """Fill some of `view`."""
        piece, self._text = self._text[: len(view)], self._text[len(view) :]
        view[: len(piece)] = piece
        return len(piece)


def raws(text):
    return [item.raw for item in Records(Bytes(text), "", None, lambda: 0) if item.raw is not None]


def claimants(raw):
    return [one.name for one in readers() if one.claims(Fields(raw))]


def test_no_real_record_is_claimed_twice(data_dir):
    """Of all identity and endpoint logs at hand; what several products might claim would depend on their names."""
    folder = data_dir / "identity"
    texts = {
        path: path.read_bytes() for path in sorted(folder.rglob("*")) if path.suffix in {".jsonl", ".json", ".log"}
    }
    for path in sorted(folder.rglob("*.host.zip")):
        with zipfile.ZipFile(path) as archive:
            texts |= {path / name: archive.read(name)[: 4 << 20] for name in archive.namelist()}
    twice = {}
    for path, text in texts.items():
        for raw in raws(text):
            record = raw.get("record") if "rule_id" in raw else raw
            found = claimants(record) if isinstance(record, dict) else []
            if len(found) > 1:
                twice[path.name, tuple(found)] = twice.get((path.name, tuple(found)), 0) + 1

    assert {} == twice


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=12)
    | st.sampled_from(["2024-01-01T00:00:00Z", "10.0.0.1", "[::1]:1", "a@ex.com", "null", "-", '{"a":1}', "[1]"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)  # fmt: skip
TEXTS = st.text(max_size=60)


@pytest.mark.parametrize("reader", readers(), ids=lambda one: one.name)
@given(record=st.dictionaries(st.text(max_size=10), VALUES, max_size=6), text=TEXTS)
def test_any_record_gives_results_or_a_reason(reader, record, text):
    """Nothing else comes out of `claims` and `read`."""
    for raw in (record, {"message": text}, {**record, "message": text, "syslog": {"timestamp": None, "appname": text}}):
        assert isinstance(reader.claims(Fields(raw)), bool)
        with contextlib.suppress(Malformed):
            assert isinstance(reader.read(Fields(raw)), list)


def test_envelopes_of_garbage_end():
    """Wrapped text and contained records of any shape are walked in bounded steps."""
    raw = json.loads('{"records":[{"records":[]}],"message":"{","value":5,"event":"x"}')

    assert [{"records": []}] == list(contained(raw))
    assert [] == list(wrapped_text(raw))
