"""Which flows are timed, and that no device takes more room than its share."""

from sensor.detectors.beacon_pairs import CANDIDATES_MAX, FRESH_MAX, Pairs
from tests.detectors.ticks import entities, tick
from tests.scenes import SECRET, flow, flows


def take(known, pairs, rows):
    """Give rows tick by tick; return all looks."""
    looks = []
    ends = (rows["ts"] + rows["duration"]) // (10 * 10**9)
    for key in sorted(set(ends.tolist())):
        looks += pairs.take(tick(known, rows[ends == key], end_ns=(key + 1) * 10 * 10**9))
    return looks


def test_a_look_tells_the_pair_and_its_last_flows():
    """Device, port, direction, period, and up to four records."""
    known = entities()
    pairs = Pairs(known, SECRET)
    looks = take(known, pairs, flows(*(flow(resp="198.51.100.1", at_s=60.0 * k, port=443) for k in range(30))))

    assert [(0, 443, 6, False, 24)] == [(one.device, one.port, one.proto, one.inbound, one.gaps) for one in looks]
    assert abs(looks[0].period_s - 60) < 0.1
    assert [21, 22, 23, 24] == [offset for _, offset, _ in looks[0].records]


def test_inside_and_multicast_flows_are_not_timed():
    """Nor ICMP, nor reports of a flow that goes on."""
    known = entities()
    pairs = Pairs(known, SECRET)
    rows = [flow(resp=resp, at_s=60.0 * k) for resp in ("10.0.0.9", "224.0.0.251") for k in range(30)]
    rows += [flow(resp="198.51.100.1", at_s=60.0 * k, proto=1) for k in range(30)]
    take(known, pairs, flows(*rows))

    assert 0 == pairs.seen


def test_a_source_from_outside_is_timed_where_it_is_answered():
    """An unanswered one may be anybody under that address."""
    known = entities()
    pairs = Pairs(known, SECRET)
    own = [flow("10.0.0.9", "198.51.100.9", at_s=0.0)]
    seen = [flow("198.51.100.1", "10.0.0.9", at_s=60.0 * k, port=443) for k in range(30)]
    not_answered = [flow("198.51.100.2", "10.0.0.9", at_s=60.0 * k, port=443, state="S0") for k in range(30)]
    looks = take(known, pairs, flows(*own, *seen, *not_answered))

    assert [(True, 443)] == [(one.inbound, one.port) for one in looks]
    assert (1, 1) == pairs.sources(looks[0].device, 443, 6)


def test_through_a_proxy_the_host_that_was_asked_for_is_timed():
    """Requests for two hosts in turn, through one proxy, are two pairs."""
    known = entities()
    pairs = Pairs(known, SECRET)
    looks = []
    for k in range(60):
        step = tick(known, flows(flow(resp="10.0.0.1", at_s=60.0 * k, port=3128)))
        step.destinations = {0: ("a.example", "b.example")[k % 2]}
        looks += pairs.take(step)

    assert [24, 24] == [one.gaps for one in looks]
    assert 2 == len({(one.hi, one.lo) for one in looks})


def test_a_device_has_at_most_so_many_candidates():
    """Forty steady places of one host: the first 24 are timed, the rest counted as refused."""
    known = entities()
    pairs = Pairs(known, SECRET)
    rows = [flow(resp=f"198.51.100.{k}", at_s=60.0 * n + k, port=443) for k in range(40) for n in range(30)]
    looks = take(known, pairs, flows(*rows))

    assert CANDIDATES_MAX == len({one.lo for one in looks})
    assert pairs.refused >= 40 - CANDIDATES_MAX


def test_a_device_brings_in_so_many_new_pairs_an_hour():
    """Beyond that they are counted, not kept, and known pairs are timed on."""
    known = entities()
    pairs = Pairs(known, SECRET)
    rows = [flow(resp=f"203.0.{k >> 8}.{k & 255}", at_s=k * 0.1, port=443) for k in range(3 * FRESH_MAX)]
    take(known, pairs, flows(*rows))

    assert (2 * FRESH_MAX, FRESH_MAX) == (pairs.refused, len(pairs.outside(0, 10_000)))


def test_save_and_load_is_identity():
    """A restart forgets no gap."""
    known = entities()
    pairs, other = Pairs(known, SECRET), Pairs(known, SECRET)
    take(known, pairs, flows(*(flow(resp="198.51.100.1", at_s=60.0 * k, port=443) for k in range(20))))
    other.load(pairs.save())
    more = flows(*(flow(resp="198.51.100.1", at_s=60.0 * k, port=443) for k in range(20, 30)))

    assert take(known, pairs, more) == take(known, other, more) != []
