"""Measure a fleet over NATS under a storm: three sites and a hub in network namespaces, everything cut and killed.

    python -m tests.bench.fleet --minutes 30 [--seed 7]

Needs root, nats-server, iproute2 and nftables. Prints how often what was struck, and what the hub knows at the end
against what the sites told; exits with 1 where anything is lost, doubled or another's.
"""

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path

from tests.fleet.storm import storm


def main():
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--seed", type=int, default=7)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="spanline-fleet-") as folder, storm(Path(folder)) as made:
        began = time.monotonic()
        made.rage(60.0 * asked.minutes, asked.seed)
        raged_s = time.monotonic() - began
        caught_up_s = made.finish()
        found = made.outcome()
    print(json.dumps({"minutes": round(raged_s / 60, 1), "strokes": made.strokes, **found}, indent=1))
    print(f"caught up within {caught_up_s:.1f} s of the end: {'exact' if found['exact'] else 'NOT EXACT'}")
    sys.exit(not found["exact"])


if __name__ == "__main__":
    main()
