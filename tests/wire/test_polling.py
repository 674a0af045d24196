"""Rounds of a poller: nothing is lost, nothing comes twice, whatever the server and the machine do."""

import json
import random
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from sensor.errors import Permanent, Transient
from sensor.wire import polling
from sensor.wire.apis import open_poller
from sensor.wire.checkpoint import Checkpoint
from sensor.wire.http_client import Limits
from sensor.wire.polling import Page, Poller, Timing, moment_of
from tests.wire.api_server import START_NS, FakeClock, serving

SECOND_NS = 10**9
ROOT = Path(__file__).resolve().parent.parent.parent
LIMITS = Limits(attempts=3, silence_s=0.6, total_s=5.0)


@pytest.fixture
def server():
    """A server with ten records of the last ten minutes, five seconds apart from the next ones."""
    with serving() as state:
        for i in range(10):
            put(state, f"r{i}", 600 - i * 60)
        yield state


@pytest.fixture
def clock():
    """Time that passes while somebody waits."""
    return FakeClock()


def put(state, name, ago_s, now_ns=START_NS):
    at = now_ns - ago_s * SECOND_NS
    state.put("logs", at, {"uuid": name, "published": at // SECOND_NS})


def opened(server, clock, folder, **options):
    server.clock_ns = clock.now_ns
    table = {"api_url": server.url, "domain": "x", "look_back_s": 3600, "overlap_s": 600} | options
    return open_poller("okta", table, lambda: "t", clock, folder, limits=LIMITS, jitter=lambda: 1.0)


def drained(poller, names=None):
    """Read a round to its end, and acknowledge everything; `names` holds what came before an error."""
    names = [] if names is None else names
    for batch in poller.round():
        names += [record["uuid"] for record in batch.records]
        poller.acknowledge(batch)
    return names


ALL = [f"r{i}" for i in range(10)]


def test_a_round_gives_what_is_new(server, clock, tmp_path):
    """Once; the next round gives what came since."""
    poller = opened(server, clock, tmp_path)
    first, again = drained(poller), drained(poller)
    clock.sleep(30)
    put(server, "new", 20, clock.now)
    assert (ALL, [], ["new"]) == (first, again, drained(poller))
    poller.close()


def test_a_restart_goes_on_from_the_disk(server, clock, tmp_path):
    """Another process delivers nothing again."""
    one = opened(server, clock, tmp_path)
    drained(one)
    one.close()
    clock.sleep(60)
    other = opened(server, clock, tmp_path)
    assert ([], True) == (drained(other), other.duplicates > 0)
    other.close()


def test_late_records_are_found_in_the_overlap(server, clock, tmp_path):
    """They happened before what was delivered, and show up after it."""
    poller = opened(server, clock, tmp_path)
    drained(poller)
    put(server, "late", 500)
    put(server, "too late", 3000)
    clock.sleep(30)
    assert ["late"] == drained(poller)
    poller.close()


@pytest.mark.parametrize("mode", ["shuffle", "repeat"])
def test_the_order_of_pages_does_not_matter(server, clock, tmp_path, mode):
    """Records in no order, and pages that repeat each other's ends, give each record once."""
    server.mode, server.page = mode, 2
    poller = opened(server, clock, tmp_path)
    found = Counter(drained(poller) + drained(poller) + drained(poller))
    poller.close()
    # A shuffling server may leave a record out of all pages of one round: the overlap brings it in the next.
    assert {1} == set(found.values())
    assert set(found) <= set(ALL)
    assert mode == "shuffle" or set(ALL) == set(found)


def test_duplicate_ids_are_one_record(server, clock, tmp_path):
    """On one page and on others."""
    for name in ("r3", "r3", "r7"):
        put(server, name, 100)
    poller = opened(server, clock, tmp_path)
    assert (set(ALL), 10, 3) == (set(found := drained(poller)), len(found), poller.duplicates)
    poller.close()


def test_records_without_an_id_are_known_by_their_content(server, clock, tmp_path):
    """The same twice is one; and what is no record is counted."""
    server.streams["logs"] = [(START_NS - 10**10, one) for one in ({"a": 1}, {"a": 1}, {"a": 2}, 7, "x", None)]
    poller = opened(server, clock, tmp_path)
    batches = []
    for batch in poller.round():
        batches += batch.records
        poller.acknowledge(batch)
    assert ([{"a": 1}, {"a": 2}], {"not_a_record": 3}) == (batches, poller.rejected)
    poller.close()


@pytest.mark.parametrize("fault", ["429:5", "500", "503", "cut", "drop", "slow", "garbage", "moved"])
def test_trouble_on_the_way_loses_nothing(server, clock, tmp_path, fault):
    """On any page."""
    poller = opened(server, clock, tmp_path)
    server.faults = ["", fault, "", fault]
    assert ALL == drained(poller)
    poller.close()


def test_a_burst_of_errors_ends_the_round_and_the_next_goes_on(server, clock, tmp_path):
    """What was acknowledged before it does not come again."""
    poller = opened(server, clock, tmp_path)
    server.faults = ["", *["503"] * 9]
    got = []
    with pytest.raises(Transient):
        drained(poller, got)
    server.faults = []
    assert (ALL[:3], ALL[3:]) == (got, drained(poller))
    poller.close()


@pytest.mark.parametrize("mode", ["circle", "endless"])
def test_links_without_end_end_the_round(server, clock, tmp_path, mode, monkeypatch):
    """And lose nothing: the records were delivered on the way, and the window is asked for again."""
    monkeypatch.setattr("sensor.wire.paging.follow.__defaults__", (50,))
    server.mode = mode
    poller = opened(server, clock, tmp_path)
    got = []
    with pytest.raises(Transient):
        drained(poller, got)
    server.mode = ""
    assert ALL == got + drained(poller)
    poller.close()


def test_a_batch_that_is_not_acknowledged_comes_again(server, clock, tmp_path):
    """The next one is not given before."""
    poller = opened(server, clock, tmp_path)
    rounds = poller.round()
    first = next(rounds)
    with pytest.raises(RuntimeError, match="not acknowledged"):
        next(rounds)
    assert ALL == drained(poller)
    with pytest.raises(RuntimeError, match="not out"):
        poller.acknowledge(first)
    poller.close()


@pytest.mark.parametrize("moment", ["fetched", "acknowledged"])
def test_kills_lose_nothing_and_repeat_nothing(server, tmp_path, moment):
    """`kill -9` between fetch and acknowledgement, and after it, at every batch in turn."""
    server.page = 2
    for count in (1, 2, 1, 9):
        assert polled(server, tmp_path, count, moment) in {-signal.SIGKILL, 0}
    polled(server, tmp_path, 0, "never")
    stored = [name for line in stored_lines(tmp_path) for name in line]
    assert ALL == sorted(stored)


def test_a_kill_after_storing_repeats_that_batch_alone(server, tmp_path):
    """Whoever stores and then is killed gets the same records again, and knows them by their ids."""
    server.page = 2
    assert -signal.SIGKILL == polled(server, tmp_path, 2, "stored")
    assert 0 == polled(server, tmp_path, 0, "never")
    lines = stored_lines(tmp_path)
    assert lines[1] == lines[2]
    assert ALL == sorted({name for line in lines for name in line})
    assert 12 == sum(map(len, lines))


def polled(server, folder, count, moment):
    command = [sys.executable, "-m", "tests.wire.poll_until_killed", server.url, str(folder), str(count), moment]
    return subprocess.run(command, cwd=ROOT, check=False, timeout=60).returncode


def stored_lines(folder):
    return [json.loads(line) for line in (folder / "stored.jsonl").read_text().splitlines()]


class Calendar:
    """An API that answers each window from a list of times, without a server."""

    streams = ("a",)

    def __init__(self, times, **changes):
        usual = {
            "interval_s": 60,
            "delay_s": 0,
            "overlap_s": 60,
            "window_s": 600,
            "look_back_s": 3000,
            "oldest_s": 10**5,
        }
        self.times, self.windows = times, []
        self.timing = Timing(**(usual | changes))

    def pages(self, stream, window):
        self.windows.append(window)
        held = [{"n": n, "at": at} for n, at in enumerate(self.times) if window.since_ns <= at < window.until_ns]
        for i in range(0, len(held), 7):
            yield Page(list(held[i : i + 7]))

    def identify(self, record):
        return str(record["n"])

    def moment(self, record):
        return record["at"]

    def close(self):
        pass


def test_long_spans_are_cut_into_windows(tmp_path):
    """Each begins with the overlap, none is longer than the API takes, together they leave no gap."""
    api, clock = Calendar([]), FakeClock()
    assert [] == list(Poller(api, Checkpoint(tmp_path), clock).round())
    spans = [((START_NS - one.since_ns) // SECOND_NS, (START_NS - one.until_ns) // SECOND_NS) for one in api.windows]
    assert [(3060, 2400), (2460, 1800), (1860, 1200), (1260, 600), (660, 0)] == spans


def test_any_times_are_delivered_once(tmp_path):
    """However many a window holds, over many rounds and restarts."""
    rng = random.Random(0)
    api, clock = Calendar([]), FakeClock()
    got = []
    for _ in range(60):
        clock.sleep(rng.randrange(120))
        # Filed up to 50 s after they happened: less than the overlap.
        api.times += [clock.now - rng.randrange(50) * SECOND_NS for _ in range(rng.randrange(40))]
        poller = Poller(api, Checkpoint(tmp_path), clock)
        for batch in poller.round():
            if rng.random() < 0.2:
                break
            got += [record["n"] for record in batch.records]
            poller.acknowledge(batch)
    for batch in (poller := Poller(api, Checkpoint(tmp_path), clock)).round():
        got += [record["n"] for record in batch.records]
        poller.acknowledge(batch)
    clock.sleep(1)
    for batch in poller.round():
        got += [record["n"] for record in batch.records]
        poller.acknowledge(batch)
    assert list(range(len(api.times))) == sorted(got)


def test_what_the_api_no_longer_has_is_counted(tmp_path):
    """A program that was off for too long says for how much time."""
    api, clock = Calendar([], oldest_s=7200), FakeClock()
    poller = Poller(api, Checkpoint(tmp_path), clock)
    list(poller.round())
    clock.sleep(10_000)
    list(poller.round())
    assert (10_000 - 7200) * SECOND_NS == poller.lost_ns


def test_a_clock_that_was_ahead_does_not_stop_the_stream(tmp_path):
    """The stream is looked back at as at first."""
    api, clock = Calendar([START_NS - 5 * SECOND_NS]), FakeClock(START_NS + 10**15)
    list(Poller(api, Checkpoint(tmp_path), clock).round())
    poller = Poller(api, Checkpoint(tmp_path), FakeClock())
    found = []
    for batch in poller.round():
        found += batch.records
        poller.acknowledge(batch)
    assert 1 == len(found)


def test_remembered_ids_are_bounded(tmp_path, monkeypatch):
    """The oldest go first, and are counted."""
    monkeypatch.setattr(polling, "SEEN_MAX", 20)
    api = Calendar([START_NS - i * SECOND_NS for i in range(1, 50)])
    poller = Poller(api, Checkpoint(tmp_path), FakeClock())
    for batch in poller.round():
        poller.acknowledge(batch)
        assert 20 >= len(Checkpoint(tmp_path).load("a").seen)
    assert poller.forgotten > 0


def test_a_damaged_checkpoint_stops_the_source(server, clock, tmp_path):
    """It is not taken for a first start: that would deliver everything again."""
    (tmp_path / "logs.checkpoint").write_bytes(b"x")
    poller = opened(server, clock, tmp_path)
    with pytest.raises(Permanent, match="is damaged"):
        list(poller.round())
    poller.close()


def test_a_moment_is_a_time_or_none():
    """Never an error."""
    assert (10**18, None, None) == (moment_of(10**9), moment_of(None), moment_of("soon"))
