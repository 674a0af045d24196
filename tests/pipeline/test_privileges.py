"""A sensor opens its interfaces, gives up everything else, and can still begin again."""

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time

import pytest

from sensor.config import build
from sensor.errors import ConfigError
from sensor.pipeline import privileges
from sensor.pipeline.feeds import open_feed
from sensor.store.state import State
from sensor.wire.clock import SystemClock
from sensor.wire.privileges import held
from tests.cli.test_run import until
from tests.sources.spans import OFFICE, frames_of, read
from tests.sources.wires import NEAR, send, wire

KERNELS_KEPT = "SPANLINE_KERNEL_CACHE"
SITE = """
state = "{state}"
[sources.port]
type = "span"
interface = "{near}"
buffer_bytes = 16777216
{more}
[metrics]
listen = "127.0.0.1:0"
[console]
listen = "127.0.0.1:0"
"""


def site(tmp_path, more=""):
    """Write a configuration."""
    path = tmp_path / "site.toml"
    path.write_text(SITE.format(state=tmp_path / "state", near=NEAR, more=more))
    return path


@contextlib.contextmanager
def running(config):
    """Run a sensor in a process of its own, to its end; yields it and the address of its metrics."""
    command = [sys.executable, "-m", "sensor.cli.main", "run", "--config", str(config)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        try:
            found = None
            while found is None:
                found = re.search(r"http://(\S+)/metrics", process.stderr.readline())
            yield process, found[1]
        finally:
            process.send_signal(signal.SIGTERM)
            process.stderr.read()


def started(pid):
    """A process and all that it started."""
    said = subprocess.run(["pgrep", "-P", str(pid)], capture_output=True, text=True, check=False).stdout
    return [pid, *(int(word) for word in said.split())]


@pytest.mark.needs_root
@pytest.mark.needs_tool("ip")
def test_a_sensor_takes_in_a_wire_without_any_privilege(tmp_path):
    """`spanline run`: each process without capabilities; packets are counted, and flows are there after the end."""
    frames = frames_of(OFFICE)
    with wire(), running(site(tmp_path, "keep_duplicates = true")) as (process, address):
        for _ in range(600):
            if [(0, True)] * 2 == [held(pid) for pid in started(process.pid)]:
                break
            time.sleep(0.1)
        assert [(0, True)] * 2 == [held(pid) for pid in started(process.pid)]
        send(frames)
        until(address, f'spanline_packets_total{{site="local",source="span"}} {len(frames)}.0')
    done = subprocess.run(
        [sys.executable, "-m", "sensor.cli.main", "hunt", "--json", "--state", str(tmp_path / "state"),
         "select count(*) n, sum(orig_pkts + resp_pkts) p from flows"], capture_output=True, text=True, check=True,
    )  # fmt: skip
    ((count, packets),) = [tuple(row.values()) for row in json.loads(done.stdout)]
    assert count > 0
    assert len(frames) == packets + sum(len(batch.arp) for batch in read(OFFICE))


@pytest.mark.needs_root
@pytest.mark.needs_tool("ip")
def test_an_interface_that_is_not_there_stops_the_start(tmp_path):
    """Exit code 2, with the table and those that there are."""
    path = site(tmp_path)
    command = [sys.executable, "-m", "sensor.cli.main", "run", "--config", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert 2 == done.returncode
    assert f"[sources.port] interface = '{NEAR}': no such interface; there are" in done.stderr


@pytest.mark.needs_root
@pytest.mark.needs_tool("ip")
def test_what_is_open_can_be_opened_again_and_nothing_else(tmp_path):
    """A source that failed, or has other options, goes on with its sockets; another interface waits for a restart."""
    config = build({"state": str(tmp_path), "sources": {"port": {"type": "span", "interface": NEAR}}})
    other = build({"state": str(tmp_path), "sources": {"port": {"type": "span", "interface": "lo"}}})
    more = build({"state": str(tmp_path), "sources": {"port": {"type": "span", "interface": NEAR, "snaplen": 200}}})
    clock = SystemClock(threading.Event())
    with wire(), State(tmp_path) as state:
        privileges.open_sources(config)
        try:
            for one in (config, config, more):
                feed = open_feed(one.sources["port"], "local", 0, state.ledger, None, clock, tmp_path)
                assert "" == feed.problem
                feed.close()
            with pytest.raises(ConfigError, match="interface = 'lo' is opened by a restart alone"):
                open_feed(other.sources["port"], "local", 0, state.ledger, None, clock, tmp_path)
        finally:
            privileges.close_sources()


def test_without_a_live_source_nothing_is_given_up(tmp_path):
    """A sensor of logs stays what it is."""
    before = held()
    privileges.open_and_drop(build({"sources": {"z": {"type": "zeek", "path": str(tmp_path)}}}))
    assert before == held()


@pytest.mark.needs_root
@pytest.mark.needs_tool("ip")
def test_whoever_started_as_root_becomes_the_user_with_a_place_for_kernels(tmp_path, monkeypatch):
    """The state is handed over before root is given up, and what root compiled is not asked for."""
    done = []
    monkeypatch.setattr(privileges.privileges, "hand_over", lambda folder, user: done.append((folder, user)))
    monkeypatch.setattr(privileges.privileges, "drop", done.append)
    monkeypatch.setattr(os, "environ", {key: text for key, text in os.environ.items() if key != KERNELS_KEPT})
    table = {"type": "span", "interface": NEAR, "user": "nobody"}
    with wire():
        privileges.open_and_drop(build({"state": str(tmp_path / "s"), "sources": {"port": table}}))
        privileges.close_sources()
    assert [(tmp_path / "s", "nobody"), "nobody"] == done
    assert str(tmp_path / "s" / privileges.KERNELS) == os.environ[KERNELS_KEPT]
