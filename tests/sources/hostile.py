"""Records that no product writes: any JSON value under the keys that a reader asks for, nested and as text."""

import msgspec
from hypothesis import strategies as st

from sensor.errors import Malformed
from sensor.model.event import EVENT_KINDS, MFA, OUTCOMES, Event
from sensor.wire.fields import Fields

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(),
    st.text(max_size=20),
    st.sampled_from(
        [
            *("", "-", "null", "0", "2024-05-01T10:00:00Z", "192.0.2.1:7", "[::1]:9", "a@b.c", "{", "[]", '{"a":1}'),
            *("9999-12-31T23:59:59Z", "0x" + "f" * 5000, "nan"),
        ]
    ),
)


def records(*keys):
    """Dictionaries with any of these keys, at the top and inside each other, to some depth."""
    values = st.recursive(
        SCALARS,
        lambda inner: st.one_of(
            st.lists(inner, max_size=3),
            st.dictionaries(st.sampled_from(keys), inner, max_size=6),
            st.dictionaries(st.sampled_from(keys), inner, max_size=3).map(_as_text),
        ),
        max_leaves=12,
    )
    return st.dictionaries(st.sampled_from(keys), values, max_size=len(keys))


def _as_text(record):
    """JSON text, as stores keep objects; what JSON cannot hold stays an object."""
    try:
        return msgspec.json.encode(record).decode()
    except (msgspec.MsgspecError, OverflowError, ValueError):
        return record


def check(source, record):
    """Assert that a reader gives valid events or refuses with a short reason; return it, `none` where there is none."""
    fields = Fields(record)
    assert source.claims(fields) in {True, False}
    events, reason = [], "none"
    try:
        events = source.read(fields)
    except Malformed as error:
        reason = str(error)
    assert reason.replace("_", "").isalnum()
    for event in events:
        assert isinstance(event, Event)
        assert -(1 << 63) <= event.ts < 1 << 63
        assert event.kind in EVENT_KINDS
        assert event.outcome in OUTCOMES
        assert event.mfa is None or event.mfa in MFA
        texts = [event.action, event.account, event.ip, event.reason, event.raw_id, event.object]
        assert "" not in texts
        assert event == msgspec.json.decode(msgspec.json.encode(event), type=Event)
    return reason
