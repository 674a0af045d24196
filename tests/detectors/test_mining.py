"""Cryptomining: how a miner talks with its pool, and what it calls itself."""

import numpy as np
import pytest

from sensor.detectors import mining
from sensor.detectors.mining import Mining, detector, shows
from sensor.model.metadata import Dns, Http, Tls
from sensor.model.protocols import Stratum
from tests.detectors.ticks import entities, joined, tick
from tests.scenes import SECRET, common, flow, flows

POOL = "203.0.113.40"


def talk(*, port=3333, resp=POOL, hours=2.0, out=60_000, back=150_000, packets=900, orig="10.0.0.5", at_s=0.0):
    """A miner's connection: some bytes a second each way, in small packets."""
    row = flow(orig, resp, at_s=at_s, duration_s=hours * 3600, port=port, out=out, back=back)
    row["orig_pkts"], row["resp_pkts"] = packets, packets
    return row


def score(*rows, messages=(), known=None, one=None):
    known = known or entities()
    one = one or detector(known, SECRET)
    step = tick(known, flows(*rows) if rows else flows(flow()), messages=messages)
    return one.score(step), known, one


def test_a_long_thin_talk_on_a_pools_port_opens():
    """Two hours of a few bytes a second each way."""
    found, _, _ = score(talk())

    assert [True] == [finding.opens for finding in found]
    evidence = found[0].evidence
    assert (7200.0, mining.again(evidence)) == (evidence.observed, evidence.p)
    assert "T1496" in found[0].techniques


@pytest.mark.parametrize(
    "options",
    [
        {"port": 443}, {"hours": 0.1}, {"back": 900_000_000, "packets": 500_000}, {"out": 0}, {"back": 20},
        {"resp": "10.0.0.9"}, {"out": 900_000_000, "packets": 600_000},
    ],
    ids=["another port", "short", "a download", "silent", "one-sided", "inside", "an upload"],
)  # fmt: skip
def test_other_talks_are_none(options):
    """Nothing is found."""
    assert [] == score(talk(**options))[0]


def test_a_miners_agent_opens_and_a_pools_name_is_shown():
    """The agent says it itself; a name that is asked for is only shown, once a day."""
    agent = Http(**common(1), host="pool.example", user_agent="XMRig/6.21.0")
    asked = Dns(**common(2), query="xmr-eu1.nanopool.org")
    found, known, one = score(messages=[agent, asked, asked])
    again, _, _ = score(messages=[asked], known=known, one=one)

    assert [("mining.agent/1", True), ("mining.pool/1", False)] == [(f.evidence.model, f.opens) for f in found]
    assert [] == again


def test_what_messages_show():
    """Pools by registered name, miners by the beginning of their agent."""
    assert [(False, "f2pool.com"), (False, ""), (True, "cgminer/4.9"), (True, "")] == [
        shows(Tls(**common(), server_name="btc.f2pool.com")),
        shows(Dns(**common(), query="notf2pool.com")),
        shows(Http(**common(), user_agent="cgminer/4.9")),
        shows(Http(**common(), user_agent="Mozilla/5.0")),
    ]


def test_a_device_that_turns_out_to_be_another_keeps_its_talk():
    """The evidence of the day has the id of the one that stays."""
    _, known, one = score(talk(), flow("10.0.0.6", "198.51.100.1"))
    joined(known, one, "10.0.0.6", "10.0.0.5")
    found, _, _ = score(talk(orig="10.0.0.6", at_s=9000.0), known=known, one=one)

    assert [120_000.0] == [finding.evidence.basis["sent"] for finding in found]


def test_save_and_load_is_identity():
    """A restart forgets no talk and tells no name twice."""
    asked = Dns(**common(2), query="xmr-eu1.nanopool.org")
    _, known, one = score(talk(), messages=[asked])
    other = Mining(known, SECRET)
    other.load(one.save())
    step = tick(known, flows(talk(at_s=9000.0)), messages=[asked])

    expected = [finding.evidence for finding in one.score(step)]
    assert expected == [finding.evidence for finding in other.score(step)]
    assert 1 == len(expected)
    one.learn(step, np.zeros(known.count(), np.bool_))


class Held:
    """An archive whose longest connection lasted so long."""

    since_ns = 0

    def __init__(self, duration_s):
        self.duration_ns = duration_s * 10**9

    def rows(self, sql, parameters=()):
        assert parameters[1:3] == (POOL, 3333)
        return [(self.duration_ns,)]


def test_the_longest_connection_is_found_again():
    """From the archive's durations."""
    evidence = score(talk())[0][0].evidence

    assert [7200.0, 60.0] == [mining.recount(evidence, Held(seconds)) for seconds in (7200, 60)]


def test_coverage_says_whether_flows_were_seen():
    """No flow, no judgement."""
    assert "no_input" == detector(entities(), SECRET).coverage().state
    assert "judged" == score(talk())[2].coverage().state


def spoken(method="mining.subscribe", ts=1, **names):
    """A line of Stratum from the common host to its peer."""
    return Stratum(**common(ts), method=method, **names)


def test_stratum_in_the_clear_opens_once_a_day_on_any_port():
    """With what the miner calls itself and whom it mines for; subscribe and authorize are one."""
    found, known, one = score(
        messages=[spoken(agent="cgminer/4.11.1"), spoken("mining.authorize", 2, worker="ann.rig1")]
    )
    later, _, _ = score(messages=[spoken("mining.submit", 3)], known=known, one=one)

    assert [("mining.stratum/1", True)] == [(f.evidence.model, f.opens) for f in found]
    assert 'as "cgminer/4.11.1"' in found[0].evidence.text
    assert [] == later


def test_a_sites_own_days_make_the_rate():
    """The assumed rate weighs 200 device-days; a miner that nobody minds is one of the days."""
    known = entities()
    one = detector(known, SECRET)
    for day in range(4):
        step = tick(known, flows(*[flow(f"10.0.0.{k}", "198.51.100.1", at_s=day * 86_400.0) for k in range(1, 41)]))
        one.score(step)
        one.learn(step, np.zeros(known.count(), np.bool_))
    found, _, _ = score(talk(at_s=4 * 86_400.0), known=known, one=one)
    basis = found[0].evidence.basis

    assert 120.0 <= basis["device_days"] <= 160.0
    assert found[0].evidence.p == pytest.approx(0.017 * 200 / (200 + basis["device_days"]))
    assert mining.again(found[0].evidence) == found[0].evidence.p
    step = tick(known, flows(flow("10.0.0.1", "198.51.100.1", at_s=5 * 86_400.0)))
    one.learn(step, np.zeros(known.count(), np.bool_))
    again, _, _ = score(talk(at_s=5 * 86_400.0 + 60), known=known, one=one)
    assert 1.0 == again[0].evidence.basis["uses"]


def test_what_it_counted_survives_a_restart():
    """A state of the release before, without the site's days, is read too."""
    _, known, one = score(talk())
    other = detector(known, SECRET)
    other.load(one.save())
    assert {name: column.tolist() for name, column in one.save().items()} == {
        name: column.tolist() for name, column in other.save().items()
    }
    before = {name: column for name, column in one.save().items() if name != "told" and not name.startswith("sites/")}
    detector(known, SECRET).load(before)
