"""How soon a sensor that knows many devices goes on learning after a restart, and what a commit of them costs.

    python -m tests.bench.restart                      (10,000 devices, 400,000 flows in two days)
    python -m tests.bench.restart --devices 2000 --flows 80000 --restarts 5

A state is made by the program's own steps (minutes), then `spanline run` is started on it, again and again: from the
start of the process until a new record of a log is stepped and committed. Seconds of a clock, and of a processor, which
count where other work runs beside. At last a commit after a start, and those in which none, a tenth and all of the
devices changed.
"""

import argparse
import os
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from sensor import config
from sensor.pipeline.core import Core, secret_of
from sensor.store.state import State
from tests.bench.fleet_costs import flows_of, step_of
from tests.bench.zeek_logs import HEADER
from tests.scenes import S

DAYS, TICK_S = 2, 300
LOOK_S = 0.02
WAIT_S = 180.0


def make(folder: Path, devices: int, flows: int, now_s: int) -> None:
    """Let a core learn two days that end an hour ago, in ticks of five minutes, and commit it."""
    folder.mkdir()
    (folder / "secret").write_bytes(bytes(32))
    (folder / "secret").chmod(0o600)
    ticks = DAYS * 86_400 // TICK_S
    share, rng = max(1, flows // ticks), np.random.default_rng(0)
    with State(folder, exclusive=True) as state:
        core = Core(config.default(), state, secret_of(folder / "secret"))
        core.entities.inputs = ["given"]
        core.entities.site_number("local")
        for tick in range(ticks):
            end_ns = (now_s - 3_600 - (ticks - tick) * TICK_S) * S
            rows = flows_of(devices, end_ns - 5 * S)[np.sort(rng.choice(devices, share, replace=False))]
            core.step(step_of(end_ns, rows), np.zeros(1, np.int32))
        core.commit([])


def restart(folder: Path, log: Path) -> tuple[float, float]:
    """Start the sensor on a copy of a state; return seconds until a record is learned from, and of a processor."""
    toml = folder / "site.toml"
    toml.write_text(f'state = "{folder}"\nsite = "local"\n[sources.zeek]\ntype = "zeek"\npath = "{log}"\n')
    log.write_text(HEADER)
    before, begin = _clock(folder), time.monotonic()
    command = [sys.executable, "-m", "sensor.cli.main", "run", "--config", str(toml)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
        with log.open("a") as file:
            at = time.time() - 1
            file.write(f"{at:.6f}\tCrestart1\t10.0.0.1\t40000\t198.51.100.7\t443\ttcp\t-\t0.5\t100\t200\tSF\tT\tF\t0"
                       "\tShADadFf\t3\t300\t3\t300\t-\n")  # fmt: skip
        try:
            while _clock(folder) <= before:
                if time.monotonic() - begin > WAIT_S or process.poll() is not None:
                    raise RuntimeError("the sensor learned nothing")
                time.sleep(LOOK_S)
            took = time.monotonic() - begin
            spent = sum(map(int, Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[11:13]))
        finally:
            process.terminate()
            process.communicate()
    return took, spent / os.sysconf("SC_CLK_TCK")


def _clock(folder: Path) -> int:
    with sqlite3.connect(f"file:{folder}/state.sqlite?mode=ro", uri=True) as opened:
        return int(opened.execute("SELECT value FROM meta WHERE key = 'clock_ns'").fetchone()[0])


def commits(folder: Path, devices: int) -> dict[str, float]:
    """Return the CPU seconds of commits in which none, a tenth and all of the devices changed, and of the first."""
    spent = {}
    with State(folder, exclusive=True) as state:
        core = Core(config.default(), state, secret_of(folder / "secret"))
        core.entities.inputs = ["given"]
        end_ns = core.clock_ns
        for name, count in (("first", 1), ("none", 0), ("a tenth", devices // 10), ("all", devices)):
            end_ns += 10 * S
            core.step(step_of(end_ns, flows_of(devices, end_ns - 5 * S)[:count]), np.zeros(1, np.int32))
            begin = time.process_time()
            core.commit([])
            spent[name] = time.process_time() - begin
    return spent


def main() -> None:
    """Make a state, restart on it, and print."""
    wanted = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    wanted.add_argument("--devices", type=int, default=10_000)
    wanted.add_argument("--flows", type=int, default=400_000)
    wanted.add_argument("--restarts", type=int, default=3)
    asked = wanted.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        made, now_s = Path(scratch) / "made", int(time.time())
        make(made, asked.devices, asked.flows, now_s)
        found = []
        for number in range(asked.restarts):
            folder = Path(scratch) / f"state{number}"
            shutil.copytree(made, folder)
            found.append(restart(folder, Path(scratch) / f"conn{number}.log"))
        print(f"{asked.devices} devices, {asked.flows} flows; load {os.getloadavg()[0]:.1f}")
        for name, values in zip(("until learned, s", "of a processor, s"), zip(*found, strict=True), strict=True):
            print(f"  {name}: {statistics.median(values):.2f} ({min(values):.2f}-{max(values):.2f})")
        for name, value in commits(made, asked.devices).items():
            print(f"  commit, {name} changed: {value:.2f} s of a processor")


if __name__ == "__main__":
    main()
