"""Who asks a controller for what, for the first time."""

import numpy as np
import pytest

from sensor.detectors import controller
from sensor.model.protocols import Industrial
from tests.detectors.ticks import entities, tick
from tests.scenes import DAY, SECRET, START, S, common, flow, flows

PLC, HMI, STATION = "10.0.0.9", "10.0.0.5", "10.0.0.6"
MACS = {PLC: 0x001B1B000001, HMI: 0x001B1B000002, STATION: 0x001B1B000003, "10.0.0.8": 0x001B1B000004}


def request(at_s, function="READ_HOLDING_REGISTERS", *, orig=HMI, resp=PLC, writes=False, **fields):
    """One request."""
    return Industrial(
        **{**common(at_s, orig, resp), "input": 0, "offset": int(at_s)}, protocol="modbus", function=function,
        writes=writes, **fields,
    )  # fmt: skip


class Plant:
    """A site with a controller, a screen and an engineering station."""

    def __init__(self):
        self.known = entities()
        self.detector = controller.detector(self.known, SECRET)
        self.flagged = ()

    def step(self, at_s, *messages):
        """One tick of requests; all ends have been seen."""
        ends = ((HMI, PLC), (STATION, PLC), (HMI, "10.0.0.8"))
        rows = flows(
            *[flow(a, b, at_s=at_s, port=502, orig_mac=MACS[a], resp_mac=MACS[b]) for a, b in ends]
        )  # fmt: skip
        one = tick(self.known, rows, messages=messages, end_ns=START + int(at_s + 10) * S)
        found = self.detector.score(one)
        flags = np.zeros(self.known.count(), np.bool_)
        for address in self.flagged:
            flags[self.known.locate(0, address)] = True
        self.detector.learn(one, flags)
        return found

    def days(self, count):
        """Let the screen read and write as every day."""
        for day in range(count):
            assert [] == self.step(
                day * 86_400.0, request(day * 86_400.0), request(day * 86_400.0, "WRITE_SINGLE_REGISTER", writes=True)
            )
        return self


def test_nothing_is_said_before_a_day_of_history():
    """It is learning, and says so; without any request there is nothing to judge."""
    plant = Plant()
    assert "no_input" == plant.detector.coverage().state
    plant.step(0.0, request(0.0))
    assert [] == plant.step(3600.0, request(3600.0, "DIAGNOSTICS", orig=STATION))
    assert "learning" == plant.detector.coverage().state


def test_a_new_function_and_a_new_writer_are_told_of():
    """Each with its own evidence, the rarer the longer the habit; what the controller knows is not."""
    plant = Plant().days(30)
    assert "judged" == plant.detector.coverage().state
    found = plant.step(
        31 * 86_400.0, request(31 * 86_400.0, "PROGRAM_UNITY", orig=STATION, writes=True), request(31 * 86_400.0)
    )
    by_model = {one.evidence.model: one for one in found}

    assert {"controller.function/1", "controller.writer/1"} == set(by_model)
    writer = by_model["controller.writer/1"]
    assert writer.opens
    assert ("T0855", "T0836") == writer.techniques
    assert (
        f"{STATION} wrote to {PLC} (modbus PROGRAM_UNITY): a writer that this controller never had, new to the whole "
        "site. In the 31 days since it is known it had 1 writer on 30 active days; p = 0.0016."
    ) == writer.evidence.text
    assert 2 == by_model["controller.function/1"].evidence.basis["kinds"]
    assert all(controller.again(one.evidence) == pytest.approx(one.evidence.p, rel=1e-12) for one in found)


def test_what_another_controller_of_the_site_knows_is_less_strange():
    """A replaced screen, an engineering station that does its round."""
    plant = Plant()
    for day in range(30):
        at = day * 86_400.0
        plant.step(at, request(at, "WRITE_SINGLE_REGISTER", writes=True),
                   request(at, "WRITE_SINGLE_REGISTER", orig=STATION, resp="10.0.0.8", writes=True))  # fmt: skip
    found = plant.step(31 * 86_400.0, request(31 * 86_400.0, "WRITE_SINGLE_REGISTER", orig=STATION, writes=True))
    assert [("controller.writer/1", False, True)] == [
        (one.evidence.model, one.opens, "known elsewhere" in one.evidence.text) for one in found
    ]


def test_answers_and_unknown_directions_are_left_out():
    """They do not say who wants what; nor is a controller judged that is no device."""
    plant = Plant().days(5)
    at = 6 * 86_400.0
    odd = [
        request(at, "X", is_response=True),
        request(at, "X", is_orig=False),
        request(at, None),
        request(at, "X", resp="192.0.2.1"),
    ]
    assert [] == plant.step(at, *odd)


def test_what_is_flagged_is_not_learned():
    """The same writer is told of again the next day; one that is not flagged becomes habit."""
    plant = Plant().days(10)
    plant.flagged = (STATION,)
    for day in (11, 12):
        assert 1 == len(
            plant.step(day * 86_400.0, request(day * 86_400.0, "WRITE_SINGLE_REGISTER", orig=STATION, writes=True))
        )
    plant.flagged = ()
    plant.step(13 * 86_400.0, request(13 * 86_400.0, "WRITE_SINGLE_REGISTER", orig=STATION, writes=True))
    assert [] == plant.step(14 * 86_400.0, request(14 * 86_400.0, "WRITE_SINGLE_REGISTER", orig=STATION, writes=True))


def test_save_and_load_go_on_where_they_were():
    """The habit is there after a restart."""
    plant = Plant().days(10)
    again = controller.detector(plant.known, SECRET)
    again.load(plant.detector.save())
    plant.detector = again
    (found,) = plant.step(11 * 86_400.0, request(11 * 86_400.0, "DIAGNOSTICS"))
    assert 20 == found.evidence.basis["draws"]
    assert set(again.saturation) == {"controller_functions", "controllers"}
    controller.detector(plant.known, SECRET).load({})


def test_too_many_different_requests_are_counted(monkeypatch):
    """The rest of a step is judged."""
    monkeypatch.setattr(controller, "STEP_MAX", 2)
    plant = Plant()
    plant.step(0.0, *[request(0.0, f"F{k}") for k in range(5)])
    assert 6 == plant.detector.uncounted  # counted as it is judged, and as it is learned
    assert DAY == controller.HISTORY_NS
