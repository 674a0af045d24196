"""One large site, quiet: `python -m tests.evaluation.network.large --devices 10000 --seed 8`.

Learns, then counts the incidents of days without attacks: what a site of that size shows a day, against its budget,
with the time and memory that it takes. The background is simulated.
"""

import argparse
import resource
import shutil
import sys
import time
from pathlib import Path

from sensor.incidents.rank import ceiling
from tests.evaluation.network import templates
from tests.evaluation.network.fleet import Fleet
from tests.evaluation.network.simulator import World

ROOT = Path(__file__).resolve().parents[3]


def main(arguments):
    """Run it, and print a line a day."""
    parser = argparse.ArgumentParser(prog="python -m tests.evaluation.network.large")
    for name, value in (("seed", 8), ("devices", 10_000), ("learning", 15), ("days", 7)):
        parser.add_argument(f"--{name}", type=int, default=value)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    asked = parser.parse_args(arguments)
    sites = {"SYD": asked.devices}
    world = World(templates.read(asked.data), sites, seed=asked.seed, days=asked.learning + asked.days + 1)
    fleet, counts, flows = Fleet(sites, asked.work), [], 0
    begin, cpu = time.monotonic(), time.process_time()
    for number in range(asked.learning + asked.days):
        day = world.day(number)
        said = [one for one in fleet.run(day, number) if one.tier != "digest"]
        flows += len(day.flows)
        if number >= asked.learning:
            counts.append(len(said))
        pages = sum(one.tier == "page" for one in said)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        sys.stdout.write(
            f"day {number}: {len(day.flows):,} flows, {len(said)} incidents, {pages} of them pages; so far "
            f"{time.process_time() - cpu:,.0f} s of CPU, {time.monotonic() - begin:,.0f} s, {peak:,.0f} MiB\n"
        )
        sys.stdout.flush()
    asked_for = ceiling(asked.devices, 1.0) * asked.days
    sys.stdout.write(
        f"{sum(counts)} incidents in {asked.days} days of {asked.devices:,} devices; asked: {asked_for:.0f} ± 30 %; "
        f"{flows:,} flows\n"
    )
    shutil.rmtree(asked.work, ignore_errors=True)


if __name__ == "__main__":
    main(sys.argv[1:])
