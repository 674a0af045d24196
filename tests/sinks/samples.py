"""Incidents for sinks, and a receiver on loopback that notes what it is sent and answers as it is told."""

import contextlib
import threading
import time
from http.server import BaseHTTPRequestHandler
from typing import NamedTuple

import msgspec

from sensor.model.evidence import Entity, Evidence, Record
from sensor.model.incident import Incident, Moment, Party
from sensor.model.sink import Delivery, Fit
from tests.serving import Server, served

NOW_NS = 1_709_294_400_000_000_000
AT = "2024-03-01T11:50:00.000000Z"


def evidence(key="EV-1", **changes):
    """One finding of a scan."""
    made = Evidence(
        id=key, ts=AT, site="SYD", entity=Entity(kind="device", id="dev-1"), detector="scan", family="scan",
        source="network", observed=90.0, expected=1.0, range=(0.0, 3.0), reference="own", reference_n=40, p=1e-5,
        db=31.0, text="PC-7 (10.10.0.7) tried 90 hosts", records=(Record(input="conn.log", uid="C1"),),
        model="scan.hosts/1",
    )  # fmt: skip
    return msgspec.structs.replace(made, **changes)


def incident(key="INC-000000000001", **changes):
    """One incident about a device."""
    made = Incident(
        id=key, state="open", verdict=None, tier="triage", sites=("SYD",), opened=AT, last_activity=AT, score_db=31.0,
        p=1e-5, title="PC-7 scans the network", summary="PC-7 tried 90 hosts, usually 0 to 3.",
        entities=(
            Party(kind="device", site="SYD", id="dev-1", name="PC-7", role="subject"),
            Party(kind="address", site=None, id="203.0.113.9", name="203.0.113.9", role="peer"),
        ),
        techniques=("T1046",), evidence=(evidence(),), counter_evidence=("a scanner runs here at night",),
        next_check="Ask who runs PC-7", timeline=(Moment(ts=AT, kind="opened", who="PC-7", text="opened"),),
    )  # fmt: skip
    return msgspec.structs.replace(made, **changes)


def delivery(one=None, number=1, before=None):
    """One version of an incident."""
    one = one or incident()
    return Delivery(f"{one.id}-{number}-0a0b0c0d", number, one, before)


def fit(**secrets):
    """What a sink is made with: secrets by their environment's name, a clock that stands, no waits."""
    return Fit(lambda place: secrets[place.env], lambda: NOW_NS, lambda _seconds: True)


class Sent(NamedTuple):
    """A request as it arrived."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    at_s: float
    """Time of day."""

    def json(self):
        """Return what its body holds."""
        return msgspec.json.decode(self.body)


class Receiver:
    """What it was sent; `statuses` are answered one after the other, then 200. `gate`: closed, it answers nobody."""

    def __init__(self):
        self.sent, self.statuses, self.gate, self.url = [], [], threading.Event(), ""
        self.gate.set()

    def posts(self):
        """Return the POSTs alone."""
        return [one for one in self.sent if one.method == "POST"]


@contextlib.contextmanager
def receiving(port=0):
    """Run a receiver on loopback."""
    state = Receiver()

    class Handler(BaseHTTPRequestHandler):
        protocol_version, disable_nagle_algorithm = "HTTP/1.1", True

        def log_message(self, *_args):
            pass

        def answer(self):
            length = int(self.headers.get("content-length", "0"))
            body = self.rfile.read(length)
            if len(body) < length:  # the sender was killed in the middle
                return
            headers = {name.lower(): value for name, value in self.headers.items()}
            state.sent.append(Sent(self.command, self.path, headers, body, time.time()))
            state.gate.wait()
            self.send_response(state.statuses.pop(0) if state.statuses else 200)
            self.send_header("content-length", "2")
            self.end_headers()
            self.wfile.write(b"ok")

        do_GET = do_POST = answer  # noqa: N815 - the names http.server calls

    server = Server(("127.0.0.1", port), Handler)
    state.url = f"http://127.0.0.1:{server.server_address[1]}"
    with served(server):
        try:
            yield state
        finally:
            state.gate.set()
