"""The archive: what is taken in is there after the commit, once, in its partitions, and not before."""

import subprocess
import sys

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sensor.model.times import DAY_NS, HOUR_NS
from sensor.store import archive
from sensor.store.state import State
from tests.scenes import START, arp, flow, flows
from tests.store.archives import Writer, held, listed, on_disk, rows_over


def uids(folder):
    return [row["uid"] for row in held(folder)]


def test_what_is_taken_in_is_there_after_the_commit_and_not_before(tmp_path):
    """Flows with Zeek's columns, times in ns, devices by their ids."""
    writer = Writer(tmp_path)
    rows = flows(flow("10.0.0.5", "198.51.100.7", at_s=1, duration_s=2, uid="C1", port=443, out=7, back=9))
    writer.take(rows)
    assert [] == held(tmp_path)
    writer.commit()
    (one,) = held(tmp_path)
    expected = {
        "n": 0, "ts": START + 10**9, "tick": START + 10 * 10**9, "site": "local", "uid": "C1", "orig_h": "10.0.0.5",
        "resp_h": "198.51.100.7", "resp_p": 443, "proto": "tcp", "ip_proto": 6, "duration": 2 * 10**9, "orig_bytes": 7,
        "resp_bytes": 9, "conn_state": "SF", "orig_device": writer.known.device_id(0), "resp_device": None,
        "local_orig": True, "local_resp": False, "fresh": True, "input": "given", "service": None, "vlan": None,
    }  # fmt: skip

    assert expected == {name: one[name] for name in expected}
    writer.close()


@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_rows_in_are_rows_in_the_archive(tmp_path_factory, data):
    """However the input is cut, wherever it is flushed and committed, and with crashes between: each row once."""
    folder = tmp_path_factory.mktemp("state")
    rows = rows_over(data.draw(st.integers(1, 60)), each=3)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(rows)), max_size=6)))
    writer, sure, clock = Writer(folder), 0, 0
    for start, end in zip([0, *cuts], [*cuts, len(rows)], strict=True):
        writer.take(rows[start:end])
        what = data.draw(st.sampled_from(["go on", "flush", "commit", "crash"]))
        if what == "flush":
            writer.archive._flush()
        elif what == "commit":
            writer.commit()
            sure, clock = end, writer.clock_ns
        elif what == "crash":  # what was flushed is on disk, and no commit lists it
            writer.archive._flush()
            writer.close()
            writer = Writer(folder, clock)
            writer.take(rows[sure:end])
    writer.commit()
    names = [row["uid"] for row in held(folder)]
    assert sorted(one.decode() for one in rows["uid"]) == sorted(names)
    numbers = [row["n"] for row in held(folder)]
    assert list(range(len(rows))) == numbers
    writer.close()
    assert sorted(one.path for one in listed(folder)) == on_disk(folder)


def test_a_busy_hour_has_its_partition_and_a_sparse_day_one_file(tmp_path, monkeypatch):
    """Below SPARSE_ROWS rows an hour a day of many hours is `hr=all`; two hours stay apart."""
    Writer(tmp_path / "a").take(rows_over(5)).commit().close()
    Writer(tmp_path / "b").take(rows_over(2)).commit().close()
    monkeypatch.setattr(archive, "SPARSE_ROWS", 2)
    Writer(tmp_path / "c").take(rows_over(5)).commit().close()

    assert ["hr=all"] == [one.place.rpartition("/")[2] for one in listed(tmp_path / "a")]
    assert ["hr=00", "hr=01"] == [one.place.rpartition("/")[2] for one in listed(tmp_path / "b")]
    assert [f"hr=0{k}" for k in range(5)] == [one.place.rpartition("/")[2] for one in listed(tmp_path / "c")]


def test_a_file_is_sorted_by_time(tmp_path):
    """Flows come in order of completion; in a file they lie in order of their beginning."""
    rows = flows(flow(at_s=1, duration_s=50, uid="long"), flow(at_s=20, uid="short"))
    Writer(tmp_path).take(rows).commit().close()
    (file,) = on_disk(tmp_path)
    inside = pq.read_table(tmp_path / "archive" / file, partitioning=None)

    assert ["long", "short"] == inside.column("uid").to_pylist()
    assert [1, 0] == inside.column("n").to_pylist()


@pytest.mark.slow
def test_many_commits_of_one_hour_leave_few_files(tmp_path):
    """300 commits: at most 15 files a level, every row there once, nothing dead left on disk after a restart."""
    writer = Writer(tmp_path)
    rows = rows_over(1, each=300)
    rows["ts"] = START + np.arange(300) * 10**10
    for k in range(300):
        writer.take(rows[k : k + 1]).commit()
    files = listed(tmp_path)
    assert len(files) <= 2 * archive.FANOUT + 1
    assert 300 == len(set(uids(tmp_path))) == len(uids(tmp_path))
    writer.close()
    again = Writer(tmp_path, writer.clock_ns)
    again.commit().close()

    assert sorted(one.path for one in listed(tmp_path)) == on_disk(tmp_path)


def test_merging_stops_at_rows_max(tmp_path, monkeypatch):
    """A merged file does not become a file that cannot be merged in memory."""
    monkeypatch.setattr(archive, "ROWS_MAX", 40)
    monkeypatch.setattr(archive, "FANOUT", 4)
    writer = Writer(tmp_path)
    rows = rows_over(1, each=200)
    rows["ts"] = START + np.arange(200) * 10**10
    for k in range(0, 200, 5):
        writer.take(rows[k : k + 5]).commit()
    writer.close()

    assert max(one.count for one in listed(tmp_path)) <= 40
    assert 200 == len(set(uids(tmp_path)))


def test_what_is_too_old_goes_and_is_said(tmp_path):
    """After keep_days files go, oldest first; since_ns says from when on nothing is missing."""
    writer = Writer(tmp_path).take(rows_over(1)).commit()
    late = rows_over(1)
    late["ts"] += 40 * DAY_NS
    late["uid"] = [f"L{k}".encode() for k in range(len(late))]
    writer.take(late).commit(keep_days=30)
    with State(tmp_path, readonly=True) as state:
        facts = state.manifest.facts

    assert {"L0", "L1", "L2"} == set(uids(tmp_path))
    assert (START + 120 * 10**9 + 1, 3) == (facts.since_ns, facts.forgotten)
    writer.close()


def test_records_age_from_when_they_were_taken_in(tmp_path):
    """Old captures beside new ones in one replay are kept: all of them came today."""
    late = rows_over(1)
    late["ts"] += 4000 * DAY_NS
    writer = Writer(tmp_path).take(rows_over(1))
    writer.archive._flush()
    writer.take(late).commit(keep_days=30)
    with State(tmp_path, readonly=True) as state:
        assert (0, 6) == (state.manifest.facts.since_ns, len(held(tmp_path)))
    writer.close()


def test_a_limit_of_bytes_holds_from_the_commit_on(tmp_path):
    """The oldest files go first, those of the same commit too."""
    rows = rows_over(48, each=3)
    writer = Writer(tmp_path).take(rows).commit(limit_bytes=1)
    assert [] == listed(tmp_path)
    more = rows_over(48, each=3)
    more["ts"] += 10 * DAY_NS
    writer.take(more).commit()
    size = sum(one.size_bytes for one in listed(tmp_path))
    writer.commit(limit_bytes=size - 1)

    assert ["dt=2023-11-25"] == [one.place.split("/")[1] for one in listed(tmp_path)]
    writer.close()


def test_without_an_archive_nothing_is_written_and_later_that_is_said(tmp_path):
    """Disabled: no file. Enabled afterwards: whole from then on only."""
    writer = Writer(tmp_path, enabled=False).take(rows_over(1)).commit()
    writer.close()
    assert [] == on_disk(tmp_path)
    again = Writer(tmp_path, writer.clock_ns)
    more = rows_over(1)
    more["ts"] += HOUR_NS
    again.take(more).commit().close()
    with State(tmp_path, readonly=True) as state:
        assert writer.clock_ns == state.manifest.facts.since_ns
    assert 3 == len(uids(tmp_path))


def test_other_sites_and_strange_names_have_folders_of_their_own(tmp_path):
    """A site's name cannot lead out of the archive."""
    writer = Writer(tmp_path)
    for name in ("../../x", "a/b", ".", "Zürich"):
        writer.known.site_number(name)
    rows = flows(*(flow(f"10.0.{k}.1", at_s=k, uid=f"C{k}") for k in range(5)))
    from tests.detectors.ticks import tick

    one = tick(writer.known, rows)
    one.site = np.arange(5, dtype=np.int32)
    writer.archive.take(one)
    writer.commit().close()
    places = {one.place.split("/")[0] for one in listed(tmp_path)}

    assert {"site=local", "site=%2E%2E%2F%2E%2E%2Fx", "site=a%2Fb", "site=%2E", "site=Z%C3%BCrich"} == places
    assert {"local", "../../x", "a/b", ".", "Zürich"} == {row["site"] for row in held(tmp_path)}


def test_a_flush_in_the_middle_bounds_memory(tmp_path, monkeypatch):
    """Over FLUSH_BYTES of waiting records files are written, and the buffer starts anew."""
    monkeypatch.setattr(archive, "FLUSH_BYTES", 1)
    writer = Writer(tmp_path).take(rows_over(3))
    assert 0 == writer.archive._buffer.bytes
    assert len(on_disk(tmp_path)) > 3
    writer.commit()
    assert 9 == len(uids(tmp_path))
    writer.close()


def test_nothing_of_arrow_is_imported_before_it_is_needed():
    """Starting costs no third of a second more."""
    code = "import sys, sensor.pipeline.core; print('pyarrow' in sys.modules, 'duckdb' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert "False False" == done.stdout.strip()


@pytest.mark.parametrize("op", [1, 2])
def test_arp_is_kept(tmp_path, op):
    """With who sent it, and both addresses."""
    from tests.detectors.ticks import tick

    writer = Writer(tmp_path)
    writer.archive.take(tick(writer.known, flows(), asks=arp("10.0.0.5", "10.0.0.9", op=op), end_ns=START + 10**10))
    writer.commit().close()
    (one,) = held(tmp_path, "arp")

    assert (op, "10.0.0.5", "10.0.0.9", "00:aa:bb:cc:dd:01") == (
        one["op"], one["sender_ip"], one["target_ip"], one["sender_mac"],
    )  # fmt: skip


def test_the_oldest_give_way_to_a_full_disk_with_the_commit(tmp_path):
    """As much as lacks goes at once, the oldest first; the archive says from when on it is whole."""
    writer = Writer(tmp_path)
    for hour in range(4):
        writer.take(rows_over(5)[3 * hour : 3 * hour + 3]).commit()
    files = sorted(listed(tmp_path), key=lambda one: one.last_ns)
    writer.archive.prepare(writer.clock_ns, 90, 10**12, lacking=files[0].size_bytes + 1)
    writer.state.commit(columns={}, incidents=(), devices=(), accounts=(), inputs=(), meta={"version": "1"})
    writer.archive.committed()

    assert files[2:] == sorted(listed(tmp_path), key=lambda one: one.last_ns)
    assert sorted(one.path for one in files[2:]) == on_disk(tmp_path)
    assert files[1].last_ns + 1 == writer.state.manifest.facts.since_ns
    assert writer.state.seals.chain_fault() is None
    writer.close()


def test_the_oldest_give_way_without_a_commit(tmp_path):
    """Where no commit would find room: gone from list and disk, while what waits for the commit goes on waiting."""
    writer = Writer(tmp_path)
    for hour in range(3):
        writer.take(rows_over(5)[3 * hour : 3 * hour + 3]).commit()
    files = sorted(listed(tmp_path), key=lambda one: one.last_ns)
    writer.take(rows_over(5)[9:12])
    gone = writer.archive.give_way(1)
    assert (files[0].size_bytes, files[0].count, files[0].last_ns) == gone
    assert files[1:] == sorted(listed(tmp_path), key=lambda one: one.last_ns)
    assert sorted(one.path for one in files[1:]) == on_disk(tmp_path)
    writer.commit()
    assert 9 == len(held(tmp_path))
    assert writer.state.seals.chain_fault() is None
    assert (0, 0, 0) == writer.archive.give_way(0)
    writer.close()
