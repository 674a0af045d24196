"""Taking a subject out of the archive: over the demo's in tests/evaluation/test_erasing.py; here what has no rows."""

from sensor.model.erasure import Finder, Subject
from sensor.store import erasing_archive
from sensor.store.state import State

FINDER = Finder(Subject(kind="account", names=("ann@ex.com",), terms=("ann@ex.com",), stands="erased-1"))


def test_an_archive_without_files_has_nothing_to_write_anew(tmp_path):
    """And what no list names is deleted, whoever left it."""
    orphan = tmp_path / "archive" / "events" / "site=SYD" / "dt=2026-01-01" / "hr=all" / "0000000001.parquet"
    orphan.parent.mkdir(parents=True)
    orphan.write_bytes(b"ann@ex.com")
    with State(tmp_path) as state:
        assert [] == erasing_archive.counted(state, tmp_path, FINDER)
        assert ([], []) == erasing_archive.rewrite(state, tmp_path, FINDER)
        erasing_archive.remove_unlisted(state, tmp_path)
    assert not orphan.exists()
