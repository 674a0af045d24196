"""Flows of a device asked of the archive again."""

from sensor.detectors.archived import device_flows, other_side
from sensor.model.evidence import Entity, Evidence
from tests.detectors.archives import Kept
from tests.detectors.ticks import entities, tick
from tests.scenes import START, S, flow, flows


def test_the_flows_of_a_device_are_those_of_either_side():
    """By the time they ended; None where the archive begins later."""
    known, rows = entities(), flows(*(flow("10.0.0.5", "10.0.0.9", at_s=k) for k in range(5)))
    tick(known, rows)
    device = known.device_id(known.locate(0, "10.0.0.5"))
    evidence = Evidence(
        id="EV", ts="", site="local", entity=Entity(kind="device", id=device), detector="", family="", source="network",
        observed=0.0, expected=None, range=None, reference="analytic", reference_n=0, p=1.0, db=0.0, text="",
    )  # fmt: skip
    found = device_flows(Kept(known, rows), evidence, START + S, START + 3 * S)

    assert [START + k * S for k in (1, 2, 3)] == [row.end for row in found]
    assert ("10.0.0.9", "10.0.0.5") == (other_side(found[0], device)[0], other_side(found[0], "")[0])
    assert device_flows(Kept(known, rows, since_ns=START + 2 * S), evidence, START + S, START + 3 * S) is None
