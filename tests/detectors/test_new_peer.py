"""New peers and services: told where a device of habits does what few at its site do, against its peers' days."""

import copy
from functools import cache

import msgspec
import numpy as np
import pytest

from baselines.keyed import KeyedTable
from baselines.table import Table
from sensor.detectors.new_peer import NewPeer, again, detector
from sensor.model.fleet_part import DESTINATION, digest_of
from sensor.model.report import Prior
from tests.detectors.test_fleet_law import pool_of
from tests.detectors.ticks import entities, joined, tick
from tests.entities.test_fleet_prior import KEY
from tests.model.test_fleet_part import part
from tests.scenes import DAY, SECRET, START, S, flow, flows

HOSTS = 30
DAYS = 9
HOUR = 3_600 * S
_ROW = flow("10.0.0.10", "198.51.100.1", port=443)


def hour(number, seed=0):
    """Each host contacts one of its own two places, or one of the site's fifty, now and then a new one; 2 an hour."""
    rng = np.random.default_rng([seed, number])
    who = np.repeat(np.arange(HOSTS), 2)
    kind = rng.random(len(who))
    place = np.where(kind < 0.7, 100 + 2 * who + rng.integers(0, 2, len(who)), rng.integers(0, 50, len(who)))
    place = np.where(kind > 0.995, 1_000 + rng.integers(0, 5_000, len(who)), place)
    rows = np.repeat(_ROW, len(who))
    rows["orig_lo"] += who.astype(np.uint64)
    rows["resp_lo"] += (256 * (place // 200) + place % 200).astype(np.uint64)
    rows["ts"] = START + number * HOUR + 60 * S + np.arange(len(who))
    rows["uid"] = [f"C{number}-{k}".encode() for k in range(len(who))]
    return flows(*rows.reshape(-1, 1))


def run(known, one, batches):
    found = []
    for rows in batches:
        step = tick(known, rows, end_ns=(int(rows["ts"].max()) // HOUR + 1) * HOUR)
        found += one.score(step)
        one.learn(step, np.zeros(known.count(), np.bool_))
    return found


@cache
def learned():
    """Entities, a detector's state and its findings after nine days."""
    known = entities()
    one = detector(known, SECRET)
    found = run(known, one, [hour(number) for number in range(24 * DAYS)])
    return known, one.save(), found


def ready():
    known, state, _ = learned()
    known = copy.deepcopy(known)
    one = NewPeer(known, SECRET)
    one.load(state)
    return known, one


def later(*, at_s=1_800, **options):
    """One flow after the nine days."""
    return flows(flow("10.0.0.10", options.pop("resp", "203.0.113.77"), at_s=DAYS * 86_400 + at_s, **options))


def test_what_nobody_uses_is_told_of_a_device_of_habits():
    """A place and a port that are new to the device and the site: rare among its peers' days, and opening nothing."""
    known, one = ready()
    found = run(known, one, [later(port=8_443)])

    assert ["10.0.0.10"] == [finding.name for finding in found]
    evidence = found[0].evidence
    assert ("now", False, "peers") == (evidence.channel, found[0].opens, evidence.reference)
    assert evidence.p <= 0.02
    assert "nobody at the site had either" in evidence.text
    assert evidence.p == again(evidence)
    assert "judged" == one.coverage().state


def test_usual_days_are_told_about_as_often_as_their_p_says():
    """Of 240 device-days with a p, those at or below .05 are no more than twice as many as they should be."""
    _, _, found = learned()
    days = {(finding.device, finding.evidence.id) for finding in found if finding.evidence.reference == "peers"}

    assert 24 >= len(days)
    assert not any(finding.opens for finding in found)


def test_what_many_use_is_no_news():
    """A place that a dozen of the site's devices use says less than one that nobody does."""
    known, one = ready()
    device = known.locate(0, "10.0.0.10")
    places = [f"198.51.100.{1 + k}" for k in range(50)]
    words = [
        (np.array([device * 4], np.uint64), *(np.array([word], np.uint64) for word in _words(at))) for at in places
    ]
    popular = next(at for at, key in zip(places, words, strict=True) if not one._seen.find(*key)[0])
    rare, common = copy.deepcopy((known, one)), copy.deepcopy((known, one))
    told = [run(*both, [later(resp=place, port=443)]) for both, place in ((rare, "203.0.113.77"), (common, popular))]
    worst = [float(both[1]._devices.columns["worst"][device]) for both in (rare, common)]

    assert worst[0] > worst[1]
    assert len(told[1]) <= len(told[0])


def _words(address):
    row = flow(resp=address)
    return int(row["resp_hi"][0]), int(row["resp_lo"][0])


def test_a_name_that_was_used_before_is_no_news_at_another_address():
    """DNS gives the same registered name: nothing is new, neither for the device nor for the site."""
    known, one = ready()
    known.address_name = lambda hi, lo: "cdn.example.com" if lo & 0xFF in {77, 78} else None
    run(known, one, [later(resp="203.0.113.77", port=443)])
    kinds = one._devices.columns["kinds"].copy()
    found = run(known, one, [later(resp="203.0.113.78", port=443, at_s=5_400)])

    assert [] == found
    assert np.array_equal(kinds, one._devices.columns["kinds"])


def test_a_service_that_a_device_begins_to_offer_is_told():
    """A workstation that answers RDP: the third category, and the client is the peer."""
    known, one = ready()
    rows = flows(flow("10.0.0.11", "10.0.0.10", port=3_389, at_s=DAYS * 86_400 + 1_800))
    found = [finding for finding in run(known, one, [rows]) if finding.name == "10.0.0.10"]

    assert 1 == len(found)
    assert "answered on tcp/3389" in found[0].evidence.text
    assert [("device", known.device_id(known.locate(0, "10.0.0.11")))] == [(p.kind, p.id) for p in found[0].peers]
    assert found[0].evidence.p == again(found[0].evidence)


def test_one_row_a_device_and_day_the_rarest():
    """What follows is told only where it is rarer still."""
    known, one = ready()
    first = run(known, one, [later(port=8_443)])
    again_found = run(known, one, [later(resp="203.0.113.99", port=443, at_s=5_400)])

    assert (1, 0) == (len(first), len(again_found))


def test_before_a_day_of_history_it_is_learning():
    """The first day's new peers are habits in the making."""
    known = entities()
    one = detector(known, SECRET)
    found = run(known, one, [hour(number) for number in range(20)])

    assert ([], "learning") == (found, one.coverage().state)
    assert "no_input" == detector(entities(), SECRET).coverage().state


def test_until_there_are_a_hundred_device_days_the_model_speaks_alone():
    """No p below 1e-3, against its own history; the coverage says so."""
    known = entities()
    one = detector(known, SECRET)
    rows = [flow("10.0.0.10", "198.51.100.1", at_s=3_600 * k + 60) for k in range(24 * 60)]
    run(known, one, [flows(row) for row in rows])
    found = run(known, one, [flows(flow("10.0.0.10", "203.0.113.7", at_s=60 * 86_400 + 60, port=8_443))])

    assert ["own"] == [finding.evidence.reference for finding in found]
    assert 1e-3 <= found[0].evidence.p == again(found[0].evidence) <= 0.05
    assert "the model alone" in one.coverage().why


def test_a_known_peer_is_not_news():
    """Used before; nor is one that went unanswered."""
    known, one = ready()

    assert [] == run(known, one, [hour(24 * DAYS)[:1], later(state="S0", at_s=4_000)])


def test_behind_a_proxy_the_host_that_was_asked_for_is_the_peer():
    """The proxy is known to all; a host that nobody asked it for is news, and named as such."""
    known, one = ready()
    through = [later(resp="198.51.100.1", at_s=at_s, port=443) for at_s in (1_800, 5_400, 9_000)]
    found = []
    for rows, host in zip(through, ("new.example", None, "www.new.example"), strict=True):
        step = tick(known, rows)
        step.destinations = {0: host} if host else {}
        found.append(one.score(step))
        one.learn(step, np.zeros(known.count(), np.bool_))

    assert [[("domain", "new.example")], [], []] == [
        [(peer.kind, peer.id) for finding in findings for peer in finding.peers] for findings in found
    ]
    assert "new.example (through the proxy 198.51.100.1)" in found[0][0].evidence.text


def test_a_device_that_turns_out_to_be_another_takes_its_uses_along():
    """Neither's peers are news of the one; uses add up."""
    known, one = ready()
    run(known, one, [flows(flow("10.0.0.11", "203.0.113.200", at_s=DAYS * 86_400 + 60))])
    hosts = [known.locate(0, f"10.0.0.{10 + host}") for host in (0, 1)]
    draws = sum(int(one._devices.columns["draws"][row, 0]) for row in hosts)
    found, kept = joined(known, one, "10.0.0.10", "10.0.0.11")
    more = run(known, one, [later(resp="203.0.113.200", port=80), later(resp="198.51.100.101", at_s=5_000)])

    assert [] == found == more
    assert draws + 2 == int(one._devices.columns["draws"][kept, 0])


def test_a_flagged_device_does_not_teach():
    """What a flagged device used stays new, and its day is none to compare with."""
    known, one = ready()
    run(known, one, [hour(24 * DAYS)])
    step = tick(known, later(port=8_443, at_s=4_000))
    flags = np.zeros(known.count(), np.bool_)
    flags[known.locate(0, "10.0.0.10")] = True
    before = one._devices.columns["draws"].sum()
    one.learn(step, flags)

    assert before == one._devices.columns["draws"].sum()
    assert 1 == len(run(known, one, [later(port=8_443, at_s=8_000)]))
    assert 1 == one._devices.columns["flagged"][known.locate(0, "10.0.0.10")]


def test_save_and_load_is_identity():
    """A restart forgets no use and no count, to the bit of the next finding."""
    known, one = ready()
    other = NewPeer(known, SECRET)
    other.load(one.save())
    step = tick(known, later(port=8_443))

    assert [f.evidence for f in one.score(step)] == [f.evidence for f in other.score(step)] != []
    with pytest.raises(ValueError, match="version 9"):
        other.load({**one.save(), "head": np.array([9, 0])})


def test_the_release_before_is_read():
    """Addresses that were used before stay known; counts go on."""
    known, one = ready()
    device = known.locate(0, "10.0.0.10")
    table = Table(dict.fromkeys(("draws", "kinds", "day", "today"), (np.int64, (), 0)), 64)
    table.cover(device + 1)
    table.columns["draws"][device], table.columns["kinds"][device] = 700, 1
    table.columns["day"][:] = START // DAY
    peers = KeyedTable({}, 1 << 10, SECRET)
    hi, lo = (np.array([word], np.uint64) for word in _words("203.0.113.7"))
    peers.insert(np.array([device], np.uint64), hi, lo)
    old = {"devices": table, "peers": peers, "site_peers": peers}
    other = NewPeer(known, SECRET)
    other.load({f"{part}/{name}": column for part, held in old.items() for name, column in held.save().items()})

    assert 700 == other._devices.columns["draws"][device, 0]
    assert other._seen.find(np.array([device * 4], np.uint64), hi, lo)[0]
    assert {("new_peer", alpha) for alpha in (1e-2, 1e-3, 1e-4)} == set(one.calibration)


def _fleet(known, *places, sites=9, of=20):
    """Have the hub say that so many sites contact places."""
    rows = sorted(digest_of(KEY, DESTINATION, *_words(place)) for place in places)
    known.prior.take(Prior(ts=0, key=KEY, part=part(rows, [sites] * len(rows), [300] * len(rows), of_sites=of)))


def test_what_is_common_in_the_fleet_is_weaker_evidence():
    """By the share of the other sites that have it; what is rare everywhere is as it was."""
    worst = []
    for sites in (0, 60, 90):
        known, one = ready()
        if sites:
            _fleet(known, "203.0.113.77", sites=sites, of=1_000)
        run(known, one, [later(port=443)])
        worst.append(float(one._devices.columns["worst"][known.locate(0, "10.0.0.10")]))
        run(known, one, [later(port=443, resp="203.0.113.78", at_s=5_400)])
        worst.append(float(one._devices.columns["worst"][known.locate(0, "10.0.0.10")]))

    assert worst[0] > worst[2] > worst[4]
    assert worst[1] == worst[3] == worst[5]


def test_the_numbers_of_the_fleet_are_in_the_evidence():
    """And p follows from them."""
    known, one = ready()
    _fleet(known, "203.0.113.77", sites=5, of=400)
    one._popular.mass = lambda group, users: 1e-6  # a site of so many uses that what is new is next to never
    (finding,) = run(known, one, [later(port=443)])
    basis = finding.evidence.basis

    assert (5.0, 399.0, 300.0) == (basis["fleet_sites"], basis["fleet_of"], basis["fleet_devices"])
    assert "but 5 of the fleet's 399 other sites have it, on 300 devices" in finding.evidence.text
    assert finding.evidence.p == again(finding.evidence)
    changed = msgspec.structs.replace(finding.evidence, basis={**basis, "fleet_sites": 60.0})
    assert finding.evidence.p != again(changed)


def test_without_a_fleet_nothing_is_different():
    """Neither the evidence nor what is learned, to the byte."""
    (known, one), (other_known, other) = ready(), ready()
    _fleet(other_known, "192.0.2.200")  # what nobody here uses
    found = [run(*both, [later(port=8_443)]) for both in ((known, one), (other_known, other))]

    assert found[0] == found[1]
    assert "fleet_of" not in found[0][0].evidence.basis
    assert {k: v.tobytes() for k, v in one.save().items()} == {k: v.tobytes() for k, v in other.save().items()}


def test_a_new_site_starts_from_the_fleets_days():
    """Two days old, it has too few device-days: p is from the fleet's, says so, and is made again from the basis."""
    days = [hour(number) for number in range(48)]
    strange = flows(flow("10.0.0.10", "203.0.113.77", port=8_443, at_s=2 * 86_400 + 600))
    found = []
    for sites in (0, 12):
        known = entities()
        one = NewPeer(known, SECRET)
        if sites:
            _, pool = pool_of(np.random.default_rng(5).exponential(0.3, 4_000), sites)
            known.prior.take(Prior(ts=0, key=KEY, pool=pool))
        run(known, one, days)
        found += run(known, one, [strange])
        said = one.coverage().why
    (among,) = found  # the model alone has nothing to say yet

    assert "fleet" == among.evidence.reference
    assert 1e-3 <= among.evidence.p == again(among.evidence)
    assert 12.0 == among.evidence.basis["fleet_calibration"]
    assert "from 4,000 device-days of the fleet's 12 sites, for this one has too few of its own" in among.evidence.text
    assert "4,000 device-days of the fleet's 12 sites until 100 are here" in said
    assert not among.opens
