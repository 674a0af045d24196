"""The sources of a running sensor: opened, changed, and opened again behind what was taken."""

import json
import threading
import time

from sensor.config import build
from sensor.pipeline.claims import Claims
from sensor.pipeline.sourcing import RETRY_S, Sources
from sensor.store.state import State
from sensor.wire.clock import SystemClock
from tests.cli.test_events import OKTA


def log_of(path, *ids):
    """Append sign-ins with these ids."""
    with path.open("a") as file:
        file.writelines(json.dumps({**OKTA, "uuid": one}) + "\n" for one in ids)


def taken(sources, number):
    """Wait until a source gave something; return the ids."""
    for _ in range(500):
        if some := sources.take(number):
            return [event.raw_id.partition("/")[0] for one in some for event in one.batch.events]
        time.sleep(0.01)
    raise AssertionError("nothing came")


def broken():
    """Fail, as a parser with a fault would."""
    raise RuntimeError("a fault")


def sources_of(state, tmp_path):
    """Have none yet."""
    return Sources(Claims(state.ledger), SystemClock(threading.Event()), tmp_path / "checkpoints", lambda _: None)


def config_of(tmp_path, *names):
    """Follow a log of each name."""
    tables = {name: {"type": "okta", "path": str(tmp_path / f"{name}.jsonl")} for name in names}
    return build({"state": str(tmp_path / "s"), "sources": tables})


def test_sources_come_and_go_as_the_sensor_runs(tmp_path):
    """One that is removed keeps its number; a new one gets the next; one that stays is not touched."""
    log_of(tmp_path / "a.jsonl", "1")
    log_of(tmp_path / "b.jsonl", "2", "3")
    log_of(tmp_path / "c.jsonl", "4")
    with State(tmp_path / "s") as state:
        sources = sources_of(state, tmp_path)
        sources.open(config_of(tmp_path, "a", "b"))
        first = [taken(sources, 0), taken(sources, 1)]
        kept = sources.slots[1].reader
        closed = sources.change(config_of(tmp_path, "b", "c"))
        third = taken(sources, 2)

        assert [["1"], ["2", "3"], ["4"]] == [*first, third]
        assert [0] == closed
        assert kept is sources.slots[1].reader
        assert [1, 2, 1] == [one.account.records for one in sources.slots]
        assert ["b", "c"] == sorted(sources.positions())
        assert 4 == len(sources.claimed)
        assert [2, 3] == [sources.number_of("local/c"), sources.number_of("PER/gone")]
        sources.close()


def test_one_that_failed_is_opened_again_behind_what_was_taken(tmp_path):
    """Nothing of it is lost and nothing comes twice."""
    log_of(tmp_path / "a.jsonl", "1", "2")
    with State(tmp_path / "s") as state:
        sources = sources_of(state, tmp_path)
        sources.open(config_of(tmp_path, "a"))
        first = taken(sources, 0)
        sources.slots[0].reader._feed.poll = broken
        for _ in range(500):
            if not sources.slots[0].is_up:
                break
            time.sleep(0.01)
        log_of(tmp_path / "a.jsonl", "3")
        assert not sources.slots[0].is_up
        sources.retry(0.0)
        sources.retry(RETRY_S - 1)
        assert not sources.slots[0].is_up
        sources.retry(RETRY_S)

        assert sources.slots[0].is_up
        assert ["1", "2", "3"] == first + taken(sources, 0)
        sources.close()


def test_what_was_claimed_and_never_taken_is_free_again(tmp_path):
    """A source that is removed before its records were taken leaves them to another."""
    log_of(tmp_path / "a.jsonl", "1")
    with State(tmp_path / "s") as state:
        sources = sources_of(state, tmp_path)
        sources.open(config_of(tmp_path, "a"))
        assert sources.arrived.wait(5)
        sources.change(config_of(tmp_path))
        assert not sources._claims.held
        sources.close()
