"""A hub and its sites as processes of the program itself, armed with servers on loopback for products."""

import contextlib
import json
import signal
import socket
import subprocess
import sys
import threading
import time

import msgspec

from sensor.model.response import Request
from sensor.model.times import rfc3339
from sensor.store.actions import Actions
from sensor.store.held import Held
from sensor.store.state import State
from tests.pipeline.fleet_ends import Line
from tests.responses.products import action
from tests.wire.certificates import Authority


class Fleet:
    """A hub and its sites; each has a configuration, a state and, while it runs, a process."""

    def __init__(self, folder, urls, *names, between=lambda port: port):
        """Write the configurations.

        Args:
            folder: For everything.
            urls: Of each place's products.
            names: Of the sites.
            between: Given the hub's port, returns the one by which sites reach it.
        """
        self.folder, self.names = folder, names
        keys = folder / "keys"
        keys.mkdir(parents=True)
        (folder / "token").write_text("secret")
        authority = Authority(keys)
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        reached = between(port)
        hooks = {
            name: {"type": "webhook", "mode": "auto", "url": f"{url}/hook", "status_url": f"{url}/hook",
                   "token": {"file": str(folder / "token")}}
            for name, url in urls.items()
        }  # fmt: skip
        cert, key = authority.issue("hub")
        self._write("hub", {
            "site": "HUB", "sites": {name: {} for name in names}, "guard": {"orders": "auto"},
            "sources": {"sites": {"type": "site", "listen": f"127.0.0.1:{port}", "cert": cert, "key": key,
                                  "ca": authority.file}},
            "responses": {"tenant": {**hooks["hub"], "verbs": ["disable_account", "revoke_sessions"]},
                          "sites": {"type": "site", "mode": "approve"}},
        })  # fmt: skip
        for name in names:
            cert, key = authority.issue(name)
            self._write(name, {
                "site": name, "guard": {"orders": "auto"},
                "sinks": {"hub": {"type": "site", "url": f"https://127.0.0.1:{reached}", "ca_file": authority.file,
                                  "cert": cert, "key": key}},
                "sources": {"zeek": {"type": "zeek", "path": str(folder / name / "logs" / "*.log")}},
                "responses": {"gate": {**hooks[name], "verbs": ["block_address"]},
                              "hub": {"type": "site", "mode": "approve"}},
            })  # fmt: skip
        self.processes = {}

    def begin(self, name, number=0):
        """Start one, to die before its database writes for the time of this number; 0: it lives."""
        command = [sys.executable, "-m", "tests.fleet.armed_process", str(number), str(self.folder / f"{name}.toml")]
        with (self.folder / f"{name}.log").open("a") as log:
            self.processes[name] = subprocess.Popen(command, stdout=log, stderr=log)

    def kill(self, name):
        """Kill one, as a power cut does."""
        process = self.processes.pop(name)
        process.send_signal(signal.SIGKILL)
        process.wait()

    def close(self):
        """Leave no process behind."""
        for name in tuple(self.processes):
            self.kill(name)

    def state(self, name):
        """Return where one's state is."""
        return self.folder / name / "state"

    def order(self, name, key, verb, target, *sites, now_ns):
        """Have a person at one place approve an action that its incident proposed."""
        if not (self.state(name) / "state.sqlite").exists():
            State(self.state(name)).close()
        connector = "sites" if name == "hub" else "hub"
        shown = msgspec.structs.replace(
            action(key, verb, target, expires=rfc3339(now_ns + 86_400 * 10**9)), connector=connector, mode="approve"
        )
        request = Request(id=key, verb=verb, target=target, incident="INC-1", reason="a takeover", sites=sites)
        with Actions(self.state(name)) as actions:
            actions.put([Held(shown, request, "INC-1")])
            assert actions.decide(key, "approved", "user:kim", "called the user", now_ns) is None

    def states(self, name):
        """Return how each action at a place stands."""
        if not (self.state(name) / "state.sqlite").exists():
            return {}
        with Actions(self.state(name), readonly=True) as actions:
            return {one.action.id: (one.action.state, one.action.history[-1].detail) for one in actions.all()}

    def _write(self, name, config):
        (self.folder / name / "logs").mkdir(parents=True, exist_ok=True)
        config = {**config, "state": str(self.folder / name / "state"), "metrics": {"listen": "127.0.0.1:0"}}
        (self.folder / f"{name}.toml").write_text("\n".join(_toml(config)))


def _toml(config, place=""):
    """Give the lines of a table, and of those in it."""
    for key, one in config.items():
        if not isinstance(one, dict) or key == "token":
            yield f"{key} = {_value(one)}"
    for key, one in config.items():
        if isinstance(one, dict) and key != "token":
            yield f"[{place}{key}]"
            yield from _toml(one, f"{place}{key}.")


def _value(one):
    if isinstance(one, dict):
        return "{ " + ", ".join(f"{key} = {_value(held)}" for key, held in one.items()) + " }"
    return json.dumps(str(one) if not isinstance(one, bool | int | list) else one)


class Cut(Line):
    """A line to a hub that is cut at random, and goes on where the hub is away for a while."""

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                self._held.append(near)
                try:
                    far = socket.create_connection(("127.0.0.1", self._to))
                except OSError:
                    near.close()
                    continue
                self._held.append(far)
                left = [self._rng.randint(0, 30_000)]
                for a, b in ((near, far), (far, near)):
                    threading.Thread(target=self._carry, args=(a, b, left, (near, far)), daemon=True).start()


def wait(condition, within_s, said):
    """Wait until something holds; a machine may be busy."""
    until_s = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < until_s, said()
        time.sleep(0.1)
