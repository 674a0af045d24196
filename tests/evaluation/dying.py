"""Run the command line in a process that ends by SIGKILL at a chosen place: at once, without any cleaning up.

    python -m tests.evaluation.dying PLACE NUMBER run --config site.toml

PLACE is `fsync` (before the call of this number), `statement` (before this statement that writes to the database), or
`snapshot` (in the writing of the second snapshot, when so many thousandths of it are on disk). Numbers are counted from
the first commit of the process on; `never` counts nothing. `full` does not die: the first file of that kind (of FILES)
that is to be made durable finds the disk full, once; the configuration's name with `.full` says that it did.
"""

import errno
import os
import signal
import sqlite3
import sys
from pathlib import Path

from sensor.cli.main import main
from sensor.store import schema, snapshot

_WRITES = ("INSERT", "UPDATE", "DELETE", "BEGIN", "COMMIT")
FILES = (".parquet", "snapshot-")
_left = 0


def die():
    os.kill(os.getpid(), signal.SIGKILL)


def count():
    """Die when this was called often enough."""
    global _left  # noqa: PLW0603 - one process, one death
    _left -= 1
    if _left == 0:
        die()


def at_fsync():
    real = os.fsync

    def fsync(handle):
        count()
        real(handle)

    os.fsync = fsync


def fill(marker):
    real = os.fsync

    def fsync(handle):
        if FILES[_left] in str(Path(f"/proc/self/fd/{handle}").readlink()) and not marker.exists():
            marker.touch()
            raise OSError(errno.ENOSPC, "No space left on device")
        real(handle)

    os.fsync = fsync


def at_statement():
    real = schema.connect

    def connect(path, *, readonly=False):
        connection = real(path, readonly=readonly)
        if not readonly and isinstance(connection, sqlite3.Connection):
            connection.set_trace_callback(lambda text: count() if text.lstrip().upper().startswith(_WRITES) else None)
        return connection

    schema.connect = connect


def in_snapshot(thousandths):
    real, written = snapshot.write, []

    def write(path, arrays):
        checksum = real(path, arrays)
        written.append(path)
        if len(written) == 2:
            with path.open("r+b") as file:
                file.truncate(path.stat().st_size * thousandths // 1000)
            die()
        return checksum

    snapshot.write = write


if __name__ == "__main__":
    place, _left = sys.argv[1], int(sys.argv[2])
    if place == "snapshot":
        in_snapshot(_left)
    elif place == "full":
        fill(Path(sys.argv[-1]).with_suffix(".full"))
    elif place != "never":
        {"fsync": at_fsync, "statement": at_statement}[place]()
    sys.argv = ["spanline", *sys.argv[3:]]
    main()
