"""What a site says of itself is what its own state holds."""

from collections import Counter

import sensor
from sensor import config
from sensor.entities.accounts import Row
from sensor.entities.devices import AGE_NS
from sensor.model.fleet import SourceHealth
from sensor.model.times import DAY_NS
from sensor.pipeline.core import Core
from sensor.pipeline.replaying import Run
from sensor.pipeline.site_health import health_of, learning_of
from sensor.store.state import State
from tests.pipeline.test_replaying import Given
from tests.scenes import flows, office, scan


def test_health_is_of_one_site_and_the_states_own(tmp_path):
    """Devices, open incidents and risks as committed; sources by name; nothing of a site that has none."""
    with State(tmp_path, exclusive=True) as state:
        core = Core(config.default(), state)
        Run(core, [Given(flows(*office(), *scan()))]).go()
        sources = [SourceHealth(source="zeek", up=True), SourceHealth(source="entra", up=False, lag_s=9.0)]
        found, other = health_of(core, "local", sources), health_of(core, "PER")
        devices, incidents = state.devices(), state.incidents(digest=True)

    assert (sensor.__version__, ["entra", "zeek"]) == (found.version, [one.source for one in found.sources])
    assert dict(Counter(one.learning.state for one in devices)) == found.devices
    assert dict(Counter(one.tier for one in incidents if one.state == "open")) == found.incidents
    assert sorted((one.risk_db for one in devices if one.risk_db), reverse=True)[:50] == list(found.risks)
    assert ({}, {}, ()) == (other.devices, other.incidents, other.risks)


def test_an_account_learns_for_a_day_and_is_stale_when_devices_are():
    """By its own first and last sight."""
    now_ns = 100 * DAY_NS
    spans = ((now_ns - DAY_NS + 1, now_ns), (now_ns - DAY_NS, now_ns), (0, now_ns - AGE_NS - 1))
    assert ["learning", "ready", "stale"] == [
        learning_of(Row(name="ann", kind="user", first_ns=first, last_ns=last), now_ns) for first, last in spans
    ]
