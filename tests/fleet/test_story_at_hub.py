"""The takeover with the tenant's logs at the hub and the laptop at a site: told as if one sensor had seen it all."""

from collections import Counter

import pytest

from tests.evaluation.stories import spanline
from tests.fleet import stories
from tests.fleet.stories import STORY, at_the_hub, at_the_site, incidents, seconds, signins

VICTIM = "tahlia.tanaka@example.com.au"
INTRUDER = "203.0.113.200"
DARK = seconds("2026-11-15T20:00:00"), seconds("2026-11-16T02:00:00")
"""Six hours, in which the account is taken over at 23:59."""


@pytest.fixture(scope="module")
def reports(tmp_path_factory):
    return at_the_site(tmp_path_factory.mktemp("site"))


@pytest.fixture(scope="module")
def hub(reports, tmp_path_factory):
    state = tmp_path_factory.mktemp("hub") / "state"
    at_the_hub(state, reports, STORY / "identity", fresh=True)
    return state


def wrong(state):
    """Say what is wrong with the story's incident and its verdicts."""
    found, verdicts = incidents(state), Counter(one["corroboration"] for one in signins(state).values())
    if [("page", True)] != [(one["tier"], any(p["id"] == VICTIM for p in one["entities"])) for one in found]:
        return [(one["tier"], one["title"]) for one in found]
    against = [one for one in found[0]["evidence"] if one["detector"] == "corroboration" and one["db"] == 15]
    said = {step for step in ("pressure", "place", "mail_rules", "files") if step not in
            {one["detector"] for one in found[0]["evidence"]}}  # fmt: skip
    if len(against) < 3 or not all("was in use at SYD" in one["text"] for one in against):
        return ["not contradicted", *(one["text"] for one in against)]
    right = verdicts["contradicted"] == 6 and verdicts["supported"] >= 270 and not verdicts["unsupported"]
    return [*said, *([] if right else [verdicts])]


def test_the_incident_is_contradicted_by_the_sites_presence(hub):
    """One incident, page, each step in it, and the laptop in use at its site against it."""
    assert [] == wrong(hub)


@pytest.mark.slow
def test_the_verdicts_are_those_of_one_sensor_that_sees_everything(hub, tmp_path):
    """Of 525 sign-ins at most one differs where that one knew; the incident weighs the same."""
    words = ["--config", STORY / "site.toml", "--json", f"SYD={STORY / 'SYD'}", STORY / "identity"]
    spanline("replay", "--fresh", "--state", tmp_path / "one", *words)
    one, here = signins(tmp_path / "one"), signins(hub)

    assert set(one) == set(here)
    known = [key for key, row in one.items() if row["corroboration"] != "unknown"]
    differ = [key for key in known if one[key]["corroboration"] != here[key]["corroboration"]]
    assert len(known) > 250
    assert len(differ) <= 1
    weights = [round(incidents(state)[0]["score_db"], 1) for state in (tmp_path / "one", hub)]
    assert weights[0] == weights[1]


def test_a_site_that_goes_dark_says_nothing_false(hub, reports, tmp_path):
    """For six hours every verdict is unknown, and says why; then they are those of a site that was never dark."""
    parts = stories.cut_reports(reports, tmp_path / "reports", *DARK)
    before, after = stories.cut_logs(tmp_path, DARK[1])
    state = tmp_path / "state"
    at_the_hub(state, parts[0], *before, fresh=True)
    dark = [one for one in signins(state).values() if DARK[0] <= seconds(one["ts"][:19]) < DARK[1]]
    (early,) = incidents(state)

    assert {"unknown"} == {one["corroboration"] for one in dark}
    assert 14 <= sum("nothing has been heard of it since 2026-11-15T19:" in one["because"] for one in dark)
    assert [True] == [
        "was last at SYD, and nothing has been heard" in one["because"]
        for one in dark if one["ip"] == INTRUDER and one["result"] == "success"
    ]  # fmt: skip
    assert "triage" == early["tier"]
    late = at_the_hub(state, parts[1])
    assert [(0, 0)] == [(one["records"] - one["late"], one["duplicates"]) for one in late["inputs"]]
    at_the_hub(state, parts[2], *after)

    assert [] == wrong(state)
    assert [early["id"]] == [one["id"] for one in incidents(state)]
    whole, again = signins(hub), signins(state)
    differ = {key: again[key]["because"] for key in whole if whole[key]["corroboration"] != again[key]["corroboration"]}
    assert {} == {
        key: why for key, why in differ.items()
        if whole[key]["corroboration"] != "unknown" or again[key]["corroboration"] == "contradicted"
    }  # fmt: skip


@pytest.mark.parametrize("size", [1, pytest.param(500, marks=pytest.mark.slow)])
def test_it_does_not_matter_how_reports_are_cut(hub, reports, tmp_path, size):
    """Each by itself, or many in one envelope: the same incidents, to the byte."""
    at_the_hub(tmp_path / "state", stories.rewritten(reports, tmp_path / "cut", size), STORY / "identity", fresh=True)
    found = [spanline("incidents", "--state", state, "--json") for state in (hub, tmp_path / "state")]

    assert found[0] == found[1]
