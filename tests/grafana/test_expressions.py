"""What dashboards ask, of a real Prometheus about real runs with attacks in them: never nothing, the state's values.

Two sensors are scraped as they run (`running`), and the demo's whole inputs are replayed and taken in afterwards.
"""

import collections
import subprocess
import sys

import pytest

from sensor.cli.samples import samples_dir
from sensor.store.archive_reader import ArchiveReader
from sensor.store.state import State
from tests.grafana.asking import dashboards, prometheus, put_in, targets
from tests.grafana.running import scraped, stored

pytestmark = [pytest.mark.slow, pytest.mark.needs_tool("prometheus", "promtool")]
DAYS_S = 17 * 86_400
"""The demo's story and the captures after it."""
NEEDS_DAYS = "spanline_calibration_ratio"
"""A backlog is read in seconds, in the order of the disk: whether volumes are learned from it is left to chance."""
LIVE_ONLY = ("spanline_process_", "spanline_sink_")
"""A replay delivers nothing, and its process is not the sensor's."""


@pytest.fixture(scope="module")
def live(tmp_path_factory):
    """Two sensors and their Prometheus: (server, begin, end, folder)."""
    with scraped(tmp_path_factory.mktemp("live")) as one:
        yield one


@pytest.fixture(scope="module")
def replayed(tmp_path_factory):
    """A replay of the demo's inputs, taken in by a Prometheus: (server, end of event time, folder)."""
    folder = tmp_path_factory.mktemp("replayed")
    demo = samples_dir() / "demo"
    command = [
        *(sys.executable, "-m", "sensor.cli.main", "replay", "--fresh", "--state", folder / "state"),
        *("--config", demo / "story" / "site.toml", "--metrics-history", folder / "history.txt"),
        *(f"SYD={demo / 'story' / part}" for part in ("SYD", "identity")),
        *(f"local={path}" for path in sorted(demo.glob("*.pcap"))),
    ]
    subprocess.run(command, check=True, capture_output=True)
    take_in = ["promtool", "tsdb", "create-blocks-from", "openmetrics", "--max-block-duration=120h"]
    subprocess.run([*take_in, folder / "history.txt", folder / "tsdb"], check=True, capture_output=True)
    with State(folder / "state", readonly=True) as state, prometheus(folder) as server:
        yield server, int(state.meta("clock_ns")) / 1e9, folder


def test_no_panel_and_no_annotation_of_a_running_sensor_is_empty(live):
    """Every expression of every dashboard gives something in the time of the run, but what needs days of it."""
    server, begin_s, end_s, _ = live
    empty = [
        one for held in dashboards().values() for one in targets(held)
        if NEEDS_DAYS not in one.expr and not server.ask(one, begin_s, end_s, 1, is_wide=False)
    ]  # fmt: skip

    assert [] == empty


def test_every_variable_gives_something_to_choose(live):
    """Sites and sensors; and each site and each sensor alone leaves no number empty."""
    server, begin_s, end_s, _ = live
    found = {}
    for held in dashboards().values():
        for one in held["templating"]["list"]:
            if one["type"] == "query":
                series, label = one["query"].removeprefix("label_values(").removesuffix(")").split(", ")
                found[one["name"]] = {labels[label] for labels, _ in server.instant(series, end_s)}
    empty = [
        (one, site) for site in found["site"] for one in targets(dashboards()["spanline-site.json"])[:8]
        if not server.ask(one, begin_s, end_s, 1, is_wide=False, site=site)
    ]  # fmt: skip

    assert {"OFFICE", "SYD"} == found["site"]
    assert 2 == len(found["instance"])
    assert [] == empty


def test_numbers_of_running_sensors_are_their_states(live):
    """Open incidents, devices, accounts, risk, contradicted sign-ins and proposals, site by site."""
    server, _, end_s, folder = live
    for site in ("SYD", "OFFICE"):
        with stored(folder, site) as state:
            check(server, end_s, state, site)


def test_an_exemplar_names_the_incident_that_it_counts(live):
    """Its id is in the state, in that tier's time."""
    server, begin_s, end_s, folder = live
    found = server.get("query_exemplars", query="spanline_incidents_total", start=begin_s, end=end_s)
    named = {
        (one["seriesLabels"]["site"], exemplar["labels"]["incident"])
        for one in found for exemplar in one["exemplars"]
    }  # fmt: skip
    there = set()
    for site in ("SYD", "OFFICE"):
        with stored(folder, site) as state:
            there |= {(site, incident.id) for incident in state.incidents(digest=True)}

    assert {"SYD", "OFFICE"} == {site for site, _ in named}
    assert set() == named - there


def test_no_panel_of_a_replay_is_empty(replayed):
    """Taken in at the original times, seen whole and in the day of the attack; but what only a running sensor has."""
    server, end_s, _ = replayed
    asked = [one for held in dashboards().values() for one in targets(held)]
    kept = [one for one in asked if not any(name in one.expr for name in LIVE_ONLY) and "dropped" not in one.expr]
    steps = {"increase(spanline_incidents_total": 300}
    empty = [
        one for one in kept
        if not server.ask(one, end_s - DAYS_S, end_s, next((s for k, s in steps.items() if k in one.expr), 1800))
    ]  # fmt: skip

    assert [] == empty


def test_numbers_of_a_replay_are_its_states(replayed):
    """At the end of event time, for both sites."""
    server, end_s, folder = replayed
    with State(folder / "state", readonly=True) as state:
        for site in ("SYD", "local"):
            check(server, end_s, state, site)
        with ArchiveReader(state, folder / "state") as archive:
            flows = list(archive.rows("SELECT site, count(*) FROM flows GROUP BY site"))
        verdicts = collections.Counter(one.corroboration for one in state.signins())

    for site, count in flows:
        assert count == total(server, f"spanline_flows_total{{site='{site}'}}", end_s)
    for verdict in ("contradicted", "supported", "unsupported"):
        assert verdicts[verdict] == total(server, f"spanline_signins_total{{corroboration='{verdict}'}}", end_s)


def check(server, end_s, state, site):
    """Compare what dashboards show as counts with what the state holds."""
    incidents = [one for one in state.incidents(digest=True) if site in one.sites]
    devices = [one for one in state.devices() if one.site == site]
    for tier in ("page", "triage", "digest"):
        wanted = sum(one.tier == tier and one.state == "open" for one in incidents)
        assert wanted == total(server, f"spanline_incidents_open{{site='{site}',tier='{tier}'}}", end_s), (site, tier)
    for learning in ("learning", "ready", "stale"):
        wanted = sum(one.learning.state == learning for one in devices)
        assert wanted == total(server, f"spanline_devices{{site='{site}',learning='{learning}'}}", end_s)
    assert max(one.risk_db for one in devices) == total(server, f"spanline_risk_db{{site='{site}',rank='1'}}", end_s)


def total(server, series, at_s):
    """Return the sum of some series."""
    ((_, value),) = server.instant(f"sum({put_in(series)})", at_s)
    return value
