"""`spanline run` on sixteen days of logs that were there before it: what a replay of them comes to."""

import json
import shutil
from collections import Counter
from pathlib import Path

from tests.cli.runs import spanline
from tests.cli.test_run import until
from tests.cli.test_run_changes import Running

STORY = Path(__file__).parents[2] / "pcaps" / "demo" / "story"


def read(monkeypatch, capsys, folder):
    """Every incident with its weight and how much evidence each detector has in it.

    Of two acts within ten seconds either may be the stranger one: a sensor that goes on judges in parts of a tick.
    """
    found = json.loads(spanline(monkeypatch, capsys, "incidents", "--digest", "--json", "--state", folder)[1])
    return {
        one["id"]: (one["tier"], one["score_db"], Counter(part["detector"] for part in one["evidence"]))
        for one in found
    }


def test_days_of_logs_of_several_sources_are_read_as_a_replay_reads_them(monkeypatch, capsys, tmp_path):
    """Network and identity logs, each at its own pace: the same incidents, evidence and decibans."""
    shutil.copytree(STORY, tmp_path / "logs")
    logs = tmp_path / "logs"
    site = (STORY / "site.toml").read_text()
    tables = {
        "zeek": ("zeek", logs / "SYD"), "vpn": ("globalprotect", logs / "SYD" / "globalprotect.log.gz"),
        "entra": ("entra", logs / "identity" / "entra-*.jsonl.gz"), "m365": ("m365", logs / "identity" / "m365-*.gz"),
    }  # fmt: skip
    sources = "".join(f'[sources.{name}]\ntype = "{kind}"\npath = "{path}"\n' for name, (kind, path) in tables.items())
    config = tmp_path / "site.toml"
    config.write_text(f'state = "{tmp_path}/run"\n{site}{sources}[metrics]\nlisten = "127.0.0.1:0"\n')
    _, text, _ = spanline(
        monkeypatch, capsys, "replay", "--state", tmp_path / "replay", "--config", config, "--json", logs / "SYD",
        logs / "identity",
    )  # fmt: skip
    expected = read(monkeypatch, capsys, tmp_path / "replay")
    sensor = Running(config)
    try:
        until(sensor.address, f'spanline_flows_total{{site="SYD"}} {json.loads(text)["flows"]}.0', 120)
        code = sensor.stop()
    finally:
        sensor.close()

    assert 0 == code
    assert expected == read(monkeypatch, capsys, tmp_path / "run")
    assert "page" in {tier for tier, _, _ in expected.values()}
