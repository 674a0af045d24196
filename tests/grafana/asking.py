"""What dashboards ask, and asking a real Prometheus for it: variables put in as Grafana does."""

import contextlib
import json
import re
import socket
import subprocess
import time
import urllib.parse
import urllib.request
from typing import NamedTuple

from grafana.write import FOLDER

RATE_S = 240
"""What `$__rate_interval` is at least, where sensors are scraped once a minute."""


class Asked(NamedTuple):
    """One target of one panel."""

    dashboard: str
    panel: str
    expr: str
    is_instant: bool
    legend: str = ""
    ref: str = "A"


def dashboards():
    """Return every committed dashboard by its file's name."""
    return {path.name: json.loads(path.read_text()) for path in sorted(FOLDER.glob("*.json"))}


def panels(dashboard):
    """Return the panels that show something."""
    return [one for one in dashboard["panels"] if one["type"] != "row"]


def targets(dashboard):
    """Return every target of a dashboard, its annotations' included."""
    title = dashboard["title"]
    found = [
        Asked(title, one["title"], target["expr"], bool(target.get("instant")), target["legendFormat"], target["refId"])
        for one in panels(dashboard) for target in one["targets"]
    ]  # fmt: skip
    return found + [
        Asked(title, one["name"], one["expr"], is_instant=False) for one in dashboard["annotations"]["list"]
    ]


def put_in(expr, site=".*", instance=".*", range_s=3600, rate_s=RATE_S):
    """Return an expression as Prometheus gets it."""
    values = {
        "__rate_interval": f"{rate_s}s", "__range": f"{range_s}s", "site": site, "instance": instance,
    }  # fmt: skip
    filled = re.sub(r"\$\{?(\w+)\}?", lambda found: values[found[1]], expr)
    assert "$" not in filled, expr
    return filled


class Server:
    """A Prometheus on loopback."""

    def __init__(self, port):
        self.url = f"http://127.0.0.1:{port}/api/v1"

    def get(self, path, **asked):
        """Ask for something of the API."""
        url = f"{self.url}/{path}?{urllib.parse.urlencode(asked)}"
        with urllib.request.urlopen(url, timeout=60) as answer:  # noqa: S310 - our own server
            return json.load(answer)["data"]

    def instant(self, expr, at_s):
        """Return [(labels, value)] at a time."""
        found = self.get("query", query=expr, time=f"{at_s:.3f}")["result"]
        return [(one["metric"], float(one["value"][1])) for one in found]

    def over(self, expr, begin_s, end_s, step_s):
        """Return [(labels, [(time, value)])] over a time."""
        found = self.get("query_range", query=expr, start=f"{begin_s:.3f}", end=f"{end_s:.3f}", step=step_s)["result"]
        return [(one["metric"], [(ts, float(value)) for ts, value in one["values"]]) for one in found]

    def ask(self, asked, begin_s, end_s, step_s, **values):
        """Ask as a panel does; return [(labels, [values])]."""
        rate_s = max(RATE_S, 4 * step_s) if values.pop("is_wide", True) else 15
        expr = put_in(asked.expr, range_s=int(end_s - begin_s), rate_s=rate_s, **values)
        if asked.is_instant:
            return [(labels, [value]) for labels, value in self.instant(expr, end_s)]
        return [(labels, [value for _, value in points]) for labels, points in self.over(expr, begin_s, end_s, step_s)]


def free_port():
    """Return a port that was free a moment ago."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


@contextlib.contextmanager
def prometheus(folder, config="{}\n"):
    """Run one over `folder`/tsdb; yields its Server."""
    port = free_port()
    (folder / "prometheus.yml").write_text(config)
    command = [
        "prometheus", f"--config.file={folder / 'prometheus.yml'}", f"--web.listen-address=127.0.0.1:{port}",
        f"--storage.tsdb.path={folder / 'tsdb'}", "--storage.tsdb.retention.time=100y",
        "--enable-feature=exemplar-storage",
    ]  # fmt: skip
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            _wait_until_ready(f"http://127.0.0.1:{port}/-/ready")
            yield Server(port)
        finally:
            process.terminate()
            process.wait(timeout=20)


def _wait_until_ready(url):
    for _ in range(300):
        with contextlib.suppress(OSError):
            urllib.request.urlopen(url, timeout=5).close()  # noqa: S310 - our own server
            return
        time.sleep(0.1)
    raise AssertionError("prometheus did not start")
