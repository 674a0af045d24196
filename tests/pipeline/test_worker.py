"""A worker within this process: a state machine that obeys orders."""

import socket
import threading

import numpy as np

from sensor.pipeline.worker import Worker, serve
from sensor.pipeline.worker_wire import KEPT, Begin, Learn, Own, Stream, Take, Tell, decode_found, encode
from tests.scenes import flows, office, scan

BEGIN = Begin({"local": ("10.0.0.0/8",)}, 7, {}, {}, "UTC", {})
NONE = np.empty(0, np.bool_).tobytes()


def steps():
    """Return the orders of an hour with a scan in it."""
    rows = flows(*office(), *scan())
    order = np.argsort(rows["ts"], kind="stable")
    rows = rows[order]
    for at in range(0, len(rows), 200):
        part = rows[at : at + 200]
        count = len(part)
        yield Take(
            int(part["ts"].max()), True, ["local"], ["conn.log"], part.tobytes(), np.zeros(count, np.int32).tobytes(),
            np.ones(count, np.bool_).tobytes(), b"", b"", b"", [], [], [], [], [],
        )  # fmt: skip


def live(worker, orders):
    """Have a worker take steps; return what was found, by detector."""
    found = {}
    for order in orders:
        for name, findings in decode_found(worker.score(order)).items():
            found.setdefault(name, []).extend(findings)
        worker.learn(Learn(np.zeros(worker.entities.count(), np.bool_).tobytes(), NONE))
    return found


def began(*names):
    """Return a new worker that owns detectors."""
    worker = Worker(BEGIN)
    worker.own(Own({name: {} for name in names}))
    return worker


def test_what_a_detector_finds_does_not_depend_on_its_companions():
    """Two workers find what one finds that has both of their detectors."""
    both = live(began("new_device", "scan"), steps())

    assert both["scan"]
    assert both == live(began("scan"), steps()) | live(began("new_device"), steps())


def test_a_detector_that_moves_goes_on_where_it_was():
    """Its state goes from one worker to the next, and the first lets it go."""
    orders = list(steps())
    half = len(orders) // 2
    whole = live(began("scan"), orders)

    first, second = began("scan"), began()
    found = live(first, orders[:half]).get("scan", [])
    live(second, orders[:half])
    second.own(Own({"scan": first.kept(Tell()).states["scan"]}))
    first.own(Own({}))

    assert whole["scan"] == [*found, *live(second, orders[half:]).get("scan", [])]
    assert {} == live(first, orders[half:])


def test_a_detector_that_stays_keeps_its_state():
    """It is named without one."""
    orders = list(steps())
    worker = began("scan")
    live(worker, orders)
    before = worker.kept(Tell(entities=True))
    worker.own(Own({"scan": None}))

    assert before.states == worker.kept(Tell()).states
    assert before.entities == worker.kept(Tell(entities=True)).entities


def test_a_worker_obeys_until_the_stream_ends():
    """Answers come to steps and questions only."""
    mine, its = socket.socketpair()
    thread = threading.Thread(target=serve, args=(Stream(its),))
    thread.start()
    stream = Stream(mine)
    for order in (BEGIN, Own({"scan": {}}), next(steps())):
        stream.send(encode(order))
    decode_found(stream.receive())
    stream.send(encode(Learn(NONE, NONE)))
    stream.send(encode(Tell()))

    assert ["scan"] == list(KEPT.decode(stream.receive()).states)
    stream.close()
    thread.join(10)
    its.close()
    assert not thread.is_alive()
