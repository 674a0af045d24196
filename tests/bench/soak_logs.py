"""Let a sensor run over logs that grow, and watch its memory, descriptors and accounts. A port: tests.bench.soak.

    python -m tests.bench.soak_logs --minutes 30
    python -m tests.bench.soak_logs --minutes 4320 --rate 200 --every 60    (72 h)

A conn.log is written at a steady rate, at the time of day, and rotated as Zeek does; beside it a log of sign-ins, and
a sink to a file. Each --every seconds the process is looked at from outside; the lines go to --out, too, as they
come. What is told at the end: the slope of the resident memory over the last two thirds by least squares, in per cent
an hour; the least and the most descriptors of that time; what was written, read, accepted and dropped; which bars are
missed. Exits 1 where one is.
"""

import argparse
import json
import os
import random
import re
import signal
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

import numpy as np

from tests.cli.runs import TSV
from tests.cli.test_events import OKTA
from tests.evaluation.killing import life

DEVICES, SERVERS, ROTATE_S = 500, 2000, 300.0
STEP_S = 0.5
PASSING_FDS = 4
"""Descriptors that come and go: a scrape, a log that is rotated, a file of the archive."""


class Logs:
    """What grows: written at a rate, rotated."""

    def __init__(self, folder, rate):
        self.folder, self.rate = folder, rate
        self.flows = self.signins = 0
        self._rng = random.Random(0)
        self._rotated_s = self._last_s = time.time()
        self._owed, self._kept = 0.0, []
        (folder / "conn.log").write_bytes(TSV)
        (folder / "okta.jsonl").touch()

    def grow(self):
        """Write what is due by now."""
        now_s = time.time()
        self._owed += self.rate * (now_s - self._last_s)
        count, self._owed = int(self._owed), self._owed % 1
        if now_s - self._rotated_s > ROTATE_S:
            self._rotate(now_s)
        with (self.folder / "conn.log").open("a") as file:
            file.writelines(self._flow(self._last_s + (now_s - self._last_s) * k / count) for k in range(count))
        if self.flows // (20 * self.rate) >= self.signins:
            self._sign_in(now_s)
        self._last_s = now_s

    def _flow(self, ts):
        rng, self.flows = self._rng, self.flows + 1
        device, server = rng.randrange(DEVICES), int(SERVERS * rng.random() ** 3)
        return (
            f"{ts:.6f}\tC{self.flows:012d}\t10.0.{device // 250}.{device % 250 + 1}\t{rng.randrange(32768, 61000)}"
            f"\t198.51.{server // 250}.{server % 250 + 1}\t443\ttcp\tssl\t{rng.expovariate(1):.3f}"
            f"\t{rng.randrange(100, 9000)}\t{rng.randrange(100, 90000)}\tSF\tShADadFf\t9\t900\t12\t9000\n"
        )

    def _sign_in(self, now_s):
        self.signins += 1
        moment = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now_s))
        uuid = f"{self.signins:08d}-0000-11ee-8000-000000000000"
        actor = {**OKTA["actor"], "alternateId": f"user{self.signins % 50}@example.com"}
        with (self.folder / "okta.jsonl").open("a") as file:
            file.write(json.dumps({**OKTA, "uuid": uuid, "published": moment, "actor": actor}) + "\n")

    def _rotate(self, now_s):
        put_aside = self.folder / f"conn.{int(now_s)}.log"
        (self.folder / "conn.log").rename(put_aside)
        (self.folder / "conn.log").write_bytes(TSV)
        self._rotated_s = now_s
        self._kept.append(put_aside)
        for old in self._kept[:-2]:
            old.unlink(missing_ok=True)


def configured(folder):
    """Write the configuration."""
    path = folder / "site.toml"
    path.write_text(
        f'state = "{folder}/state"\n[metrics]\nlisten = "127.0.0.1:0"\n'
        f'[sources.zeek]\ntype = "zeek"\npath = "{folder}/conn.log"\n'
        f'[sources.idp]\ntype = "okta"\npath = "{folder}/okta.jsonl"\n'
        f'[sinks.file]\ntype = "jsonl"\npath = "{folder}/incidents.jsonl"\nmin_tier = "digest"\n'
    )
    return path


def look(pid, address):
    """Return (resident bytes, descriptors, CPU seconds, {metric: sum over its labels})."""
    status = Path(f"/proc/{pid}/status").read_text()
    times = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]
    with urllib.request.urlopen(f"{address}/metrics", timeout=30) as answer:  # noqa: S310 - our own server
        text = answer.read().decode()
    summed = {}
    for name, value in re.findall(r"^(spanline_\w+)(?:{.*})? (\S+)$", text, re.MULTILINE):
        summed[name] = summed.get(name, 0.0) + float(value)
    resident = int(re.search(r"VmRSS:\s+(\d+)", status)[1]) * 1024
    return (
        resident,
        len(list(Path(f"/proc/{pid}/fd").iterdir())),
        sum(map(int, times)) / os.sysconf("SC_CLK_TCK"),
        summed,
    )


def soak(folder, minutes, rate, every, say):
    """Run; return what is told at the end."""
    logs, seen = Logs(folder, rate), []
    with life(configured(folder)) as (process, ready, said):
        while not ready.wait(1):
            assert process.poll() is None, "".join(said)
        address = next(found[1] for line in said if (found := re.search(r"(http://\S+)/metrics", line)))
        begin_s = last_s = time.monotonic()
        while time.monotonic() - begin_s < 60 * minutes:
            logs.grow()
            assert process.poll() is None, "".join(said)
            if time.monotonic() - last_s >= every:
                last_s += every
                seen.append((time.monotonic() - begin_s, *look(process.pid, address)))
                told = seen[-1]
                say(f"{told[0]:7.0f} s  {told[1] / 1e6:7.1f} MB  {told[2]:3d} fds  {told[3]:7.1f} CPU s  "
                    f"{told[4]['spanline_flows_total']:9.0f} of {logs.flows} flows")  # fmt: skip
            time.sleep(STEP_S)
        for _ in range(120):
            last = look(process.pid, address)[3]
            if last["spanline_records_total"] == logs.flows + logs.signins:
                break
            time.sleep(1)
        process.send_signal(signal.SIGTERM)
        code = process.wait(120)
    return told_of(seen, logs, last, code)


def told_of(seen, logs, last, code):
    """Reduce what was seen."""
    late = np.array([row[:4] for row in seen if row[0] > seen[-1][0] / 3])
    slope, at_zero = np.polyfit(late[:, 0], late[:, 1], 1)
    middle = at_zero + slope * late[:, 0].mean()
    return {
        "minutes": round(seen[-1][0] / 60, 1), "flows": logs.flows, "signins": logs.signins,
        "records_read": int(last["spanline_records_total"]), "dropped": int(last.get("spanline_dropped_total", 0)),
        "flows_learned": int(last["spanline_flows_total"]), "rss_mb": round(float(late[-1, 1]) / 1e6, 1),
        "rss_slope_percent_per_hour": round(float(3600 * slope / middle * 100), 2),
        "descriptors": [int(late[:, 2].min()), int(late[:, 2].max())],
        "cpu_share": round(float((late[-1, 3] - late[0, 3]) / (late[-1, 0] - late[0, 0])), 3), "exit_code": code,
    }  # fmt: skip


def missed_bars(result):
    """Say which bars are missed."""
    read, least, most = result["records_read"], *result["descriptors"]
    bars = {
        f"{read} of {result['flows'] + result['signins']} records": read == result["flows"] + result["signins"],
        f"{result['dropped']} dropped": result["dropped"] == 0,
        f"memory grows by {result['rss_slope_percent_per_hour']} % an hour": result["rss_slope_percent_per_hour"] < 1,
        f"descriptors from {least} to {most}": most - least <= PASSING_FDS,
        f"exit code {result['exit_code']}": result["exit_code"] == 0,
    }
    return [said for said, held in bars.items() if not held]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--rate", type=float, default=100, help="flows a second")
    parser.add_argument("--every", type=float, default=10, help="seconds between two looks")
    parser.add_argument("--out", type=Path, default=Path(".bench/soak_logs.txt"), help="file of the lines")
    given = parser.parse_args()
    given.out.parent.mkdir(parents=True, exist_ok=True)
    with given.out.open("w") as out, tempfile.TemporaryDirectory(prefix="spanline-soak-") as name:

        def tell(line):
            """Print a line and keep it."""
            print(line, flush=True)
            out.write(f"{line}\n")
            out.flush()

        result = soak(Path(name), given.minutes, given.rate, given.every, tell)
        tell(json.dumps(result))
        missed = missed_bars(result)
        tell(f"FAILED: {'; '.join(missed)}" if missed else "passed")
    sys.exit(bool(missed))
