"""What is wrong with a span port is said, once."""

import logging

import numpy as np
import pytest

from sensor.sources._span_watch import SEEN_LEAST, Watch
from sensor.wire.capture_reports import Counts
from tests.flows.rows import flow


def flows(count, **values):
    """A number of TCP flows that are alike."""
    return np.repeat(flow(**values), count)


@pytest.mark.parametrize(
    ("total", "said"),
    [
        (Counts(accepted=5000, joined=1), "joins packets"),
        (Counts(accepted=4000, rejected={"bad_checksum": 1000}), "wrong checksums"),
        (Counts(accepted=5000, kept_problem="/x: disk full"), "kept no more: /x: disk full"),
    ],
)
def test_it_is_said_once(total, said):
    """However often it is looked at."""
    watch = Watch("span", "eth1")
    for _ in range(3):
        watch.look(total, 5000, 0)
    assert [True] == [said in text for text in watch.warnings]


def test_one_direction_alone_is_noticed():
    """Flows that carry something and were never answered; from a thousand on, whatever the direction."""
    watch = Watch("span", "eth1")
    watch.flows(flows(SEEN_LEAST - 1, resp_pkts=0, resp_bytes=0))
    watch.look(Counts(), 5000, 0)
    assert [] == watch.warnings
    watch.flows(flows(1, orig_pkts=0, orig_bytes=0))
    watch.look(Counts(), 5000, 0)
    assert [True] == ["one side only" in text for text in watch.warnings]


def test_a_healthy_port_is_not_warned_of():
    """Scans carry nothing, some checksums are wrong, a few flows are seen by half."""
    watch = Watch("span", "eth1")
    watch.flows(flows(5000, orig_bytes=0, resp_bytes=0, resp_pkts=0))
    watch.flows(flows(5000))
    watch.flows(flows(50, resp_pkts=0, resp_bytes=0))
    watch.look(Counts(accepted=99_000, rejected={"bad_checksum": 1000}, offloaded=9), 100_000, 0)
    assert [] == watch.warnings


def test_drops_are_told_each_time_there_are_more(caplog):
    """With their number."""
    watch = Watch("span", "eth1")
    with caplog.at_level(logging.WARNING):
        for drops in (0, 5, 5, 9):
            watch.look(Counts(), 100, drops)
    assert ["dropped=5 in_all=5", "dropped=4 in_all=9"] == [
        one.message.split("span ")[1][:18] for one in caplog.records
    ]
