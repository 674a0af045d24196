"""What each part is worth: `python -m tests.evaluation.network.ablations --out FILE --seed 9`.

One fleet learns; then in a copy for each part that is left out (`[detection] without`, the program's own switch) some
quiet days are counted and attacks put in. Recall is asked at one false incident a day and 1,000 devices of that copy,
so that a part which only makes noise shows too. All attacks are the same in every copy. Backgrounds are simulated.
"""

import argparse
import shutil
import sys
import time
from pathlib import Path

import msgspec
import numpy as np

from tests.evaluation.network import report, templates
from tests.evaluation.network.fleet import in_copies
from tests.evaluation.network.protocol import LONG, Plan, Protocol, _threshold

ROOT = Path(__file__).resolve().parents[3]
PARTS = (
    (), ("peers",), ("pools",), ("accumulation", "drift"), ("volumes",), ("new_peer",), ("beacon",), ("exfiltration",),
    ("scan",), ("mining", "dns_tunnel", "dga", "guessing_sessions", "lateral", "silence"),
)  # fmt: skip
"""What is left out, beside nothing."""
QUIET_DAYS, ROUNDS = 5, 2


class Ablations(Protocol):
    """A fleet that learns once, and is judged with parts of it left out."""

    def go(self):
        """Return (left out, false incidents a day and 1,000, recall at 1 by family, shares of opened) by part."""
        self._learn()
        self.learned = None
        for number in range(self.plan.warm, self.last):
            self.world.day(number)  # places are numbered as days are drawn: every copy finds the same ones
        self.number = self.last
        while not self.world.works(self.number):
            self.number += 1
        rounds = [put for put, _ in zip(self._rounds(), range(ROUNDS), strict=False)]
        self.tell(f"{len(PARTS)} copies")
        return in_copies([lambda without=without: self._without(without, rounds) for without in PARTS])

    def _without(self, without, rounds):
        core, said, device_days = self.fleet.core, [], 0
        told = msgspec.structs.replace(core.config.detection, without=without)
        core.use(msgspec.structs.replace(core.config, detection=told))
        for number in range(self.plan.warm, self.number):
            said += self.fleet.run(self.world.day(number), number)
            device_days += len(self.world.there(number))
        limit = _threshold([one.rank for one in said], device_days, 1.0)
        days = [self.world.day(self.number), self.world.day(self.number + 1)]
        outcomes = []
        for put in rounds:
            length = 1 + any((one.family, one.intensity) in LONG for one in put)
            (answer,) = in_copies([lambda put=put, length=length: self._copy(days, put, length)], workers=1)
            if isinstance(answer, Exception):
                raise answer
            outcomes += answer[1]
        shown = [one for one in said if one.tier != "digest"]
        return without, len(shown) / device_days * 1_000, limit, outcomes

    def _copy(self, days, injections, length, *, outcomes=True):
        self.learned = _NoBaselines()
        return super()._copy(days, injections, length, outcomes=outcomes)


class _NoBaselines:
    """Nothing to beat here."""

    def scores(self, day, devices):
        """Return none."""
        del day, devices
        return {}


def table(found):
    """Return the table for BENCHMARKS.md."""
    families = sorted({one.family for _, _, _, outcomes in found for one in outcomes})
    body = []
    for without, false, limit, outcomes in found:

        def share(some, limit=limit):
            hits = [one.rank > limit and one.tier not in ("", "digest") for one in some]
            return f"{np.mean(hits):.0%}" if hits else "–"

        each = [share([one for one in outcomes if one.family == family]) for family in families]
        body.append((", ".join(without) or "nothing", f"{false:.2f}", share(outcomes), *each))
    return report._table(("left out", "false a day and 1,000", "recall at 1", *families), body)


def main(arguments):
    """Run it, and write the table."""
    parser = argparse.ArgumentParser(prog="python -m tests.evaluation.network.ablations")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--devices", type=int, default=200)
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    asked = parser.parse_args(arguments)
    begin, work = time.monotonic(), asked.out.with_suffix(".states")

    def tell(text):
        sys.stderr.write(f"{time.monotonic() - begin:6.0f} s  {text}\n")

    sites = {"SYD": asked.devices, **{f"T{k}": 25 for k in range(18)}}
    plan = Plan(sites, warm=15, test=QUIET_DAYS, draws=1)
    found = Ablations(templates.read(asked.data), plan, work, seed=asked.seed, tell=tell).go()
    for one in found:
        if isinstance(one, Exception):
            sys.stderr.write(f"{one}\n")
    asked.out.write_text(table([one for one in found if not isinstance(one, Exception)]) + "\n", encoding="utf-8")
    shutil.rmtree(work, ignore_errors=True)
    tell("done")


if __name__ == "__main__":
    main(sys.argv[1:])
