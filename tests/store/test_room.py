"""Room on the state's disk."""

import errno
import os
import sqlite3
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


def test_a_full_disk_is_told_from_other_faults(tmp_path):
    """By the kernel's word for it, a quota's, and SQLite's; a file that is not there is none."""
    database = sqlite3.connect(tmp_path / "x.sqlite")
    database.execute("PRAGMA max_page_count = 1")
    with pytest.raises(sqlite3.OperationalError) as full:
        database.execute("CREATE TABLE a (b)")
    others = [FileNotFoundError(errno.ENOENT, "x"), sqlite3.OperationalError("x"), ValueError("x")]

    assert room.is_full(full.value)
    assert all(room.is_full(OSError(number, "x")) for number in (errno.ENOSPC, errno.EDQUOT))
    assert not any(room.is_full(one) for one in others)
