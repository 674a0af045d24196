"""An account is taken over, step by step; around it, what looks like it and is none."""

import msgspec
import pytest

from sensor.model.times import DAY_NS, MINUTE_NS, rfc3339
from tests.incidents.hands import HOUR_NS, START, People, act, incidents, run, seen, shown

US, DE, NL = ("address:198.51.100.7",), ("address:192.0.2.40",), ("address:192.0.2.99",)
P_DENIED_TWICE = 1 / 500 * 0.2
P_PLACE = 2e-3
P_RULE = 1 / 200


def denied(at_ns, count=2, keys=US, **more):
    """Prompts that the user refused."""
    return act(
        "prompts", "pressure", 1 / 500 * 0.2 ** (count - 1), at_ns, stage="entry", marks=("denied",), keys=keys,
        text=f"user0@example.com refused {count} prompts from 198.51.100.7.", **more,
    )  # fmt: skip


def place(at_ns, keys=US, marks=("success", "rare_place"), p=P_PLACE, **more):
    """A sign-in from a place new to the account."""
    return act(
        "place", "place", p, at_ns, stage="entry", marks=marks, keys=keys, target=f"{keys} {at_ns // DAY_NS}",
        text="user0@example.com signed in from 198.51.100.7, AS64500, United States.", **more,
    )  # fmt: skip


def contradicted(at_ns):
    """The laptop is in use on site."""
    return act(
        "corroboration", "corroboration", 5e-4, at_ns, stage="network", marks=("contradicted", "success"), keys=US,
        text="LAPTOP-0 was in use at SYD.",
    )  # fmt: skip


def files(at_ns, keys, p=1e-3):
    """Files nobody like it opens."""
    return act("files", "files", p, at_ns, stage="act", keys=keys, text="user0@example.com opened 9 labelled files.")


def mailbox(at_ns, keys):
    """Folders updated."""
    return act("mailbox", "mailbox", 0.05, at_ns, stage="act", keys=keys, text="Sent Items and Deleted Items changed.")


def rule(at_ns, name=".", marks=("hides",), factor=0.02, keys=NL, family="hides"):
    """A new inbox rule."""
    return act(
        "mail_rule", family, P_RULE * factor, at_ns, stage="act", marks=marks, keys=(*keys, f"object:{name}"),
        text=f'user0@example.com made the rule "{name}" that moves mail from one colleague and marks it read.',
        target=name,
    )  # fmt: skip


def day(number, hour=2):
    return START + number * DAY_NS + hour * HOUR_NS


STORY = (
    (day(0), denied(day(0))),
    (day(0) + 4 * MINUTE_NS, place(day(0) + 4 * MINUTE_NS, marks=("success", "rare_place", "success_after_denial"))),
    (day(2), place(day(2), DE), files(day(2) + MINUTE_NS, DE)),
    (day(2) + HOUR_NS, mailbox(day(2) + HOUR_NS, DE)),
    (day(3), place(day(3), NL), files(day(3), NL)),
    (day(8), place(day(8), NL, marks=("success", "repeated"))),
    (day(8) + HOUR_NS, mailbox(day(8) + HOUR_NS, NL), rule(day(8) + HOUR_NS)),
)
CONTRADICTION = (day(0) + 34 * MINUTE_NS, contradicted(day(0) + 34 * MINUTE_NS))


def told(steps, until=99, people=None):
    """Take the steps of the first days; return every incident."""
    linked = incidents(people)
    run(linked, *(step for step in sorted(steps, key=lambda one: one[0]) if step[0] < day(until, 0)))
    return shown(linked)


def test_the_story_is_one_incident_that_grows():
    """Triage on day 0, a page by day 2, one id throughout, every step in its timeline in order with its numbers."""
    days = [told(STORY, until) for until in (1, 3, 4, 9)]

    assert [1, 1, 1, 1] == [len(found) for found in days]
    assert 1 == len({found[0].id for found in days})
    assert ["triage", "page", "page", "page"] == [found[0].tier for found in days]
    scores = [found[0].score_db for found in days]
    assert sorted(scores) == scores
    last = days[-1][0]
    lines = [one for one in last.timeline if one.evidence is not None]
    assert [one.ts for one in lines] == sorted(one.ts for one in lines)
    assert {one.evidence for one in lines} >= {step.evidence.id for _, *found in STORY for step in found}
    assert all(one.db is not None and one.p is not None for one in lines)


def test_the_contradiction_pages_on_day_0():
    """The laptop's use on site is a second stage, known half an hour after the sign-in."""
    found = told((*STORY, CONTRADICTION), 1)

    assert ["page"] == [one.tier for one in found]
    assert any("in use at SYD" in one.text for one in found[0].evidence)


def test_the_story_proposes_sessions_account_and_rule():
    """All three, the rule by mailbox and name."""
    found = told(STORY)[0].actions
    actions = {one.verb: one.target for one in found}

    assert {"revoke_sessions", "disable_account", "remove_mail_rule"} <= set(actions)
    assert {"kind": "mail_rule", "id": "user0@example.com/."} == actions["remove_mail_rule"]
    assert {"198.51.100.7", "192.0.2.40", "192.0.2.99"} == {
        one.target["id"] for one in found if one.verb == "block_address"
    }


def test_the_rule_earns_the_order_of_steps():
    """The incident held entry evidence before; 15 dB, shown as evidence of its own."""
    rows = {one.model: one for one in told(STORY)[0].evidence if one.family == "sequence"}

    assert 15.0 == rows["sequence.log_odds/1:rule_after_entry"].db
    assert {"denied_then_success", "success_in_rare_place", "rule_after_entry"} == {
        model.partition(":")[2] for model in rows
    }


def test_the_device_of_the_account_is_in_the_same_incident():
    """A beacon of its own laptop joins; a colleague's does not."""
    people = People(links=[(0, 0, "strong"), (1, 1, "strong")])
    steps = (
        *STORY, (day(1), seen("beacon", "beacon", 1e-4, day(1), device=0, keys=("destination:203.0.113.9",))),
        (day(1), seen("scan", "scan", 1e-5, day(1), device=1)),
    )  # fmt: skip
    found = told(steps, people=people)

    assert [{"user0@example.com", "dev-0"}, {"dev-1"}] == [
        {party.id for party in one.entities if party.role == "subject"} for one in found
    ]


@pytest.mark.parametrize(("known", "tiers"), [(True, []), (False, ["triage"])])
def test_a_traveller_with_two_honest_denials(known, tiers):
    """On a known device nothing, on a new one triage, never a page."""
    marks = ("success", "known_device") if known else ("success", "rare_place", "success_after_denial")
    at_ns = day(5)
    steps = [
        (at_ns, denied(at_ns)),
        (at_ns + 2 * MINUTE_NS, place(at_ns + 2 * MINUTE_NS, marks=marks, p=1 if known else P_PLACE)),
    ]
    steps += [
        (at_ns + k * HOUR_NS, place(at_ns + k * HOUR_NS, marks=(*marks, "repeated"), p=1 if known else P_PLACE))
        for k in range(1, 60, 7)
    ]

    assert tiers == [one.tier for one in told(steps)]


def test_a_newsletters_rule_is_no_incident():
    """Its rate alone, or with a mailbox of its owner's own, is below triage; also after an ordinary trip."""
    own = rule(day(3), "Newsletters", marks=(), factor=1.0, keys=US)
    trip = place(day(1), NL, p=0.01)

    assert [] == told([(day(1), trip), (day(3), own), (day(3), mailbox(day(3), US))])


def test_a_rule_never_earns_the_bonus_from_the_incident_it_opened():
    """The rule came first: what enters later does not make it a sequence."""
    late = place(day(3) + HOUR_NS, NL)
    found = told([(day(3), rule(day(3), keys=US, factor=0.002)), (day(3) + HOUR_NS, late)])

    assert 1 == len(found)
    assert not [one for one in found[0].evidence if one.family == "sequence"]


def test_guessing_without_success_stays_triage():
    """Spray and lockouts are one stage, whatever they weigh."""
    spray = act("spray", "spray", 1e-9, day(1), stage="entry", keys=("source:203.0.113.66",))
    locked = act("guessing", "pressure", 1e-8, day(1), stage="entry", keys=("source:203.0.113.66",), target="lock")
    found = told([(day(1), spray), (day(1) + MINUTE_NS, locked)])

    assert [("triage", 50.0)] == [(one.tier, one.score_db) for one in found]


def test_one_source_that_guesses_at_many_is_one_incident():
    """Within 24 h; two days later it is another."""
    key = ("source:203.0.113.66",)
    steps = [
        (day(1) + k * HOUR_NS, act("spray", "spray", 1e-5, day(1) + k * HOUR_NS, account=k, keys=key, stage="entry"))
        for k in range(6)
    ]  # fmt: skip
    late = act("spray", "spray", 1e-5, day(4), account=9, keys=key, stage="entry")

    assert 1 == len(told(steps))
    assert 2 == len(told([*steps, (day(4), late)]))


def test_the_sprayed_account_that_signs_in_there_pages():
    """Success after spray is an act."""
    key = ("source:203.0.113.66",)
    spray = act("spray", "spray", 1e-9, day(1), stage="entry", keys=key)
    success = act(
        "spray", "spray", 0.01, day(1) + HOUR_NS, stage="act", keys=("address:203.0.113.66",),
        marks=("success", "sprayed_success"), target="success",
    )  # fmt: skip
    found = told([(day(1), spray), (day(1) + HOUR_NS, success)])

    assert ["page"] == [one.tier for one in found]


def test_a_rule_that_hides_and_one_that_sends_on_page():
    """Both of at least 20 dB."""
    hides = rule(day(1), "..", factor=0.01, keys=US)
    sends = rule(day(1), "x", marks=("forwards",), factor=0.01, family="forwards", keys=US)

    assert ["page"] == [one.tier for one in told([(day(1), hides, sends)])]


def test_the_story_restarts_anywhere_and_ends_the_same():
    """Saved and loaded before each tick, the incidents are those of one run."""
    whole = told((*STORY, CONTRADICTION))
    state, people = None, People()
    for step in sorted((*STORY, CONTRADICTION), key=lambda one: one[0]):
        linked = incidents(people)
        if state is not None:
            linked.load(state, {name: row for row, name in enumerate(people.devices)})
        run(linked, step)
        state = linked.save()

    assert msgspec.json.encode(whole) == msgspec.json.encode(shown(linked))


def test_an_account_incident_expires_14_days_after_its_last_evidence():
    """What is only repeated does not keep it open; learning resumes after the quarantine."""
    linked = incidents()
    run(linked, *STORY[:2])
    opened = shown(linked)[0]
    for number in range(1, 15):
        run(linked, (day(number), place(day(number), US, marks=("success", "repeated"))))
    assert [True] == linked.frozen([], 40)[:1].tolist()
    run(linked, (day(14, 3),))

    assert [(opened.id, "expired")] == [(one.id, one.state) for one in shown(linked)]
    assert rfc3339(day(0) + 4 * MINUTE_NS) == shown(linked)[0].last_activity
    assert linked.frozen([], 40)[0]
    run(linked, (day(17),))
    assert not linked.frozen([], 40)[0]
