"""The account takeover among ordinary weeks: one incident that grows, and quiet around it (pcaps/make_story.py)."""

import pytest

from tests.evaluation import stories

SMALL = ("--staff", 10, "--learning", 12, "--days", 24, "--busy", 0.15, "--sites", "SYD")
"""Ten people at one site, with thin traffic: seconds instead of minutes."""
SMALL_STORIES = ((0, 3), (1, 4))
"""(variant, seed): Entra ID and Okta, other people, times and places."""
WHOLE_STORIES = ((0, 1), (1, 2), (0, 5))


@pytest.fixture(
    scope="module",
    params=[SMALL_STORIES[0], *(pytest.param(one, marks=pytest.mark.slow) for one in SMALL_STORIES[1:])],
    ids=lambda one: f"variant{one[0]}-seed{one[1]}",
)
def small(request, tmp_path_factory):
    variant, seed = request.param
    return stories.tell(tmp_path_factory.mktemp("story"), *SMALL, "--variant", variant, "--seed", seed)


@pytest.fixture(scope="module", params=WHOLE_STORIES, ids=lambda one: f"variant{one[0]}-seed{one[1]}")
def whole(request, tmp_path_factory):
    variant, seed = request.param
    return stories.tell(tmp_path_factory.mktemp("story"), "--variant", variant, "--seed", seed)


def test_every_record_of_a_story_is_read(small):
    """No line is refused, and every sign-in is listed; once, where both logs carry its correlation id."""
    assert [] == [one for one in small.replay["inputs"] if one["rejected"] or one["error"]]
    flows = {one["flow"] for one in small.truth["signins"]}
    listed = [one["correlation_id"] for one in small.signins]
    assert flows <= set(listed)
    assert small.truth["product"] == "okta" or len(flows) == len(listed)


def test_the_first_day_pages(small):
    """The laptop at work contradicts the sign-in: page within the hour, and the incident stays the same one."""
    assert [] == stories.wrong_early(small)


def test_the_takeover_is_one_incident_that_tells_every_step(small):
    """Opened within minutes, page, each day's acts in it, the laptop against it, three actions proposed."""
    assert [] == stories.wrong_incident(small)


def test_what_only_looks_like_an_attack_stays_quiet(small):
    """Travellers, phones, a line that moves, typing errors: no page and at most one triage."""
    assert [] == stories.wrong_elsewhere(small)


def test_verdicts_are_right(small):
    """Nine of ten covered sign-ins are judged, 99 of 100 of them right; contradictions are found, never invented."""
    assert [] == stories.wrong_verdicts(small)


@pytest.mark.slow
def test_forty_people_for_five_weeks(whole):
    """The same of two sites, in full."""
    assert [] == [
        *stories.wrong_early(whole), *stories.wrong_incident(whole), *stories.wrong_elsewhere(whole),
        *stories.wrong_verdicts(whole),
    ]  # fmt: skip
