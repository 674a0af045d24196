"""Snapshots: written whole, read with their checksum."""

import hashlib

import numpy as np
import pytest

from sensor.store import snapshot

ARRAYS = {"scan/hosts/keys": np.arange(6, dtype=np.uint64).reshape(2, 3), "plain": np.array([1.5, np.nan])}


def test_what_is_written_is_read(tmp_path):
    """Names with slashes, dtypes and NaN survive."""
    checksum = snapshot.write(tmp_path / "s.npz", ARRAYS)

    back = snapshot.read(tmp_path / "s.npz", checksum)

    assert sorted(ARRAYS) == sorted(back)
    assert all(np.array_equal(ARRAYS[name], back[name], equal_nan=name == "plain") for name in ARRAYS)


def test_a_flipped_bit_is_found(tmp_path):
    """A damaged snapshot is refused, wherever the damage is."""
    checksum = snapshot.write(tmp_path / "s.npz", ARRAYS)
    blob = bytearray((tmp_path / "s.npz").read_bytes())
    blob[len(blob) // 2] ^= 1
    (tmp_path / "s.npz").write_bytes(blob)

    with pytest.raises(ValueError, match="damaged"):
        snapshot.read(tmp_path / "s.npz", checksum)


def test_a_missing_file_and_another_version_are_refused(tmp_path, monkeypatch):
    """The reason is said."""
    with pytest.raises(ValueError, match="cannot be read"):
        snapshot.read(tmp_path / "none.npz", "")
    monkeypatch.setattr(snapshot, "VERSION", 99)
    checksum = snapshot.write(tmp_path / "s.npz", ARRAYS)
    monkeypatch.undo()
    with pytest.raises(ValueError, match="version 99"):
        snapshot.read(tmp_path / "s.npz", checksum)


def test_it_is_packed_and_an_older_one_that_is_not_is_read(tmp_path):
    """Columns are mostly their defaults: what a sensor writes each few seconds is a fraction of them."""
    snapshot.write(tmp_path / "s.npz", {"x": np.zeros(1_000_000)})
    assert (tmp_path / "s.npz").stat().st_size < 10_000
    np.savez(tmp_path / "old.npz", _snapshot_version=np.array([1]), **{"a|b": np.arange(3)})
    checksum = hashlib.blake2b((tmp_path / "old.npz").read_bytes(), digest_size=16).hexdigest()

    assert [0, 1, 2] == snapshot.read(tmp_path / "old.npz", checksum)["a/b"].tolist()
