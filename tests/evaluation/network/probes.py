"""What is asked beside the protocol: a real day's second half, speed and memory on a long log, a flood of addresses.

Backgrounds: M57's day is real, and so are the rows of the long log; the flood is put into a simulated site.
"""

import gzip
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from sensor.model import addresses
from sensor.model.flow import FLOW
from sensor.sources.zeek import ZeekSource
from tests.evaluation.network import attacks
from tests.evaluation.network.fleet import Fleet, in_copies, text_of
from tests.evaluation.network.simulator import DAY_NS, START, V4, Device, S, World, in_order, rows

LOUD = (
    ("scan", "1,000 hosts/h"), ("scan", "100 hosts/h"), ("sweep", "254 in 60 s"), ("upload", "1 GB in 10 min"),
    ("upload", "100 MB in 10 min"), ("DNS tunnel", "50 B/s"), ("DNS tunnel", "10 B/s"), ("DGA", "200 names"),
    ("brute force", "500 tries"), ("brute force", "60 tries"),
)  # fmt: skip
HALF_NS = DAY_NS // 2


class RealSite:
    """A real day as what attacks ask a world: its hosts, its resolver, and places outside."""

    def __init__(self, folder):
        parts, self.messages = [], []
        for log in ("conn", "dns", "http"):
            path = next(p for p in (folder / f"{log}.log", folder / f"{log}.log.gz") if p.exists())
            for batch in ZeekSource(path, "real", 0).batches():
                parts.append(batch.flows.copy())
                self.messages += batch.messages
        self.flows = np.concatenate([part for part in parts if len(part)]).astype(FLOW)
        self.place_lo = []
        shift = START - int(self.flows["ts"].min())
        self.flows["ts"] += shift
        self.messages = [_moved(one, shift) for one in self.messages]
        self.devices = [
            Device(
                0,
                number,
                "workstation",
                0,
                1.0,
                0,
                0,
                99,
                1.0,
                addresses.parse(f"192.168.1.{number}")[1],
                "",
                f"PC{number}",
            )
            for number in (102, 103, 104, 105)
        ]

    question = World.question

    def place(self, _name):
        """Return the number of a new place."""
        self.place_lo.append(V4 | 198 << 24 | 18 << 16 | len(self.place_lo) + 1)
        return len(self.place_lo) - 1

    def server(self, _site, _number):
        """Return the office's router, which resolves."""
        return addresses.parse("192.168.1.1")[1]

    def half(self, second):
        """Return one half of the day."""
        done = self.flows["ts"] + np.maximum(self.flows["duration"], 0)
        keep = (done >= START + HALF_NS) == second
        said = [one for one in self.messages if (one.ts >= START + HALF_NS) == second]
        return in_order(self.flows[keep], said, np.zeros(int(keep.sum()), np.int32))


def _moved(message, shift):
    fields = {name: getattr(message, name) for name in message.__struct_fields__}
    return type(message)(**{**fields, "ts": message.ts + shift})


def second_half(data, folder):
    """Learn M57's first half; return (incidents of the second, [(family, intensity, found)])."""
    site = RealSite(Path(data) / "network" / "m57-day1-zeek")
    fleet = Fleet({"m57": 4}, folder)
    fleet.run(site.half(False), 0, span=(START, START + HALF_NS))
    later, rest = site.half(True), (START + HALF_NS, START + DAY_NS)
    rng = np.random.default_rng(57)

    def attacked(family, intensity, k):
        begin = START + HALF_NS + int(rng.uniform(1, 8) * 3_600 * S)
        one = attacks.make(site, family, intensity, k, begin, rng)
        found = fleet.run(attacks.put(later, [one]), 0, span=rest)
        host = text_of(site.devices[k].address)
        return [said for said in found if said.tier != "digest" and host in said.hosts and said.opened_ns >= begin]

    tasks = [lambda: fleet.run(later, 0, span=rest)]
    tasks += [lambda f=f, i=i, k=k: attacked(f, i, k % 4) for k, (f, i) in enumerate(LOUD)]
    answers = in_copies(tasks)
    quiet = [one.title for one in answers[0] if one.tier != "digest"]
    return quiet, [(*which, bool(found)) for which, found in zip(LOUD, answers[1:], strict=True)]


def long_log(data, path, count, offices=250):
    """Write a conn.log of so many rows: a real day over and over, each time other hosts at another hour.

    `offices` of them share a day: what a tick costs is shared by as many flows.
    """
    with gzip.open(Path(data) / "network" / "m57-day1-zeek" / "conn.log.gz", "rt") as given:
        lines = given.readlines()
    head = [line for line in lines if line.startswith("#") and not line.startswith("#close")]
    body = [line.rstrip("\n").split("\t", 2) for line in lines if not line.startswith("#")]
    rng, made, copy = np.random.default_rng(5), [], 0
    while len(made) < count:
        net, shift, day = f"10.{copy % offices}.1.", float(rng.uniform(0, 3_600)), copy // offices
        made += [
            (float(ts) + shift + day * 86_400, f"{uid}{copy}\t{rest}".replace("192.168.1.", net))
            for ts, uid, rest in body
        ]
        copy += 1
    made = sorted(made[:count])
    with path.open("w", encoding="utf-8") as out:
        out.writelines(head)
        out.writelines(f"{ts:.6f}\t{rest}\n" for ts, rest in made)


def speed(data, folder, count, offices=250):
    """Replay a long log in a process of its own; return (flows, CPU s, wall s, peak MiB, exit code)."""
    log = folder / "conn.log"
    long_log(data, log, count, offices)
    spanline = Path(sys.executable).parent / "spanline"
    begin = time.monotonic()
    process = subprocess.Popen(
        [spanline, "replay", "--fresh", "--state", folder / "speed-state", "--json", log], stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    log.unlink()
    return count, used.ru_utime + used.ru_stime, time.monotonic() - begin, used.ru_maxrss / 1024, process.returncode


def flood(templates, folder, count):
    """Flood a site from spoofed addresses, half of them its own; return what became of memory, devices and a scan."""
    world = World(templates, {"SYD": 60}, seed=3, days=6)
    fleet = Fleet({"SYD": 60}, folder)
    for number in range(2):
        fleet.run(world.day(number), number)
    before = fleet.core.entities.devices.count()
    ids = set(fleet.core.entities.devices.ids)
    rng, memory = np.random.default_rng(9), []
    begin, piece = START + 2 * DAY_NS, 100_000
    for turn in range(count // piece):
        at = begin + turn * 60 * S + np.sort(rng.integers(0, 59 * S, piece))
        outside = V4 | rng.integers(1 << 24, 9 << 24, piece // 2).astype(np.uint64)
        inside = V4 | 10 << 24 | rng.integers(1 << 16, 1 << 24, piece - piece // 2).astype(np.uint64)
        made = rows(at, np.concatenate([outside, inside]), world.server(0, 2), port=80, state="S0", out=0, back=0,
                    history="S", duration_s=0.0)  # fmt: skip
        day = in_order(made, [], np.zeros(piece, np.int32))
        if turn == count // piece - 1:
            scan = attacks.make(world, "scan", "100 hosts/h", 20, begin + turn * 60 * S, np.random.default_rng(1))
            scan.flows["ts"] = begin + turn * 60 * S + np.linspace(0, 50 * S, len(scan.flows)).astype(np.int64)
            day = attacks.put(day, [scan])
        found = fleet.run(day, 2, span=(begin + turn * 60 * S, begin + (turn + 1) * 60 * S))
        memory.append(_rss_mib())
    host = text_of(world.devices[20].address)
    kept = len(ids & set(fleet.core.entities.devices.ids))
    return {
        "sources": count, "rss_mib": memory, "devices_before": before,
        "devices_after": fleet.core.entities.devices.count(),
        "kept": kept == len(ids), "found": any(host in one.hosts and one.tier != "digest" for one in found),
        "other": [one.title for one in found if one.tier != "digest" and host not in one.hosts],
    }  # fmt: skip


def _rss_mib():
    return int(Path("/proc/self/status").read_text().split("VmRSS:")[1].split()[0]) / 1024
