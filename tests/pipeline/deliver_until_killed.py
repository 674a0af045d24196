"""A process that delivers what a state holds until it is killed: `STATE SINKS.json`; ends when its input ends."""

import json
import sys
from pathlib import Path

from sensor import config
from sensor.metrics import Metrics
from sensor.pipeline.delivering import Deliveries

if __name__ == "__main__":
    sinks = json.loads(Path(sys.argv[2]).read_text())
    deliveries = Deliveries(config.build({"sinks": sinks}), Path(sys.argv[1]), Metrics("0"))
    sys.stdout.write("begun\n")
    sys.stdout.flush()
    sys.stdin.read()
    deliveries.close(30.0)
