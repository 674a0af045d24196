"""Generated domains: names that do not exist, one after another; and what fails for other reasons."""

import msgspec
import numpy as np
import pytest

from sensor.detectors import dga
from sensor.detectors.dga import Dga, detector, is_random, near
from sensor.model.metadata import Dns
from tests.detectors.ticks import entities, joined, tick
from tests.scenes import SECRET, common, flow, flows

LETTERS = np.array(list("abcdefghijklmnopqrstuvwxyz"))


def answer(query, at_s=0.0, orig="10.0.0.5", rcode=3):
    exists = ("198.51.100.7",) if rcode == 0 else ()
    return Dns(**common(at_s, orig, "10.0.0.1"), query=query, qtype=1, rcode=rcode, is_response=True, addresses=exists)


def generated(n=30, seed=1, tld="com", start_s=0.0, step_s=2.0, **options):
    rng = np.random.default_rng(seed)
    return [answer(f"{''.join(rng.choice(LETTERS, 12))}.{tld}", start_s + k * step_s, **options) for k in range(n)]


def resolving(n=10, start_s=0.0, **options):
    return [answer(f"www.site{k}shop.example{k}.org", start_s + k, rcode=0, **options) for k in range(n)]


def run(messages, known=None, one=None):
    known = known or entities()
    one = one or detector(known, SECRET)
    hosts = sorted({message.orig_h for message in messages})
    found = {}
    for start in range(0, len(messages), 5):
        piece = messages[start : start + 5]
        at_s = (piece[0].ts - common()["ts"]) / 1e9
        step = tick(known, flows(*(flow(host, "198.51.100.9", at_s=at_s) for host in hosts)), messages=piece)
        for finding in one.score(step):
            found[finding.evidence.id] = finding
        one.learn(step, np.zeros(known.count(), np.bool_))
    return list(found.values()), known, one


def test_a_burst_of_random_names_opens_and_is_one_evidence():
    """Thirty generated names after ten that resolve: p is the walk's bound."""
    found, _, _ = run([*resolving(), *generated(start_s=20.0)])

    assert [True] == [finding.opens for finding in found]
    evidence = found[0].evidence
    assert evidence.p == dga.again(evidence)
    assert 30.0 == evidence.observed
    assert generated()[-1].query in evidence.text


def test_names_of_words_open_later():
    """A generator of words is told, at twice the failures."""
    second = ("maker", "house", "garden", "time", "line", "port")
    pairs = [f"{a}{b}.net" for a in ("table", "river", "stone", "candle") for b in second]
    few, _, _ = run([answer(name, k) for k, name in enumerate(pairs[:12])])
    all_of_them, _, _ = run([answer(name, k) for k, name in enumerate(pairs)])

    assert ([False], [True]) == ([one.opens for one in few], [one.opens for one in all_of_them])


def failing(kind):
    """Names that do not exist for a reason that is no generator."""
    if kind == "typing errors":
        good = [answer(f"www.example{k}shop.org", k, rcode=0) for k in range(10)]
        return [*good, *(answer(f"www.exampl{k}eshop.org", 20 + k) for k in range(10))]
    if kind == "search list":
        return [answer(f"www.site{k}.com.corp.example.com", k) for k in range(40)]
    if kind == "reverse":
        return [answer(f"{k}.0.0.10.in-addr.arpa", k) for k in range(40)]
    if kind == "blocklist":
        return [answer(f"{k}.2.0.192.zen.spamhaus.org", k) for k in range(40)]
    if kind == "no public suffix":
        return generated(tld="lan")
    if kind == "one label":
        return [answer(f"qxzwkv{k}", k) for k in range(40)]
    if kind == "the same again":
        return generated(3) * 20
    return [m for k in range(40) for m in (answer(f"www.site{k}.org", k, rcode=0), *generated(1, seed=k, start_s=k))]


@pytest.mark.parametrize(
    "kind",
    ["typing errors", "search list", "reverse", "blocklist", "no public suffix", "one label", "the same again", "half"],
)
def test_other_failures_say_nothing(kind):
    """None of them is evidence."""
    assert [] == run(failing(kind))[0]


def test_names_that_others_fail_at_are_no_failures():
    """A dead service of the whole office is nobody's generator: the second host is silent."""
    _, known, one = run(generated(orig="10.0.0.6"))

    assert [] == run(generated(orig="10.0.0.7", start_s=100.0), known, one)[0]


def test_a_device_that_turns_out_to_be_another_asks_for_nothing_anew():
    """Names that either asked for are not first questions of the one."""
    _, known, one = run([*generated(5, orig="10.0.0.6"), *resolving(1, orig="10.0.0.5")])
    joined(known, one, "10.0.0.5", "10.0.0.6")

    assert [] == run(generated(8, start_s=50.0, orig="10.0.0.5"), known, one)[0]


def test_save_and_load_is_identity():
    """A restart in the middle of a burst changes nothing."""
    messages = generated(30)
    _, known, one = run(messages[:12])
    other = Dga(known, SECRET)
    other.load(one.save())
    step = tick(known, flows(flow(at_s=60)), messages=messages[12:])
    expected = [finding.evidence for finding in one.score(step)]

    assert expected == [finding.evidence for finding in other.score(step)]
    assert 1 == len(expected)


class Held:
    """An archive of the given answers of one device."""

    since_ns = 0

    def __init__(self, messages, device):
        self.messages, self.device = messages, device

    def rows(self, sql, parameters=()):
        assert "kind = 'dns'" in sql
        return [(self.device, one.ts, one.query, msgspec.json.encode(one)) for one in self.messages]


def test_failures_are_counted_again_from_the_archive():
    """The archive's answers give what was observed; one less gives another number."""
    messages = [*resolving(), *generated(start_s=20.0)]
    evidence = run(messages)[0][0].evidence

    assert evidence.observed == dga.recount(evidence, Held(messages, evidence.entity.id))
    assert evidence.observed - 1 == dga.recount(evidence, Held(messages[:-1], evidence.entity.id))


def test_coverage_says_whether_answers_were_seen():
    """No DNS, no judgement."""
    known = entities()
    one = detector(known, SECRET)
    assert "no_input" == one.coverage().state
    assert "judged" == run([answer("a.example.org")], known, one)[2].coverage().state


def test_random_letters():
    """Clusters, digits among letters and few vowels; not words, nor short names."""
    assert [True, True, True, False, False, False] == [
        is_random(f"{name}.com") for name in ("xkqvwpzt", "a1b2c3d4", "ndgtrwlp", "candlehouse", "bbc", "example")
    ]


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [("gogle.com", "google.com", True), ("googel.com", "google.com", True), ("goofle.com", "google.com", True),
     ("google.com", "google.com", True), ("gogel.com", "google.com", False), ("example.com", "google.com", False)],
)  # fmt: skip
def test_typing_errors(one, other, expected):
    """One letter more, less, wrong, or exchanged with its neighbour."""
    assert expected == near(one, other) == near(other, one)
