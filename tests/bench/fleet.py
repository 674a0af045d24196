"""Measure a fleet over NATS under a storm: three sites and a hub in network namespaces, everything cut and killed.

    python -m tests.bench.fleet --minutes 30 [--seed 7]
    python -m tests.bench.fleet --envelopes 5000

Needs root, nats-server, iproute2 and nftables. Prints how often what was struck, and what the hub knows at the end
against what the sites told; exits with 1 where anything is lost, doubled or another's. With --envelopes it measures
instead how fast so many small ones of each of two sites come from their spools into the hub's inbox, over loopback.
"""

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path

from sensor.model.sink import SecretPlace
from sensor.pipeline.site_nats_ends import Taker
from sensor.sources.site import Settings
from sensor.store.inbox import Inbox
from tests.fleet.ends import Spool, publisher, running, wait
from tests.fleet.servers import PASSWORD, fleet
from tests.fleet.storm import storm


def main():
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--envelopes", type=int, default=0)
    asked = parser.parse_args()
    if asked.envelopes:
        hurry(asked.envelopes)
        return
    with tempfile.TemporaryDirectory(prefix="spanline-fleet-") as folder, storm(Path(folder)) as made:
        began = time.monotonic()
        made.rage(60.0 * asked.minutes, asked.seed)
        raged_s = time.monotonic() - began
        caught_up_s = made.finish()
        found = made.outcome()
    print(json.dumps({"minutes": round(raged_s / 60, 1), "strokes": made.strokes, **found}, indent=1))
    print(f"caught up within {caught_up_s:.1f} s of the end: {'exact' if found['exact'] else 'NOT EXACT'}")
    sys.exit(not found["exact"])


def hurry(count):
    """Measure how fast envelopes go from a spool in memory into an inbox on disk."""
    with tempfile.TemporaryDirectory(prefix="spanline-fleet-") as name:
        folder, password = Path(name), SecretPlace(file=f"{name}/password")
        (folder / "password").write_text(PASSWORD)
        with fleet(folder, ["SYD", "PER"]) as servers:
            spools = {site: Spool(site, count) for site in servers.sites}
            inbox = Inbox(folder / "state", 1 << 32)
            taker = Taker(Settings(nats=servers.hub.url, password=password), inbox, frozenset(spools))
            began, spent = time.monotonic(), time.process_time()
            with running(*(publisher(servers, site, spool) for site, spool in spools.items())):
                wait(lambda: all(spool.position == count for spool in spools.values()), 600.0)
            took_s, cpu_s = time.monotonic() - began, time.process_time() - spent
            taker.close()
            inbox.close()
    print(
        f"{2 * count:,} envelopes in {took_s:.1f} s: {2 * count / took_s:,.0f} a second, both ends {cpu_s:.1f} s of CPU"
    )


if __name__ == "__main__":
    main()
