"""Flows explained by what endpoints told of them."""

import numpy as np

from sensor.entities import processes
from sensor.entities.processes import Processes
from sensor.model.event import Event
from tests.scenes import SECRET, START, S, flow, flows


def told(at_s, *, port=40_000, source="sysmon", process="curl.exe", account="ann@ex.com", **detail):
    """A record of a connection of 10.0.0.5 to port 80 of 10.0.0.9."""
    given = {"proto": "tcp", "orig_h": "10.0.0.5", "orig_p": port, "resp_h": "10.0.0.9", "resp_p": 80}
    return Event(
        ts=START + int(at_s * S), source=source, kind="connection", action="3", account=account,
        detail={**given, "process": process, **detail},
    )  # fmt: skip


def explained(known, *rows, site=0):
    """What is found of flows."""
    return known.explain(flows(*rows), np.full(len(rows), site, np.int32))


def test_a_flow_is_explained_by_the_record_of_its_ends_and_time():
    """Not by one of another port, another site, another time, or of something else than a connection."""
    known = Processes(SECRET)
    assert {} == explained(known, flow())
    known.tell(
        [told(1.0), told(1.0, port=41_000, process=None, account=None), told(2.0, port=42_000, ended=True)], [0] * 3
    )

    assert {0: ("curl.exe", "ann@ex.com")} == explained(known, flow(at_s=0.5, duration_s=2.0))
    assert {} == explained(known, flow(orig_port=41_000), flow(orig_port=42_000))
    assert {} == explained(known, flow(), site=1)
    assert {} == explained(known, flow(at_s=60.0, duration_s=1.0))
    long = flow(at_s=-300.0, duration_s=4000.0)
    assert {0: ("curl.exe", "ann@ex.com")} == explained(known, long)


def test_a_clock_that_is_behind_is_measured_and_made_up_for():
    """After a few flows those of the endpoint are explained although its records are two minutes early."""
    known = Processes(SECRET)
    for k in range(12):
        known.tell([told(k * 10.0, port=50_000 + k)], [0])
        found = explained(known, flow(at_s=k * 10.0 + 120.0, duration_s=0.1, orig_port=50_000 + k))
    assert {"sysmon": (-120.0, 12)} == known.skews()
    assert {0: ("curl.exe", "ann@ex.com")} == found


def test_a_clock_that_is_ahead_is_measured():
    """Its records come after the flows, which are then no longer there to be explained."""
    known = Processes(SECRET)
    for k in range(12):
        explained(known, flow(at_s=k * 10.0, duration_s=0.1, orig_port=50_000 + k))
        known.tell([told(k * 10.0 + 30.0, port=50_000 + k, source="osquery")], [0])
    assert {"osquery": (30.0, 11)} == known.skews()  # flows are remembered from the first record on


def test_what_was_saved_goes_on():
    """Records, names and offsets."""
    known = Processes(SECRET)
    known.tell([told(0.0)], [0])
    explained(known, flow())
    again = Processes(SECRET)
    again.load(known.save())
    assert {0: ("curl.exe", "ann@ex.com")} == explained(again, flow())
    assert again.save().keys() == known.save().keys()


def test_names_beyond_the_cap_are_counted(monkeypatch):
    """Flows of those stay unexplained."""
    monkeypatch.setattr(processes, "NAMES_MAX", 1)
    known = Processes(SECRET)
    known.tell([told(0.0), told(0.0, port=41_000, process="other")], [0, 0])
    assert {0} == set(explained(known, flow(), flow(orig_port=41_000)))
    assert 1 == known.unnamed
    assert 0 < known.saturation < 1
