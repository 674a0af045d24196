"""A backup put back: checked first, and all or nothing."""

import io
import tarfile

import pytest
import zstandard

from sensor.store import audit
from sensor.store.backup import backup
from sensor.store.restore import restore
from sensor.store.state import State
from tests.store.archives import held
from tests.store.test_backup import a_state
from tests.store.test_state import incident


def test_a_state_comes_back_as_it_was(tmp_path):
    """Incidents, archive, keys and checkpoints; the audit log and the seals verify, and it can be gone on with."""
    state, out, again = a_state(tmp_path / "s"), tmp_path / "b", tmp_path / "again"
    backup(state, out)
    restore(out, again)

    assert b"k" * 32 == (again / "secret").read_bytes()
    assert "{}" == (again / "checkpoints" / "idp" / "position.json").read_text()
    assert ([], 1) == audit.verify(again, 1)
    assert held(state) == held(again)
    with State(again, exclusive=True) as opened:
        assert [incident()] == opened.incidents()
        assert opened.seals.chain_fault() is None
    assert not (again / ".restoring").exists()


def test_a_state_is_replaced_only_by_force_and_never_under_a_sensor(tmp_path):
    """What is there stays as it is otherwise; by force nothing of it is left."""
    state, out, there = a_state(tmp_path / "s"), tmp_path / "b", tmp_path / "there"
    backup(state, out)
    with State(there, exclusive=True), pytest.raises(ValueError, match="another spanline process"):
        restore(out, there, force=True)
    (there / "checkpoints" / "other").mkdir(parents=True)
    with pytest.raises(FileExistsError, match="--force"):
        restore(out, there)
    with State(there, readonly=True) as opened:
        assert [] == opened.incidents()
    restore(out, there, force=True)
    with State(there, readonly=True) as opened:
        assert [incident()] == opened.incidents()
    assert not (there / "checkpoints" / "other").exists()


@pytest.mark.parametrize("at", [0.1, 0.5, 0.9, 1.0])
def test_a_file_that_is_cut_short_is_refused(tmp_path, at):
    """Wherever it ends; nothing is left behind, and the state there is as it was."""
    state, out, there = a_state(tmp_path / "s"), tmp_path / "b", a_state(tmp_path / "there")
    backup(state, out)
    whole = out.read_bytes()
    out.write_bytes(whole[: min(int(len(whole) * at), len(whole) - 1)])
    before = held(there)
    with pytest.raises(ValueError, match="no whole backup"):
        restore(out, there, force=True)

    assert before == held(there)
    assert not (there / ".restoring").exists()


def test_a_changed_member_is_refused(tmp_path):
    """One bit of the database, packed again: its digest is not the one that was written."""
    state, out = a_state(tmp_path / "s"), tmp_path / "b"
    backup(state, out)
    plain = bytearray(zstandard.ZstdDecompressor().stream_reader(out.read_bytes()).read())
    plain[plain.index(b"SQLite format 3") + 5000] ^= 1
    out.write_bytes(zstandard.ZstdCompressor().compress(bytes(plain)))
    with pytest.raises(ValueError, match="cut short, or was changed"):
        restore(out, tmp_path / "r")


def test_a_member_that_would_lie_outside_is_refused(tmp_path):
    """A name with `..` or from the root is no name of ours, whatever its digest."""
    state, out = a_state(tmp_path / "s"), tmp_path / "b"
    backup(state, out)
    plain = zstandard.ZstdDecompressor().stream_reader(out.read_bytes()).read()
    moved = io.BytesIO()
    with tarfile.open(fileobj=io.BytesIO(plain)) as old, tarfile.open(fileobj=moved, mode="w") as new:
        for member in old:
            content = old.extractfile(member)
            member.name = "../secret" if member.name == "secret" else member.name
            new.addfile(member, content)
    out.write_bytes(zstandard.ZstdCompressor().compress(moved.getvalue()))
    with pytest.raises(ValueError, match="no member of a backup"):
        restore(out, tmp_path / "r")

    assert not (tmp_path / "secret").exists()


def test_what_was_damaged_before_the_backup_is_found(tmp_path):
    """A file of the archive that is not as it was sealed: the digests are right, and the seals are not."""
    state, out = a_state(tmp_path / "s"), tmp_path / "b"
    file = next((state / "archive" / "flows").rglob("*.parquet"))
    file.write_bytes(file.read_bytes()[:-1] + b"x")
    backup(state, out)
    with pytest.raises(ValueError, match="not as it was sealed"):
        restore(out, tmp_path / "r")


def test_a_file_of_the_archive_that_was_gone_is_told_and_no_hindrance(tmp_path):
    """Incidents are worth more than one hour of flows."""
    state, out = a_state(tmp_path / "s"), tmp_path / "b"
    next((state / "archive" / "flows").rglob("*.parquet")).unlink()
    kept = backup(state, out)
    assert 1 == len(kept.missing)
    restore(out, tmp_path / "r")
    with State(tmp_path / "r", readonly=True) as opened:
        assert [incident()] == opened.incidents()
