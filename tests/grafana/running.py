"""Two sensors that really run on the demo's inputs, an attack in each, scraped by a real Prometheus every second."""

import contextlib
import gzip
import os
import signal
import subprocess
import sys
import threading
import time

from sensor.cli.samples import samples_dir
from sensor.store.state import State
from tests.grafana.asking import free_port, prometheus

STORY = """site = "SYD"
state = "{folder}/SYD"
local_networks = ["10.10.0.0/16"]
egress = ["203.0.113.10"]
timezone = "Australia/Sydney"
[tenants.example]
domains = ["example.com.au"]
sites = ["SYD"]
[sources.zeek]
type = "zeek"
path = "{folder}/logs/zeek"
[sources.vpn]
type = "globalprotect"
path = "{folder}/logs/globalprotect.log"
[sources.entra]
type = "entra"
path = "{folder}/logs/entra-*.jsonl"
[sources.m365]
type = "m365"
path = "{folder}/logs/m365-audit.jsonl"
[sinks.file]
type = "jsonl"
path = "{folder}/incidents.jsonl"
[sinks.away]
type = "webhook"
url = "http://127.0.0.1:{closed}/hook"
[console]
listen = "127.0.0.1:0"
[metrics]
listen = "127.0.0.1:{port}"
"""
OFFICE = """site = "OFFICE"
state = "{folder}/OFFICE"
[sources.captures]
type = "pcap"
path = "{folder}/captures/*.pcap"
[console]
listen = "127.0.0.1:0"
[metrics]
listen = "127.0.0.1:{port}"
"""
SCRAPED = """global:
  scrape_interval: 1s
scrape_configs:
  - job_name: spanline
    static_configs:
      - targets: ["127.0.0.1:{story}", "127.0.0.1:{office}"]
"""
OPEN = "sum by (site) (spanline_incidents_open{tier=~'page|triage'}) > 0"
STORY_END_S = 1_795_500_000
"""Within hours of the story's last record, 2026-11-24T11:31:40Z."""
DONE_S = 240
"""As long as a loaded machine may take for what takes some 30 s."""


@contextlib.contextmanager
def scraped(folder):
    """Run them until each has its incident and nothing more moves; yields (Prometheus, begin, end in s, folder)."""
    ports = {"story": free_port(), "office": free_port()}
    _lay_out(folder)
    for name, text in (("story", STORY), ("office", OFFICE)):
        (folder / f"{name}.toml").write_text(text.format(folder=folder, port=ports[name], closed=free_port()))
    with prometheus(folder, SCRAPED.format(**ports)) as server, contextlib.ExitStack() as running:
        begin_s = time.time()
        for name in ports:
            running.enter_context(_sensor(folder / f"{name}.toml", folder / f"{name}.log"))
        _wait_until(lambda: 2 == len(server.instant(OPEN, now())))
        _wait_until(lambda: _is_still(server))
        yield server, begin_s, now(), folder


def now():
    return time.time()


def stored(folder, site):
    """Return a site's state, to read."""
    return State(folder / site, readonly=True)


def _lay_out(folder):
    """Unpack the story's logs as a sensor finds them, with a line in one that is none; and the captures."""
    demo = samples_dir() / "demo"
    (folder / "logs" / "zeek").mkdir(parents=True)
    (folder / "captures").mkdir()
    for path in sorted((demo / "story").glob("*/*.gz")):
        text = gzip.decompress(path.read_bytes())
        name = path.name.removesuffix(".gz")
        is_zeek = text.startswith(b"#separator") or text[:5] == b'{"ts"'
        (folder / "logs" / ("zeek" if is_zeek else ".") / name).write_bytes(text)
    with (folder / "logs" / "m365-audit.jsonl").open("ab") as file:
        file.write(b"{this is no record}\n")
    for path in sorted(demo.glob("*.pcap")):
        (folder / "captures" / path.name).write_bytes(path.read_bytes())


@contextlib.contextmanager
def _sensor(config, log):
    command = [sys.executable, "-m", "sensor.cli.main", "run", "--config", str(config)]
    with log.open("w") as file, subprocess.Popen(command, stderr=file, env=os.environ) as process:
        try:
            yield process
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=60)


def _is_still(server):
    """Tell whether everything is read and seen: no record for some seconds, and the story is at its end."""
    moved = server.instant("sum(increase(spanline_records_total[8s]))", now())
    found = server.instant("spanline_site_last_heard_timestamp_seconds", now())
    heard = {labels["site"]: value for labels, value in found}
    return bool(moved) and moved[0][1] == 0.0 and heard.get("SYD", 0.0) > STORY_END_S


def _wait_until(holds):
    waiting = threading.Event()
    for _ in range(DONE_S):
        with contextlib.suppress(OSError, ValueError):
            if holds():
                return
        waiting.wait(1.0)
    raise AssertionError("the sensors did not come to it")
