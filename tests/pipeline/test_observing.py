"""What the core counted, as metrics: equal to the state's own values, monotone, bounded, back at 0 when it is over."""

import re

import msgspec
import pytest

import sensor
from sensor import config
from sensor.metrics import SERIES_MAX, Metrics
from sensor.model.fleet import SiteHealth, SourceHealth
from sensor.model.result import InputResult
from sensor.pipeline import judging
from sensor.pipeline.core import Core
from sensor.pipeline.observing import Observing, source_of
from sensor.pipeline.replaying import Run
from sensor.store.state import State
from tests.pipeline.test_replaying import Given
from tests.scenes import DAY, START, flow, flows, office, scan

HOUR_S = 3600


@pytest.fixture(scope="module")
def scene():
    """Half an hour of office with a scan in it."""
    return flows(*office(), *scan())


class Observed:
    """A core over a state, and its metrics."""

    def __init__(self, state):
        self.core = Core(config.default(), state)
        self.observing = Observing(self.core, Metrics(sensor.__version__), [("local", "given")])

    def run(self, *scenes):
        """Take scenes in, as inputs of one run, and look."""
        run = Run(self.core, [Given(rows) for rows in scenes])
        run.go()
        for one in run.inputs():
            self.observing.read(source_of(one), one)
        self.look()
        self.core.begin()
        self.observing.begin()

    def look(self):
        self.observing.count(every=True)
        self.observing.take_stock()

    def value(self, name, **labels):
        return self.observing.metrics.registry.get_sample_value(f"spanline_{name}", labels)


def test_metrics_are_the_states_own_values(tmp_path, scene):
    """Flows, records, incidents, devices, accounts and actions; every rank, detector and stage is there."""
    with State(tmp_path, exclusive=True) as state:
        one = Observed(state)
        one.run(scene)
        devices = list(state.devices())
        incidents = state.incidents(digest=True)
        actions = [action for incident in incidents for action in incident.actions]
        text = one.observing.metrics.text().decode()

        assert len(scene) == one.value("flows_total", site="local")
        assert len(scene) == one.value("records_total", site="local", source="given")
        assert len(devices) == sum(
            one.value("devices", site="local", location=where, learning=state)
            for where in ("on_prem", "remote", "both") for state in ("learning", "ready", "stale")
        )  # fmt: skip
        assert sum(incident.tier == "triage" for incident in incidents) == one.value(
            "incidents_open", site="local", tier="triage"
        )
        assert max(device.risk_db for device in devices) == one.value("risk_db", site="local", rank="1") > 0
        assert len(actions) == sum(
            one.value("actions_total", connector="none", verb=verb, state="proposed")
            for verb in {action.verb for action in actions}
        )
        assert one.value("site_last_heard_timestamp_seconds", site="local") * 10**9 == one.core.entities.now_ns
        assert 50 == text.count('spanline_risk_db{rank="')
        for stage in ("read", "resolve", "score", "learn", "link", "commit"):
            assert one.value("stage_seconds_count", stage=stage) > 0


def test_an_incident_is_named_by_the_exemplars_of_what_it_moved(tmp_path, scene):
    """The counter of its tier, and the bucket of its delay, in the OpenMetrics text."""
    with State(tmp_path, exclusive=True) as state:
        one = Observed(state)
        one.run(scene)
        (incident,) = [found for found in state.incidents() if found.tier == "triage"]
        lines = one.observing.metrics.text().decode().splitlines()

    named = [line.partition(" ")[0] for line in lines if f'# {{incident="{incident.id}"}}' in line]
    assert 'spanline_incidents_total{site="local",tier="triage"}' in named
    assert 1 == sum(line.startswith("spanline_detection_delay_seconds_bucket") for line in named)


def test_a_look_between_two_ticks_counts_nothing_twice(tmp_path, scene):
    """Looked at after every tick, or once: the same."""
    found = []
    for often in (False, True):
        with State(tmp_path / str(often), exclusive=True) as state:
            one = Observed(state)
            run = Run(one.core, [Given(scene)])
            run.go(told=(lambda _, one=one: one.look()) if often else None)
            one.look()
            found.append([
                (sample.name, tuple(sorted(sample.labels.items())), sample.value)
                for family in one.observing.metrics.registry.collect() if family.name != "spanline_stage_seconds"
                for sample in family.samples
            ])  # fmt: skip

    assert found[0] == found[1]


def test_what_is_over_goes_back_to_nothing(tmp_path, scene):
    """A closed incident is open no more, its device's risk is 0, and the counters stay."""
    with State(tmp_path, exclusive=True) as state:
        one = Observed(state)
        one.run(scene)
        (incident,) = [found for found in state.incidents() if found.tier == "triage"]
        judging.close(state, incident.id, "benign", "an inventory", "kim")
        later = flow(at_s=2 * HOUR_S)
        one.run(flows(later))

        assert 0 == one.value("incidents_open", site="local", tier="triage")
        assert 0 == one.value("risk_db", site="local", rank="1")
        assert 1 == one.value("incidents_total", site="local", tier="triage")
        assert len(scene) + 1 == one.value("flows_total", site="local")


def test_the_budget_is_what_came_to_a_tier_today(tmp_path, scene):
    """One incident over the ceiling of one a day; the next day begins at 0, and a restart does not."""
    with State(tmp_path, exclusive=True) as state:
        one = Observed(state)
        one.run(scene)
        again = Observed(state)
        again.look()
        ratios = [each.value("alert_budget_ratio", tier="triage") for each in (one, again)]
        one.run(flows(flow(at_s=DAY // 10**9 + HOUR_S)))
        ratios.append(one.value("alert_budget_ratio", tier="triage"))

    assert [1.0, 1.0, 0.0] == ratios


def test_sites_are_heard_of_by_themselves(tmp_path):
    """A site whose log ended an hour ago was heard of an hour ago."""
    with State(tmp_path, exclusive=True) as state:
        one = Observed(state)
        first, second = Given(flows(flow())), Given(flows(flow(at_s=HOUR_S)))
        second.account.site = "PER"
        run = Run(one.core, [first, second])
        run.go()
        one.look()

        assert (START // 10**9 + 10, START // 10**9 + HOUR_S + 10) == tuple(
            one.value("site_last_heard_timestamp_seconds", site=site) for site in ("local", "PER")
        )


def test_series_are_bounded_whatever_is_read(tmp_path):
    """Tens of thousands of addresses, hostile reasons, kinds and sources: the same series, under the cap."""
    rng_rows = [
        flow(f"10.{k // 250 % 250}.{k % 250}.9", f"198.18.{k % 256}.{k // 256 % 256}", at_s=k / 50) for k in range(5000)
    ]
    with State(tmp_path, exclusive=True) as state:
        one = Observed(state)
        one.run(flows(flow()))
        before = count(one)
        one.run(flows(*rng_rows))
        assert before == count(one)
        for k in range(10_000):
            rejected = {f"reason-{k}": 1, f'x"}} evil {k}\n': 1, f"10.0.{k // 256}.{k % 256}": 1}
            one.observing.read(f"source{k}", InputResult(
                path="p", site="local", format="f", records=1, bytes=1, accepted=0, late=0, duplicates=0,
                rejected=rejected,
            ))  # fmt: skip
            one.observing.metrics.event("local", f"user{k}@example.com", f"kind{k}", 1)
        text = one.observing.metrics.text().decode()

    assert before < count(one) <= SERIES_MAX
    assert "evil" not in text
    assert "@" not in text


def count(one):
    return sum(len(family.samples) for family in one.observing.metrics.registry.collect())


def test_the_two_forms_of_captures_are_one_source():
    """As the configuration has it: type pcap."""
    held = {"path": "p", "site": "s", "records": 0, "bytes": 0, "accepted": 0, "late": 0, "duplicates": 0}

    assert ["pcap", "pcap", "zeek", "unknown"] == [
        source_of(InputResult(**held, format=form, rejected={})) for form in ("pcap", "pcapng", "zeek-conn", "")
    ]


def test_a_hub_shows_its_sites_and_their_sources_as_they_said(tmp_path):
    """Every series of a site from when it is known; a source that is no more is taken away; the bound holds."""
    health = SiteHealth(sources=(SourceHealth(source="span", up=True), SourceHealth(source="zeek", up=False, lag_s=9)))
    with State(tmp_path, exclusive=True) as state:
        one = Observed(state)
        one.core.fleet.hear("PER", 5 * 10**9, health)
        one.core.fleet.expect(["MEL"])
        one.look()
        text = one.observing.metrics.text().decode()
        assert (1.0, 0.0, 9.0) == (
            one.value("source_up", site="PER", source="span"), one.value("source_up", site="PER", source="zeek"),
            one.value("source_lag_seconds", site="PER", source="zeek"),
        )  # fmt: skip
        assert (5.0, 0.0) == tuple(one.value("site_last_heard_timestamp_seconds", site=name) for name in ("PER", "MEL"))
        assert 0.0 == one.value("incidents_open", site="MEL", tier="page")
        assert 50 == text.count('spanline_risk_db{rank="') // 3 == len(re.findall('spanline_risk_db.*"PER"', text))
        more = tuple(SourceHealth(source=f"s{number}", up=True) for number in range(3 * SERIES_MAX))
        one.core.fleet.hear("PER", 6 * 10**9, SiteHealth(sources=more))
        one.look()
        text = one.observing.metrics.text().decode()
    assert 'spanline_source_up{site="PER",source="zeek"}' not in text
    assert text.count('site="PER"') < SERIES_MAX


def test_a_hub_that_is_no_site_is_not_missed(tmp_path):
    """It has no last record; one that reads something itself has."""
    with State(tmp_path, exclusive=True) as state:
        core = Core(config.default(), state)
        alone, reading = (
            Observing(core, Metrics("0"), [("local", source) for source in sources]).metrics.text().decode()
            for sources in (("site",), ("site", "entra"))
        )
    heard = 'spanline_site_last_heard_timestamp_seconds{site="local"}'
    assert (False, True) == (heard in alone, heard in reading)


def test_an_incident_of_two_sites_is_open_at_both(tmp_path, scene):
    """So that whoever is called for either is called."""
    with State(tmp_path, exclusive=True) as state:
        one = Observed(state)
        one.run(scene)
        (case,) = [case for case in one.core.incidents.cases.values() if case.tier == "triage"]
        held = next(iter(case.evidence.values()))
        case.evidence["EV-other"] = msgspec.structs.replace(held, id="EV-other", site="PER")
        one.core.fleet.hear("PER", 1)
        one.look()
        assert (1.0, 1.0) == tuple(one.value("incidents_open", site=site, tier="triage") for site in ("local", "PER"))
