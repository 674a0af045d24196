"""A process that polls and stores what it gets in a file, and is killed at the moment that it is told.

Arguments: the server's address, a folder, how many batches to store, and when to die: `fetched` (a batch is out),
`stored` (it is on disk), `acknowledged`, or `never`.
"""

import json
import os
import signal
import sys
from pathlib import Path

from sensor.wire.apis import open_poller
from tests.wire.api_server import FakeClock


def main(url, folder, count, moment):
    """Poll one round."""
    options = {"api_url": url, "domain": "x", "look_back_s": 7200, "overlap_s": 600}
    poller = open_poller("okta", options, lambda: "t", FakeClock(), Path(folder) / "at", jitter=lambda: 0.0)
    with (Path(folder) / "stored.jsonl").open("ab") as store:
        for number, batch in enumerate(poller.round(), 1):
            dying = number == int(count)
            if dying and moment == "fetched":
                os.kill(os.getpid(), signal.SIGKILL)
            store.write(json.dumps([record["uuid"] for record in batch.records]).encode() + b"\n")
            store.flush()
            os.fsync(store.fileno())
            if dying and moment == "stored":
                os.kill(os.getpid(), signal.SIGKILL)
            poller.acknowledge(batch)
            if dying and moment == "acknowledged":
                os.kill(os.getpid(), signal.SIGKILL)
    poller.close()


main(*sys.argv[1:])
