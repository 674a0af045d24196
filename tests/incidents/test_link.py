"""Findings become incidents."""

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sensor.incidents.link import Incidents
from sensor.model.mute import Mute, Verdict
from sensor.model.times import DAY_NS, MINUTE_NS, rfc3339
from tests.incidents.hands import HOUR_NS, START, People, act, incidents, run, seen, shown, weighing


@pytest.fixture
def linked():
    """No incidents yet."""
    return incidents(devices=16)


def rows_of(people):
    return {name: row for row, name in enumerate(people.devices)}


def test_one_scan_that_grows_is_one_incident(linked):
    """The same evidence again replaces its numbers; id and opening stay."""
    run(linked, (START, seen("scan", "scan", 1e-5, START, observed=9)))
    first = shown(linked)[0]
    for k in range(1, 100):
        run(linked, (START + k * MINUTE_NS, seen("scan", "scan", 10.0 ** -(5 + k / 10), START, observed=9.0 + k)))
    second = shown(linked)[0]

    assert (first.id, first.opened, 1, 1) == (second.id, second.opened, len(linked.cases), len(second.evidence))
    assert (108.0, True) == (second.evidence[0].observed, second.score_db > first.score_db)
    assert ["LAPTOP-0", "203.0.113.9"] == [party.name for party in second.entities]


def test_devices_are_incidents_of_their_own(linked):
    """Two scanners are two incidents."""
    run(linked, (START, seen("scan", "scan", 1e-5, START), seen("scan", "scan", 1e-5, START, device=1)))

    assert 2 == len(shown(linked))


def test_fifty_scanners_at_once_are_one_incident_beside_what_else_there_is():
    """The first four are its duplicates; it holds every device, and an upload is the next in order."""
    linked = incidents(devices=60)
    alike = ("alike:scan.hosts TCP 445",)
    scans = [seen("scan", "scan", 1e-6, START, device=device, keys=alike) for device in range(50)]
    upload = seen("exfiltration", "exfiltration", 1e-4, START, device=55, keys=("destination:203.0.113.9",))
    run(linked, *((START + k * MINUTE_NS // 2, one) for k, one in enumerate((*scans, upload))))

    assert [50, 1] == sorted((len(one.evidence) for one in shown(linked)), reverse=True)


def test_one_strong_finding_is_one_incident_of_its_own_weight(linked):
    """Nothing accumulates: nineteen views of it weigh what the strongest does."""
    found = [
        seen("beacon", "beacon", 1e-6, START + k * HOUR_NS, target=f"{k}", keys=("destination:203.0.113.9",))
        for k in range(19)
    ]
    run(linked, *((START + k * HOUR_NS, one) for k, one in enumerate(found)))

    assert [(round(found[0].evidence.db, 3), 19)] == [(one.score_db, len(one.evidence)) for one in shown(linked)]


def test_an_unnamed_destination_joins_the_devices_of_one_site(linked):
    """The same beacon target, from three devices; another site's is an incident of its own."""
    key = ("destination:203.0.113.9",)
    run(linked, (START, *(seen("beacon", "beacon", 1e-5, START, device=k, keys=key) for k in range(3))))
    run(linked, (START + HOUR_NS, seen("beacon", "beacon", 1e-5, START, device=7, keys=key, site="PER")))

    assert [["dev-0", "dev-1", "dev-2"], ["dev-7"]] == [
        sorted(party.id for party in one.entities if party.role == "subject") for one in shown(linked)
    ]


def test_other_families_join_an_open_incident_at_ten_decibans(linked):
    """A volume of 12 dB joins, one of 5 dB is context; neither opens anything by itself."""
    early = weighing(seen("volumes", "volume", 1e-3, START, opens=False, target="0"), 25.0)
    run(linked, (START, early))
    assert (0, {early.evidence.id}) == (len(linked.cases), set(linked.context))
    later = START + MINUTE_NS
    run(
        linked, (later, seen("scan", "scan", 1e-5, later)),
        (later, weighing(seen("volumes", "volume", 0.01, later, opens=False, target="1"), 12.0)),
        (later, weighing(seen("new_peer", "novelty", 0.05, later, opens=False), 5.0)),
    )  # fmt: skip

    assert [{"scan", "volumes"}] == [{one.detector for one in incident.evidence} for incident in shown(linked)]
    assert (3, ["new_peer"]) == (len(shown(linked)[0].evidence), [one.detector for one in shown(linked)[0].context])


def test_a_rate_above_the_ceiling_opens_nothing(linked):
    """p times the site's devices above one a day is context."""
    run(linked, (START, seen("scan", "scan", 0.2, START)))

    assert 0 == len(linked.cases)


def test_a_digest_row_is_promoted_by_what_opens(linked):
    """The digest's row becomes part of the incident, and is no row any more."""
    row = seen("volumes", "volume", 1e-3, START, opens=False, digest=True)
    run(linked, (START, row))
    assert ["digest"] == [one.tier for one in shown(linked, "digest")]
    run(linked, (START + MINUTE_NS, seen("scan", "scan", 1e-5, START)))

    assert [{"scan", "volumes"}] == [{one.detector for one in incident.evidence} for incident in shown(linked)]
    assert [] == shown(linked, "digest")


def test_a_device_turns_out_to_be_another(linked):
    """Its case goes with it and joins the other's; what must not be learned is the row that stands for both."""
    run(linked, (START, seen("scan", "scan", 1e-5, START, device=1)))
    run(linked, (START + HOUR_NS, seen("beacon", "beacon", 1e-5, START, device=0)))
    linked.follow([(1, 0)])

    assert [("dev-0", 2)] == [(one.entities[0].id, len(one.evidence)) for one in shown(linked)]
    assert [True, False] == linked.flagged([], 2).tolist()
    assert 1 == sum(case.verdict == "duplicate" for case in linked.cases.values())


def test_two_incidents_that_turn_out_to_be_one_are_merged():
    """The link between account and device is learned later: the older keeps its id, the other is its duplicate."""
    people = People()
    linked = incidents(people)
    run(linked, (START, seen("beacon", "beacon", 1e-5, START)))
    run(linked, (START + HOUR_NS, act("prompts", "pressure", 1e-7, START, stage="entry")))
    assert 2 == len(shown(linked))
    first = shown(linked)[0].id
    people.links.append((0, 0, "strong"))
    run(linked, (START + 2 * HOUR_NS, act("place", "place", 1e-4, START, stage="entry")))

    assert [first] == [one.id for one in shown(linked)]
    gone = next(case for case in linked.cases.values() if case.verdict == "duplicate")
    assert ("closed", (gone.id,)) == (gone.state, shown(linked)[0].merged)
    assert first in gone.reason


def test_a_hub_joins_nothing():
    """Behind a proxy, or on a server that many use, an act is nobody's in particular."""
    for people in (People(links=[(0, 0, "strong")]), People(links=[(k, 0, "strong") for k in range(12)])):
        if len(people.links) == 1:
            people.roles[0] = "proxy"
        linked = incidents(people)
        run(linked, (START, seen("beacon", "beacon", 1e-5, START), act("prompts", "pressure", 1e-7, START)))

        assert 2 == len(shown(linked))


def test_learning_stops_while_an_incident_is_open_and_48_hours_longer(linked):
    """Flagged while open and for what is strange now; a benign verdict lets go at once."""
    run(linked, (START, seen("scan", "scan", 1e-5, START)))
    odd = seen("volumes", "volume", 1e-4, START, device=1, opens=False)

    assert [True, False] == linked.flagged([], 2).tolist()
    assert [True, True] == linked.flagged([odd], 2).tolist()
    linked.expire(START + 3 * DAY_NS)
    assert "open" == shown(linked)[0].state
    linked.expire(START + 3 * DAY_NS + 1)
    assert ("expired", [True, False]) == (shown(linked)[0].state, linked.flagged([], 2).tolist())
    linked.expire(START + 5 * DAY_NS)
    assert [False, False] == linked.flagged([], 2).tolist()


def test_an_expired_incident_takes_nothing_more(linked):
    """Later evidence of the same device opens another one, with an id of its own."""
    run(linked, (START, seen("scan", "scan", 1e-5, START)))
    run(linked, (START + 4 * DAY_NS, seen("scan", "scan", 1e-5, START + 4 * DAY_NS)))

    assert ["expired", "open"] == [one.state for one in shown(linked)]
    assert 2 == len({one.id for one in shown(linked)})


def test_a_verdict_closes_and_more_of_the_same_does_not_open_it_again(linked):
    """Given beside this process; a benign one lets learning go on."""
    scan = seen("scan", "scan", 1e-5, START)
    run(linked, (START, scan))
    key = shown(linked)[0].id
    linked.judge([Verdict(number=3, incident=key, verdict="benign", reason="ours", author="ann")], [])
    run(linked, (START + MINUTE_NS, scan))

    assert [("closed", "benign", "ours")] == [(one.state, one.verdict, one.reason) for one in shown(linked)]
    assert (3, False, 1) == (linked.verdicts_read, linked.flagged([], 1)[0], linked.counts["context"])


def test_a_suppression_takes_stored_evidence_out_and_what_comes_after(linked):
    """Counted as muted, written down, closed as benign where nothing else is left."""
    run(linked, (START, seen("scan", "scan", 1e-5, START)), (START, seen("scan", "scan", 1e-5, START, device=1)))
    mute = Mute(id="MUTE-1", entity="dev-0", created="", expires=rfc3339(START + DAY_NS), reason="ours", author="ann")
    linked.judge([], [mute])
    run(linked, (START + MINUTE_NS, seen("volumes", "volume", 1e-5, START)))
    late = START + 2 * DAY_NS
    run(linked, (late, seen("scan", "scan", 1e-5, late)))

    assert [("closed", "benign"), ("open", None), ("open", None)] == [(one.state, one.verdict) for one in shown(linked)]
    assert (1, 2) == (linked.counts["muted"], len(linked.mutes.hidden))


def test_pages_come_after_a_week_of_history():
    """The same finding is triage in the first week and a page after it."""
    for days, tier in ((1, "triage"), (8, "page")):
        linked = incidents(People(history_ns=days * DAY_NS))
        run(linked, (START, seen("scan", "scan", 1e-7, START)))

        assert [tier] == [one.tier for one in shown(linked)]


def test_open_incidents_survive_a_restart():
    """Restored cases grow, keep their id, and still stop learning."""
    people = People()
    linked = incidents(people)
    run(linked, (START, seen("scan", "scan", 1e-5, START)))
    again = incidents(people)
    again.load(linked.save(), rows_of(people))
    run(again, (START + MINUTE_NS, seen("scan", "scan", 1e-9, START, observed=99.0)))

    assert [shown(linked)[0].id] == [one.id for one in shown(again)]
    assert (99.0, [True, False]) == (shown(again)[0].evidence[0].observed, again.flagged([], 2).tolist())


def test_incidents_of_a_state_that_only_showed_them_go_on(linked):
    """They grow, block learning, and expire."""
    run(linked, (START, seen("scan", "scan", 1e-5, START)))
    stored, people = shown(linked), People()
    again = incidents(people, devices=16)
    again.adopt(stored, rows_of(people))
    run(again, (START + MINUTE_NS, seen("scan", "scan", 1e-9, START, observed=99.0)))

    assert [(stored[0].id, stored[0].opened, 99.0)] == [
        (one.id, one.opened, one.evidence[0].observed) for one in shown(again)
    ]
    assert again.flagged([], 1)[0]
    again.expire(START + 4 * DAY_NS)
    assert ["expired"] == [one.state for one in shown(again)]


def test_context_is_bounded(linked):
    """Only the strongest are kept."""
    found = [weighing(seen("volumes", "volume", 0.5, START, opens=False, target=f"{k}"), float(k)) for k in range(300)]
    run(linked, (START, *found))

    assert (256, 44.0) == (len(linked.context), min(one.db for one in linked.context.values()))


def test_three_a_day_open_and_the_rest_is_a_ranked_digest(linked):
    """Over five in an hour is a surge: one incident about the site, and nothing is learned."""
    found = [seen("scan", "scan", 1e-3, START, device=k) for k in range(12)]
    run(linked, (START, *found[:5]))
    assert (3, 2) == (len(shown(linked)), len(shown(linked, "digest")))
    assert not linked.flagged([], 40)[20]
    run(linked, (START + MINUTE_NS, *found[5:]))

    assert ["device"] * 3 + ["site"] == [one.entities[0].kind for one in shown(linked)]
    assert (9, True) == (len(shown(linked, "digest")), linked.flagged([], 40).all())


def test_what_would_page_is_never_held_back(linked):
    """Fifty noisy devices use the day's budget up; the one that pages opens all the same."""
    run(linked, (START, *(seen("scan", "scan", 2e-3, START, device=k) for k in range(12))))
    run(linked, (START + MINUTE_NS, seen("beacon", "beacon", 1e-7, START, device=30)))

    assert ["dev-30"] == [one.entities[0].id for one in shown(linked, "page")]


def test_what_is_held_back_opens_the_next_day_if_it_goes_on(linked):
    """And does not count as one more each time it grows."""
    found = [seen("scan", "scan", 1e-3, START, device=k, target="x") for k in range(4)]
    run(linked, (START, *found))
    run(linked, *((START + k * MINUTE_NS, found[3]) for k in range(1, 50)))
    assert (3, 1) == (len(shown(linked)), len(shown(linked, "digest")))
    run(linked, (START + DAY_NS, found[3]))

    assert (4, 0) == (len(shown(linked)), len(shown(linked, "digest")))


FINDINGS = st.lists(
    st.tuples(
        st.integers(0, 4), st.booleans(), st.sampled_from(["scan", "volume", "place", "pressure", "hides", "files"]),
        st.floats(1e-8, 1.0), st.booleans(), st.booleans(), st.integers(0, 2 * 24 * 60),
        st.sets(st.sampled_from(["denied", "success", "rare_place", "success_after_denial", "hides", "context"])),
    ),
    max_size=40,
)  # fmt: skip


def made(rows):
    """Findings of random kinds, in ticks of a minute."""
    ticks = {}
    for who, of_account, family, p, opens, digest, minute, marks in rows:
        at_ns = START + minute * MINUTE_NS
        if of_account:
            one = act(family, family, p, at_ns, account=who, marks=tuple(sorted(marks)), stage="entry")
            one = msgspec.structs.replace(one, opens=opens, digest=digest)
        else:
            one = seen(family, family, p, at_ns, device=who, opens=opens, digest=digest)
        ticks.setdefault(at_ns, []).append(one)
    return sorted(ticks.items())


@settings(deadline=None, derandomize=True, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(FINDINGS, st.data())
def test_every_finding_ends_as_something_and_a_restart_changes_nothing(rows, data):
    """Evidence, context, digest or muted, each counted once; saved and loaded anywhere, the same bytes."""
    people = People(accounts=5, devices=5, links=[(k, k, "strong") for k in range(5)])
    mute = Mute(id="MUTE-1", entity="dev-4", created="", expires=rfc3339(START + DAY_NS), reason="r", author="a")
    ticks = made(rows)
    whole, parts = Incidents(people, 1.0, lambda site: 5), Incidents(people, 1.0, lambda site: 5)
    whole.judge([], [mute])
    parts.judge([], [mute])
    cut = data.draw(st.integers(0, len(ticks)))
    for k, (at_ns, found) in enumerate(ticks):
        run(whole, (at_ns, *found))
        if k == cut:
            state = parts.save()
            parts = Incidents(people, 1.0, lambda site: 5)
            parts.load(state, rows_of(people))
        run(parts, (at_ns, *found))

    assert len(rows) == sum(whole.counts.values())
    assert min(whole.counts.values(), default=0) >= 0
    assert whole.counts == parts.counts
    open_now = [
        [one for one in shown(side, "page", "triage", "digest") if one.state == "open"] for side in (whole, parts)
    ]
    assert msgspec.json.encode(open_now[0]) == msgspec.json.encode(open_now[1])
