"""Volumes and silence alone over simulated weeks: `python -m tests.evaluation.network.alone --seed 11 --devices 500`.

Of the whole program only entities and these two detectors run, a day of 500 devices in less than a second: long enough
for holidays, slow drift and calibration to be measured on seeds of their own. Devices may be ramped (their bytes grow
to ×16, ×32, ×64 over 17 days), and servers fall silent in copies at ten o'clock. Parts of the method can be left out,
to see what they are worth. Backgrounds are simulated; nothing is linked into incidents.
"""

import argparse
import sys
from pathlib import Path

import numpy as np

from baselines.selfcheck import ALPHAS
from sensor.detectors import silence, volumes
from sensor.entities.entities import Entities
from sensor.model import addresses
from sensor.model.capture import ARP
from tests.evaluation.network import attacks, simulator, templates
from tests.evaluation.network.simulator import DAY_NS, START, S, World

ROOT = Path(__file__).resolve().parents[3]
SECRET = 0x5EC2E7
HOLIDAYS = (10, 24, 32)
RAMP_FROM, RAMP_DAYS, FACTORS = 25, 17, (16.0, 32.0, 64.0)
SETTLED = 21
"""Day from which calibration and false ones count."""
SILENT_AT_S = 10.2 * 3_600


def ticks(known, day, number, gone=None):
    """Return a day's ticks of ten minutes; `gone` is (address word, ns) of a server that falls silent."""
    flows = day.flows
    if gone is not None:
        word, since = gone
        flows = flows[((flows["orig_lo"] != word) & (flows["resp_lo"] != word)) | (flows["ts"] < since)]
    begin = START + number * DAY_NS
    edges = np.arange(begin + 600 * S, begin + DAY_NS + 1, 600 * S)
    cut = np.searchsorted(flows["ts"] + np.maximum(flows["duration"], 0), edges)
    nothing = np.zeros(0, np.int32)
    for edge, first, last in zip(edges.tolist(), [0, *cut[:-1].tolist()], cut.tolist(), strict=True):
        rows = flows[first:last].copy()
        yield known.resolve(
            edge, rows, rows["input"].astype(np.int32), np.zeros(0, ARP), nothing, nothing, [], [],
            fresh=np.ones(len(rows), bool), learn=True,
        )  # fmt: skip


def told(known, detector, day, number, gone=None):
    """Run a detector through a day; return its findings."""
    found = []
    for tick in ticks(known, day, number, gone):
        found += detector.score(tick)
        detector.learn(tick, np.zeros(known.count(), np.bool_))
    return found


def ramped(world, count, days, rng):
    """Draw devices whose bytes grow; by device its factor."""
    there = [
        k for k, one in enumerate(world.devices) if one.kind == "workstation" and not one.born and one.gone >= days
    ]
    chosen = rng.choice(there, count, replace=False).tolist() if count else []
    return {k: FACTORS[i % len(FACTORS)] for i, k in enumerate(chosen)}


def silenced(known, detector, world, day, number):
    """Let each site's resolver and file server fall silent in a copy; return (name, hours until told, or None) each."""
    out = []
    for site, name in enumerate(world.sites):
        for server in (0, 1):
            word, since = world.server(site, server), START + number * DAY_NS + int(SILENT_AT_S * S)
            copy = silence.detector(known, SECRET)
            copy.load({key: column.copy() for key, column in detector.save().items()})
            row = known.locate(site, addresses.text(0, word))
            hours = [
                (tick.end_ns - since) / S / 3_600 for tick in ticks(known, day, number, (word, since))
                if [one for one in _stepped(known, copy, tick) if one.device == row]
            ]  # fmt: skip
            out.append((f"{name} {('resolver', 'files')[server]}", hours[0] if hours else None))
    return out


def _stepped(known, detector, tick):
    found = detector.score(tick)
    detector.learn(tick, np.zeros(known.count(), np.bool_))
    return found


def calibration(check, names, day, sums):
    """Add the self-check's counts of a day that is over."""
    for slot, absolute in enumerate(check.day.tolist()):
        if absolute - START // DAY_NS == day >= SETTLED:
            for k, name in enumerate(names):
                for j, alpha in enumerate(ALPHAS):
                    below, tried = sums.get((name, alpha), (0, 0))
                    sums[name, alpha] = (
                        below + int(check.below[k, slot, j]), tried + int(check.tried[k, slot, j]),
                    )  # fmt: skip


def main(arguments):
    """Run it, and print what was told."""
    parser = argparse.ArgumentParser(prog="python -m tests.evaluation.network.alone")
    for name, value in (("seed", 11), ("days", 42), ("devices", 500), ("ramped", 6)):
        parser.add_argument(f"--{name}", type=int, default=value)
    parser.add_argument("--without", nargs="*", default=[], help="parts of the method: peers, pools, min-p")
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    asked = parser.parse_args(arguments)
    simulator.HOLIDAYS = HOLIDAYS
    sites = {"SYD": asked.devices, "MEL": 100, "T0": 25, "T1": 25}
    world = World(templates.read(asked.data), sites, seed=asked.seed, days=asked.days + 5)
    known = Entities({}, SECRET, timezone="UTC")
    known.inputs = list(sites)
    for name in sites:
        known.site_number(name)
    one, quiet = volumes.detector(known, SECRET), silence.detector(known, SECRET)
    one.judge.without = frozenset(asked.without)
    factors = ramped(world, asked.ramped, asked.days, np.random.default_rng(asked.seed))
    who = {addresses.text(0, int(world.devices[k].address)): factor for k, factor in factors.items()}
    names = list(dict.fromkeys(name for name, _ in one.calibration))
    sums, best, silent, false_silences = {}, {}, [], 0
    for number in range(asked.days):
        day = world.day(number)
        if number >= RAMP_FROM and factors:
            day = attacks.ramp(world, day, number, RAMP_FROM, RAMP_DAYS, factors)
        if number >= SETTLED and number % 7 == 3 and world.works(number):
            silent += silenced(known, quiet, world, day, number)
        false_silences += len({f.evidence.id for f in told(known, quiet, day, number)})
        found = told(known, one, day, number)
        loud = {(f.evidence.channel, f.name) for f in found if f.device >= 0 and f.evidence.p <= 1e-3}
        for f in found:
            if f.name in who and number >= RAMP_FROM and f.evidence.channel == "drift":
                best[f.name] = min(best.get(f.name, 1.0), f.evidence.p)
        calibration(one.judge.check, names, number - 1, sums)
        kind = "work" if world.works(number) else "free"
        counts = {channel: sum(c == channel for c, _ in loud) for channel in ("now", "accumulation", "drift")}
        sys.stdout.write(f"day {number} {kind}: devices at p <= 1e-3 by channel {counts}\n")
        sys.stdout.flush()
    for (name, alpha), (below, tried) in sums.items():
        if tried * alpha >= 10:
            sys.stdout.write(f"calibration {name} {alpha:g}: {below / (tried * alpha):.2f} of {tried}\n")
    for factor in FACTORS if factors else ():
        p = [best.get(name, 1.0) for name, one_of in who.items() if one_of == factor]
        sys.stdout.write(f"ramps x{factor:.0f}: drift at p <= 1e-3 of {sum(x <= 1e-3 for x in p)} of {len(p)}\n")
    hours = [spent for _, spent in silent if spent is not None]
    sys.stdout.write(f"silent servers told: {len(hours)} of {len(silent)}, median {np.median(hours or [0]):.0f} h; ")
    sys.stdout.write(f"others told: {false_silences}\n")


if __name__ == "__main__":
    main(sys.argv[1:])
