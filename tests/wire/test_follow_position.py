"""How far files were read, and by what they are known."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensor.wire import follow_position
from sensor.wire.follow_position import Known, Position, PositionFile, decode, encode

texts = st.text(max_size=9)
known = st.builds(
    Known, st.integers(0, 9), texts, texts, device=st.integers(0, 2**63), inode=st.integers(0, 2**63), carry=texts,
    start=st.binary(max_size=9), offset=st.integers(0, 2**62),
)  # fmt: skip


@given(st.lists(known, max_size=3))
def test_a_position_survives_as_text(files):
    """Reading gives back what was written."""
    position = Position(since_ns=5, files=files)
    assert position == decode(encode(position))


@pytest.mark.parametrize("text", ["", "{", '{"version":1}x', '{"version":9}', '{"files":[{"number":"x"}]}'])
def test_damaged_positions(text):
    """They are refused: nothing is guessed about what was read."""
    with pytest.raises(ValueError, match="position"):
        decode(text)


@given(st.binary(min_size=1, max_size=40), st.binary(max_size=40))
def test_what_a_file_is_known_by(start, more):
    """A text that goes on from the beginning can be its own; a shorter one can be its copy."""
    file = Known(0, "conn", "x")
    file.learn(start)
    assert file.begins(start + more)
    assert not file.begins(bytes([start[0] ^ 1]) + start[1:] + more)
    for length in range(len(start)):
        assert (length > 0) == file.covers(start[:length])
        assert not file.begins(start[:length])


def test_the_oldest_files_are_forgotten(monkeypatch):
    """Those read to their end first, then those that lie nowhere; what was still unread is counted."""
    monkeypatch.setattr(follow_position, "FILES_MAX", 2)
    done = Known(3, "a", "x", is_complete=True, mtime_ns=30)
    sought = Known(1, "a", "x", mtime_ns=10)
    live = [Known(0, "a", "x", inode=5), Known(2, "a", "x", inode=6)]
    position = Position(files=[live[0], sought, live[1], done])
    position.forget()
    assert (live, 1, 30) == (position.files, position.forgotten, position.since_ns)


def test_a_file_of_its_own(tmp_path):
    """It is replaced whole; where none is, nothing was read."""
    store = PositionFile(tmp_path / "position")
    assert store.load() is None
    store.save("one")
    store.save("two")
    assert ("two", ["position"]) == (store.load(), [path.name for path in tmp_path.iterdir()])
