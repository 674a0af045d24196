"""No parser reads or writes outside what it was given."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent


def test_no_byte_outside_payload_and_arena_is_touched():
    """Payload and arena each touch a forbidden page: whole, cut, damaged and random payloads of every protocol."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.packets.guarded", "0"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert (0, "") == (done.returncode, done.stderr)
    assert int(done.stdout) > 20_000
