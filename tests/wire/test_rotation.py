"""A log that is written and rotated by one process, followed by another that is killed again and again."""

import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sensor.wire.follow import QUIET_POLLS
from tests.wire import rotating

ROOT = Path(__file__).resolve().parents[2]


def start(*words):
    """Start one of the two processes."""
    return subprocess.Popen([sys.executable, "-m", "tests.wire.rotating", *map(str, words)], cwd=ROOT)


def tortured(folder, rotations, seed):
    """Let the log be rotated so often, kill the follower after each pause, and return what it kept and how much was."""
    database, rng = folder / "kept.sqlite", random.Random(seed)
    kills = 0
    writer = start("write", folder, rotations, seed)
    while writer.poll() is None:
        follower = start("follow", folder, database)
        while not (folder / "followed").exists():
            time.sleep(0.01)
        time.sleep(0.12 + rng.random() * 0.25)
        follower.kill()
        follower.wait()
        kills += 1
    assert 0 == writer.returncode
    missing = rotating.follow(folder, database, polls=QUIET_POLLS + 5)
    connection = rotating.connect(database)
    lines = [line for (line,) in connection.execute("SELECT line FROM lines")]
    connection.close()
    return lines, int((folder / "written").read_text()), kills, missing


def check(folder, rotations, seed):
    """Compare what was kept with what was written: every line once, whole."""
    lines, written, kills, missing = tortured(folder, rotations, seed)
    numbers = sorted(int(line.partition(".")[0]) for line in lines)
    assert list(range(written)) == numbers
    assert all(line.startswith(f"{number}.5\tC{number}\t") for number, line in zip(numbers, sorted(
        lines, key=lambda line: int(line.partition(".")[0])), strict=True))  # fmt: skip
    assert 0 == missing
    assert kills >= rotations // 2


def test_ten_rotations(tmp_path):
    """No line is lost and none comes twice."""
    check(tmp_path, 10, 1)


@pytest.mark.slow
def test_two_hundred_rotations(tmp_path):
    """No line is lost and none comes twice, however often the follower is killed."""
    check(tmp_path, 200, 2)
