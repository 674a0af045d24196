"""Sites and a hub in network namespaces under a storm: links cut, servers and sensors killed, stores deleted.

The servers are real, with the configurations of docs/nats; the hub is a sensor that runs, the sites tell it of devices
(`life`). When the storm is over, all is mended, the sites end when the hub has what they told, and `Storm.outcome`
holds what the hub then knows against what was told.
"""

import contextlib
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import time

import msgspec

from sensor.model.fleet import SiteRow
from sensor.store.spool import SpoolReader
from sensor.store.state import State
from tests.fleet import life
from tests.fleet.namespaces import Network
from tests.fleet.servers import PASSWORD, ROOT, Server, shipped

SITES = ("SYD", "PER", "ADL")
PORT, LEAF_PORT = 4222, 7422
GAP_S = (0.5, 4.0)
"""Between two strokes."""
LASTS_S = {"cut": (0.5, 30.0), "deafen": (0.5, 30.0), "hub server": (0.2, 8.0), "leaf": (0.2, 8.0),
           "leaf without its store": (0.2, 8.0), "hub": (0.2, 8.0), "site": (0.2, 8.0)}  # fmt: skip
"""How long each stroke lasts: killed things are started again, links mended."""
END_S = 240.0
"""For the sites to end, and for the hub to have made all of it part of its state."""


class Process:
    """A sensor, or a site's process, in a namespace; killed and started again."""

    def __init__(self, folder, name, namespace, command):
        self.name, self._namespace, self._command = name, namespace, command
        self.log = folder / f"{name}.err"
        self.process = None

    def start(self):
        """Start it."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                ["ip", "netns", "exec", self._namespace, sys.executable, "-m", *self._command], cwd=ROOT, stderr=log,
                stdout=log, env=os.environ | {"SPANLINE_NATS_PASSWORD": PASSWORD},
            )  # fmt: skip

    def kill(self):
        """Kill it."""
        if self.process is not None:
            assert self.process.poll() is None, f"{self.name} ended by itself: {self.log.read_text()[-2000:]}"
            self.process.kill()
            self.process.wait()
            self.process = None

    def end(self, within_s):
        """Stop it as a person would; return its exit code."""
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(within_s)
        self.process = None
        return code


class Storm:
    """One of them.

    Attributes:
        strokes: How many there were, by kind.
    """

    def __init__(self, folder, network, sites=SITES):
        self.folder, self._network, self.sites = folder, network, tuple(sites)
        made, tls = shipped(), folder / "tls"
        made.write_certificates(tls, [network.address(site) for site in sites], sites)
        conf = folder / "hub.conf"
        conf.write_text(made.hub_conf(sites, tls=tls))
        self._server = Server(conf, PORT, network.hub)
        self._leaves = {}
        for site in sites:
            url = f"tls://{network.address(site)}:{LEAF_PORT}"
            conf = folder / f"leaf-{site}.conf"
            conf.write_text(made.leaf_conf(site, url, store=self._store(site), tls=tls))
            self._leaves[site] = Server(conf, PORT, network.space(site))
        self._hub = Process(
            folder, "hub", network.hub, ["sensor.cli.main", "run", "--config", str(self._hub_toml(folder))]
        )
        self._lives = {
            site: Process(folder, site, network.space(site), ["tests.fleet.life", str(self._site_toml(site))])
            for site in sites
        }
        self.strokes = dict.fromkeys(LASTS_S, 0)
        self._undo = []
        self._hit = set()

    def start(self):
        """Start everything."""
        for one in (self._server, *self._leaves.values(), self._hub, *self._lives.values()):
            one.start()

    def rage(self, seconds, seed):
        """Strike at random for a time, then mend everything."""
        rng, until_s = random.Random(seed), time.monotonic() + seconds
        waiting = list(LASTS_S)
        while time.monotonic() < until_s:
            kind = waiting.pop(0) if waiting else rng.choice(list(LASTS_S))
            self._strike(kind, rng.choice(self.sites), rng)
            next_s = min(until_s, time.monotonic() + rng.uniform(*GAP_S))
            while time.monotonic() < next_s:
                self._mend(time.monotonic())
                time.sleep(0.05)
        self._mend(float("inf"))

    def finish(self):
        """Have the sites say no more, and wait until the hub has it all; return how long that took, s."""
        began = time.monotonic()
        for site in self.sites:
            (self.folder / site / life.ENOUGH).touch()
        for site, one in self._lives.items():
            code = one.process.wait(END_S)
            assert 0 == code, f"{site}: {one.log.read_text()[-2000:]}"
            one.process = None
        took_s = time.monotonic() - began
        until_s = time.monotonic() + END_S
        while self._waiting() and time.monotonic() < until_s:
            time.sleep(0.2)
        assert 0 == self._hub.end(END_S), self._hub.log.read_text()[-2000:]
        return took_s

    def outcome(self):
        """Return what was told and what the hub knows, by site, and whether all of it is so."""
        steps = {site: life.told(self.folder / site) for site in self.sites}
        with State(self.folder / "hub", readonly=True) as state:
            devices = state.devices()
            counts = state._connection.execute(
                "SELECT sum(records), sum(accepted), sum(duplicates), max(rejected) FROM inputs"
            ).fetchone()
            rows = {site: msgspec.json.decode(state.meta(f"site:{site}"), type=SiteRow) for site in self.sites}
        told = {site: sum(len(life.reports_of(site, n)) for n in range(1, last + 1)) for site, last in steps.items()}
        found = {"told": told, "hub": dict(zip(("records", "accepted", "duplicates", "rejected"), counts, strict=True)),
                 "sites": {}}  # fmt: skip
        for site in self.sites:
            reader = SpoolReader(self.folder / site, site, readonly=True)
            link, mine = rows[site].link, [one for one in devices if site in one.sites]
            wrong = [one.name for one in mine if not self._is_so(one, site, steps[site])]
            found["sites"][site] = {
                "steps": steps[site], "packets": reader.bounds()[1], "have": link.have, "lost": link.lost,
                "missing": len(link.missing), "duplicates": link.duplicates, "devices": len(mine), "wrong": wrong,
            }  # fmt: skip
            reader.close()
        found["exact"] = (
            counts == (sum(told.values()), sum(told.values()), 0, "{}")
            and all(
                one["packets"] == one["have"] and not one["lost"] and not one["missing"] and not one["wrong"]
                and one["devices"] == min(life.DEVICES, one["steps"]) for one in found["sites"].values()
            )
        )  # fmt: skip
        return found

    def close(self):
        """End what still runs."""
        for one in (*self._lives.values(), self._hub):
            if one.process is not None:
                one.process.kill()
                one.process.wait()
        for one in (*self._leaves.values(), self._server):
            one.kill()

    def _strike(self, kind, site, rng):
        """Begin one stroke, unless what it hits is hit already."""
        on = "hub server" if kind == "hub server" else "hub" if kind == "hub" else (
            f"link {site}" if kind in {"cut", "deafen"} else f"leaf {site}" if kind.startswith("leaf") else site
        )  # fmt: skip
        if on in self._hit:
            return
        self.strokes[kind] += 1
        self._hit.add(on)
        if kind in {"cut", "deafen"}:
            getattr(self._network, kind)(site)
            undo = lambda: self._network.mend(site)  # noqa: E731
        else:
            hit = {"hub server": self._server, "hub": self._hub, site: self._lives[site]}.get(on, self._leaves[site])
            hit.kill()
            if kind == "leaf without its store":
                shutil.rmtree(self._store(site), ignore_errors=True)
            undo = hit.start
        # Most are short; one in some is as long as it gets.
        least, most = LASTS_S[kind]
        self._undo.append((time.monotonic() + least + (most - least) * rng.random() ** 3, on, undo))

    def _mend(self, now_s):
        for one in [one for one in self._undo if one[0] <= now_s]:
            self._undo.remove(one)
            one[2]()
            self._hit.discard(one[1])

    def _waiting(self):
        """Tell whether the hub has taken what is not part of its state yet."""
        with contextlib.closing(sqlite3.connect(f"file:{self.folder}/hub/inbox.sqlite?mode=ro", uri=True)) as inbox:
            return inbox.execute("SELECT count(*) FROM envelopes").fetchone()[0]

    def _is_so(self, device, site, steps):
        """Tell whether a device at the hub is the one of its site, as it was told last."""
        number = next((n for n in range(life.DEVICES) if f"10.0.0.{20 + n}" in device.addresses), None)
        if number is None:
            return False
        last = steps - (steps - number) % life.DEVICES
        macs = [life.mac_of(site, number)] if number else []
        return (
            device.name == life.name_of(site, number) and list(device.macs) == macs and device.flows == last
            and len(device.addresses) == 1 and set(device.sites) == {site}
        )  # fmt: skip

    def _store(self, site):
        return self.folder / f"store-{site}"

    def _hub_toml(self, folder):
        path = folder / "hub.toml"
        sites = "".join(f"[sites.{site}]\n" for site in self.sites)
        path.write_text(
            f'site = "HUB"\nstate = "{folder}/hub"\n[metrics]\nlisten = "127.0.0.1:0"\n{sites}[sources.sites]\n'
            f'type = "site"\nnats = "nats://127.0.0.1:{PORT}"\npassword = {{ env = "SPANLINE_NATS_PASSWORD" }}\n'
        )
        return path

    def _site_toml(self, site):
        path = self.folder / f"{site}.toml"
        path.write_text(
            f'site = "{site}"\nstate = "{self.folder}/{site}"\n[sinks.hub]\ntype = "site"\n'
            f'nats = "nats://127.0.0.1:{PORT}"\npassword = {{ env = "SPANLINE_NATS_PASSWORD" }}\n'
        )
        return path


@contextlib.contextmanager
def storm(folder, sites=SITES):
    """Make one, started, for the time of a `with`."""
    with Network(sites) as network:
        made = Storm(folder, network, sites)
        try:
            made.start()
            yield made
        finally:
            made.close()
