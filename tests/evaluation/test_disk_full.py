"""A sensor whose disk fills up, on a small file system of its own: the archive goes, incidents never."""

import contextlib
import math
import os
import re
import subprocess
import time
import urllib.request

import pytest

from sensor.store.state import State
from tests.evaluation.killing import Story, configure, counted, life

MB = 1 << 20
SIZE = 160 * MB


@pytest.fixture
def small_disk(tmp_path):
    """A file system of SIZE bytes in memory."""
    folder = tmp_path / "disk"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", folder], check=True)
    yield folder
    subprocess.run(["umount", folder], check=True)


ANEW = "disk full within a commit, begins anew"


def scraped(process, said, name):
    """Return the value of a metric without labels, of a process that is alive; NaN while it begins anew."""
    assert process.poll() is None, (process.returncode, said)
    address = [found[1] for line in said if (found := re.search(r"http://(\S+)/metrics", line))][-1]
    try:
        with urllib.request.urlopen(f"http://{address}/metrics", timeout=10) as answer:
            found = re.search(rf"^{name} (\S+)$", answer.read().decode(), re.MULTILINE)
    except OSError:
        return math.nan
    return float(found[1]) if found else math.nan


def until(condition, seconds=60):
    for _ in range(int(seconds * 5)):
        if condition():
            return
        time.sleep(0.2)
    raise AssertionError("it did not come to that")


def fill(path, free):
    """Leave so many bytes of the file system."""
    found = os.statvfs(path.parent)
    more = found.f_bavail * found.f_frsize - free
    if more > 0:
        with path.open("ab") as file:
            file.write(bytes(more))


@pytest.mark.needs_root
def test_the_archive_gives_way_reading_waits_and_nothing_is_lost(small_disk, tmp_path):
    """Short of room the oldest files go; with none nothing is read until there is some, then all; incidents stay."""
    folder, story = tmp_path, Story(tmp_path)
    (folder / "state").symlink_to(small_disk)
    config = configure(folder, "http://127.0.0.1:9/")
    with life(config) as (process, ready, said):
        for _ in range(3):
            for part in story.parts():
                story.write(part)
        assert ready.wait(60), "".join(said)
        until(lambda: counted(folder)["flows"][0] == story.flows)
        held = counted(folder)
        assert 3 == len(held["incidents"])
        fill(small_disk / "ballast", 50 * MB)
        for part in story.parts():
            story.write(part)
        until(lambda: scraped(process, said, "spanline_archive_gone_bytes_total") > 0 or ANEW in "".join(said))
        until(lambda: len(counted(folder)["incidents"]) >= 5)
        assert counted(folder)["flows"][0] < story.flows

        with contextlib.suppress(OSError):
            fill(small_disk / "ballast", 0)
        until(lambda: scraped(process, said, "spanline_disk_full") == 1)
        for part in story.parts():
            story.write(part)
        time.sleep(3)
        assert process.poll() is None, "".join(said)
        assert counted(folder)["incidents"].keys() >= held["incidents"].keys()

        (small_disk / "ballast").unlink()
        until(lambda: scraped(process, said, "spanline_disk_full") == 0)
        until(lambda: counted(folder)["signins"] == story.signins)
    with State(folder / "state", readonly=True) as state:
        incidents = state.incidents(digest=True)
        assert state.seals.chain_fault() is None
        rows = [one for one in incidents if one.evidence[0].detector == "disk"]
        assert ["digest"] == [one.tier for one in rows]
        scans = [one for one in incidents if one.evidence[0].detector == "scan"]
        assert story.rounds == len(scans)
        assert story.flows == sum(int(row[0]) for row in state._connection.execute(
            "SELECT accepted FROM inputs WHERE format = 'zeek'"))  # fmt: skip


@pytest.mark.parametrize("number", [0, 1])
def test_a_disk_that_fills_up_within_a_commit_loses_nothing(tmp_path, number):
    """The process begins anew on the last commit by itself: no record is lost or doubled, no incident told twice."""
    story, config = Story(tmp_path), configure(tmp_path, "http://127.0.0.1:9/")
    for part in story.parts():
        story.write(part)
    with life(config, "full", number) as (process, ready, said):
        assert ready.wait(60), "".join(said)
        pid = process.pid
        until(lambda: ANEW in "".join(said))
        for part in story.parts():
            story.write(part)
        until(lambda: counted(tmp_path)["flows"] == (story.flows, story.flows))
        until(lambda: counted(tmp_path)["signins"] == story.signins)
        assert (pid, None) == (process.pid, process.poll())
    with State(tmp_path / "state", readonly=True) as state:
        assert state.seals.chain_fault() is None
        assert story.rounds == sum(one.evidence[0].detector == "scan" for one in state.incidents(digest=True))
