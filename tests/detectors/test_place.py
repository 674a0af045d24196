"""Places: rare for an account and its tenant, told as such; known devices and networks' own are not."""

import msgspec
import numpy as np
import pytest

from sensor.detectors.place import again, detector
from sensor.detectors.travel import distance_km
from tests.detectors.acts_made import ANN, SAFARI, known, office, run, signin, tick_of
from tests.scenes import SECRET

AWAY = {"ip": "203.0.113.5", "country": "US", "asn": 64500, "user_agent": SAFARI}
DAY = 20


def found(*events, days=DAY, people=8, freeze=(), **fields):
    entities = known()
    one = detector(entities, SECRET)
    run(entities, [one], office(days=days, people=people, **fields))
    return run(entities, [one], list(events), freeze=freeze), one


def test_a_place_new_to_account_and_tenant_is_rare():
    """p is P(new) × the tenant's share × the traits, and can be had again from the basis."""
    (one,), detected = found(signin(day=DAY, **AWAY))
    evidence, basis = one.evidence, one.evidence.basis

    assert ("place", "entry", ("success", "rare_place"), True) == (
        evidence.family, evidence.stage, evidence.marks, one.opens,
    )  # fmt: skip
    own, tail = (1 + 0.25) / (1 + DAY), (1 + 0.25) / (1 + 8 * DAY)
    assert np.isclose(3 * own * tail, evidence.p)
    assert np.isclose(again(evidence), evidence.p)
    assert 3 == basis["traits"]
    assert "never used the network AS64500 (nor the country US and the client Safari on macOS)" in evidence.text
    assert "203.0.113.5 (US, AS64500)" in evidence.text
    assert "judged" == detected.coverage().state


def test_without_a_country_it_is_judged_by_the_network_and_says_so():
    """Two traits are named, not three."""
    (one,), _ = found(signin(day=DAY, **AWAY | {"country": None}))

    assert 2 == one.evidence.basis["traits"]
    assert "no country is known, so it is judged by its network" in one.evidence.text


@pytest.mark.parametrize(
    "fields",
    [
        {"outcome": "failure", "reason_code": "50126"},
        {"outcome": "interrupt", "reason_code": "50074"},
        {"category": "non_interactive"},
        {"ip": "198.51.100.7", "country": "AU", "asn": None, "user_agent": None},
    ],
)
def test_failures_interrupts_refreshes_and_known_places_are_none(fields):
    """Place is read from sign-ins whose secret was right, made by a person."""
    assert [] == found(signin(day=DAY, **AWAY | fields))[0]


def test_a_prompt_refused_after_the_right_secret_is_a_place_too():
    """But no success."""
    (one,), _ = found(signin(day=DAY, outcome="failure", mfa="denied", reason_code="500121", **AWAY))

    assert ("rare_place",) == one.evidence.marks
    assert "gave the right secret" in one.evidence.text


def test_a_known_device_carries_no_place():
    """A traveller's own laptop may be anywhere; a new device may not."""
    away = [signin(day=DAY, device_id=device, **AWAY) for device in ("D1", "D2")]

    assert ([], 1) == (found(away[0], device_id="D1")[0], len(found(away[1], device_id="D1")[0]))


def test_a_place_that_colleagues_use_is_less_rare():
    """The tenant's mass of values at most as common stands in for the new one."""
    colleague = [signin(day=day, account="p1@corp.example", **AWAY) for day in range(10)]
    (rare,), _ = found(signin(day=DAY, **AWAY))
    entities = known()
    one = detector(entities, SECRET)
    run(entities, [one], office(days=DAY) + colleague)
    seen = run(entities, [one], [signin(day=DAY, **AWAY)])

    assert [] == seen or seen[0].evidence.p > 3 * rare.evidence.p


def test_a_young_tenant_gives_at_most_2_db_and_says_why():
    """Nothing is rare yet; it opens nothing."""
    (one,), _ = found(signin(day=5, **AWAY), days=5)

    assert one.evidence.db <= 2.001
    assert not one.opens
    assert "rare_place" not in one.evidence.marks
    assert "40 account-days only" in one.counter[0]
    assert np.isclose(again(one.evidence), one.evidence.p)


def test_a_repeated_place_is_one_evidence_and_marked():
    """The days of an incident do not begin anew."""
    seen, _ = found(*(signin(day=DAY + k, hour=3, **AWAY) for k in range(3)), freeze=(ANN,))

    assert 1 == len(seen)
    assert "repeated" in seen[0].evidence.marks


def test_the_row_of_a_federated_service_is_explained_by_the_known_device():
    """It names no device; from the same address, before the provider's row or after it."""
    entities = known()
    one = detector(entities, SECRET)
    run(
        entities,
        [one],
        [*office(days=DAY), *(signin(day=day, hour=10, device_id="lap-1", source="okta") for day in range(DAY))],
    )
    provider = signin(day=DAY, hour=3, device_id="lap-1", source="okta", **AWAY)
    before, after = (signin(day=DAY, hour=3 + step, source="m365", **AWAY) for step in (-0.01, 0.01))
    seen = [finding.evidence for finding in run(entities, [one], [before, provider, after])]
    other = run(entities, [one], [signin(day=DAY, hour=4, source="m365", **AWAY | {"ip": "192.0.2.200", "asn": 64777})])

    assert [("context", "taken_back")] == [one.marks for one in seen if "own" in one.basis]
    assert "on a device it is known by" in seen[0].text
    assert 1 == len([finding for finding in other if "own" in finding.evidence.basis])


def test_impossible_travel_is_weak():
    """6 dB at most, and nothing where the network is one of the account's own."""
    perth, london = ({"latitude": lat, "longitude": lon} for lat, lon in ((-31.95, 115.86), (51.5, -0.12)))
    vpn = {"ip": "192.0.2.1", "country": "GB"}
    trip = [signin(day=DAY, hour=3, detail=perth), signin(day=DAY, hour=4, detail=london, **AWAY)]
    own = [signin(day=day, **vpn) for day in range(DAY)]
    weak = [one for one in found(*trip)[0] if "km" in one.evidence.basis]
    entities = known()
    one = detector(entities, SECRET)
    run(entities, [one], office(days=DAY) + own)
    home = run(entities, [one], [trip[0], signin(day=DAY, hour=4, detail=london, **vpn)])

    assert (1, True) == (len(weak), weak[0].evidence.db <= 6.001)
    assert [] == [finding for finding in home if "km" in finding.evidence.basis]
    assert np.isclose(14_470, distance_km((-31.95, 115.86), (51.5, -0.12)), rtol=0.01)


def test_what_the_provider_found_is_a_witness():
    """At its assumed rate, said so; it opens nothing by itself."""
    (one,), _ = found(signin(day=DAY, detail={"risk": "high"}))

    assert not one.opens
    assert "assumed: one in 500 account-days" in one.evidence.text
    assert np.isclose(again(one.evidence), one.evidence.p)


def test_save_and_load_is_identity():
    """A restart forgets no place."""
    entities = known()
    one = detector(entities, SECRET)
    run(entities, [one], office(days=DAY))
    other = detector(known(), SECRET)
    state = one.save()
    other.load(state)

    assert all((value == other.save()[name]).all() or name.endswith(("lat", "lon")) for name, value in state.items())


def supported(step, because="LAPTOP-1 contacted microsoft from SYD 3 s before it"):
    """The same tick, its sign-ins seen by the network."""
    step.signins = [
        msgspec.structs.replace(
            one, revised=True, row=msgspec.structs.replace(one.row, corroboration="supported", because=because)
        )
        for one in step.signins
    ]
    return step


def test_a_verdict_that_becomes_supported_takes_its_place_back():
    """And what comes from that address is none before its own verdict either."""
    entities = known()
    one = detector(entities, SECRET)
    run(entities, [one], office(days=DAY))
    first, later = tick_of(entities, [signin(day=DAY, **AWAY)]), tick_of(entities, [signin(day=DAY, hour=10, **AWAY)])
    (told,) = one.score(first)
    (gone,) = one.score(supported(first))

    assert (told.evidence.id, ("context", "taken_back")) == (gone.evidence.id, gone.evidence.marks)
    assert "the network saw the sign-in: LAPTOP-1 contacted microsoft" in gone.evidence.text
    assert [] == one.score(later)


def test_travel_is_taken_back_too():
    """A line's registered city is not where its users are."""
    entities = known()
    one = detector(entities, SECRET)
    far = [({"latitude": -33.9, "longitude": 151.2}, 9.0, None), ({"latitude": -37.8, "longitude": 144.9}, 9.4, 64500)]
    run(entities, [one], office(days=DAY))
    home, away = (
        tick_of(entities, [signin(day=DAY, hour=hour, ip=f"203.0.113.{hour:.0f}", asn=asn, detail=detail)])
        for detail, hour, asn in far
    )
    one.score(home)
    one.learn(home, np.zeros(0, np.bool_))
    told = [row for row in one.score(away) if row.evidence.model == "place.travel/1"]
    gone = {row.evidence.id for row in one.score(supported(away)) if "taken_back" in row.evidence.marks}

    assert {row.evidence.id for row in told} <= gone
    assert 1 == len(told)


def test_another_country_is_news_although_the_client_is_not():
    """The intruder comes back with the same client from elsewhere: another evidence, of that country."""
    elsewhere = {**AWAY, "ip": "203.0.113.99", "country": "RO", "asn": 9009}
    seen, _ = found(signin(day=DAY, hour=3, **AWAY), signin(day=DAY + 1, hour=3, **elsewhere), freeze=(ANN,))

    assert 2 == len(seen)
    assert ["RO" in one.evidence.text for one in seen] == [False, True]
    assert "repeated" not in seen[1].evidence.marks
