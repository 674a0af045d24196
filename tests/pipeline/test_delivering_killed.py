"""Deliveries that are killed in the middle: nothing is lost, and what comes twice can be known as the same."""

import json
import os
import random
import subprocess
import sys
import time

from sensor.store.state import State
from tests.pipeline.test_delivering import lines, until
from tests.sinks.samples import incident, receiving
from tests.store.test_state import commit

KILLS = int(os.environ.get("SPANLINE_KILLS", "6"))
"""Processes that are killed; `SPANLINE_KILLS=50` before a release."""
INCIDENTS = 40


class Process:
    """The process that delivers."""

    def __init__(self, folder, sinks):
        (folder.parent / "sinks.json").write_text(json.dumps(sinks))
        self._popen = subprocess.Popen(
            [sys.executable, "-m", "tests.pipeline.deliver_until_killed", folder, folder.parent / "sinks.json"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip
        assert self._popen.stdout.readline() == b"begun\n"

    def kill(self):
        """Kill it with SIGKILL."""
        self._popen.kill()
        self._popen.communicate()

    def end(self):
        """Have it deliver the rest and end."""
        assert self._popen.communicate()[0] == b""
        assert self._popen.returncode == 0


def grow(state, round_number):
    """Change every incident, and open one more."""
    commit(state, [incident(f"INC-{number}", score_db=float(round_number)) for number in range(INCIDENTS)])


def test_a_kill_inside_a_send_loses_nothing_and_doubles_nothing_unknown(tmp_path):
    """Every incident's last word arrives at each sink; a file has each version once, a receiver knows it by its key."""
    chance, out = random.Random(0), tmp_path / "out.jsonl"
    with State(tmp_path / "state", exclusive=True) as state, receiving() as receiver:
        sinks = {
            "file": {"type": "jsonl", "path": str(out)}, "hook": {"type": "webhook", "url": receiver.url},
            "am": {"type": "alertmanager", "url": receiver.url + "/am", "repeat_s": 3600},
            "ocsf": {"type": "ocsf", "path": str(tmp_path / "ocsf.jsonl")},
        }  # fmt: skip
        for number in range(KILLS):
            grow(state, number)
            before = len(receiver.sent)
            process = Process(state.folder, sinks)
            if chance.random() < 0.5:  # inside a send: the receiver has it, and its answer never arrives
                until(lambda before=before: len(receiver.sent) > before + 1)
                receiver.gate.clear()
                time.sleep(0.02)
            else:
                time.sleep(chance.random() * 0.3)
            process.kill()
            receiver.gate.set()
        grow(state, KILLS)
        process = Process(state.folder, sinks)
        process.end()

    posted = [one for one in receiver.posts() if one.path == "/"]
    bodies = {}
    for one in posted:
        assert bodies.setdefault(one.headers["idempotency-key"], one.body) == one.body
    last = {f"INC-{number}": float(KILLS) for number in range(INCIDENTS)}
    assert last == {one["id"]: one["score_db"] for one in lines(out)}
    assert last == {one.json()["id"]: one.json()["score_db"] for one in posted}
    versions = [one["delivery"] for one in lines(out)]
    assert len(versions) == len(set(versions))
    found = [one["metadata"]["uid"] for one in lines(tmp_path / "ocsf.jsonl")]
    assert (len(set(found)), INCIDENTS) == (
        len(found),
        len({one.rpartition("-")[0].rpartition("-")[0] for one in found}),
    )
    alerts = [json.dumps(alert["labels"]) for one in receiver.posts() if one.path != "/" for alert in one.json()]
    assert INCIDENTS == len(set(alerts))


def test_a_sink_that_never_answers_holds_neither_memory_nor_the_core(tmp_path):
    """However much changes meanwhile: the state has one row an incident, the process nothing, and commits go on."""
    import tracemalloc

    import sensor
    from sensor.metrics import Metrics
    from sensor.pipeline.delivering import Deliveries
    from tests.pipeline.test_delivering import configured

    with State(tmp_path / "state", exclusive=True) as state, receiving() as receiver:
        receiver.gate.clear()
        grow(state, 0)
        deliveries = Deliveries(
            configured(hook={"type": "webhook", "url": receiver.url}), state.folder, Metrics(sensor.__version__)
        )
        until(receiver.posts)
        grow(state, 1)
        tracemalloc.start()
        for number in range(2, 102):
            grow(state, number)
            deliveries.wake()
        ours = tracemalloc.take_snapshot().filter_traces([tracemalloc.Filter(True, "*/sensor/*")])
        grown = sum(one.size for one in ours.statistics("filename"))
        tracemalloc.stop()
        rows = state._connection.execute("SELECT count(*), max(number) FROM outbox").fetchone()
        receiver.gate.set()
        deliveries.close(30.0)

    assert (INCIDENTS, 102 * INCIDENTS) == rows
    assert grown < 100_000
    assert [101.0] == [one.json()["score_db"] for one in receiver.posts() if one.json()["id"] == "INC-7"]
