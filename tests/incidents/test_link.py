"""Findings become incidents."""

import msgspec
import pytest

from sensor.incidents.link import EXPIRE_NS, Incidents
from sensor.model.evidence import Entity, Finding, Peer
from sensor.model.times import DAY_NS, MINUTE_NS
from tests.detectors.ticks import entities, tick
from tests.scenes import START, flow, flows
from tests.store.test_state import evidence


@pytest.fixture
def known():
    """Two devices."""
    one = entities()
    tick(one, flows(flow("10.0.0.5", state="S0"), flow("10.0.0.6", state="S0")))
    return one


@pytest.fixture
def linked(known):
    """No incidents yet."""
    return Incidents(known, 1.0, lambda site: 16)


def finding(key="EV-1", *, device=0, family="scan", db=30.0, p=1e-5, opens=True, digest=False, observed=9.0):
    own = msgspec.structs.replace(
        evidence(key, db), family=family, p=p, observed=observed, entity=Entity(kind="device", id=f"dev-{device}")
    )
    return Finding(
        evidence=own, device=device, name=f"PC-{device}", techniques=("T1046",), opens=opens, digest=digest,
        peers=(Peer(kind="address", id="203.0.113.1", name="x"),), counter=("3 answered",), check="Who?",
    )  # fmt: skip


def shown(linked):
    return [linked.render(case) for case in linked.cases.values()]


def test_one_scan_that_grows_is_one_incident(linked):
    """The same evidence again replaces its numbers; id and opening stay."""
    linked.take([finding()], START)
    first = shown(linked)[0]
    linked.take([finding(db=44.0, observed=90.0)], START + MINUTE_NS)
    second = shown(linked)[0]

    assert (first.id, first.opened, 1) == (second.id, second.opened, len(linked.cases))
    assert (90.0, 44.0, 1) == (second.evidence[0].observed, second.score_db, len(second.evidence))
    assert ["PC-0", "x"] == [party.name for party in second.entities]
    assert ("3 answered",) == second.counter_evidence


def test_devices_are_incidents_of_their_own(linked):
    """Two scanners are two incidents."""
    linked.take([finding(), finding("EV-2", device=1)], START)

    assert 2 == len(linked.cases)


def test_a_case_goes_with_a_device_that_turns_out_to_be_another(known, linked):
    """Its subject, and what must not be learned, are the row's that stands for both; a restart finds them."""
    own = msgspec.structs.replace(finding().evidence, entity=Entity(kind="device", id=known.device_id(1)))
    linked.take([msgspec.structs.replace(finding(device=1), evidence=own)], START)
    linked.follow([(1, 0)])

    assert known.device_id(0) == shown(linked)[0].entities[0].id
    assert [True, False] == linked.flagged([], 2).tolist()


def test_other_families_join_an_open_incident_at_ten_decibans(linked):
    """A volume of 12 dB joins, one of 5 dB is context; neither opens anything by itself."""
    linked.take([finding("EV-0", family="volume", db=25.0, opens=False)], START)
    assert (0, {"EV-0"}) == (len(linked.cases), set(linked.context))
    linked.take([finding()], START)
    linked.take([finding("EV-2", family="volume", db=12.0, opens=False)], START)
    linked.take([finding("EV-3", family="novelty", db=5.0, opens=False)], START)

    assert [["EV-1", "EV-2"]] == [[one.id for one in incident.evidence] for incident in shown(linked)]
    assert {"EV-0", "EV-3"} == set(linked.context)


def test_a_rate_above_the_ceiling_opens_nothing(linked):
    """p times the site's devices above one a day is context."""
    linked.take([finding(p=0.2)], START)

    assert 0 == len(linked.cases)


def test_a_digest_row_is_promoted_by_what_opens(linked):
    """The digest's row becomes the incident, with what it held."""
    linked.take([finding("EV-0", family="volume", opens=False, digest=True)], START)
    tier = shown(linked)[0].tier
    linked.take([finding()], START)

    assert ("digest", ["triage"]) == (tier, [one.tier for one in shown(linked)])
    assert 2 == len(shown(linked)[0].evidence)


def test_open_incidents_and_small_p_stop_learning_until_they_expire(linked):
    """Flagged while open and for what is strange now; three days after the last evidence no more."""
    linked.take([finding()], START)

    assert [True, False] == linked.flagged([], 2).tolist()
    assert [True, True] == linked.flagged([finding("EV-9", device=1, opens=False)], 2).tolist()
    linked.expire(START + EXPIRE_NS)
    assert "open" == shown(linked)[0].state
    linked.expire(START + EXPIRE_NS + 1)
    assert ("expired", [False, False]) == (shown(linked)[0].state, linked.flagged([], 2).tolist())


def test_an_expired_incident_takes_nothing_more(linked):
    """Later evidence of the same device opens another one."""
    linked.take([finding()], START)
    linked.expire(START + 4 * DAY_NS)
    linked.take([finding("EV-2")], START + 4 * DAY_NS)

    assert ["expired", "open"] == [one.state for one in shown(linked)]


def test_pages_come_after_a_week_of_history(known):
    """The same finding is triage in the first week and a page after it."""
    for days, tier in ((1, "triage"), (8, "page")):
        known.now_ns = START + days * DAY_NS
        linked = Incidents(known, 1.0, lambda site: 16)
        linked.take([finding(p=1e-7)], known.now_ns)

        assert [tier] == [one.tier for one in shown(linked)]


def test_open_incidents_survive_a_restart(known, linked):
    """Restored cases grow, keep their id, and still stop learning."""
    linked.take([finding()], START)
    stored = shown(linked)
    again = Incidents(known, 1.0, lambda site: 16)
    again.restore(stored, {"dev-0": 0})
    again.take([finding(db=50.0, observed=99.0)], START + MINUTE_NS)

    assert [stored[0].id] == [one.id for one in shown(again)]
    assert (99.0, [True, False]) == (shown(again)[0].evidence[0].observed, again.flagged([], 2).tolist())


def test_context_is_bounded(linked):
    """Only the strongest are kept."""
    linked.take([finding(f"EV-{k}", db=float(k), opens=False) for k in range(300)], START)

    assert (256, 44.0) == (len(linked.context), min(one.db for one in linked.context.values()))
