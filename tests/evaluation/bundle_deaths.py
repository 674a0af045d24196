"""An export or an import of bundles in a process that dies by SIGKILL at a chosen step.

    python -m tests.evaluation.bundle_deaths STEP spanline bundle …

A step is anything that changes what is on disk: a statement that writes, an fsync, a rename. 0 never comes.
"""

import os
import pathlib
import signal
import sqlite3
import sys

_WRITES = ("INSERT", "UPDATE", "DELETE", "BEGIN", "COMMIT", "CREATE")
_left = 0


def step():
    global _left  # noqa: PLW0603 - one process, one death
    _left -= 1
    if _left == 0:
        os.kill(os.getpid(), signal.SIGKILL)


def stepping(real):
    def call(*args, **told):
        step()
        return real(*args, **told)

    return call


def connect(*args, real=sqlite3.connect, **told):
    connection = real(*args, **told)
    connection.set_trace_callback(lambda text: step() if text.lstrip().upper().startswith(_WRITES) else None)
    return connection


if __name__ == "__main__":
    _left = int(sys.argv[1])
    sqlite3.connect = connect
    os.fsync = stepping(os.fsync)
    pathlib.Path.replace = stepping(pathlib.Path.replace)
    sys.argv = sys.argv[2:]
    from sensor.cli.main import main

    main()
