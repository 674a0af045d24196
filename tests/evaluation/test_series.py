"""How many series a site has when ten million addresses are seen: as many as before, and no more than is promised."""

import re

import numpy as np
import pytest

import sensor
from sensor.config import build
from sensor.metrics import SERIES_MAX, Metrics
from sensor.model.capture import ARP
from sensor.model.flow import CONN_STATES
from sensor.model.times import TICK_NS
from sensor.pipeline.core import Core
from sensor.pipeline.observing import Observing
from sensor.store.sorting import Step
from sensor.store.state import State
from tests.scenes import START, flow

STEPS, FLOWS = 50, 100_000
"""Each flow is between two addresses that nobody saw before: ten million in all, half of them the site's own."""


@pytest.mark.slow
def test_ten_million_addresses_make_no_series(tmp_path):
    """Sources of a scan from everywhere to everywhere; the text of the metrics names none of them."""
    one = flow(state="S0")
    with State(tmp_path, exclusive=True) as state:
        core = Core(build({"state": str(tmp_path), "archive": {"enabled": False}}), state)
        observing = Observing(core, Metrics(sensor.__version__), [("local", "zeek"), ("local", "pcap")])
        core.entities.inputs = ["given"]
        sites = np.array([core.entities.site_number("local")], np.int32)
        counts: list[int] = []
        for step in range(STEPS):
            core.step(crowd(one, step), sites)
            observing.count()
            observing.take_stock()
            counts.append(sum(len(family.samples) for family in observing.metrics.registry.collect()))
        text = observing.metrics.text().decode()

    flows = observing.metrics.registry.get_sample_value("spanline_flows_total", {"site": "local"})
    assert STEPS * FLOWS == flows
    assert [counts[0]] * STEPS == counts
    assert counts[-1] <= SERIES_MAX, counts[-1]
    assert [] == re.findall(r'="[0-9]+(?:[.][0-9]+){3}', text)


def crowd(one, step):
    """Return a tick of flows from everywhere to everywhere."""
    rows = np.repeat(one, FLOWS)
    ids = np.arange(step * FLOWS, (step + 1) * FLOWS, dtype=np.uint64)
    mapped = np.uint64(0xFFFF) << np.uint64(32)
    rows["orig_lo"] = mapped | (np.uint64(0x14000000) + ids)  # 20.0.0.0 and on: outside
    rows["resp_lo"] = mapped | (np.uint64(0x0A000000) + ids)  # 10.0.0.0 and on: the site's own
    rows["ts"] = START + step * TICK_NS + np.arange(FLOWS) * (TICK_NS // FLOWS)
    rows["conn_state"] = CONN_STATES.index("S0")
    rows["offset"] = ids
    rows["uid"] = ids.astype("S20")
    empty = np.empty(0, np.int32)
    return Step(START + (step + 1) * TICK_NS, rows, [], np.empty(0, ARP), empty, [])
