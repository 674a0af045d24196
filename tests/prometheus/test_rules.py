"""Prometheus' rules: valid, tested by promtool, about metrics that there are; each alert is seen to fire."""

import re
import subprocess
from pathlib import Path

import pytest

from sensor.metrics import Metrics

FOLDER = Path(__file__).resolve().parents[2] / "prometheus"
ALERTS = (FOLDER / "rules" / "spanline-alerts.yml").read_text()
RECORDING = (FOLDER / "rules" / "spanline-recording.yml").read_text()


def run(*command):
    """Run a tool in the folder; return its exit code and what it said."""
    done = subprocess.run(command, cwd=FOLDER, capture_output=True, text=True, check=False, timeout=60)
    return done.returncode, done.stdout + done.stderr


@pytest.mark.needs_tool("promtool")
@pytest.mark.parametrize("command", [("check", "rules"), ("test", "rules")])
def test_promtool_is_content(command):
    """The syntax, and each test of a rule."""
    files = [str(one) for one in sorted((FOLDER / ("rules" if command[0] == "check" else "tests")).glob("*.yml"))]
    code, said = run("promtool", *command, *files)

    assert (0, said) == (code, said)


@pytest.mark.needs_tool("promtool", "amtool")
def test_the_example_configurations_are_valid():
    """Of a Prometheus, with the rules found, and of an Alertmanager."""
    code, said = run("promtool", "check", "config", "prometheus.yml")
    assert (0, True) == (code, "2 rule files" in said)
    assert 0 == run("amtool", "check-config", "alertmanager.yml")[0]


ROUTED = (
    ("on-call", {"alertname": "SpanlineIncident", "tier": "page", "site": "SYD"}),
    ("queue", {"alertname": "SpanlineIncident", "tier": "triage", "site": "SYD"}),
    ("on-call", {"alertname": "SpanlinePage", "site": "SYD"}),
    ("queue", {"alertname": "SpanlineSiteSilent", "site": "SYD"}),
    ("queue", {"alertname": "SpanlineSinkDown", "sink": "pager"}),
    ("perth-on-call", {"alertname": "SpanlineIncident", "tier": "page", "site": "PER"}),
    ("perth-queue", {"alertname": "SpanlineIncident", "tier": "triage", "site": "PER"}),
    ("perth-on-call", {"alertname": "SpanlinePage", "site": "PER"}),
    ("perth-queue", {"alertname": "SpanlineSourceDown", "site": "PER"}),
    ("queue", {"alertname": "SpanlineSiteSilent", "site": "PER"}),
    ("nobody", {"alertname": "SomebodyElses", "site": "PER"}),
)


@pytest.mark.needs_tool("amtool")
@pytest.mark.parametrize(("receiver", "labels"), ROUTED)
def test_an_alert_comes_to_the_people_of_its_site(receiver, labels):
    """A site with people of its own has its own queue and its own call; the others share theirs."""
    told = [f"{name}={value}" for name, value in labels.items()]
    asked = ("--config.file=alertmanager.yml", f"--verify.receivers={receiver}")
    code, said = run("amtool", "config", "routes", "test", *asked, *told)

    assert 0 == code, said


def test_every_alert_is_tested_to_fire_and_to_be_quiet():
    """An alert that nobody saw firing, or that always fires, is none."""
    tests = (FOLDER / "tests" / "alerts.yml").read_text()
    alerts = set(re.findall(r"alert: (\w+)", ALERTS))
    fires = set(re.findall(r"alertname: (\w+)\n\s+eval_time: \w+\n\s+exp_alerts:\n", tests))
    quiet = set(re.findall(r"alertname: (\w+)\n\s+eval_time: \w+\n\s+exp_alerts: \[\]", tests))

    assert alerts == fires
    assert alerts - quiet <= {"SpanlineTableFull", "SpanlineBudgetOff"}  # quiet beside: for other labels, in one test


def test_rules_use_metrics_that_there_are():
    """By the names that the program declares; what rules record is told apart by its colons."""
    metrics = Metrics("0")
    metrics.expect_sink("x")
    names = set()
    for family in metrics.registry.collect():
        names |= {family.name, f"{family.name}_total"} if family.type == "counter" else {family.name}
    recorded = set(re.findall(r"record: (\S+)", RECORDING))
    expressions = re.findall(r"expr: (?:\|\n((?:\s{10,}.+\n)+)|(.+))", ALERTS + RECORDING)
    used = {word for one in expressions for word in re.findall(r"[a-z_:0-9]*spanline_[a-z_:0-9]+", one[0] or one[1])}

    assert set() == used - names - recorded
    assert len(used) > 15
