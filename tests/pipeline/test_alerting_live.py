"""From a record in a log to the receiver behind a real Alertmanager, with a real Prometheus beside it."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from pathlib import Path

import pytest

from tests.sinks.samples import receiving

RULES = Path(__file__).resolve().parents[2] / "prometheus" / "rules"
FEW, SCANS = 8, int(os.environ.get("SPANLINE_SCANS", "110"))
"""Devices that scan, one after the other: to see that all arrives, and to measure how fast."""
PAUSE_S = 0.3
ALIKE = 4
"""Devices a site: five that scan within an hour would be one incident."""
BAR_S = 5.0
"""From the deciding record to the receiver, 99 of 100."""


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


@contextlib.contextmanager
def started(log, *command):
    """Run a server; end it after."""
    with log.open("wb") as said, subprocess.Popen(command, stdout=said, stderr=said) as process:
        try:
            yield process
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(30)


def asked(url):
    """Return what a server answers, as JSON; None where it does not."""
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310 - loopback
            return json.loads(answer.read())
    except OSError:
        return None


def until(true, seconds=180.0):
    """Wait until it is so, and return it."""
    ends_s = time.monotonic() + seconds
    while not (found := true()):
        assert time.monotonic() < ends_s, "waited in vain"
        time.sleep(0.05)
    return found


def flow(host, number, ts, *, answered):
    """One line of conn.log: an answered connection, or a SYN that nothing answers, to a port of each device's own."""
    there = {"conn_state": "S0", "history": "S", "resp_pkts": 0}
    if answered:
        there = {"conn_state": "SF", "history": "ShADadFf", "orig_bytes": 100, "resp_bytes": 900, "resp_pkts": 5}
    return json.dumps(
        {
            "ts": ts, "uid": f"C{host}x{number}", "id.orig_h": f"10.0.1.{host + 1}", "id.orig_p": 40000 + number,
            "id.resp_h": "10.0.0.2" if answered else f"10.9.{host}.{number + 1}", "proto": "tcp",
            "id.resp_p": 443 if answered else 2000 + host,
            "duration": 0.001, "orig_pkts": 5, "orig_ip_bytes": 400, "missed_bytes": 0, "local_orig": True,
            "local_resp": True, **there,
        }
    ) + "\n"  # fmt: skip


@contextlib.contextmanager
def everything(folder, sites):
    """Run sensor, Alertmanager, Prometheus, a receiver; yields the receiver, each site's log, Prometheus' address."""
    alertmanager, metrics, prometheus = free_port(), free_port(), free_port()
    logs = [folder / f"S{site}" / "conn.log" for site in range(sites)]
    for log in logs:
        log.parent.mkdir()
        log.touch()
    sources = "".join(
        f'[sites.S{site}]\n[sources.z{site}]\ntype = "zeek"\nsite = "S{site}"\npath = "{log}"\n'
        for site, log in enumerate(logs)
    )
    with receiving() as receiver, contextlib.ExitStack() as stack:
        (folder / "alertmanager.yml").write_text(
            "route: {receiver: here, group_by: ['...'], group_wait: 0s, group_interval: 1s, repeat_interval: 1h}\n"
            f"receivers: [{{name: here, webhook_configs: [{{url: '{receiver.url}/', send_resolved: true}}]}}]\n"
        )
        (folder / "prometheus.yml").write_text(
            f"global: {{scrape_interval: 1s, evaluation_interval: 1s}}\nrule_files: ['{RULES}/*.yml']\n"
            f"scrape_configs: [{{job_name: spanline, static_configs: [{{targets: ['127.0.0.1:{metrics}']}}]}}]\n"
        )
        (folder / "site.toml").write_text(
            f'state = "{folder}/state"\n[budget]\nincidents_per_day_per_1000 = 1000000\n'
            f'{sources}[metrics]\nlisten = "127.0.0.1:{metrics}"\n'
            f'[sinks.am]\ntype = "alertmanager"\nurl = "http://127.0.0.1:{alertmanager}"\nconsole_url = "https://c.example"\n'
            f'[sinks.gone]\ntype = "webhook"\nurl = "http://127.0.0.1:1/"\n'
        )
        stack.enter_context(
            started(
                folder / "am.txt", "prometheus-alertmanager", f"--config.file={folder}/alertmanager.yml",
                f"--storage.path={folder}/am", f"--web.listen-address=127.0.0.1:{alertmanager}",
                "--cluster.listen-address=",
            )
        )  # fmt: skip
        stack.enter_context(
            started(
                folder / "prom.txt", "prometheus", f"--config.file={folder}/prometheus.yml",
                f"--storage.tsdb.path={folder}/prom", f"--web.listen-address=127.0.0.1:{prometheus}",
            )
        )  # fmt: skip
        until(lambda: asked(f"http://127.0.0.1:{alertmanager}/api/v2/status"))
        stack.enter_context(
            started(
                folder / "run.txt", sys.executable, "-m", "sensor.cli.main", "run", "--config", folder / "site.toml",
            )
        )  # fmt: skip
        until(lambda: "following" in (folder / "run.txt").read_text())
        yield receiver, logs, f"http://127.0.0.1:{prometheus}/api/v1"


def alerts_of(receiver):
    """Return the alerts that came, each with the time: (when, alert)."""
    return [(one.at_s, alert) for one in receiver.posts() for alert in one.json()["alerts"]]


@pytest.mark.needs_tool("prometheus", "prometheus-alertmanager")
def test_incidents_reach_the_receiver_and_are_resolved_when_closed(tmp_path):
    """Each one, by a real Alertmanager; Prometheus counts the same, and its rules work."""
    delays(tmp_path, FEW)


@pytest.mark.slow
@pytest.mark.needs_tool("prometheus", "prometheus-alertmanager")
def test_an_incident_reaches_the_receiver_within_seconds(tmp_path, capsys):
    """99 of 100 within 5 s of the deciding record, group_wait 0."""
    took = delays(tmp_path, SCANS)
    p99 = took[int(0.99 * (len(took) - 1) + 0.5)]
    with capsys.disabled():
        sys.stdout.write(
            f"\n{len(took)} incidents, record to receiver: p50 {took[len(took) // 2]:.2f} s, p99 {p99:.2f} s, "
            f"max {took[-1]:.2f} s\n"
        )
    assert p99 <= BAR_S


def delays(folder, scans):
    """Let devices scan; return how long each incident took to the receiver, sorted, once all else was as expected."""
    written, sites = {}, -(-scans // ALIKE)
    with everything(folder, sites) as (receiver, logs, prometheus):
        for number in range(scans):
            moment = time.time()
            with logs[number % sites].open("a") as file:
                file.write(flow(number, 999, moment - 0.06, answered=True))
                file.write("".join(flow(number, k, moment - 0.05 + k / 1000, answered=False) for k in range(40)))
            written[f"10.0.1.{number + 1}"] = moment
            time.sleep(PAUSE_S)
        until(lambda: len({alert["annotations"]["subjects"] for _, alert in alerts_of(receiver)}) >= scans)
        came = {}
        for at_s, alert in alerts_of(receiver):
            came.setdefault(alert["annotations"]["subjects"], (at_s, alert["labels"]["incident"]))
        assert scans == len({incident for _, incident in came.values()})
        assert all(
            alert["generatorURL"] == f"https://c.example/incidents/{alert['labels']['incident']}"
            for _, alert in alerts_of(receiver)
        )
        close_one(folder / "state", came["10.0.1.1"][1], receiver)
        until(lambda: value(prometheus, 'spanline_sink_sent_total{sink="am"}') >= scans)
        until(lambda: value(prometheus, 'sum(spanline_incidents_open{tier="triage"})') >= scans - 1)
        assert (1.0, 0.0) == tuple(value(prometheus, f'spanline_sink_up{{sink="{name}"}}') for name in ("am", "gone"))
        until(lambda: value(prometheus, 'spanline_sink_lag_seconds{sink="gone"}') > 1)
        until(lambda: {"ok"} == {rule["health"] for group in rules(prometheus) for rule in group["rules"]})
        until(lambda: "gone" in {one["labels"].get("sink") for one in alerts(prometheus)})
    return sorted(came[host][0] - moment for host, moment in written.items())


def close_one(state, incident, receiver):
    """Close an incident as a person does, and wait until the receiver has heard of it."""
    subprocess.run(
        [
            sys.executable, "-m", "sensor.cli.main", "close", incident, "--verdict", "benign", "--reason", "ours",
            "--state", state,
        ],
        check=True, capture_output=True,
    )  # fmt: skip
    until(
        lambda: [
            one for _, one in alerts_of(receiver)
            if one["status"] == "resolved" and one["labels"]["incident"] == incident
        ]
    )  # fmt: skip


def rules(prometheus):
    """Return its groups of rules."""
    found = asked(f"{prometheus}/rules")
    return found["data"]["groups"] if found else []


def alerts(prometheus):
    """Return what its rules say now, whether for long enough or not."""
    found = asked(f"{prometheus}/alerts")
    return found["data"]["alerts"] if found else []


def value(prometheus, query):
    """Return what a query comes to; 0 where that is nothing, or nobody answers yet."""
    found = asked(f"{prometheus}/query?{urllib.parse.urlencode({'query': query})}")
    rows = found["data"]["result"] if found else []
    return float(rows[0]["value"][1]) if rows else 0.0
