"""The long-running process; what it serves is tried through the command line in tests/cli/test_run.py."""

import stat

from sensor.config import build
from sensor.pipeline.service import Sensor
from sensor.store.state import State
from tests.cli.runs import conn_log


def test_the_installation_has_one_secret_that_only_its_owner_reads(tmp_path):
    """Made at the first start, kept at the next."""
    settings = build({"state": str(tmp_path)})
    held = []
    for _ in range(2):
        with State(tmp_path, exclusive=True) as state:
            Sensor(settings, state, tmp_path / "secret")
        held.append((tmp_path / "secret").read_bytes())

    assert held[0] == held[1]
    assert 32 == len(held[0])
    assert 0o600 == stat.S_IMODE((tmp_path / "secret").stat().st_mode)


def test_a_source_without_a_file_is_down_and_the_others_are_read(tmp_path):
    """A pattern that matches nothing is no reason to stop."""
    table = {"type": "zeek", "path": str(tmp_path / "none*.log")}
    with State(tmp_path / "s", exclusive=True) as state:
        sensor = Sensor(build({"state": str(tmp_path), "sources": {"a": table}}), state, tmp_path / "secret")
        sensor.read_all(lambda: False)
        up = sensor.metrics.registry.get_sample_value("spanline_source_up", {"site": "local", "source": "zeek"})

    assert 0 == up


def test_what_the_state_holds_is_shown_before_anything_new_comes(tmp_path):
    """After a restart the open incidents and the devices are there at the first scrape, and no counter is."""
    conn_log(tmp_path / "conn.log")
    table = {"type": "zeek", "path": str(tmp_path / "conn.log")}
    settings = build({"state": str(tmp_path), "sources": {"a": table}})
    shown = []
    for reads in (True, False):
        with State(tmp_path / "s", exclusive=True) as state:
            sensor = Sensor(settings, state, tmp_path / "secret")
            if reads:
                sensor.read_all(lambda: False)
            value = sensor.metrics.registry.get_sample_value
            shown.append([
                value("spanline_incidents_open", {"site": "local", "tier": "triage"}),
                value("spanline_devices", {"site": "local", "location": "on_prem", "learning": "learning"}),
                value("spanline_flows_total", {"site": "local"}),
            ])  # fmt: skip

    assert [1.0, 60.0] == [shown[0][0], shown[0][2]]
    assert [*shown[0][:2], 0.0] == shown[1]
