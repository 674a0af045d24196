"""Checks that hold for every parser, and the bytes to try them on."""

from hypothesis import strategies as st

from sensor.model.metadata import NEED_MORE, NOT_THIS
from tests.naive import identify as twin
from tests.packets.payloads import run


def outcome(kind, content, proto, wire=None):
    """What the kernel makes of bytes: (status or whole, kind, fields)."""
    status, whole, found, values = run(kind, content, proto, wire=wire)
    return (status if status < 0 else whole), found, values


def expected(kind, content, proto, wire=None):
    """What the twin makes of them."""
    return twin.parse(kind, content, len(content) if wire is None else wire, proto)


def check_twin(kind, content, proto, wire=None):
    """The kernel and its twin agree."""
    assert expected(kind, content, proto, wire) == outcome(kind, content, proto, wire)


def check_cuts(kind, content, proto, wire=None):
    """A message cut by the capture says less, never something else; the twin agrees at every length."""
    wire = len(content) if wire is None else wire
    _, found, full = outcome(kind, content, proto, wire)
    for size in range(min(len(content), wire)):
        status, cut_kind, fields = outcome(kind, content[:size], proto, wire)
        assert expected(kind, content[:size], proto, wire) == (status, cut_kind, fields)
        if status == NOT_THIS:
            continue
        assert cut_kind == found
        assert status == 0 or fields == full  # what was cut off may say nothing: a body, a padding
        for field, values in fields.items():
            assert full[field][: len(values)] == values


def check_segments(kind, content, proto):
    """A stream that comes byte by byte is NEED_MORE until the message is there, and from then on the same."""
    whole = outcome(kind, content, proto)
    for size in range(1, len(content)):
        found = outcome(kind, content[:size], proto)
        if found[0] == NEED_MORE:
            continue
        assert whole == found
        return size
    return len(content)


@st.composite
def damaged(draw, samples):
    """A sample with some bytes changed, and perhaps its end cut off: (kind, proto, bytes, length on the wire)."""
    kind, proto, content = draw(st.sampled_from(samples))
    content = bytearray(content)
    reach = draw(st.sampled_from((16, 64, 4096)))
    for _ in range(draw(st.integers(0, 6))):
        at = draw(st.integers(0, min(reach, len(content)) - 1))
        content[at] = draw(st.sampled_from((0, 1, 2, 12, 63, 64, 128, 192, 255)) | st.integers(0, 255))
    wire = len(content)
    if draw(st.booleans()):
        content = content[: draw(st.integers(0, wire))]
    return kind, proto, bytes(content), draw(st.sampled_from((wire, len(content))))
