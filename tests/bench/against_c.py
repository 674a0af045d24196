"""Compare the flow engine with the same algorithm in C: the same rows, and how much slower (PERFORMANCE.md, goal 8).

    python -m tests.bench.against_c FOLDER [--rounds 7] [--cases mix small synflood]

Builds `reference.c` with gcc -O3 -march=native in FOLDER, checks that both give the same flow rows, byte for byte where
C has the column, then alternates the two. The reference has no metadata, so ours runs without it here: `observe` is
replaced by a kernel that reads nothing, in a process and a kernel cache of its own. Both read the same file in the same
1 MiB blocks on one thread and count from the first read to the last flow. The ratio is of CPU seconds, which other
programs on the machine disturb least; the elapsed seconds stand beside it.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
import types
from pathlib import Path

import numpy as np

from tests.bench.peers import machine

SOURCE = Path(__file__).with_name("reference.c")
FLAGS = ["-O3", "-march=native", "-ffp-contract=off"]
ALLOWED = 1.15


def without_metadata() -> None:
    """Replace the kernels of `sensor.flows.observe` by ones that look at nothing, before the engine is imported."""
    import sensor.flows.observe as real
    from baselines._jit import kernel
    from sensor.flows.columns import E_WANTED, end_row

    @kernel()
    def observe(table, sink, buf, p, r, side, is_orig, in_order):
        end_row(table.ends, side).flags &= ~E_WANTED

    @kernel()
    def release(table, sink, r):
        pass

    empty = types.ModuleType("sensor.flows.observe")
    vars(empty).update(vars(real))
    empty.observe, empty.release = observe, release
    sys.modules["sensor.flows.observe"] = sys.modules["sensor.flows"].observe = empty


def run_engine(pcap: Path, rows: Path | None, rounds: int) -> None:
    """Run the engine over a capture, print a line of JSON a round, and write the rows of the first one if asked."""
    without_metadata()
    from sensor.flows.engine import FlowEngine
    from sensor.packets.reader import CaptureReader

    for turn in range(rounds):
        keep = rows is not None and turn == 0
        kept = []
        with pcap.open("rb", buffering=0) as file:
            engine, reader = FlowEngine(keep=keep), CaptureReader(file, str(pcap))
            begin, cpu = time.perf_counter(), time.process_time()
            for buf, frames in reader.blocks():
                engine.feed(buf, frames, reader.scratch_at)
                if keep:
                    kept.append(engine.drain_flows())
            engine.finish()
            elapsed_s, cpu_s = time.perf_counter() - begin, time.process_time() - cpu
        if keep:
            np.concatenate([*kept, engine.drain_flows()]).tofile(rows)
        line = {"packets": reader.frames_seen, "flows": engine.finished, "elapsed_s": elapsed_s, "cpu_s": cpu_s}
        print(json.dumps(line), flush=True)


def build(folder: Path) -> Path:
    """Compile the reference."""
    target = folder / "reference"
    subprocess.run(["gcc", *FLAGS, "-o", str(target), str(SOURCE)], check=True)
    return target


def differing(mine: Path, theirs: Path) -> dict[str, int]:
    """Return how many rows differ, by column; both in the order in which flows ended."""
    from sensor.model.flow import FLOW

    a, b = np.fromfile(mine, FLOW), np.fromfile(theirs, FLOW)
    if len(a) != len(b):
        return {"rows": abs(len(a) - len(b))}
    different = {name: int(np.count_nonzero(a[name] != b[name])) for name in FLOW.names or ()}
    return {name: count for name, count in different.items() if count}


def engine_command(pcap: Path, rounds: int, rows: Path | None = None) -> list[str]:
    """Return the command line of our side."""
    words = [sys.executable, "-m", "tests.bench.against_c", str(pcap), "--engine", "--rounds", str(rounds)]
    return words + (["--rows", str(rows)] if rows else [])


def said(command: list[str], folder: Path) -> list[dict[str, float]]:
    """Run a side and return its lines."""
    environment = {**os.environ, "SPANLINE_KERNEL_CACHE": str(folder / "kernels-without-metadata")}
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=environment)
    return [json.loads(line) for line in done.stdout.splitlines()]


def compare(folder: Path, case: str, rounds: int) -> str:
    """Check that both sides agree on a capture, alternate them, and return a row of the table."""
    pcap, reference = folder / f"{case}.pcap", folder / "reference"
    mine, theirs = folder / "rows-engine", folder / "rows-reference"
    said(engine_command(pcap, 1, mine), folder)
    said([str(reference), str(pcap), str(theirs)], folder)
    differences = differing(mine, theirs)
    mine.unlink()
    theirs.unlink()
    ours, in_c = [], []
    for turn in range(rounds):
        for engine_now in (turn % 2 == 0, turn % 2 != 0):
            if engine_now:
                # The second of two passes: in the first the system hands out pages, which C takes before it counts.
                ours.append(said(engine_command(pcap, 2), folder)[-1])
            else:
                in_c.append(said([str(reference), str(pcap)], folder)[-1])
    ratios = [a["cpu_s"] / b["cpu_s"] for a, b in zip(ours, in_c, strict=True)]
    got = statistics.median(ratios)
    agree = "the same" if not differences else f"differ: {differences}"
    return (
        f"| {case} | {ours[0]['flows']:,}, {agree} | {seconds(ours)} | {seconds(in_c)} "
        f"| {got:.2f} ({min(ratios):.2f}–{max(ratios):.2f}) | {'yes' if got <= ALLOWED else 'NO'} |"
    )


def seconds(lines: list[dict[str, float]]) -> str:
    """Return medians and spread: CPU seconds, then elapsed ones."""
    parts = []
    for name in ("cpu_s", "elapsed_s"):
        values = [line[name] for line in lines]
        parts.append(f"{statistics.median(values):.3f} ({min(values):.3f}–{max(values):.3f})")
    return " / ".join(parts)


def main() -> None:
    """Measure and print the table for BENCHMARKS.md."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="where make_captures wrote; with --engine, a capture")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--cases", nargs="*", default=["mix", "small", "synflood"])
    parser.add_argument("--engine", action="store_true", help="be our side, on one capture")
    parser.add_argument("--rows", type=Path)
    asked = parser.parse_args()
    if asked.engine:
        run_engine(asked.folder, asked.rows, asked.rounds)
        return
    build(asked.folder)
    compiler = subprocess.run(["gcc", "--version"], check=True, capture_output=True, text=True).stdout.splitlines()[0]
    print(f"Machine: {machine()}; {compiler}, {' '.join(FLAGS)}; metadata off on both sides\n")
    print("| capture | flows | engine, CPU / elapsed s | C, CPU / elapsed s | engine / C, CPU | within 15 % |")
    print("|---|---|---|---|---|---|")
    for case in asked.cases:
        print(compare(asked.folder, case, asked.rounds), flush=True)


if __name__ == "__main__":
    main()
