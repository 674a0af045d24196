"""What a process gives up it has no more, in none of its threads, and cannot have again."""

import subprocess
import sys
from pathlib import Path

import pytest

from sensor.errors import ConfigError
from sensor.wire import privileges

SHOWN = r"""
import os, subprocess, sys
from sensor.wire import privileges
privileges.drop(sys.argv[1] or None)
print(*privileges.held(), privileges.may_capture(), os.getuid(), os.getgroups(), sep=",")
status = subprocess.run(["cat", "/proc/self/status"], capture_output=True, text=True).stdout
print(*(line.replace("\t", "") for line in status.splitlines() if line.startswith(("CapEff", "CapBnd", "CapAmb"))))
"""
LATE = "import threading, time; threading.Thread(target=time.sleep, args=(5,), daemon=True).start()\n" + SHOWN
NONE = "0" * 16


def dropped(text, user=""):
    """Run a program that drops; its output, line by line."""
    done = subprocess.run([sys.executable, "-c", text, user], capture_output=True, text=True, timeout=60, check=False)
    return done.stdout.splitlines(), done.stderr


@pytest.mark.needs_root
def test_root_keeps_nothing():
    """Neither this process nor what it starts; still root by name."""
    (own, child), _ = dropped(SHOWN)
    assert own.startswith("0,True,False,0,")
    assert f"CapEff:{NONE} CapBnd:{NONE} CapAmb:{NONE}" == child


@pytest.mark.needs_root
def test_root_becomes_the_user():
    """Its groups too."""
    (own, _), _ = dropped(SHOWN, "nobody")
    assert f"0,True,False,{privileges.identity('nobody')[0]},[]" == own


@pytest.mark.needs_root
def test_a_thread_that_keeps_privileges_is_noticed():
    """Started before, it has what the process gave up: nothing goes on then."""
    lines, error = dropped(LATE)
    assert [] == lines
    assert "a thread that was started before holds capabilities" in error


@pytest.mark.needs_root
def test_no_such_user_is_a_fault_of_the_configuration():
    """Before anything is given up."""
    with pytest.raises(ConfigError, match="adduser --system nobody-at-all"):
        privileges.drop("nobody-at-all")
    assert not privileges.has_user("nobody-at-all")


@pytest.mark.needs_root
def test_a_state_of_root_is_handed_over(tmp_path):
    """Made, or with what it holds; one that is somebody else's already stays as it is."""
    uid, _ = privileges.identity("nobody")
    made = tmp_path / "state"
    privileges.hand_over(made, "nobody")
    (made / "after").touch()
    privileges.hand_over(made, "nobody")
    old = tmp_path / "old"
    (old / "deep").mkdir(parents=True)
    (old / "deep" / "link").symlink_to("/etc/hosts")
    privileges.hand_over(old, "nobody")

    assert (uid, 0) == (made.stat().st_uid, (made / "after").stat().st_uid)
    assert [uid] * 3 == [path.lstat().st_uid for path in (old, old / "deep", old / "deep" / "link")]
    assert 0 == Path("/etc/hosts").stat().st_uid
