"""Beacons: a period alone is nothing; at a place that is news, or nobody's by name, it is evidence."""

import numpy as np
import pytest

from sensor.detectors import beacon
from sensor.detectors.beacon import Beacon, detector, hides
from sensor.model.metadata import Dns, Tls
from tests.detectors.ticks import entities, joined, steps, tick
from tests.scenes import SECRET, common, flow, flows

DAY_S = 86_400
C2 = "203.0.113.77"


def office(days=2, hosts=4, each=40):
    """Flows of a few hosts with a few outside places, at random, from the site's first day on."""
    rng = np.random.default_rng(0)
    return [
        flow(f"10.0.0.{10 + host}", f"198.51.100.{1 + k % 7}", at_s=float(rng.uniform(0, days * DAY_S)), port=443)
        for host in range(hosts)
        for k in range(days * each)
    ]


def calls(orig="10.0.0.10", resp=C2, *, start_s=2 * DAY_S, period_s=60.0, jitter=0.2, n=60, **options):
    rng = np.random.default_rng(1)
    times = start_s + np.cumsum(period_s * (1 + rng.uniform(-jitter, jitter, n)))
    return [flow(orig, resp, at_s=float(at), port=443, **options) for at in times]


def names(hosts=4, at_s=0.0):
    """DNS answers that name the office's places, for each host."""
    return [
        Dns(**common(at_s, f"10.0.0.{10 + host}", "10.0.0.1"), query=f"www.example{k}.org", is_response=True,
            addresses=(f"198.51.100.{k}",))
        for host in range(hosts)
        for k in range(1, 8)
    ]  # fmt: skip


def run(*rows, messages=(), background=True):
    known = entities()
    one = detector(known, SECRET)
    whole = flows(*(office() if background else ()), *rows)
    if messages:
        steps(known, one, flows(*(flow(f"10.0.0.{10 + host}", "10.0.0.1", at_s=0, port=53) for host in range(4))))
        step = tick(known, flows(flow(at_s=10)), messages=messages)
        one.score(step)
        one.learn(step, np.zeros(known.count(), np.bool_))
    return steps(known, one, whole), known, one


def opening(found):
    return [finding for finding in found if finding.opens]


@pytest.mark.parametrize("options", [{}, {"proto": 17}, {"jitter": 0.0, "period_s": 5.0, "n": 200}])
def test_a_period_at_a_new_place_is_evidence(options):
    """After a day of learning: one finding of the pair, priced by the rate of such news, which opens."""
    found, _, _ = run(*calls(**options))

    assert 1 == len(opening(found))
    evidence = opening(found)[0].evidence
    assert C2 in evidence.text
    assert np.isclose(1.92 / (16 + evidence.basis["device_days"]), evidence.p)
    assert evidence.p == beacon.again(evidence)
    assert evidence.observed == evidence.basis["gaps"] + 1


def test_what_goes_on_is_one_evidence_that_grows():
    """Every look and every six hours the same id, with more runs."""
    known = entities()
    one = detector(known, SECRET)
    seen = []
    rows = flows(*office(), *calls(n=900))
    for key in np.unique(rows["ts"] // (10 * 10**9)).tolist():
        step = tick(known, rows[rows["ts"] // (10 * 10**9) == key], end_ns=(key + 1) * 10 * 10**9)
        seen += [finding.evidence for finding in one.score(step) if finding.opens]
        one.learn(step, np.zeros(known.count(), np.bool_))

    assert 1 == len({evidence.id for evidence in seen})
    assert len(seen) >= 5
    assert sorted(evidence.observed for evidence in seen) == [evidence.observed for evidence in seen]


def test_a_known_place_is_only_listed():
    """Regular contacts with what the site has known from its first day open nothing: p is 1."""
    found, _, _ = run(*calls(resp="198.51.100.3", jitter=0.0, n=120))

    assert ([1.0], [False]) == ([one.evidence.p for one in found], [one.opens for one in found])


def test_a_place_that_several_hosts_use_is_only_listed():
    """A new agent on three hosts is no beacon of one."""
    found, _, _ = run(*(row for host in (10, 11, 12) for row in calls(f"10.0.0.{host}", n=120)))

    assert [] == opening(found)[1:]


def test_random_contacts_with_a_new_place_are_none():
    """A Poisson stream of the same rate says nothing."""
    rng = np.random.default_rng(2)
    times = 2 * DAY_S + np.cumsum(rng.exponential(60, 500))
    found, _, _ = run(*(flow("10.0.0.10", C2, at_s=float(at), port=443) for at in times))

    assert [] == found


@pytest.mark.parametrize("port", [53, 123, 853])
def test_resolvers_and_time_servers_are_only_listed(port):
    """However regular and new."""
    rng = np.random.default_rng(1)
    times = 2 * DAY_S + np.cumsum(64 * (1 + rng.uniform(-0.1, 0.1, 100)))
    found, _, _ = run(*(flow("10.0.0.10", C2, at_s=float(at), port=port, proto=17) for at in times))

    assert [1.0] == [one.evidence.p for one in found]


def test_pairs_of_one_host_and_one_period_are_one():
    """A second server at the same period is the same evidence; one at another period is another."""
    found, _, _ = run(*calls(), *calls(resp="203.0.113.78", period_s=62.0), *calls(resp="203.0.113.79", period_s=200.0))

    assert 2 == len({one.evidence.id for one in opening(found)})


def test_without_history_an_address_that_nobody_named_is_evidence():
    """Where the host's names and both directions are seen."""
    rows = [*calls(start_s=10.0), *(flow("10.0.0.10", f"198.51.100.{k}", at_s=5.0 + k, port=443) for k in range(1, 8))]
    found, _, _ = run(*rows, messages=names(), background=False)

    assert ["beacon.unnamed/1"] == [one.evidence.model for one in opening(found)]
    assert opening(found)[0].evidence.p == beacon.again(opening(found)[0].evidence)


def named_c2():
    return [Dns(**common(1, "10.0.0.10", "10.0.0.1"), query="c2.example", is_response=True, addresses=(C2,))]


def hidden():
    return [Tls(**common(2, "10.0.0.10", "198.51.100.1"), server_name="dns.google")]


@pytest.mark.parametrize(
    ("messages", "state"),
    [((), "SF"), (names() + named_c2(), "SF"), (names() + hidden(), "SF"), (names(), "SHR")],
    ids=["no DNS seen", "named", "names hidden", "one way"],
)
def test_without_history_the_rest_is_listed(messages, state):
    """Without DNS, with a name, behind DNS over HTTPS, or seen in one direction: nothing opens, a row is shown."""
    rows = calls(start_s=10.0, state=state)
    rows += [flow("10.0.0.10", f"198.51.100.{k}", at_s=5.0 + k, port=443, state=state) for k in range(1, 8)]
    rows += [flow("10.0.0.10", "10.0.0.1", at_s=1.0, port=445)]
    found, _, one = run(*rows, messages=list(messages), background=False)

    assert [] == opening(found)
    assert [True] == [finding.digest for finding in found]
    assert one.coverage().state in {"learning", "judged"}


def test_a_new_source_that_calls_a_service_at_a_period_is_evidence():
    """Among ten sources of that service it is the only periodic one: p is that share at most."""
    rng = np.random.default_rng(4)
    visitors = [
        flow(f"198.51.100.{20 + k % 9}", "10.0.0.10", at_s=float(rng.uniform(0, 2.2 * DAY_S)), port=443)
        for k in range(400)
    ]
    found, _, _ = run(*visitors, *calls(C2, "10.0.0.10", n=90))

    assert ["beacon.inbound/1"] == [one.evidence.model for one in opening(found)]
    evidence = opening(found)[0].evidence
    assert evidence.p == min(beacon.again(evidence), 0.1)
    assert f"{C2} contacted" in evidence.text


def test_a_device_that_turns_out_to_be_another_takes_its_rhythm_along():
    """Its pairs and what was found of it are the other's from then on."""
    found, known, one = run(*calls("10.0.0.13"))
    again, kept = joined(known, one, "10.0.0.12", "10.0.0.13")
    more = steps(known, one, flows(*calls("10.0.0.12", start_s=2 * DAY_S + 3700, n=700)))

    assert [] == again
    assert kept == known.locate(0, "10.0.0.13")
    assert [opening(found)[0].evidence.id] == [finding.evidence.id for finding in opening(more)]


def test_random_destinations_do_not_push_a_beacon_out():
    """Ten thousand new pairs of the same host: the C2 is found, and what was not timed is counted."""
    flood = [
        flow("10.0.0.10", f"203.{k >> 16 & 63}.{k >> 8 & 255}.{k & 255}", at_s=2 * DAY_S + k * 0.3, port=443)
        for k in range(10_000)
    ]
    found, _, one = run(*calls(), *flood)

    assert 1 == len(opening(found))
    assert one._pairs.refused > 5000


def test_save_and_load_is_identity():
    """A restart in the middle of a rhythm changes nothing."""
    known = entities()
    one = detector(known, SECRET)
    steps(known, one, flows(*office(), *calls(n=20)))
    other = Beacon(known, SECRET)
    other.load(one.save())
    more = flows(*calls(n=60)[20:])
    first = steps(known, one, more)

    assert [finding.evidence for finding in first] == [finding.evidence for finding in steps(known, other, more)]
    assert len(first) == 1


def test_a_greased_hello_hides_nothing():
    """Browsers send the ECH extension in every hello: only the shared outer name, or none, means a hidden one."""
    hello = {"encrypted_client_hello": True}
    assert [False, True, True, True, False] == [
        hides(Tls(**common(), **options))
        for options in (
            {**hello, "server_name": "www.example.org"}, {**hello, "server_name": "cloudflare-ech.com"}, hello,
            {"server_name": "dns.google"}, {},
        )
    ]  # fmt: skip
