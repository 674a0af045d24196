"""A capture process gives up everything first, and is not left behind by its parent."""

import subprocess
import sys
import time

import pytest

from sensor.wire import privileges
from tests.conftest import ROOT

ORPHAN = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-m", "sensor.sources._span_child"], stdin=subprocess.PIPE)
print(child.pid, flush=True)
time.sleep(60)
"""


def gone(pid, seconds=10):
    """Tell whether a process ends within a time."""
    for _ in range(seconds * 20):
        try:
            with open(f"/proc/{pid}/stat") as file:  # noqa: PTH123
                if file.read().split()[2] == "Z":
                    return True
        except FileNotFoundError:
            return True
        time.sleep(0.05)
    return False


@pytest.mark.needs_root
def test_privileges_are_gone_before_the_task_is_known():
    """In every thread; it waits for standard input then."""
    command = [sys.executable, "-m", "sensor.sources._span_child"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, cwd=ROOT) as child:
        for _ in range(200):
            if privileges.held(child.pid) == (0, True):
                break
            time.sleep(0.05)
        assert (0, True) == privileges.held(child.pid)
        child.kill()


@pytest.mark.skipif(sys.platform != "linux", reason="prctl is Linux's")
def test_it_ends_with_its_parent():
    """Even where that is killed and can say nothing."""
    with subprocess.Popen([sys.executable, "-c", ORPHAN], stdout=subprocess.PIPE, text=True, cwd=ROOT) as parent:
        pid = int(parent.stdout.readline())
        time.sleep(2)
        parent.kill()
    assert gone(pid)
