"""Positions on disk: the old or the new, and never half of one."""

import os

import pytest

from sensor.errors import Permanent
from sensor.wire.checkpoint import Checkpoint, Position


def test_what_is_saved_is_loaded(tmp_path):
    """By stream; nothing before the first."""
    kept = Checkpoint(tmp_path / "new" / "folder")
    assert None is kept.load("a")
    kept.save("a", Position(5, {b"x" * 16: 7}))
    kept.save("b/../c", Position(6))
    assert (Position(5, {b"x" * 16: 7}), Position(6)) == (kept.load("a"), kept.load("b/../c"))
    assert ["a.checkpoint", "b_.._c.checkpoint"] == sorted(
        path.name for path in (tmp_path / "new" / "folder").iterdir()
    )


def test_damage_is_named(tmp_path):
    """A changed byte, a cut, an empty file, another version: none is taken for a position."""
    kept = Checkpoint(tmp_path)
    kept.save("a", Position(5))
    path = tmp_path / "a.checkpoint"
    whole = path.read_bytes()
    for damaged in (whole[:-1], whole[:-1] + b"\x00", b"", b"\x00" * 40):
        path.write_bytes(damaged)
        with pytest.raises(Permanent, match="is damaged"):
            kept.load("a")
    kept.save("a", Position(5, version=2))
    with pytest.raises(Permanent, match="is of version 2"):
        kept.load("a")


def test_a_save_that_fails_leaves_the_old_one(tmp_path, monkeypatch):
    """Whatever the disk does before the rename."""
    kept = Checkpoint(tmp_path)
    kept.save("a", Position(5))

    def full(_descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(Permanent, match="No space left"):
        kept.save("a", Position(6))
    assert Position(5) == kept.load("a")


def test_a_folder_that_cannot_be_read_is_named(tmp_path):
    """A file in its place."""
    (tmp_path / "file").write_text("")
    with pytest.raises(Permanent, match="cannot be"):
        Checkpoint(tmp_path / "file").save("a", Position(1))
