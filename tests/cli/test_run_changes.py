"""`spanline run` as it goes on: several sources at once, another configuration, its service manager, its end."""

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time

from sensor.store.state import State
from tests.cli.runs import TSV
from tests.cli.test_run import signins, until
from tests.sources.test_netflow import BACK, FORTH, send
from tests.wire.netflow_crafted import v5

START = 1_704_067_200
"""Of the sign-ins' and flows' event time: 2024-01-01."""


class Running:
    """A sensor in a process of its own.

    Attributes:
        said: Lines of its standard error so far.
    """

    def __init__(self, config, **environment):
        command = [sys.executable, "-m", "sensor.cli.main", "run", "--config", str(config)]
        self.process = subprocess.Popen(
            command, stderr=subprocess.PIPE, text=True, env=os.environ | {"PYTHONUNBUFFERED": "1"} | environment
        )
        self.said = []
        self._thread = threading.Thread(target=lambda: self.said.extend(self.process.stderr))
        self._thread.start()

    def wait_for(self, text, seconds=60):
        """Wait until it says something; return the line."""
        for _ in range(10 * seconds):
            found = next((line for line in self.said if text in line), None)
            if found is not None:
                return found
            time.sleep(0.1)
        raise AssertionError(f"no {text!r} in {self.said}")

    @property
    def address(self):
        """Return where its metrics are."""
        return re.search(r"http://(\S+)/metrics", self.wait_for("/metrics"))[1]

    def stop(self):
        """Stop it as a person or systemd would; return the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(60)

    def close(self):
        self.process.kill()
        self.process.wait()
        self._thread.join()
        self.process.stderr.close()


@contextlib.contextmanager
def running(folder, *tables, budget="", **environment):
    """Run a sensor over these tables; yields it and the path of its configuration."""
    path = folder / "site.toml"
    path.write_text(configured(folder, *tables, budget=budget))
    one = Running(path, **environment)
    try:
        yield one, path
    finally:
        one.close()


def configured(folder, *tables, budget=""):
    return f'state = "{folder}/state"\n{budget}[metrics]\nlisten = "127.0.0.1:0"\n' + "".join(tables)


def table(name, of, path):
    return f'[sources.{name}]\ntype = "{of}"\npath = "{path}"\n'


def conn(path, first, last, gap_s=0.05):
    """Append flows to a conn.log."""
    if not path.exists():
        path.write_bytes(TSV)
    with path.open("a") as file:
        for k in range(first, last):
            file.write(
                f"{START + k * gap_s:.6f}\tC{k:08d}\t10.0.0.{k % 50 + 1}\t40000\t198.51.100.{k % 9}\t443\ttcp\t-\t0.5"
                "\t100\t200\tSF\tShADadFf\t5\t300\t5\t300\n"
            )


def free_port():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def test_sources_are_read_side_by_side_and_each_is_accounted_for(tmp_path):
    """A long log, a short one and a port: nobody waits for another, memory stays bounded, drops of the port count."""
    conn(tmp_path / "conn.log", 0, 60_000)
    (tmp_path / "okta.jsonl").write_text(signins(0, 3))
    port = free_port()
    tables = (
        table("zeek", "zeek", tmp_path / "conn.log"), table("idp", "okta", tmp_path / "okta.jsonl"),
        f'[sources.netflow]\ntype = "netflow"\nlisten = "127.0.0.1:{port}"\n',
    )  # fmt: skip
    with running(tmp_path, *tables) as (one, _):
        one.wait_for("following")
        send(port, v5(FORTH, BACK), b"junk", v5(FORTH)[:40])
        until(one.address, 'spanline_records_total{site="local",source="netflow"} 4.0')
        until(one.address, 'spanline_records_total{site="local",source="okta"} 3.0')
        text = until(one.address, 'spanline_records_total{site="local",source="zeek"} 60000.0', 120)
        assert 'spanline_dropped_total{reason="bad_version",site="local",source="netflow"} 1.0' in text
        assert 'spanline_dropped_total{reason="cut_short",site="local",source="netflow"} 1.0' in text
        assert 3 == text.count("spanline_source_up{") == len(re.findall(r"spanline_source_up{.*} 1.0", text))
        assert 0 == one.stop()
    with State(tmp_path / "state", readonly=True) as state:
        counted = dict(state._connection.execute("SELECT format, sum(accepted) FROM inputs GROUP BY format"))
    assert [2, 3, 60_000] == sorted(counted.values())


def test_another_configuration_is_taken_and_a_wrong_one_is_not(tmp_path):
    """A change of the file within seconds, SIGHUP at once; what is wrong with it is said, and all goes on as before."""
    (tmp_path / "a.jsonl").write_text(signins(0, 2))
    (tmp_path / "b.jsonl").write_text(signins(2, 5))
    first, second = table("a", "okta", tmp_path / "a.jsonl"), table("b", "okta", tmp_path / "b.jsonl")
    events = 'spanline_events_total{kind="signin",site="local",source="okta"}'
    with running(tmp_path, first) as (one, path):
        one.wait_for("following")
        until(one.address, f"{events} 2.0")
        path.write_text(configured(tmp_path, first, "[sources.b]\ntype = 'nosuch'\n"))
        wrong = json.loads(one.wait_for("not taken"))
        assert ("error", True) == (wrong["level"], "nosuch" in wrong["event"])
        with (tmp_path / "a.jsonl").open("a") as file:
            file.write(signins(5, 6))
        until(one.address, f"{events} 3.0")
        path.write_text(configured(tmp_path, first, second))
        one.process.send_signal(signal.SIGHUP)
        one.wait_for("configuration taken")
        until(one.address, f"{events} 6.0")
        path.write_text(configured(tmp_path, first, second, budget='site = "SYD"\n'))
        one.wait_for("needs a restart for: site")
        assert 0 == one.stop()
    with State(tmp_path / "state", readonly=True) as state:
        assert 6 == len(state.signins())


def test_it_stops_in_the_middle_of_a_log_and_goes_on_behind_what_is_committed(tmp_path):
    """SIGTERM: what was read by then is committed, the rest is for the next start; each record once."""
    conn(tmp_path / "conn.log", 0, 100_000)
    tables = (table("zeek", "zeek", tmp_path / "conn.log"),)
    with running(tmp_path, *tables) as (one, _):
        one.wait_for("following")
        until(one.address, "spanline_flows_total")
        assert 0 == one.stop()
        assert "stopped\n" == one.said[-1]
    with running(tmp_path, *tables) as (one, _):
        one.wait_for("following")
        for _ in range(600):
            with State(tmp_path / "state", readonly=True) as state:
                done = state._connection.execute("SELECT sum(accepted), count(*) FROM inputs").fetchone()
            if done[0] == 100_000:
                break
            time.sleep(0.2)
        assert 0 == one.stop()

    assert 100_000 == done[0]


def test_the_service_manager_hears_of_its_life(tmp_path):
    """Ready, alive, reloading and ready again, stopping: by datagrams to the socket that it was given."""
    (tmp_path / "a.jsonl").write_text(signins(0, 2))
    heard, tables = [], (table("a", "okta", tmp_path / "a.jsonl"),)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(60)

        def hear(text):
            while not any(text in one for one in heard):
                heard.append(manager.recv(4096).decode())

        watched = {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "2000000"}
        with running(tmp_path, *tables, **watched) as (one, path):
            hear("STATUS=following")
            heard.clear()
            hear("WATCHDOG=1")
            path.write_text(configured(tmp_path, *tables, budget="[budget]\nincidents_per_day_per_1000 = 2\n"))
            one.process.send_signal(signal.SIGHUP)
            hear("RELOADING=1\nMONOTONIC_USEC=")
            hear("READY=1")
            assert 0 == one.stop()
            hear("STOPPING=1")
