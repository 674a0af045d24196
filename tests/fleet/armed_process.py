"""A sensor in a process that may end by SIGKILL at a statement of its databases, and is told to be quick.

    python -m tests.fleet.armed_process NUMBER CONFIG

Dies before the statement of this number that writes, of whatever connection; 0: never.
"""

import sys

from sensor.cli.main import main
from sensor.pipeline import pushing
from sensor.responses import executor
from tests.pipeline import fleet_process

if __name__ == "__main__":
    pushing.BACKOFF_S, pushing.BACKOFF_MAX_S, pushing.LOOK_S, pushing.ASK_S = 0.05, 0.2, 0.1, 0.3
    executor.AGAIN_NS = 10**9
    fleet_process._left = int(sys.argv[1])
    if fleet_process._left:
        fleet_process.watch()
    sys.argv[1:] = ["run", "--config", sys.argv[2]]
    main()
