"""Write the weeks of a small organisation, network and identity together, as its products log them.

    python pcaps/make_story.py FOLDER [--seed 1] [--variant 0] [--staff 40] [--days 35] [--learning 21]

Two sites with some forty people: Zeek's logs of each site, the identity provider's log (Entra ID; Okta in the second
variant), Microsoft 365's audit log, the VPN's. After the days of learning one account is taken over; around that
happens what looks like trouble and is none. `site.toml` is the configuration to replay it with, and `truth.json` says
what ought to be found:

    spanline replay --fresh --config FOLDER/site.toml SYD=FOLDER/SYD PER=FOLDER/PER FOLDER/identity

The same words write the same bytes. Nobody in it exists; addresses and names are those reserved for documentation.
Standard library only.
"""

import argparse
import json
from datetime import date
from pathlib import Path

from story.attack import STEPS, Attack
from story.cast import DOMAIN
from story.days import Days
from story.places import EGRESS, SITE_NETWORKS
from story.scenes import Scenes, pick_target
from story.world import Options, World


def write(options: Options, folder: Path) -> dict[str, object]:
    """Tell the story into a folder; return its truth."""
    folder.mkdir(parents=True, exist_ok=True)
    world = World(options, folder)
    target = pick_target(world, world.rng("target"))
    if not options.variant % 2 and not target.laptop.entra_id:
        target.laptop.entra_id = "6d3b9f52-0c41-4a77-a1c8-7e90b25d4f18"
    begins = first_day(world)
    if begins + max(STEPS) >= options.days:
        raise SystemExit(f"{options.days} days are too few: the attack ends on day {begins + max(STEPS)}")
    attack, days = Attack(world, target, begins), Days(world)
    scenes = Scenes(world, days, begins, target)
    attack.plan()
    scenes.plan()
    scenes.act()
    attack.act()
    for day in range(options.days):
        days.tell(day)
        scenes.tell(day)
        scenes.visits(day)
        for sensor in world.sensors.values():
            sensor.flush()
    world.close()
    truth = {
        "seed": options.seed, "variant": options.variant, "product": options.product, "days": options.days,
        "start": world.at(target.site, 0, 0), "end": world.at(target.site, options.days, 0), "attack": attack.truth(),
        "scenes": world.truth.scenes, "signins": sorted(world.truth.signins, key=lambda one: str(one["ts"])),
    }  # fmt: skip
    (folder / "truth.json").write_text(json.dumps(truth, indent=1) + "\n")
    (folder / "site.toml").write_text(configuration(options))
    return truth


def first_day(world: World) -> int:
    """Return the first day after learning on which each of the attack's days is a working day."""
    day = world.options.learning + world.options.variant % 2
    while not all(world.is_workday(day + step) for step in STEPS):
        day += 1
    return day


def configuration(options: Options) -> str:
    """Write the configuration: the sites, what is theirs, and the tenant."""
    first, *rest = options.sites
    zones = {"SYD": "Australia/Sydney", "PER": "Australia/Perth"}
    lines = [
        f'site = "{first}"',
        f'local_networks = ["{SITE_NETWORKS[first]}.0.0/16"]',
        f'egress = ["{EGRESS[first].ip}"]',
        f'timezone = "{zones[first]}"',
        "",
        "[tenants.example]",
        f'domains = ["{DOMAIN}"]',
        f"sites = {json.dumps(list(options.sites))}",
    ]
    for site in rest:
        lines += [
            "",
            f"[sites.{site}]",
            f'egress = ["{EGRESS[site].ip}"]',
            f'local_networks = ["{SITE_NETWORKS[site]}.0.0/16"]',
        ]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Read the command line and write."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--variant", type=int, default=0)
    parser.add_argument("--staff", type=int, default=40)
    parser.add_argument("--days", type=int, default=35)
    parser.add_argument("--learning", type=int, default=21)
    parser.add_argument("--sites", default="SYD,PER")
    parser.add_argument("--busy", type=float, default=1.0, help="web traffic; 1 is some 350 flows a laptop and day")
    parser.add_argument("--calm", action="store_true", help="leave out the one scene that may be an incident")
    parser.add_argument("--start", type=date.fromisoformat, help="first day, a Monday")
    asked = parser.parse_args()
    if asked.start is not None and asked.start.weekday():
        parser.error("--start is no Monday")
    truth = write(
        Options(
            asked.seed,
            asked.variant,
            asked.staff,
            asked.days,
            asked.learning,
            tuple(asked.sites.split(",")),
            asked.busy,
            asked.calm,
            asked.start,
        ),
        asked.folder,
    )
    attack = truth["attack"]
    if isinstance(attack, dict):
        print(f"{asked.folder}: {attack['account']} is taken over on day {attack['days'][0]}")


if __name__ == "__main__":
    main()
