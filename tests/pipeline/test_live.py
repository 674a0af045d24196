"""The loop of a running sensor, without a process: what it commits and when, and what a restart goes on with."""

import json
import threading

import sensor
from sensor.config import build
from sensor.metrics import Metrics
from sensor.pipeline.beside import Around
from sensor.pipeline.claims import Claims
from sensor.pipeline.core import Core
from sensor.pipeline.live import Live
from sensor.pipeline.observing import Observing
from sensor.pipeline.sourcing import Sources
from sensor.store.state import State
from sensor.wire.clock import SystemClock
from tests.cli.test_events import OKTA


def log_of(path, first, last):
    """Append sign-ins, a second apart."""
    with path.open("a") as file:
        for k in range(first, last):
            moment = f"2024-01-01T00:{k // 60:02d}:{k % 60:02d}Z"
            one = {**OKTA, "uuid": f"{k:08d}-0000-11ee-8000-000000000000", "published": moment}
            file.write(json.dumps(one) + "\n")


class Sensor:
    """A loop over one state folder."""

    def __init__(self, tmp_path, state):
        self.config = build(
            {"state": str(tmp_path), "sources": {"idp": {"type": "okta", "path": str(tmp_path / "a.jsonl")}}}
        )
        self.clock, self.state = SystemClock(threading.Event()), state
        self.sources = Sources(
            Claims(state.ledger), self.clock, tmp_path / "checkpoints", lambda name: state.meta(f"position:{name}")
        )
        self.metrics = Metrics(sensor.__version__)
        self.core = Core(self.config, state)
        self.sources.open(self.config)
        around = Around(self.config, tmp_path, self.metrics, ())
        observing = Observing(self.core, self.metrics, [("local", "okta")])
        self.live = Live(self.core, self.sources, observing, around, self.clock)

    def events(self):
        """Return how many events were counted."""
        labels = {"kind": "signin", "site": "local", "source": "okta"}
        return self.metrics.registry.get_sample_value("spanline_events_total", labels)

    def turn_until(self, condition):
        """Let it turn until something holds."""
        for _ in range(200):
            if condition():
                return
            self.live.turn(threading.Event())
        raise AssertionError("it did not come to that")


def test_records_that_wait_for_their_time_are_committed_and_gone_on_with(tmp_path):
    """After a commit the process is gone: the next has what was read and not stepped, once."""
    log_of(tmp_path / "a.jsonl", 0, 95)
    with State(tmp_path) as state:
        one = Sensor(tmp_path, state)
        one.sources.arrived.wait(10)
        one.live._take()
        one.live.commit()
        assert 95 == len(one.live._gathering)
        assert not state.signins()
        one.sources.close()
        one.live._responses.close()
    with State(tmp_path) as state:
        again = Sensor(tmp_path, state)
        log_of(tmp_path / "a.jsonl", 95, 97)
        again.live.close()
        assert len(state.signins()) in {95, 97}
    with State(tmp_path) as state:
        last = Sensor(tmp_path, state)
        last.turn_until(lambda: len(state.signins()) == 97)
        last.live.close()
        assert 97 == state._connection.execute("SELECT count(*) FROM records").fetchone()[0]


def test_between_two_commits_another_process_can_write(tmp_path):
    """Nothing holds the database meanwhile: an incident can be closed beside the sensor at any time."""
    log_of(tmp_path / "a.jsonl", 0, 5)
    with State(tmp_path) as state:
        one = Sensor(tmp_path, state)
        one.turn_until(lambda: len(state.signins()) == 5)
        log_of(tmp_path / "a.jsonl", 5, 9)
        one.sources.arrived.wait(10)
        one.live._take()
        one.live._step(None)
        assert not state._connection.in_transaction
        one.live.close()
        assert 9 == len(state.signins())


def test_the_configuration_changes_as_it_runs(tmp_path):
    """The budget and the sources are others; what was read by then is in the state."""
    log_of(tmp_path / "a.jsonl", 0, 5)
    with State(tmp_path) as state:
        one = Sensor(tmp_path, state)
        one.sources.arrived.wait(10)
        wanted = build({"state": str(tmp_path), "budget": {"incidents_per_day_per_1000": 9}})
        one.live.change(wanted)
        assert (5, 9.0) == (len(state.signins()), one.core.incidents._growth.opening._per_1000)
        assert [None] == [slot.reader for slot in one.sources.slots]
        one.live.change(one.config)
        log_of(tmp_path / "a.jsonl", 5, 6)
        one.turn_until(lambda: len(state.signins()) == 6)
        assert 6 == one.events()
        one.live.close()
