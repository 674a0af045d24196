"""Which files are a log's."""

import pytest

from sensor.wire import follow_scan
from sensor.wire.follow_scan import Place, stream_of


@pytest.mark.parametrize(
    ("name", "stream"),
    [
        ("conn.log", "conn"), ("conn.log.1", "conn"), ("conn.2026-11-24-08-00-00.log", "conn"),
        ("conn.08:00:00-09:00:00.log.gz", "conn"), ("conn-20261124.log.gz", "conn"),
        ("conn_20261124-090000.json", "conn"),
        ("conn_long.log", "conn_long"), ("s7comm.log", "s7comm"), ("x509.log", "x509"), ("2026.log", "2026"),
    ],
)  # fmt: skip
def test_the_log_of_a_file(name, stream):
    """What a rotation adds to the name is left out."""
    assert stream == stream_of(name)


def lay(folder, *names):
    """Make files, and return the folder."""
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("x")
    return folder


def names(place, folder, since_ns=0):
    """Return the names found, with whether they are live."""
    return [(one.path.removeprefix(f"{folder}/"), one.is_live) for one in Place(str(place)).files(since_ns)]


def test_a_folder(tmp_path):
    """Its files are live; those of day folders inside and beside are archived; nothing else is looked into."""
    lay(tmp_path, "current/conn.log", "current/.hidden", "current/dns.log.tmp", "2026-11-24/conn.01.log.gz",
        "current/2026-11-23/conn.02.log", "other/conn.log")  # fmt: skip
    assert {
        ("current/conn.log", True), ("2026-11-24/conn.01.log.gz", False), ("current/2026-11-23/conn.02.log", False)
    } == set(names(tmp_path / "current", tmp_path))  # fmt: skip


def test_a_file(tmp_path):
    """Only what begins with its name belongs to it, also where it is not there at the moment."""
    lay(tmp_path, "conn.log", "conn.log.1", "dns.log", "2026-11-24/conn.gz", "2026-11-24/dns.gz")
    found = {("conn.log", True), ("conn.log.1", False), ("2026-11-24/conn.gz", False)}
    assert found == set(names(tmp_path / "conn.log", tmp_path))
    (tmp_path / "conn.log").unlink()
    assert found - {("conn.log", True)} == set(names(tmp_path / "conn.log", tmp_path))


def test_a_pattern(tmp_path):
    """What it matches is live, and what those were rotated into is archived."""
    lay(tmp_path, "a/conn.log", "a/conn.1.log", "b/dns.log", "b/other.txt")
    assert {("a/conn.log", True), ("a/conn.1.log", True), ("b/dns.log", True)} == set(
        names(tmp_path / "*/*.log", tmp_path)
    )


def test_order_and_limit(tmp_path, monkeypatch):
    """Plain files go before packed ones; what is beyond the limit is counted."""
    lay(tmp_path, "a.log.gz", "b.log")
    assert ["b.log", "a.log.gz"] == [name for name, _ in names(tmp_path, tmp_path)]
    monkeypatch.setattr(follow_scan, "FILES_MAX", 1)
    place = Place(str(tmp_path))
    assert (1, 1) == (len(place.files(0)), place.dropped)


def test_old_days_are_not_looked_into(tmp_path):
    """But the newest two, and any that has changed since."""
    for day in range(1, 6):
        lay(tmp_path, f"2026-11-0{day}/conn.log")
    far = 2**62
    assert ["2026-11-04/conn.log", "2026-11-05/conn.log"] == sorted(n for n, _ in names(tmp_path, tmp_path, far))
    assert 5 == len(names(tmp_path, tmp_path, 0))


def test_a_place_that_is_not_there():
    """It has no files."""
    assert [] == Place("/nowhere/current").files(None)


def test_names_of_rotated_files(tmp_path):
    """A number set off, or packed."""
    lay(tmp_path, "conn.log", "conn.log.1", "conn.gz", "x509.log")
    assert {"conn.log.1", "conn.gz"} == {
        one.path.rpartition("/")[2] for one in Place(str(tmp_path)).files(0) if one.is_rotated
    }
