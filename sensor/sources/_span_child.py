"""Where a capture process begins: it gives up every privilege before anything else is imported, then does its task.

Apart from `_span_capture` because numpy starts threads as it is imported, which would keep what is given up after.
"""

import ctypes
import gc
import os
import signal
import sys

import msgspec

from sensor.wire import privileges

_DEATH_SIGNAL = 1
"""PR_SET_PDEATHSIG of prctl(2)."""


def main() -> None:
    """Do the task that standard input gives, until told to stop, or the parent is no more."""
    stopped: list[bool] = []
    signal.signal(signal.SIGTERM, lambda *_: stopped.append(True))
    for number in (signal.SIGINT, signal.SIGHUP):  # a terminal's go to the parent too, which asks us in its time
        signal.signal(number, signal.SIG_IGN)
    parent = os.getppid()
    ctypes.CDLL(None).prctl(_DEATH_SIGNAL, signal.SIGTERM, 0, 0, 0)
    if os.getppid() != parent:
        return
    privileges.drop()
    from sensor.sources._span_capture import Capture
    from sensor.wire.capture_reports import Task

    capture = Capture(msgspec.json.decode(sys.stdin.buffer.read(), type=Task))
    gc.freeze()
    capture.run(stopped)


if __name__ == "__main__":
    main()
