"""Real nats-servers with the configurations that docs/nats/fleet.py writes: a hub and a leaf node for each site."""

import contextlib
import importlib.util
import os
import random
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PASSWORD = "fleet4711"  # noqa: S105 - of servers that live for a test
READY_S = 20.0
NATS_SERVER = shutil.which("nats-server", path=os.environ.get("PATH", os.defpath) + ":/usr/sbin:/sbin")


def shipped():
    """Return docs/nats/fleet.py as a module."""
    spec = importlib.util.spec_from_file_location("fleet_conf", ROOT / "docs/nats/fleet.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def free_port():
    """Return a port of loopback that nobody listens on, from below those that outgoing connections take."""
    rng = random.SystemRandom()
    while True:
        with socket.socket() as one, contextlib.suppress(OSError):
            one.bind(("127.0.0.1", rng.randrange(20_000, 32_000)))
            return one.getsockname()[1]


class Server:
    """One nats-server: started, killed, and started again over what it left."""

    def __init__(self, conf, port, namespace="", host="127.0.0.1"):
        self.conf, self.port, self.namespace, self.host = conf, port, namespace, host
        self.log = conf.with_suffix(".log")
        self.process = None

    @property
    def url(self):
        return f"nats://{self.host}:{self.port}"

    def start(self):
        """Start it and wait until it says that it is ready."""
        inside = ["ip", "netns", "exec", self.namespace] if self.namespace else []
        at = self.log.stat().st_size if self.log.exists() else 0
        self.process = subprocess.Popen(
            [*inside, NATS_SERVER, "-c", self.conf, "-l", self.log],
            env=os.environ | {"SPANLINE_NATS_PASSWORD": PASSWORD}, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
        )  # fmt: skip
        until_s = time.monotonic() + READY_S
        while "Server is ready" not in self.said(at):
            if self.process.poll() is not None or time.monotonic() > until_s:
                raise AssertionError(f"{self.conf.name}: {self.said(at)}{self.process.stderr.read(2000)!r}")
            time.sleep(0.05)

    def said(self, at=0):
        """Return its log from an offset on."""
        return self.log.read_bytes()[at:].decode() if self.log.exists() else ""

    def kill(self):
        """End it as a power cut would, as far as the kernel's cache allows."""
        if self.process is not None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
            self.process.stderr.close()
            self.process = None


class Fleet:
    """A hub and its leaf nodes on loopback."""

    def __init__(self, folder, sites):
        made = shipped()
        self.folder, self.sites = folder, sites
        made.write_certificates(folder / "tls", ["localhost", "127.0.0.1"], sites)
        self.leaf_port = free_port()
        port = free_port()
        self.hub = self._server(
            "hub", port,
            made.hub_conf(
                sites, listen=f"127.0.0.1:{port}", leaf_listen=f"127.0.0.1:{self.leaf_port}", tls=folder / "tls"
            ),
        )  # fmt: skip
        self.leaves = {}
        for site in sites:
            port = free_port()
            text = made.leaf_conf(
                site, f"tls://127.0.0.1:{self.leaf_port}", listen=f"127.0.0.1:{port}", store=self.store(site),
                tls=folder / "tls",
            )  # fmt: skip
            self.leaves[site] = self._server(f"leaf-{site}", port, text)

    def store(self, site):
        """Return the folder of a leaf's JetStream."""
        return self.folder / f"store-{site}"

    def start(self):
        """Start all, and wait for the links."""
        for one in (self.hub, *self.leaves.values()):
            one.start()
        until_s = time.monotonic() + READY_S
        while any("Leafnode connection created" not in one.said() for one in self.leaves.values()):
            assert time.monotonic() < until_s, self.hub.said()
            time.sleep(0.05)

    def close(self):
        """End all."""
        for one in (self.hub, *self.leaves.values()):
            one.kill()

    def _server(self, name, port, text):
        conf = self.folder / f"{name}.conf"
        conf.write_text(text)
        return Server(conf, port)


@contextlib.contextmanager
def fleet(folder, sites):
    """Run one for the time of a `with`."""
    made = Fleet(folder, sites)
    try:
        made.start()
        yield made
    finally:
        made.close()
