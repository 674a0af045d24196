"""A state in one file, as of one moment."""

import stat
import tarfile
import threading

import numpy as np
import pytest
import zstandard

from sensor.store.audit import AuditLog
from sensor.store.backup import backup
from sensor.store.restore import restore
from sensor.store.state import State
from tests.store.archives import Writer, held, rows_over
from tests.store.test_state import commit, incident


def a_state(folder):
    """A state with an incident, an archive and everything that lies beside."""
    writer = Writer(folder)
    writer.take(rows_over(3)).commit()
    commit(writer.state, [incident()])
    writer.close()
    log = AuditLog(folder)
    log.append("2024-01-01T00:00:00.000000Z", "x", {})
    log.close()
    (folder / "secret").write_bytes(b"k" * 32)
    (folder / "checkpoints" / "idp").mkdir(parents=True)
    (folder / "checkpoints" / "idp" / "position.json").write_text("{}")
    (folder / "packets").mkdir()
    (folder / "packets" / "ring-0").write_bytes(b"p")
    (folder / "responses.lock").touch()
    return folder


def names_in(path):
    """Return the members of a backup."""
    with path.open("rb") as file, zstandard.ZstdDecompressor().stream_reader(file) as plain:
        return [one.name for one in tarfile.open(fileobj=plain, mode="r|")]


def test_all_of_a_state_is_in_it_but_locks_and_packets(tmp_path):
    """Keys, audit log, checkpoints, archive; readable by its owner only, for it holds the keys."""
    state, out = a_state(tmp_path / "s"), tmp_path / "b.tar.zst"
    backup(state, out)
    names = names_in(out)

    expected = {"state.sqlite", "secret", "seal.key", "audit.jsonl", "audit.head", "audit.key", "audit.pub"}
    assert expected <= set(names)
    assert "checkpoints/idp/position.json" == names[0]
    assert "digests.json" == names[-1]
    assert 1 == len([one for one in names if one.startswith("archive/flows/")])
    assert [] == [one for one in names if "lock" in one or "packets" in one]
    assert 0o600 == stat.S_IMODE(out.stat().st_mode)
    assert not [*state.glob(".backup-*"), *tmp_path.glob("*.part*")]


def test_a_backup_is_not_written_over(tmp_path):
    """Only where somebody says so; and without a state there is none."""
    state, out = a_state(tmp_path / "s"), tmp_path / "b.tar.zst"
    out.write_text("precious")
    with pytest.raises(FileExistsError, match="--force"):
        backup(state, out)
    assert "precious" == out.read_text()
    backup(state, out, force=True)
    assert out.stat().st_size > 1000
    with pytest.raises(FileNotFoundError):
        backup(tmp_path / "none", tmp_path / "c")


def test_what_a_killed_backup_left_is_cleared_away(tmp_path):
    """Its links would keep files of the archive on disk for ever."""
    state = a_state(tmp_path / "s")
    (state / ".backup-old" / "archive").mkdir(parents=True)
    (state / ".backup-old" / "archive" / "x").touch()
    backup(state, tmp_path / "b")

    assert not (state / ".backup-old").exists()


def test_each_backup_of_a_state_that_is_written_is_of_one_commit(tmp_path):
    """Snapshot, incidents and archive belong together, whenever it is taken; the writer is not held up by it."""
    folder, stop, commits = tmp_path / "s", threading.Event(), []

    def write():
        writer = Writer(folder)
        while not stop.is_set() and len(commits) < 2000:
            number = len(commits)
            writer.take(rows_over(1))
            writer.archive.prepare(writer.clock_ns, 90, 10**12)
            commit(writer.state, [incident(f"INC-{number}")], columns={"x": np.array([number])})
            writer.archive.committed()
            commits.append(number)
        writer.close()

    thread = threading.Thread(target=write)
    thread.start()
    try:
        while len(commits) < 3:
            stop.wait(0.01)
        for k in range(5):
            before = len(commits)
            backup(folder, tmp_path / f"{k}")
            while len(commits) < before + 2 and thread.is_alive():
                stop.wait(0.01)
    finally:
        stop.set()
        thread.join()
    last = -1
    for k in range(5):
        restore(tmp_path / f"{k}", tmp_path / f"r{k}")
        with State(tmp_path / f"r{k}", readonly=True) as state:
            number = int(state.load_snapshot()["x"][0])
            assert number + 1 == len(state.incidents())
        assert 3 * (number + 1) == len(held(tmp_path / f"r{k}"))
        assert number > last
        last = number
