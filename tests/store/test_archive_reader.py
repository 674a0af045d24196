"""Asking the archive."""

import pytest

from sensor.model.archive import TABLES
from sensor.store.archive_reader import ArchiveReader, literal
from sensor.store.state import State
from tests.scenes import START
from tests.store.archives import Writer, rows_over


@pytest.fixture
def folder(tmp_path):
    """An archive of six flows over two hours."""
    Writer(tmp_path).take(rows_over(2)).commit().close()
    return tmp_path


def test_rows_answer_sql_with_times_in_ns(folder):
    """Parameters stand for question marks; ts is an integer."""
    with State(folder, readonly=True) as state, ArchiveReader(state, folder) as archive:
        assert [("C0-0", START)] == archive.rows("SELECT uid, ts FROM flows WHERE uid = ?", ["C0-0"])
        assert [(6, 6)] == archive.rows("SELECT count(*), count(DISTINCT n) FROM flows")
        assert 0 == archive.since_ns


def test_a_table_of_which_nothing_was_kept_is_empty(folder, tmp_path_factory):
    """It has its columns all the same; so has every table of an empty state."""
    other = tmp_path_factory.mktemp("other")
    State(other).close()
    for place in (folder, other):
        with State(place, readonly=True) as state, ArchiveReader(state, place) as archive:
            for table, columns in TABLES.items():
                if table != "flows" or place == other:
                    assert [] == archive.rows(f"SELECT {', '.join(columns)} FROM {table}")  # noqa: S608


def test_nothing_but_the_archive_can_be_read_and_no_setting_changed(folder):
    """Neither the key, nor a file elsewhere, nor a variable of ours."""
    secret = folder / "seal.key"
    rows_elsewhere = [1]  # noqa: F841 - a name that DuckDB must not find
    with State(folder, readonly=True) as state, ArchiveReader(state, folder) as archive:
        for sql in (
            f"SELECT * FROM read_text({literal(secret)})",  # noqa: S608
            f"SELECT * FROM read_text({literal(folder / 'archive' / '..' / 'seal.key')})",  # noqa: S608
            "SELECT * FROM read_csv('/etc/passwd')", "ATTACH '/tmp/x.db'", "SET threads=1", "INSTALL httpfs",
            "SELECT * FROM rows_elsewhere", f"COPY (SELECT 1) TO {literal(folder / 'x.csv')}",
        ):  # fmt: skip
            with pytest.raises(ValueError, match="cannot answer"):
                archive.rows(sql)
    assert not (folder / "x.csv").exists()


def test_a_merge_meanwhile_is_no_error(folder):
    """Where a listed file has gone, the list is read again."""
    with State(folder, readonly=True) as state, ArchiveReader(state, folder) as archive:
        writer = Writer(folder, START + 7200 * 10**9)
        for number, file in enumerate(writer.state.manifest.files("flows")):
            writer.archive._write("flows", file.place, 1, writer.archive._read([file]))
            writer.state.manifest.drop([file.path])
            assert number < 2
        writer.commit().close()
        Writer(folder, writer.clock_ns).commit().close()  # deletes what was merged

        assert [(6,)] == archive.rows("SELECT count(*) FROM flows")
