"""One end of a fleet in a process that may end by SIGKILL at a statement of its databases.

    python -m tests.pipeline.fleet_process NUMBER hub|site JSON

Dies before the statement of this number that writes, of whatever connection; 0: never. A site tells as many packets as
it is told, each of which says its own number, and carries them; a hub makes what comes part of its state. Both go on
until they are killed.
"""

import json
import os
import signal
import sqlite3
import sys
import time
from pathlib import Path

from tests.pipeline.fleet_ends import Hub, Site

_WRITES = ("INSERT", "UPDATE", "DELETE", "BEGIN", "COMMIT")
_left = 0


def count(text):
    """Die when enough was written."""
    global _left  # noqa: PLW0603 - one process, one death
    if text.lstrip().upper().startswith(_WRITES):
        _left -= 1
        if _left == 0:
            os.kill(os.getpid(), signal.SIGKILL)


def watch():
    """Count the statements of every connection from now on."""
    real = sqlite3.connect

    def connect(*arguments, **options):
        connection = real(*arguments, **options)
        connection.set_trace_callback(count)
        return connection

    sqlite3.connect = connect


def hub(folder, pair, ca, port, sites):
    """Take in until killed."""
    end = Hub(Path(folder), pair, ca, *sites, port=port)
    while True:
        time.sleep(0 if end.step() else 0.01)


def site(folder, name, pair, ca, url, upto):
    """Tell and carry until killed."""
    from sensor.pipeline import pushing

    pushing.BACKOFF_S, pushing.BACKOFF_MAX_S, pushing.LOOK_S, pushing.ASK_S = 0.02, 0.1, 0.05, 0.5
    end = Site(Path(folder), name, pair, ca)
    end.push(url)
    while True:
        last = end.state._connection.execute("SELECT coalesce(max(value), 0) FROM spool_marks WHERE name = 'last'")
        told = int(last.fetchone()[0])
        if told < upto:
            end.tell(*map(str, range(told + 1, min(upto, told + 3) + 1)))
            end.pusher.wake()
        time.sleep(0.01)


if __name__ == "__main__":
    _left = int(sys.argv[1])
    if _left:
        watch()
    {"hub": hub, "site": site}[sys.argv[2]](**json.loads(sys.argv[3]))
