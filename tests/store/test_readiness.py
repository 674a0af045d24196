"""Figures of the readiness report, of states that replays made."""

import pytest

from sensor.model.readiness import CONTROLS, NOT_SHOWN, PARTLY, SHOWN
from sensor.model.times import DAY_NS, parse
from sensor.store.readiness import gather
from sensor.store.state import State
from tests.cli.runs import conn_log, spanline

FOR_EVER = 4_000_000_000 * 10**9


@pytest.fixture
def scanned(monkeypatch, capsys, tmp_path):
    """A state with one scan, and how to run more on it."""
    folder = tmp_path / "state"
    spanline(monkeypatch, capsys, "replay", conn_log(tmp_path / "conn.log", hosts=40), "--state", folder)
    return folder


def read(folder, since=0, until=FOR_EVER, minutes=5.0):
    with State(folder, readonly=True) as state:
        return gather(state, folder, since, until, minutes)


def test_every_control_is_answered_by_a_capability(scanned):
    """None is named that the report does not have."""
    made = read(scanned)

    assert {one.capability for one in CONTROLS} <= {one.name for one in made.capabilities}
    assert {one.state for one in made.capabilities} <= {SHOWN, PARTLY, NOT_SHOWN}


def test_figures_are_those_of_the_store(scanned):
    """Devices, flows with their days, incidents, questions."""
    made = read(scanned)
    with State(scanned, readonly=True) as state:
        incidents = state.incidents()
        devices = state.devices()

    assert len(devices) == sum(site.devices for site in made.sites)
    assert [("local", "flows", 60, 1)] == [(one.site, one.source, one.records, one.days) for one in made.sources]
    assert len(incidents) == made.incidents["triage"] == made.verdicts["open"]
    assert sum(answer.answered for one in incidents for answer in one.investigation) == made.questions > 0
    assert made.questions * 5.0 / 60.0 == made.hours_saved


def test_states_of_capabilities(scanned):
    """What was not taken in is not shown; a year of logs takes a year."""
    states = {one.name: one.state for one in read(scanned).capabilities}

    assert (SHOWN, SHOWN, NOT_SHOWN, NOT_SHOWN, PARTLY, SHOWN) == tuple(
        states[name] for name in ("assets", "network", "identity", "delivery", "year", "integrity")
    )


def test_only_the_period_counts(scanned):
    """Records and incidents of before and after are left out; the inventory is as it is."""
    end = parse("2023-11-14T00:00:00Z")
    made = read(scanned, 0, end)

    assert ((), {}, 0) == (made.sources, made.incidents, made.questions)
    assert made.sites
    assert read(scanned, end, end + 2 * DAY_NS).sources


def test_verdicts_and_the_budget(scanned, monkeypatch, capsys):
    """A verdict of a person is counted as such; the day's openings stand against the ceiling."""
    with State(scanned, readonly=True) as state:
        (incident,) = state.incidents()
    spanline(monkeypatch, capsys, "close", incident.id, "--verdict", "benign", "--reason", "ours", "--state", scanned)
    made = read(scanned)

    assert {"benign": 1} == made.verdicts
    assert SHOWN == made.state_of("verdicts").state
    assert [("local", "2023-11-14", 1, 1.0)] == [(one.site, one.day, one.opened, one.ceiling) for one in made.budget]
