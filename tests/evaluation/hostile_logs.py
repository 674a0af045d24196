"""Read one log in a process of its own, and tell what it cost above the idle process.

    python -m tests.evaluation.hostile_logs SMALL_LOG LOG [records]

With `records` as a log of any product, else as one of Zeek's.
Prints one JSON document: seconds, MiB above what the process had after a small log, and the account.
"""

import json
import sys
import time
from pathlib import Path

from sensor.errors import Malformed
from sensor.sources.records import RecordsSource
from sensor.sources.zeek import ZeekSource


def memory_mib(name):
    """Return a figure of this process's memory."""
    return int(Path("/proc/self/status").read_text().split(name + ":")[1].split()[0]) / 1024


def read(path):
    """Read a log, letting go of what it gives; return its account."""
    source = (RecordsSource if sys.argv[3:] == ["records"] else ZeekSource)(path, "SYD", 0)
    error = ""
    try:
        for _ in source.batches():
            pass
    except Malformed as fault:
        error = str(fault)
    return source.account, error


def main():
    """Do it."""
    for _ in range(2):  # kernels, imports, and the room that they work in
        read(sys.argv[1])
    idle = memory_mib("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # the peak counts from now on (proc(5))
    begin = time.perf_counter()
    account, error = read(sys.argv[2])
    elapsed = time.perf_counter() - begin
    found = {"seconds": elapsed, "mib": memory_mib("VmHWM") - idle, "error": error}
    json.dump(found | {name: getattr(account, name) for name in ("records", "accepted", "rejected")}, sys.stdout)


if __name__ == "__main__":
    main()
