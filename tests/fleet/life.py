"""A site's process: tells its hub of devices out of a real state and spool, until it is killed, or has said enough.

    python -m tests.fleet.life CONFIG

Each step is one packet: one device of the site's was seen again, and now and then a large one. What was told at which
step follows from its number, so that whoever knows how many there were knows all of it.
"""

import hashlib
import signal
import sys
import threading
from pathlib import Path

import sensor
from sensor import config as configuration
from sensor.metrics import Metrics
from sensor.model.report import KIND_OF, Sighting, Verdict, encode
from sensor.model.site_packet import Packet
from sensor.pipeline.uplink import Uplink
from sensor.store.spool import SpoolReader
from sensor.store.state import State

START_NS = 1_790_000_000 * 10**9
STEP_NS = 10**9
DEVICES = 20
LARGE, LARGE_REPORTS = 40, 60
"""Every so many steps a packet of so many reports, some 60 KB that hardly pack."""
PACE_S = 0.1
TOLD = "steps told"
ENOUGH = "enough"
"""A file in the state's folder: no more is told, and the process ends when the hub has it all."""


def reports_of(site, step):
    """Return what a site tells at a step."""
    ts, number = START_NS + step * STEP_NS, step % DEVICES
    seen = Sighting(
        ts=ts, device=device_of(site, number), macs=(mac_of(site, number),) if number else (),
        addresses=(f"10.0.0.{20 + number}",), names=((name_of(site, number), "dhcp"),),
        first_ns=START_NS, last_ns=ts, flows=step,
    )  # fmt: skip
    more = []
    if step % LARGE == 0:
        for at in range(LARGE_REPORTS):
            text = hashlib.shake_128(f"{site} {step} {at}".encode()).hexdigest(450)
            more.append(Verdict(ts=ts, incident=f"INC-{at}", evidence=(), verdict="true", reason=text))
    return [seen, *more]


def device_of(site, number):
    """Return a device's id at its site; equal at all sites for the first."""
    said = f"{site} {number}" if number else "the same everywhere"
    return f"dev-{hashlib.blake2b(said.encode(), digest_size=6).hexdigest()}"


def mac_of(site, number):
    """Return a burned-in MAC."""
    tail = hashlib.blake2b(f"{site} {number}".encode(), digest_size=3).hexdigest()
    return f"54:e1:ad:{tail[:2]}:{tail[2:4]}:{tail[4:]}"


def name_of(site, number):
    """Return a hostname; the first has the same one at every site."""
    return f"{site.lower()}-pc{number}" if number else "nas"


def told(folder):
    """Return how many steps a site has told."""
    with State(folder, readonly=True) as state:
        return int(state.meta(TOLD) or 0)


def live(config, folder):
    """Tell until there is the file, then carry until the hub has it all."""
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    with State(folder, exclusive=True) as state:
        uplink, step = Uplink(config, folder, Metrics(sensor.__version__)), int(state.meta(TOLD) or 0)
        while not stop.wait(PACE_S) and not (folder / ENOUGH).exists():
            step += 1
            reports = reports_of(config.site, step)
            state.commit(
                columns={}, incidents=[], devices=[], accounts=[], inputs=[], meta={TOLD: str(step)},
                packets=[Packet(KIND_OF[type(one[0])], one[0].ts, one[-1].ts, encode(one)) for one in _apart(reports)],
            )  # fmt: skip
            uplink.wake()
        reader = SpoolReader(folder, config.site, readonly=True)
        while not stop.wait(PACE_S) and reader.acked() < reader.bounds()[1]:
            uplink.wake()
        reader.close()
        uplink.close(0.0)


def _apart(reports):
    """Return reports by the kind of packet in which they go."""
    kinds = dict.fromkeys(KIND_OF[type(one)] for one in reports)
    return [[one for one in reports if KIND_OF[type(one)] == kind] for kind in kinds]


if __name__ == "__main__":
    read = configuration.load(Path(sys.argv[1]))
    live(read, Path(read.state))
