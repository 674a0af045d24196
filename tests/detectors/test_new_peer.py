"""New peers: a device of few habits, after a day, contacting what nobody at the site had."""

import numpy as np

from sensor.detectors.new_peer import NewPeer, detector
from tests.detectors.ticks import entities, joined, steps, tick
from tests.scenes import SECRET, flow, flows

DAY_S = 86_400


def habits(hosts=3, days=2, each=300):
    rng = np.random.default_rng(0)
    return [
        flow(f"10.0.0.{10 + host}", f"198.51.100.{1 + host}", at_s=float(rng.uniform(0, days * DAY_S)), port=443)
        for host in range(hosts)
        for _ in range(days * each)
    ]


def run(extra, **options):
    known = entities()
    one = detector(known, SECRET)
    rows = flows(*habits(**options), *extra)
    return steps(known, one, rows), known, one


def test_a_new_peer_of_a_device_of_habits_is_told():
    """p follows Pitman–Yor for the device and the site, times the day's chances; it opens nothing by itself."""
    found, _, one = run([flow("10.0.0.10", "203.0.113.77", at_s=2 * DAY_S + 60, port=443)])

    assert 1 == len(found)
    evidence, basis = found[0].evidence, found[0].evidence.basis
    own, site = (1 + 0.25 * basis["kinds"]) / (1 + basis["draws"]), (1 + 0.25 * 3) / (1 + 1800)
    assert np.isclose(own * site * basis["chances"], evidence.p)
    assert (False, True) == (found[0].opens, found[0].digest)
    assert "203.0.113.77" in evidence.text
    assert "judged" == one.coverage().state


def test_before_a_day_of_history_it_is_learning():
    """The first day's new peers are habits in the making."""
    found, _, one = run([flow("10.0.0.10", "203.0.113.77", at_s=0.9 * DAY_S)], days=1)

    assert ([], "learning") == (found, one.coverage().state)


def test_a_known_peer_is_not_news():
    """A contact made before says nothing, nor does one that went unanswered."""
    found, _, _ = run(
        [
            flow("10.0.0.10", "198.51.100.1", at_s=2 * DAY_S),
            flow("10.0.0.11", "203.0.113.9", at_s=2 * DAY_S, state="S0"),
        ]
    )

    assert [] == found


def test_behind_a_proxy_the_host_that_was_asked_for_is_the_peer():
    """The proxy is known to all; a host that nobody asked it for is news, and named as such."""
    known = entities()
    one = detector(known, SECRET)
    steps(known, one, flows(*habits(), flow("10.0.0.10", "198.51.100.250", at_s=60, port=3128)))
    asks = [flow("10.0.0.10", "198.51.100.250", at_s=2 * DAY_S + 60, port=3128) for _ in range(2)]
    found = []
    for rows, host in zip(asks, ("new.example", None), strict=True):
        step = tick(known, flows(rows))
        step.destinations = {0: host} if host else {}
        found.append(one.score(step))
        one.learn(step, np.zeros(known.count(), np.bool_))
    again = tick(known, flows(asks[0]))
    again.destinations = {0: "new.example"}

    assert [[("domain", "new.example")], []] == [
        [(peer.kind, peer.id) for finding in findings for peer in finding.peers] for findings in found
    ]
    assert "new.example (through the proxy 198.51.100.250)" in found[0][0].evidence.text
    assert [] == one.score(again)


def test_a_device_that_turns_out_to_be_another_takes_its_peers_along():
    """Neither's peers are news of the one; contacts and distinct peers add up."""
    _, known, one = run([flow("10.0.0.11", "198.51.100.1", at_s=5)])
    hosts = [known.locate(0, f"10.0.0.{10 + host}") for host in (0, 1)]
    draws = sum(int(one._devices.columns["draws"][row]) for row in hosts)
    found, kept = joined(known, one, "10.0.0.10", "10.0.0.11")
    again = [flow("10.0.0.10", f"198.51.100.{k}", at_s=2 * DAY_S + 60) for k in (1, 2)]

    assert [] == found == steps(known, one, flows(*again))
    own = {name: int(one._devices.columns[name][kept]) for name in ("draws", "kinds")}
    assert {"draws": draws + 2, "kinds": 2} == own


def test_a_flagged_device_does_not_teach():
    """What a flagged device contacted stays new."""
    known = entities()
    one = detector(known, SECRET)
    step = tick(known, flows(flow()))
    one.learn(step, np.ones(known.count(), np.bool_))

    assert [(0, 0, True)] == one._new(tick(known, flows(flow())))


def test_save_and_load_is_identity():
    """A restart forgets no peer and no count."""
    _, known, one = run([])
    other = NewPeer(known, SECRET)
    other.load(one.save())
    step = tick(known, flows(flow("10.0.0.10", "203.0.113.77", at_s=2 * DAY_S + 99)))

    assert [f.evidence for f in one.score(step)] == [f.evidence for f in other.score(step)]
