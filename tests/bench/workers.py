"""Measure a replay with one process against several, in alternation.

    python -m tests.bench.workers LAN=/captures/conn.log --workers 2 --rounds 5

Prints seconds of each round, wall and CPU (children included), the medians, and their ratio; exits with 1 where any
result differs from the first by a byte, `elapsed_s` aside.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time


def main():
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("inputs", nargs="+")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    asked = parser.parse_args()
    taken, results = {1: [], asked.workers: []}, set()
    for number in range(asked.rounds):
        for workers, rounds in taken.items():
            wall_s, cpu_s, result = once(workers, asked.inputs)
            rounds.append(wall_s)
            results.add(result)
            print(f"round {number + 1} workers {workers}: {wall_s:.2f} s, CPU {cpu_s:.2f} s", flush=True)
    one_s, several_s = (statistics.median(rounds) for rounds in taken.values())
    told = "DIFFER" if len(results) > 1 else "the same"
    print(f"medians {one_s:.2f} s, {several_s:.2f} s: {one_s / several_s:.2f} x; results {told}")
    sys.exit(len(results) > 1)


def once(workers, inputs):
    """Replay once; return seconds, seconds of CPU, and the result without its time."""
    with tempfile.TemporaryDirectory(prefix="spanline-workers-") as folder, tempfile.TemporaryFile() as out:
        words = ["replay", "--fresh", "--json", "--workers", str(workers), "--state", f"{folder}/state", *inputs]
        begin = time.perf_counter()
        process = subprocess.Popen([sys.executable, "-m", "sensor.cli.main", *words], stdout=out)
        _, code, usage = os.wait4(process.pid, 0)
        wall_s = time.perf_counter() - begin
        process.returncode = os.waitstatus_to_exitcode(code)
        out.seek(0)
        result = json.load(out)
    del result["elapsed_s"]
    return wall_s, usage.ru_utime + usage.ru_stime, json.dumps(result)


if __name__ == "__main__":
    main()
