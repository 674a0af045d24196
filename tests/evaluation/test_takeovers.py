"""The takeover in five vendors' words (takeovers.py): one incident that grows, whoever logs it, and quiet around it."""

import json
from functools import cached_property

import pytest

from tests.evaluation import takeovers
from tests.evaluation.stories import seconds, spanline

LATE_S = 40 * 60


class Result:
    """What the program made of one telling."""

    def __init__(self, folder, vendor, seed=1, *, blind=False, late=False):
        self.state = folder / "state"
        self.story = story = takeovers.tell(vendor, seed, 14)
        self.config = folder / "site.toml"
        takeovers.configure(folder)
        first = story.steps[0]["ts"]
        self.parts = [(0.0, 1e12, "")]
        if late:
            held = first + LATE_S
            self.parts = [(0.0, first, ""), (first, held, "audit"), (first, held, "entra"), (held, 1e12, "")]
        self.after = [
            self.replay(folder / str(number), *part, blind=blind) for number, part in enumerate(self.parts)
        ]  # fmt: skip

    def replay(self, folder, first, last, only, *, blind):
        """Go on with a part, an order of arrival; return the incidents there are after it."""
        self.story.cloud.logs.write(folder / "identity", first, last, only)
        inputs = [folder / "identity"]
        if not blind and only != "entra":
            self.story.site.write(folder / "BNE", first, last)
            inputs.append(f"BNE={folder / 'BNE'}")
        fresh = () if self.state.exists() else ("--fresh",)
        self.read = json.loads(
            spanline("replay", *fresh, "--state", self.state, "--config", self.config, "--json", *inputs)
        )
        return json.loads(spanline("incidents", "--state", self.state, "--json"))

    @property
    def attack(self):
        """The one incident of the account."""
        own = self.of(self.after[-1])
        assert 1 == len(own), [one["title"] for one in own]
        return own[0]

    def of(self, incidents):
        """Return the account's."""
        return [one for one in incidents if self.story.target.upn in {party["name"] for party in one["entities"]}]

    @property
    def others(self):
        """Return every other."""
        return [one for one in self.after[-1] if one not in self.of(self.after[-1])]

    @property
    def paged_h(self):
        """Hours from the first step to the page."""
        told = [
            one["ts"] for one in self.attack["timeline"] if one["kind"] == "tier" and one["text"].startswith("page")
        ]
        return (seconds(told[0]) - self.story.steps[0]["ts"]) / 3600 if told else float("inf")

    @property
    def untold(self):
        """Steps that no line of the timeline tells: near its time, with its address."""
        lines = [one for one in self.attack["timeline"] if one["evidence"] or one["kind"] == "context"]
        return [
            step for step in self.story.steps
            if not any(-1800 <= seconds(one["ts"]) - step["ts"] <= 3600 and step["ip"] in one["text"] for one in lines)
        ]  # fmt: skip

    @cached_property
    def wrongly_contradicted(self):
        """Sign-ins that are nobody's, and are not."""
        said = json.loads(spanline("signins", "--state", self.state, "--json"))
        contradicted = [raw for one in said if one["corroboration"] == "contradicted" for raw in one["raw_ids"]]
        return [
            raw for raw, expected in self.story.signins
            if expected != "contradicted" and any(raw in one for one in contradicted)
        ]  # fmt: skip


def wrong(told, *, page_h):
    """Say what is not as it must be."""
    one, found = told.attack, []
    opened = (seconds(one["opened"]) - told.story.steps[0]["ts"]) / 60
    if not 0 <= opened < 15:
        found.append(f"opened after {opened:.1f} minutes")
    if told.paged_h >= page_h:
        found.append(f"paged after {told.paged_h:.1f} hours, {one['score_db']:.1f} dB")
    found += [f"untold: {step}" for step in told.untold]
    missing = {"revoke_sessions", "disable_account", "remove_mail_rule"} - {action["verb"] for action in one["actions"]}
    found += [f"does not propose {verb}" for verb in missing]
    pages = [other["title"] for other in told.others if other["tier"] == "page"]
    found += [f"page: {title}" for title in pages]
    if len(told.others) > 1:
        found.append(f"elsewhere: {[other['title'] for other in told.others]}")
    return found


@pytest.mark.parametrize(
    "vendor", ["google", "guids", *(pytest.param(one, marks=pytest.mark.slow) for one in ("okta", "legacy"))]
)
def test_without_a_network_it_is_paged_by_day_two(vendor, tmp_path):
    """By the identity logs alone, whoever wrote them."""
    assert [] == wrong(Result(tmp_path, vendor, blind=True), page_h=60)


@pytest.mark.slow
@pytest.mark.parametrize("vendor", ["google", "okta", "entra", "guids", "legacy"])
def test_with_the_laptop_in_use_it_is_paged_within_the_hour(vendor, tmp_path):
    """The network contradicts the success, and nobody else's; Google names no client: a phone may have done it."""
    told = Result(tmp_path, vendor)

    assert [] == wrong(told, page_h=60 if vendor == "google" else 1)
    assert [] == told.wrongly_contradicted


@pytest.mark.slow
@pytest.mark.xfail(
    strict=True, reason="the audit log's row of the sign-in came first, was judged alone, and taught its agent"
)
def test_a_log_that_is_late_pages_when_it_comes(tmp_path):
    """Forty minutes of sign-ins come as one batch, after what the audit log and the network had to say.

    It opens the incident at once; the verdict is given when records go on.
    """
    told = Result(tmp_path, "entra", late=True)
    (after,) = told.of(told.after[2])

    assert after["id"] == told.attack["id"]
    assert [] == wrong(told, page_h=1)
