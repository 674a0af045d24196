"""A plan for a fleet on paper: bytes from each site, what the hub needs, what breaks first, and how it would be parted.

    python -m tests.bench.fleet_size                             (1,000 sites, 10 million devices)
    python -m tests.bench.fleet_size --sites 100 --devices 200000 --json

Costs are measured on the real code first (`fleet_costs`, half a minute), then sites are drawn and a day is added up.
Nothing here was run with ten million devices: a line says `measured` or `reckoned`. Sizes of sites are lognormal; all
sites are in one time zone, the worst case for the busiest hour. docs/scale.md says what follows.
"""

import argparse
import json
import math
from typing import Any, NamedTuple

import numpy as np

from sensor.entities import accounts, coverage, devices, presence, recognition
from sensor.incidents import cases
from sensor.metrics import SERIES_MAX
from sensor.pipeline import pace
from tests.bench import fleet_costs
from tests.bench.fleet_costs import BUSY, OFFICE, Applied, Costs, Day, Told

SIGMA = 1.2
"""Of the log of a site's size: with 1,000 sites of 10,000 devices the largest has some 200,000, the median 4,900."""
BUSIEST = 0.097
"""Share of the day in its busiest hour: the demo's story, an office (1/24 is .042)."""
PER_DEVICE_ACCOUNTS = 1.0
TRIAGE_PER_1000 = 1.0
"""Incidents a day: the default budget, spent whole."""
FINDINGS = 20
"""Told of an incident, and as many times again as it grows: 19 rows of evidence in the story's page."""
HEALTHS, PACKETS = 4, 288
"""A day, as `pipeline.forwarding`: how the site is every six hours, what it saw every five minutes (half of that where
nobody signs in, as at night)."""
DARK_H = 6.0
CORE_SHARE = 0.5
"""Of a core in the busiest hour: what is left catches up after an outage."""
MEMORY_BYTES = 16 * 2**30
COMMIT_S = 15.0
"""A commit that costs more delays a page by more."""
ROWS_OF_A_PAGE_S = 2.0
"""What a person waits for a page of the console."""


class Limit(NamedTuple):
    """Where one process ends."""

    what: str
    devices: float
    """How many a hub can have until then."""
    then: str
    basis: str


def sizes(sites: int, total: int, rng: np.random.Generator) -> np.ndarray:
    """Draw the devices of each site, int64, shape (sites,), the largest first; they sum to about `total`."""
    drawn = rng.lognormal(0.0, SIGMA, sites)
    return np.sort(np.maximum(1, np.rint(drawn * total / drawn.sum())).astype(np.int64))[::-1]


def bytes_a_day(of: np.ndarray, told: Told, day: Day) -> np.ndarray:
    """Return what sites send in a day, float64, shape (sites,)."""
    device = day.slots * told.present + day.contacts * told.contact
    device += day.sightings * told.sighting + day.links * told.link
    incidents = np.maximum(1.0, of * TRIAGE_PER_1000 / 1000.0)
    return of * device + incidents * FINDINGS * told.finding + HEALTHS * told.health + PACKETS * told.packet


def cpu_a_day(of: np.ndarray, told: Told, applied: Applied, day: Day) -> float:
    """Return the CPU seconds a day for taking in what sites say, commits not counted."""
    device = day.slots * (told.decode_s + applied.present_s) + day.contacts * applied.contact_s
    device += day.sightings * applied.sighting_s + day.links * applied.link_s
    return float(of.sum() * device)


def commit_of(costs: Costs, day: Day) -> float:
    """Return the CPU of a device in a commit of the busiest hour, a minute after the last."""
    share = min(1.0, day.slots * BUSIEST / 3600.0 * pace.COMMIT_MAX_S)
    return costs.standing_s + share * max(0.0, costs.commit_s - costs.standing_s)


def limits(
    costs: Costs, told: Told, applied: Applied, scrape_s: float, day: Day, sites: int, total: int
) -> list[Limit]:
    """Return where one process ends, the first first."""
    busy_s = cpu_a_day(np.array([1.0]), told, applied, day) * BUSIEST / 3600.0
    commit_s = commit_of(costs, day)
    found = [
        Limit("a commit takes 15 s", (COMMIT_S - costs.fixed_s) / commit_s, "a page is told so much later",
              "measured: the snapshot, and the devices that changed in a minute"),
        Limit("presence has no more rows", presence.ROWS_MAX, "sign-ins of further devices are `unknown`",
              "presence.ROWS_MAX"),
        Limit("a page of all devices takes 2 s", ROWS_OF_A_PAGE_S / costs.page_s, "the console is slow", "measured"),
        Limit("accounts have no more rows", accounts.LIMIT / PER_DEVICE_ACCOUNTS, "further accounts have no history",
              "accounts.LIMIT, one account a device"),
        Limit("a commit takes a minute", (pace.COMMIT_MAX_S - costs.fixed_s) / commit_s,
              "the hub does little else than commit", "measured; pace.COMMIT_MAX_S"),
        Limit("devices have no more rows", devices.DEVICES_MAX, "further devices are counted, not known",
              "devices.DEVICES_MAX"),
        Limit("strong identities have no more rows", recognition.IDS_MAX, "laptops that move are two devices",
              "recognition.IDS_MAX, one a device"),
        Limit("16 GiB are full", MEMORY_BYTES / applied.hub_bytes, "the process dies", "measured"),
        Limit("half a core is busy with reports", CORE_SHARE / busy_s, "an outage is caught up ever more slowly",
              "measured; without commits"),
        Limit("open incidents have no more rows", cases.CASES_MAX / (3 * TRIAGE_PER_1000 / 1000.0),
              "the quietest are let go", "cases.CASES_MAX, open for three days"),
        Limit("a scrape takes a second", total / sites / scrape_s, "metrics have gaps", "measured"),
        Limit("coverage has no more sites", coverage.SITES_MAX * total / sites, "sign-ins there are `unknown`",
              "coverage.SITES_MAX"),
    ]  # fmt: skip
    return sorted(found, key=lambda one: one.devices)


def partitions(costs: Costs, told: Told, applied: Applied, day: Day, total: int) -> dict[str, int]:
    """Return how many workers each limit asks for."""
    busy_s = total * cpu_a_day(np.array([1.0]), told, applied, day) * BUSIEST / 3600.0
    return {
        "commits of 15 s, as it stands": math.ceil(total * commit_of(costs, day) / COMMIT_S),
        "commits of 15 s, snapshots alone": math.ceil(total * costs.snapshot_s / COMMIT_S),
        "presence rows, as they stand": math.ceil(total / presence.ROWS_MAX),
        "devices' rows at .7": math.ceil(total / (0.7 * devices.DEVICES_MAX)),
        "memory of 16 GiB": math.ceil(total * applied.hub_bytes / MEMORY_BYTES),
        "CPU of reports": math.ceil(busy_s / CORE_SHARE),
    }


def balance(of: np.ndarray, parts: int) -> dict[str, float]:
    """Return the fullest of so many parts over the mean: by hash(site, device), and by hash(site)."""
    site = np.repeat(np.arange(len(of), dtype=np.uint64), of)
    keys = site << np.uint64(32) | np.arange(len(site), dtype=np.uint64)
    by_device = np.bincount(_hash(keys) % np.uint64(parts), minlength=parts)
    by_site = np.bincount(_hash(np.arange(len(of), dtype=np.uint64)) % np.uint64(parts), of, parts)
    return {name: float(held.max() / held.mean()) for name, held in (("device", by_device), ("site", by_site))}


def _hash(keys: np.ndarray) -> np.ndarray:
    """Mix 64 bits: the end of splitmix64 (Steele et al. 2014)."""
    mixed = keys + np.uint64(0x9E3779B97F4A7C15)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        mixed = (mixed ^ mixed >> np.uint64(shift)) * np.uint64(factor)
    return mixed ^ mixed >> np.uint64(31)


def plan(sites: int, total: int, seed: int = 0) -> dict[str, Any]:
    """Measure, draw, add up."""
    rng = np.random.default_rng(seed)
    costs, told, applied = fleet_costs.costs(), fleet_costs.told(), fleet_costs.applied()
    scrape_bytes, scrape_s = (value / 100 for value in fleet_costs.metrics_of(100))
    of = sizes(sites, total, rng)
    by_day = {name: bytes_a_day(of, told, day) for name, day in (("office", OFFICE), ("busy", BUSY))}
    cpu = {name: cpu_a_day(of, told, applied, day) for name, day in (("office", OFFICE), ("busy", BUSY))}
    needed = partitions(costs, told, applied, OFFICE, total)
    parts = max(count for name, count in needed.items() if not name.endswith(("as it stands", "as they stand")))
    busiest = cpu["office"] * BUSIEST / 3600.0
    shown = {"smallest": -1, "median": sites // 2, "mean": int(np.searchsorted(-of, -of.mean())), "largest": 0}
    return {
        "costs": costs._asdict(), "told": told._asdict(), "applied": applied._asdict(),
        "sites": {name: {"devices": int(of[at]), **{
            f"{kind}_bytes_a_day": float(sent[at]) for kind, sent in by_day.items()
        }, "dark_6h_bytes": float(by_day["office"][at] * BUSIEST * DARK_H)} for name, at in shown.items()},
        "hub": {
            **{f"{kind}_gb_a_day": float(sent.sum() / 1e9) for kind, sent in by_day.items()},
            **{f"{kind}_mbit_s_busiest": float(sent.sum() * BUSIEST * 8 / 3600 / 1e6) for kind, sent in by_day.items()},
            **{f"{kind}_cores_busiest": value * BUSIEST / 3600 for kind, value in cpu.items()},
            "memory_gb": total * applied.hub_bytes / 1e9,
            "commit_s_as_it_stands": total * commit_of(costs, OFFICE), "scrape_mb": scrape_bytes * sites / 1e6,
            "scrape_s": scrape_s * sites, "series_at_most": SERIES_MAX * sites,
        },
        "breaks": [one._asdict() for one in limits(costs, told, applied, scrape_s, OFFICE, sites, total)],
        "partitions": needed, "parts": parts, "fullest_part": balance(of, parts),
        "all_dark_6h_caught_up_h": DARK_H * busiest / max(1e-9, parts - busiest),
    }  # fmt: skip


def main() -> None:
    """Print the plan."""
    wanted = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    wanted.add_argument("--sites", type=int, default=1_000)
    wanted.add_argument("--devices", type=int, default=10_000_000)
    wanted.add_argument("--seed", type=int, default=0)
    wanted.add_argument("--json", action="store_true")
    asked = wanted.parse_args()
    made = plan(asked.sites, asked.devices, asked.seed)
    if asked.json:
        print(json.dumps(made, indent=2))
        return
    for title in ("costs", "told", "applied", "sites", "hub", "breaks", "partitions", "fullest_part"):
        print(f"\n{title}")
        held = made[title]
        for row in held.items() if isinstance(held, dict) else enumerate(held, 1):
            print("  ", *(_shown(value) for value in row))
    print(f"\nparts {made['parts']}; all sites dark for 6 h are caught up in {made['all_dark_6h_caught_up_h']:.2g} h")


def _shown(value: object) -> str:
    if isinstance(value, dict):
        return "  ".join(f"{name}={_shown(one)}" for name, one in value.items())
    return f"{value:,.4g}" if isinstance(value, float) else f"{value:,}" if isinstance(value, int) else str(value)


if __name__ == "__main__":
    main()
