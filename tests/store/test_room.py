"""Room on the state's disk."""

import os
from types import SimpleNamespace

import pytest

from sensor.store import room
from sensor.store.room import Room

MB = 1 << 20


@pytest.fixture
def disk(monkeypatch):
    """A disk whose free bytes the test sets."""
    held = SimpleNamespace(free=1000 * MB)
    monkeypatch.setattr(os, "statvfs", lambda _: SimpleNamespace(f_bavail=held.free // 4096, f_frsize=4096))
    return held


def test_two_commits_and_the_reserve_must_fit(tmp_path, disk):
    """A commit is the snapshot, the database's log and what the archive gathers, by their last sizes."""
    (tmp_path / "snapshot-00000001.npz").write_bytes(bytes(3 * MB))
    (tmp_path / "state.sqlite-wal").write_bytes(bytes(MB))
    held, commit = Room(tmp_path), 4 * MB + room.FLUSH_BYTES
    assert commit == held.commit_bytes()
    assert 0 == held.lacking()
    disk.free = 2 * commit
    assert room.RESERVE_BYTES == held.lacking()
    assert not held.is_tight()
    disk.free = commit - 4096
    assert held.is_tight()


def test_the_reserve_is_held_and_released(tmp_path, disk):
    """Set aside while there is room, given up only when nearly nothing is left, and then set aside again."""
    held, path = Room(tmp_path), tmp_path / room.RESERVE
    held.hold()
    assert room.RESERVE_BYTES == path.stat().st_size
    disk.free = room.RESERVE_BYTES
    held.release()
    assert path.exists()
    disk.free -= 4096
    held.release()
    assert not path.exists()
    held.hold()
    assert not path.exists()
    disk.free = 1000 * MB
    held.hold()
    assert path.exists()
