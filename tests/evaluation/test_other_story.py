"""The takeover as somebody else tells it (other_story.py): other products, countries, order, and mail sent on."""

import json

import pytest

from tests.evaluation import other_story
from tests.evaluation.stories import seconds, spanline


class Result:
    """What the program made of one telling."""

    def __init__(self, folder, seed, *, blind):
        logs, state = folder / "logs", folder / "state"
        logs.mkdir()
        self.truth = other_story.tell(logs, seed, blind=blind)
        inputs = [*sorted(logs.glob("*.jsonl")), *(() if blind else (f"WLG={logs / 'WLG'}",))]
        words = ("--fresh", "--state", state, "--config", logs / "site.toml", "--json", *inputs)
        self.replay = json.loads(spanline("replay", *words))
        self.incidents = json.loads(spanline("incidents", "--state", state, "--json"))
        self.signins = {
            raw.partition("/")[0]: one["corroboration"]
            for one in json.loads(spanline("signins", "--state", state, "--json"))
            for raw in one["raw_ids"]
        }

    @property
    def attack(self):
        own = [one for one in self.incidents if self.truth["account"] in {party["name"] for party in one["entities"]}]
        assert 1 == len(own), [one["title"] for one in own]
        return own[0]

    @property
    def paged(self):
        """Days from the first step to the page."""
        told = [
            one["ts"] for one in self.attack["timeline"] if one["kind"] == "tier" and one["text"].startswith("page")
        ]
        return (seconds(told[0]) - self.truth["steps"][0]["ts"]) / 86_400 if told else float("inf")

    def untold(self):
        """Steps that no line of the timeline tells: near its time, with its address."""
        lines = [one for one in self.attack["timeline"] if one["evidence"] or one["kind"] == "context"]
        return [
            step for step in self.truth["steps"]
            if not any(abs(seconds(one["ts"]) - step["ts"]) < 1800 and step["ip"] in one["text"] for one in lines)
        ]  # fmt: skip


@pytest.fixture(scope="module", params=[1, pytest.param(2, marks=pytest.mark.slow)])
def blind(request, tmp_path_factory):
    return Result(tmp_path_factory.mktemp("blind"), request.param, blind=True)


@pytest.fixture(scope="module")
def sighted(tmp_path_factory):
    return Result(tmp_path_factory.mktemp("sighted"), 3, blind=False)


def test_without_the_network_it_is_one_incident_paged_by_day_two(blind):
    """Opened by the refused prompts, every step in it, and what would undo it proposed."""
    one = blind.attack

    assert 0 <= seconds(one["opened"]) - blind.truth["steps"][0]["ts"] < 900
    assert blind.paged < 2
    assert [] == blind.untold()
    assert {"revoke_sessions", "disable_account", "remove_mail_rule"} <= {action["verb"] for action in one["actions"]}
    assert {"T1621", "T1078.004", "T1114.003"} <= set(one["techniques"])


def test_around_it_one_triage_at_most(blind):
    """A traveller with two honest refusals on a device without an id; the others are in no incident."""
    others = [one for one in blind.incidents if one["id"] != blind.attack["id"]]

    assert [] == [one["title"] for one in others if one["tier"] == "page"]
    assert len(others) <= 1


@pytest.mark.slow
def test_with_the_network_it_pages_within_the_hour(sighted):
    """The laptop at work contradicts the success; no verdict is wrong, and no page is false.

    Where the sign-in of day 1 falls behind a long lunch, nobody was at the laptop before it: `unknown`.
    """
    said = [(sighted.signins.get(raw, "missing"), expected) for raw, expected in sighted.truth["signins"]]
    others = [one for one in sighted.incidents if one["id"] != sighted.attack["id"]]

    assert sighted.paged < 1 / 24
    assert [] == sighted.untold()
    assert [] == [one for one in said if one[0] == "contradicted" != one[1]]
    assert 2 <= sum(verdict == expected == "contradicted" for verdict, expected in said) <= 3
    assert [] == [one["title"] for one in others if one["tier"] == "page"]
    assert len(others) <= 1
