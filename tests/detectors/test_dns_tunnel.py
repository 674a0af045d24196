"""DNS tunnels, whatever record carries them; and what looks like one and is none."""

import base64

import numpy as np
import pytest

from sensor.detectors import dns_tunnel
from sensor.detectors.dns_tunnel import DnsTunnel, detector
from sensor.model.metadata import Dns
from tests.detectors.ticks import entities, joined, tick
from tests.scenes import SECRET, common, flow, flows


def ask(query, at_s=0.0, orig="10.0.0.5", qtype=16, **options):
    return Dns(**{**common(at_s, orig, "10.0.0.1"), **options}, query=query, qtype=qtype)


def tunnel(domain="t.example.com", n=400, each=20, step_s=1.0, start_s=0.0, **options):
    rng = np.random.default_rng(3)
    return [
        ask(f"{base64.b32encode(rng.bytes(each)).decode().strip('=')}.{domain}", start_s + k * step_s, **options)
        for k in range(n)
    ]


def run(messages, known=None, one=None, **options):
    known = known or entities()
    one = one or detector(known, SECRET)
    hosts = sorted({message.orig_h for message in messages})
    found = {}
    for start in range(0, len(messages), 20):
        piece = messages[start : start + 20]
        at_s = (piece[0].ts - common()["ts"]) / 1e9
        step = tick(known, flows(*(flow(host, "198.51.100.9", at_s=at_s) for host in hosts)), messages=piece, **options)
        for finding in one.score(step):
            found[finding.evidence.id] = finding
        one.learn(step, np.zeros(known.count(), np.bool_))
    return list(found.values()), known, one


@pytest.mark.parametrize("qtype", [1, 5, 10, 15, 16, 28])
def test_a_tunnel_of_any_record_type_opens(qtype):
    """Four hundred names of 20 bytes: found without any history, p by the reference."""
    found, _, _ = run(tunnel(qtype=qtype))

    assert [True] == [finding.opens for finding in found]
    evidence = found[0].evidence
    assert evidence.p == dns_tunnel.again(evidence)
    assert 7000 < evidence.observed < 9000
    assert "example.com" in evidence.text


def test_a_tunnel_of_ten_bytes_a_second_is_found_within_fifteen_minutes():
    """The loud bar: it opens before 900 s."""
    found, _, _ = run(tunnel(n=90, each=100, step_s=10.0)[:90])

    assert [True] == [finding.opens for finding in found]


def test_a_burst_opens_before_its_day_is_loud():
    """Sixty names of 20 bytes in two minutes."""
    found, _, _ = run(tunnel(n=60, step_s=2.0))

    assert [True] == [finding.opens for finding in found]


def test_one_tunnel_is_one_evidence_that_grows():
    """The same id all day."""
    found, _, _ = run(tunnel(n=900))

    assert 1 == len(found)


def benign(kind):
    """Questions that carry much and are no tunnel."""
    rng = np.random.default_rng(4)
    if kind == "content network":
        return [ask(f"img-{k:03d}.cdn.example.net", k, qtype=1) for k in range(900)]
    if kind == "blocklist":
        return [ask(f"{k % 250}.{k // 250}.2.192.zen.example.org", k, qtype=1) for k in range(2000)]
    if kind == "reputation":
        return tunnel("avqs.mcafee.com", n=800)
    if kind == "reverse":
        return [ask(f"{k % 250}.{k // 250}.0.10.in-addr.arpa", k, qtype=12) for k in range(2000)]
    if kind == "multicast":
        return tunnel("_spotify-connect._tcp.local", resp_p=5353)
    if kind == "same again":
        return [ask(f"{k % 30:08x}{'f' * 20}.telemetry.example.com", k, qtype=1) for k in range(3000)]
    words = [f"{a}{b}" for a in ("news", "mail", "shop", "blog", "docs") for b in rng.permutation(60).tolist()]
    return [ask(f"{word}.example.com", k * 10, qtype=1) for k, word in enumerate(words)]


@pytest.mark.parametrize(
    "kind", ["content network", "blocklist", "reputation", "reverse", "multicast", "same again", "a portal's names"]
)
def test_what_only_looks_like_one_opens_nothing(kind):
    """Numbered hosts, reversed addresses, hashes that a product looks up, names asked again and again."""
    found, _, _ = run(benign(kind))

    assert [] == [finding for finding in found if finding.opens]


def test_what_several_devices_ask_is_a_service():
    """Four devices with as much to say to one domain: listed."""
    messages = [m for host in range(4) for m in tunnel(orig=f"10.0.0.{5 + host}", start_s=host * 500.0)]
    found, _, _ = run(messages)

    assert 1.0 == found[-1].evidence.p
    assert not found[-1].opens


def test_what_a_domain_was_told_on_an_earlier_day_is_usual():
    """Learned from an unflagged device; a flagged one teaches nothing."""
    first = tunnel(n=300)
    second = tunnel(n=300, start_s=90_000.0, orig="10.0.0.6")
    quiet, known, one = run(first)
    later, _, _ = run(second, known, one)

    assert [[True], [False]] == [[finding.opens for finding in found] for found in (quiet, later)]


def test_a_resolver_is_not_judged_for_what_others_ask():
    """It answers questions itself."""
    known = entities()
    one = detector(known, SECRET)
    step = tick(known, flows(*(flow("10.0.0.9", "10.0.0.5", at_s=k, port=53, proto=17) for k in range(30))))
    one.score(step)

    assert [] == run(tunnel(start_s=60.0), known, one)[0]


def test_text_of_a_name_of_one_label_is_evidence():
    """Nobody can have registered it; an address record of one label is a search list at work."""
    found, _, _ = run([ask("1qaz2wsx", 1.0), ask("wpad", 2.0, qtype=1)])

    assert ["dns_tunnel.label/1"] == [finding.evidence.model for finding in found]
    assert found[0].evidence.p == dns_tunnel.again(found[0].evidence)
    assert found[0].opens


def test_a_device_that_turns_out_to_be_another_takes_its_day_along():
    """What it asked counts on."""
    _, known, one = run([*tunnel(n=50, step_s=20.0, orig="10.0.0.6"), ask("www.example.org", 1000.0)])
    joined(known, one, "10.0.0.5", "10.0.0.6")
    found, _, _ = run(tunnel(n=230, start_s=1020.0, step_s=20.0, orig="10.0.0.5")[50:], known, one)

    assert 1 == len(found)
    assert found[0].evidence.basis["names"] == 230


def test_save_and_load_is_identity():
    """A restart forgets no label and no sum."""
    messages = tunnel(n=400)
    _, known, one = run(messages[:200])
    other = DnsTunnel(known, SECRET)
    other.load(one.save())
    step = tick(known, flows(flow(at_s=300)), messages=messages[150:])

    expected = [finding.evidence for finding in one.score(step)]
    assert expected == [finding.evidence for finding in other.score(step)]
    assert 1 == len(expected)


def test_random_subdomains_take_bounded_room():
    """A flood of names leaves the tables within their caps."""
    _, _, one = run(tunnel(n=3000, each=8, step_s=0.01))

    assert all(0 < share <= 1 for share in one.saturation.values())


def test_coverage_says_whether_questions_were_seen():
    """No DNS, no judgement."""
    known = entities()
    one = detector(known, SECRET)
    assert "no_input" == one.coverage().state
    assert "judged" == run([ask("a.example.org")], known, one)[2].coverage().state
