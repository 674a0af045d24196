"""Memory that a process frees goes back to the system."""

import subprocess
import sys

SCRIPT = """
import re
from pathlib import Path
from sensor.wire import memory

memory.settle()
rss = lambda: int(re.search(r"VmRSS:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) // 1024
before = rss()
for _ in range(3):
    blocks = [bytearray(300_000) for _ in range(500)]
    kept = blocks[::100]
    del blocks
memory.trim()
print(rss() - before)
"""


def test_what_is_freed_between_blocks_that_stay_is_given_back():
    """150 MB in blocks below the threshold, of which a few stay: a few megabytes are left."""
    done = subprocess.run([sys.executable, "-c", SCRIPT], check=True, capture_output=True, text=True, timeout=60)

    assert int(done.stdout) < 20
