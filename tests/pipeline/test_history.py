"""A replay's metrics at their original times: what a Prometheus that takes them in says of then."""

import itertools
import json
import re
import shutil
import socket
import subprocess
import time
import urllib.parse
import urllib.request

import pytest

from sensor import config
from sensor.pipeline.core import Core
from sensor.pipeline.history import Watched
from sensor.pipeline.replaying import Run
from sensor.store.state import State
from tests.pipeline.test_replaying import Given
from tests.scenes import START, flow, flows, office, scan

needs_prometheus = pytest.mark.skipif(
    not (shutil.which("prometheus") and shutil.which("promtool")), reason="prometheus and promtool are not installed"
)
AFTER_S = 3 * 86_400
"""Event time of a last flow, so that the longer step is taken."""


def history(folder, *rows):
    """Replay flows; return the text of the history, and of the metrics at the end."""
    with State(folder / "state", exclusive=True) as state:
        core = Core(config.default(), state)
        watched = Watched(core, is_history=True)
        run = Run(core, [Given(flows(*rows))])
        run.go(heard=watched.heard, coming=watched.coming)
        watched.write(run.inputs(), folder / "last.txt", folder / "history.txt")
    return (folder / "history.txt").read_text(), (folder / "last.txt").read_text()


def values(text, series):
    """Return (seconds after the start, value) of one series."""
    found = re.findall(rf"^{re.escape(series)} (\S+) (\S+)$", text, re.MULTILINE)
    return [(float(ts) - START / 1e9, float(value)) for value, ts in found]


def test_counters_begin_at_nothing_and_end_as_the_run_does(tmp_path):
    """Minute by minute; the last sample is the final metrics' value."""
    text, last = history(tmp_path, *office(), *scan())
    found = values(text, 'spanline_flows_total{site="local"}')
    steps = {round(later - earlier) for (earlier, _), (later, _) in itertools.pairwise(found[:-1])}

    assert ({60}, 0.0) == (steps, found[0][1])
    assert sorted(value for _, value in found) == [value for _, value in found]
    assert f'spanline_flows_total{{site="local"}} {found[-1][1]}' in last
    assert text.endswith("# EOF\n")


def test_what_came_up_later_was_nothing_before(tmp_path):
    """An incident's counter has its 0 samples, and rises when the scan is; so do the records read."""
    text, _ = history(tmp_path, *office(), *scan())
    found = values(text, 'spanline_incidents_total{site="local",tier="triage"}')
    rise_s = next(ts for ts, value in found if value)
    records = values(text, 'spanline_records_total{site="local",source="given"}')

    assert (0.0, 1.0) == (found[0][1], found[-1][1])
    assert 0 < rise_s <= found[-1][0]
    assert len(flows(*office(), *scan())) == records[-1][1]


def test_a_family_is_in_one_piece(tmp_path):
    """As OpenMetrics has it, each series in order of time."""
    text, _ = history(tmp_path, *office(), *scan())
    families = re.findall(r"^# TYPE (\S+)", text, re.MULTILINE)

    assert len(set(families)) == len(families) > 20


def test_days_are_sampled_as_far_apart_as_a_rate_over_four_minutes_bears(tmp_path):
    """Every 2 minutes: two samples in each 4."""
    text, _ = history(tmp_path, flow(), flow(at_s=AFTER_S))
    found = values(text, 'spanline_flows_total{site="local"}')

    assert 120 == round(found[1][0] - found[0][0])
    assert AFTER_S // 120 <= len(found) <= AFTER_S // 120 + 3


def test_nothing_read_is_a_history_of_nothing(tmp_path):
    """A valid file, with the end as its one time."""
    text, _ = history(tmp_path)

    assert text.endswith("# EOF\n")


@needs_prometheus
def test_a_prometheus_that_takes_it_in_tells_what_was_then(tmp_path):
    """By promtool into blocks, by a server out of them: the total at the end, and an hour earlier."""
    history(tmp_path, *office(), *scan(), flow(at_s=7200))
    subprocess.run(
        ["promtool", "tsdb", "create-blocks-from", "openmetrics", tmp_path / "history.txt", tmp_path / "tsdb"],
        check=True, capture_output=True, timeout=120,
    )  # fmt: skip
    whole = len(flows(*office(), *scan())) + 1
    with serving(tmp_path) as port:
        end_s = START / 1e9 + 7210
        assert whole == query(port, "sum(spanline_flows_total)", end_s)
        assert whole - 1 == query(port, "sum(spanline_flows_total)", end_s - 3600)
        assert 1 == query(port, 'sum(increase(spanline_incidents_total{tier="triage"}[2h])) > bool 0.5', end_s)


class serving:  # noqa: N801 - used as a context manager, like a function
    """A Prometheus over the blocks in a folder, on loopback."""

    def __init__(self, folder):
        self._folder = folder

    def __enter__(self):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        (self._folder / "empty.yml").write_text("{}\n")
        self._process = subprocess.Popen(
            [
                "prometheus", f"--config.file={self._folder / 'empty.yml'}", f"--web.listen-address=127.0.0.1:{port}",
                f"--storage.tsdb.path={self._folder / 'tsdb'}", "--storage.tsdb.retention.time=100y",
            ],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        for _ in range(300):
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/-/ready", timeout=5).close()
                return port
            except OSError:
                time.sleep(0.1)
        raise AssertionError("prometheus did not start")

    def __exit__(self, *_):
        self._process.terminate()
        self._process.wait(timeout=20)


def query(port, expression, at_s):
    """Ask for one value."""
    asked = urllib.parse.urlencode({"query": expression, "time": f"{at_s:.3f}"})
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/v1/query?{asked}", timeout=10) as answer:
        (found,) = json.load(answer)["data"]["result"]
    return float(found["value"][1])


def test_what_was_read_comes_with_its_rows_and_is_exact_at_the_end(tmp_path):
    """One batch of two days: half of its records are there after one, and none is counted twice after the last."""
    rows = [flow(at_s=3600.0 * k) for k in range(48)]
    text, last = history(tmp_path, *rows, flow(at_s=3 * 86_400))
    found = values(text, 'spanline_records_total{site="local",source="given"}')
    after_a_day = max(value for ts, value in found if ts <= 86_400)

    assert 24 <= after_a_day <= 25
    assert 49 == found[-1][1]
    assert 'spanline_records_total{site="local",source="given"} 49.0' in last
    assert {1.0} == {value for _, value in values(text, 'spanline_source_up{site="local",source="given"}')}
