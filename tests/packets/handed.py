"""Give payloads to a parser in plain Python, and what it may do with damaged ones."""

import msgspec
from hypothesis import strategies as st

from sensor.errors import Malformed
from sensor.model.metadata import Message
from sensor.packets.payload import Payload
from tests.packets.talks import COMMON

UNTOLD = (None, (), [], "")
SHARED = frozenset({*COMMON, "log"})


def payload(data, *, is_orig=True, whole=True, likes=1, **common):
    """A payload of the flow of `talks`, or of one that differs from it."""
    return Payload(COMMON | common, data, is_orig, whole, likes)


def read(reader, *turns, **common):
    """The messages of a conversation's (is_orig, payload) turns, what waits at the end included."""
    found = [message for is_orig, data in turns for message in reader.read(payload(data, is_orig=is_orig, **common))]
    return found + reader.flush()


def told(message):
    """What a message says beyond its flow, without what it leaves open."""
    return {
        name: value
        for name, value in msgspec.structs.asdict(message).items()
        if name not in SHARED and value not in UNTOLD
    }


def say(reader, *turns, **common):
    """What the messages of a conversation say."""
    return [told(message) for message in read(reader, *turns, **common)]


def survives(reader, turns):
    """Damaged payloads give messages or `Malformed`, nothing else, and nothing hangs; returns how many messages."""
    count = 0
    for is_orig, data, whole in turns:
        try:
            found = reader.read(payload(data, is_orig=is_orig, whole=whole))
        except Malformed:
            continue
        assert all(isinstance(message, Message) for message in found)
        count += len(found)
    return count + len(reader.flush())


@st.composite
def damaged(draw, talks):
    """A kind, and its conversation with some bytes changed, cut, repeated or replaced by noise."""
    kind = draw(st.sampled_from(sorted(talks)))
    turns = []
    for is_orig, data in draw(st.lists(st.sampled_from(talks[kind]), min_size=1, max_size=8)):
        changed = bytearray(data)
        for _ in range(draw(st.integers(0, 4))):
            at = draw(st.integers(0, len(changed) - 1))
            changed[at] = draw(st.sampled_from((0, 1, 2, 127, 128, 255)) | st.integers(0, 255))
        size = draw(st.just(len(changed)) | st.integers(0, len(changed)))
        turns.append((is_orig != draw(st.booleans()), bytes(changed[:size]), draw(st.booleans())))
    turns += [(draw(st.booleans()), draw(st.binary(max_size=80)), True) for _ in range(draw(st.integers(0, 2)))]
    return kind, turns
