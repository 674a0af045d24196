"""Exports and imports of bundles that are killed, again and again: each envelope arrives, once, in order."""

import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from sensor.model.site_packet import Packet
from sensor.pipeline.bundle_settings import make_key
from sensor.store.inbox import Inbox
from sensor.store.state import State

ROOT = Path(__file__).resolve().parents[2]
A_ROUND = 60
"""Packets that the site has to tell between two deaths; a bundle holds some ten of them."""


class Ends:
    """A site and a hub, the folder between them, and processes that may die."""

    def __init__(self, folder):
        self.folder, self.count, self.died = folder, 0, 0
        public = make_key(folder / "SYD.key", opens=False)
        self.site, self.hub = folder / "site.toml", folder / "hub.toml"
        self.site.write_text(
            f'site = "SYD"\nstate = "{folder}/site"\n[sinks.hub]\ntype = "site"\nfolder = "{folder}/out"\n'
            f'sign_key = {{ file = "{folder}/SYD.key" }}\nbundle_bytes = 262144\n'
        )
        self.hub.write_text(
            f'site = "HUB"\nstate = "{folder}/hub"\n[sources.sites]\ntype = "site"\nfolder = "{folder}/out"\n'
            f'[sites.SYD]\nbundle_keys = ["{public}"]\n'
        )

    def tell(self):
        """Give the site more to tell: bodies that cannot be packed."""
        rng = random.Random(self.count)
        with State(self.folder / "site", exclusive=True) as state, state._connection:
            state.spool.put([Packet("signals", k, k, rng.randbytes(25_000)) for k in range(A_ROUND)])
        self.count += A_ROUND

    def run(self, step, *words):
        """Run a command until it is over, or dies at a step."""
        command = [sys.executable, "-m", "tests.evaluation.bundle_deaths", str(step), "spanline", "bundle", *words]
        done = subprocess.run([str(one) for one in command], cwd=ROOT, capture_output=True, text=True, check=False)
        assert done.returncode in ({0} if not step else {0, -signal.SIGKILL}), done.stderr
        self.died += done.returncode != 0

    def export(self, step):
        self.run(step, "export", "--config", self.site)

    def take(self, step):
        self.run(step, "import", "--config", self.hub, self.folder / "out")

    def held(self):
        """Return the sequences that the hub would hand on, in their order, and what is missing."""
        inbox = Inbox(self.folder / "hub")
        try:
            return [one.head.sequence for one in inbox.waiting("SYD", 0, 10**6)], inbox.links()["SYD"].missing
        finally:
            inbox.close()


def live(folder, deaths, seed):
    """Kill so many exports and imports, and compare what the hub has with what the site told."""
    rng, ends = random.Random(seed), Ends(folder)
    for _ in range(deaths):
        ends.tell()
        ends.export(rng.randint(1, 60))
        ends.take(rng.randint(1, 120))
    assert ends.died >= deaths
    ends.export(0)
    ends.take(0)
    assert (list(range(1, ends.count + 1)), ()) == ends.held()
    assert [] == [one.name for one in (folder / "out").iterdir() if not one.name.endswith(".bundle")]
    return ends


def test_what_is_killed_neither_loses_nor_doubles(tmp_path):
    """At steps that are drawn by lot, at both ends."""
    live(tmp_path, 4, 0)


@pytest.mark.slow
def test_what_is_killed_sixty_times_neither_loses_nor_doubles(tmp_path):
    """The same, for longer."""
    live(tmp_path, 60, 1)
