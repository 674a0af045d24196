"""The network evaluation: `python -m tests.evaluation.network --minutes 60 --out FOLDER`, or `--quick`.

Writes FOLDER/detection.md (the section for BENCHMARKS.md), figures, and results.pickle. Minutes choose how large the
simulated sites are; measured on two cores of which nobody else uses any.
"""

import argparse
import pickle
import shutil
import sys
import time
from pathlib import Path

from tests.evaluation.network import probes, report, templates
from tests.evaluation.network.protocol import Plan, Protocol

ROOT = Path(__file__).resolve().parents[3]
SMALL, MIDDLE, LARGE = 4, 20, 45
"""Minutes from which on each plan fits."""


def plan_for(minutes):
    """Return the largest plan that fits."""
    if minutes >= LARGE:
        sites = {"SYD": 1_000, **{f"B{k}": 100 for k in range(4)}, **{f"T{k}": 25 for k in range(16)}}
        return Plan(sites, warm=21, test=14, draws=8)
    if minutes >= MIDDLE:
        return Plan({"SYD": 1_000, **{f"T{k}": 25 for k in range(12)}}, warm=15, test=7, draws=4)
    return Plan(
        {"SYD": 90, **{f"T{k}": 25 for k in range(8)}},
        warm=6,
        test=2,
        draws=1,
        note="A quick run: too short for rates.",
    )


def main(arguments):
    """Run it."""
    parser = argparse.ArgumentParser(prog="python -m tests.evaluation.network")
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--quick", action="store_true", help="4 minutes")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args(arguments)
    minutes = SMALL if asked.quick else asked.minutes
    asked.out.mkdir(parents=True, exist_ok=True)
    begin, work = time.monotonic(), asked.out / "states"

    def tell(text):
        sys.stderr.write(f"{time.monotonic() - begin:6.0f} s  {text}\n")

    days = templates.read(asked.data)
    large = minutes >= MIDDLE
    # First, as their memory is counted: the protocol's own would be in it.
    found = {"half": probes.second_half(asked.data, work / "m57")}
    tell("M57's halves are done")
    found["speed"] = probes.speed(asked.data, _made(work / "speed"), 2_000_000 if large else 200_000)
    tell("the long log is read")
    found["flood"] = probes.flood(days, work / "flood", 1_000_000 if large else 300_000)
    results = Protocol(days, plan_for(minutes), work / "fleet", seed=asked.seed, tell=tell).go()
    with (asked.out / "results.pickle").open("wb") as kept:
        pickle.dump((results, found), kept)
    (asked.out / "detection.md").write_text(report.markdown(results, found), encoding="utf-8")
    report.plots(results, asked.out)
    shutil.rmtree(work, ignore_errors=True)
    tell("done")


def _made(folder):
    folder.mkdir(parents=True, exist_ok=True)
    return folder


if __name__ == "__main__":
    main(sys.argv[1:])
