"""A sensor that is killed again and again while records come in, and what became of them in the end.

A life is one process of `run` over a conn.log and a log of sign-ins that grow meanwhile, with a sink over HTTP and
one to a file. It ends by SIGKILL: at a random moment, at a place that tests.evaluation.dying knows, or by the receiver
of its incidents, in the middle of a request. Whoever comes next goes on with the state that is left.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from sensor.store.state import State
from tests.cli.runs import TSV
from tests.cli.test_events import OKTA

ROOT = Path(__file__).resolve().parents[2]
ROUND_S = 1200
"""Event time of one life's records: five devices that scan alike within an hour would be one incident."""
HOSTS, SIGNINS = 40, 5
LIFE_S = 25.0
"""A process that reaches no place to die by then is killed all the same."""


class Receiver:
    """What takes incidents over HTTP, and may kill the sender in the middle.

    Attributes:
        taken: (incident, key of the version) of each request that was answered with 200, in order.
        killed_by: How many senders it killed.
    """

    def __init__(self):
        self.taken, self.killed = [], 0
        self.place, self.pid, self.after = "", 0, 0
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_error(404)

            def do_POST(self):
                receiver.meet("before")
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                receiver.meet("read")
                receiver.taken.append((body["id"], self.headers["Idempotency-Key"]))
                with contextlib.suppress(OSError):
                    self.send_response(200)
                    self.send_header("Content-Length", "2")
                    self.end_headers()
                    self.wfile.write(b"{}")
                    self.wfile.flush()
                receiver.meet("answered")

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def aim(self, place, pid, after):
        """Kill this process at this place of the request of this number from now on."""
        self.place, self.pid, self.after = place, pid, after

    def meet(self, place):
        if place == self.place:
            self.after -= 1
            if self.after == 0:
                self.place = ""
                self.killed += 1
                os.kill(self.pid, signal.SIGKILL)

    def close(self):
        self._server.shutdown()
        self._server.server_close()


class Story:
    """What is written into the logs: office traffic, sign-ins, and in each round a host that scans."""

    def __init__(self, folder):
        self.conn, self.idp = folder / "conn.log", folder / "okta.jsonl"
        self.conn.write_bytes(TSV)
        self.idp.touch()
        self.flows = self.signins = self.rounds = 0

    def parts(self):
        """Give one round's records, cut into parts of both logs."""
        begin, scanner = 1_700_000_000 + ROUND_S * self.rounds, f"10.1.{self.rounds // 200}.{self.rounds % 200 + 1}"
        rows = [(begin + 2 * k, f"10.0.0.{k % 6 + 1}", "198.51.100.7", 443, "SF", "ShADadFf") for k in range(20)]
        rows += [(begin + 45 + k / 2, scanner, f"10.2.0.{k + 1}", 445, "REJ", "Sr") for k in range(HOSTS)]
        lines = []
        for ts, orig, resp, port, state, history in rows:
            self.flows += 1
            lines.append(
                f"{ts:.6f}\tC{self.flows:08d}\t{orig}\t40000\t{resp}\t{port}\ttcp\t-\t0.5\t100\t200\t{state}\t{history}"
                "\t5\t300\t5\t300\n"
            )
        said = []
        for k in range(SIGNINS):
            self.signins += 1
            moment = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(begin + 5 * k))
            uuid = f"{self.signins:08d}-0000-11ee-8000-000000000000"
            said.append(json.dumps({**OKTA, "uuid": uuid, "published": moment}) + "\n")
        self.rounds += 1
        for k in range(4):
            yield "".join(lines[15 * k : 15 * k + 15]), "".join(said[2 * k : 2 * k + 2])

    def write(self, part):
        for path, text in zip((self.conn, self.idp), part, strict=True):
            with path.open("a") as file:
                file.write(text)


def configure(folder, url):
    """Write the configuration of a sensor over a story."""
    path = folder / "site.toml"
    path.write_text(
        f'state = "{folder}/state"\n[metrics]\nlisten = "127.0.0.1:0"\n[budget]\nincidents_per_day_per_1000 = 100000\n'
        f'[sources.zeek]\ntype = "zeek"\npath = "{folder}/conn.log"\n'
        f'[sources.idp]\ntype = "okta"\npath = "{folder}/okta.jsonl"\n'
        f'[sinks.http]\ntype = "webhook"\nurl = "{url}"\nmin_tier = "digest"\n'
        f'[sinks.file]\ntype = "jsonl"\npath = "{folder}/incidents.jsonl"\nmin_tier = "digest"\n'
    )
    return path


@contextlib.contextmanager
def life(config, place="never", number=0):
    """Run a sensor; yields it and an event that is set when it follows its sources."""
    command = [sys.executable, "-m", "tests.evaluation.dying", place, str(number), "run", "--config", str(config)]
    with subprocess.Popen(
        command, cwd=ROOT, stderr=subprocess.PIPE, text=True, env=os.environ | {"PYTHONUNBUFFERED": "1"}
    ) as process:
        ready, said = threading.Event(), []

        def listen():
            for line in process.stderr:
                said.append(line)
                if line.startswith("following"):
                    ready.set()

        thread = threading.Thread(target=listen)
        thread.start()
        try:
            yield process, ready, said
        finally:
            process.kill()
            process.wait()
            thread.join()


def live_and_die(config, story, receiver, how, rng):
    """Let one process live through a round and end; return what ended it."""
    place, number = how, 0
    if how == "snapshot":
        place = rng.choice(["fsync", "statement", "snapshot"])
        number = {"fsync": rng.randint(1, 12), "statement": rng.randint(1, 200), "snapshot": rng.randint(0, 1000)}[
            place
        ]
    with life(config, place if how == "snapshot" else "never", number) as (process, ready, said):
        if how == "send":
            receiver.aim(rng.choice(["before", "read", "answered"]), process.pid, rng.randint(1, 2))
        for part in story.parts():
            story.write(part)
            until_s = time.monotonic() + LIFE_S
            while not ready.wait(0.1) and process.poll() is None and time.monotonic() < until_s:
                pass
            time.sleep(rng.uniform(0, 0.4))
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(rng.uniform(0, 2.5) if how == "moment" else LIFE_S / 3)
        code = process.poll()
        receiver.aim("", 0, 0)
        assert code in {None, -signal.SIGKILL}, "".join(said)
        return how if code is not None or how == "moment" else "moment"


def finish(config, story, folder):
    """Let a last process read everything, and stop it as a person would."""
    with life(config) as (process, _, said):
        for _ in range(600):
            if counted(folder)["flows"][0] == story.flows and counted(folder)["signins"] == story.signins:
                break
            time.sleep(0.2)
        time.sleep(3)
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0, "".join(said)


def counted(folder):
    """Return what the state holds: flows and different uids, sign-ins, records, incidents, evidence, devices."""
    from sensor.store.archive_reader import ArchiveReader

    with State(folder / "state", readonly=True) as state:
        with ArchiveReader(state, state.folder) as archive:
            flows = archive.rows("SELECT count(*), count(DISTINCT uid) FROM flows")[0]
        one = lambda sql: state._connection.execute(sql).fetchone()[0] or 0  # noqa: E731
        incidents = state.incidents(digest=True)
        return {
            "flows": (int(flows[0]), int(flows[1])), "signins": one("SELECT count(*) FROM signins"),
            "accepted": one("SELECT sum(accepted) FROM inputs"), "records": one("SELECT count(*) FROM records"),
            "incidents": {one.id: len(one.evidence) for one in incidents},
            "devices": {one.name: one.flows for one in state.devices()},
        }  # fmt: skip
