"""Protocols on other protocols' ports: towards outside, among local hosts, and what is only listed."""

import numpy as np
import pytest

from sensor.detectors import wrong_port
from sensor.detectors.wrong_port import WrongPort, detector
from tests.detectors.archives import Kept
from tests.detectors.ticks import entities, joined, steps, tick
from tests.scenes import SECRET, flow, flows

DAY_S = 86_400


def spoken(service, port, orig="10.0.0.5", resp="203.0.113.7", *, at_s=0.0, proto=6):
    macs = [0x00AABBCCDD00 + int(end.rpartition(".")[2]) if end.startswith("10.") else 0 for end in (orig, resp)]
    row = flow(orig, resp, at_s=at_s, port=port, proto=proto, orig_mac=macs[0], resp_mac=macs[1])
    row["service"] = service.encode()
    return row


def run(*rows, known=None):
    known = known or entities()
    one = detector(known, SECRET)
    return steps(known, one, flows(*rows)), known, one


@pytest.mark.parametrize(("service", "port"), [("ssh", 443), ("ssl", 53), ("dns", 443), ("smb", 80), ("http", 22)])
def test_anothers_port_towards_outside_is_evidence_at_once(service, port):
    """Cold, by the assumed rate, named as assumed; one evidence a day that grows."""
    found, _, one = run(*(spoken(service, port, at_s=60 * k) for k in range(5)))

    assert [(5.0, 1e-3, True, ("T1571",))] == [
        (f.evidence.observed, f.evidence.p, f.opens, f.techniques) for f in found
    ]
    assert "assumed" in found[0].evidence.text
    assert "203.0.113.7" == found[0].peers[0].name
    assert "judged" == one.coverage().state


@pytest.mark.parametrize(
    ("service", "port"),
    [("http", 8080), ("ssl", 8443), ("ssh", 2222), ("ssl", 443), ("quic,ssl", 443), ("dce_rpc", 49_700), ("", 443)],
)
def test_usual_alternates_are_silent(service, port):
    """What is nobody else's port, and what the bytes did not say."""
    assert [] == run(spoken(service, port))[0]


@pytest.mark.parametrize(
    "row",
    [
        spoken("ssh", 8080),
        spoken("ssl", 80),
        spoken("http", 22, resp="10.0.0.9"),
        spoken("ssh", 443, orig="203.0.113.7", resp="10.0.0.9"),
    ],
)
def test_what_may_well_be_is_listed_and_opens_nothing(row):
    """Nobody's port, TLS on 80, a local pair cold, what a local server offers."""
    found, _, _ = run(flow("10.0.0.9", "10.0.0.5", resp_mac=0x00AABBCCDD05, orig_mac=0x00AABBCCDD09, at_s=-30), row)

    assert [(False, 0.05)] == [(f.opens, f.evidence.p) for f in found]


def test_a_host_that_offers_ssh_on_443_to_everybody_opens_nothing(monkeypatch):
    """By its name, as its documentation says."""
    known = entities()
    monkeypatch.setattr(known, "address_name", lambda _hi, _lo: "ssh.github.com")
    found, _, _ = run(spoken("ssh", 443), known=known)

    assert [False] == [f.opens for f in found]


def test_among_local_hosts_the_ports_own_use_decides():
    """After 300 (device, day) uses of port 22 for SSH, HTTP there is P(new) of them."""
    known = entities()
    one = detector(known, SECRET)
    usual = [spoken("ssh", 22, f"10.0.0.{10 + k % 100}", "10.0.0.9", at_s=DAY_S * (k // 100) + k) for k in range(300)]
    steps(known, one, flows(*usual))
    found = steps(known, one, flows(spoken("http", 22, "10.0.0.12", "10.0.0.9", at_s=3 * DAY_S)))

    assert [(True, 1.25 / 301)] == [(f.opens, f.evidence.p) for f in found]
    assert "300 device-days" in found[0].evidence.text


def test_a_habit_of_an_earlier_day_is_silent_unless_it_was_flagged():
    """What was flagged is not learned."""
    for flagged, expected in ((False, []), (True, [True])):
        known = entities()
        one = detector(known, SECRET)
        step = tick(known, flows(spoken("ssh", 443)))
        one.score(step)
        one.learn(step, np.full(known.count(), flagged))
        found = steps(known, one, flows(spoken("ssh", 443, at_s=DAY_S)))

        assert expected == [f.opens for f in found]


def test_the_sites_own_rate_replaces_the_assumed():
    """Forty days of ten devices, on one of them a use: p follows."""
    known = entities()
    one = detector(known, SECRET)
    days = [spoken("ssl", 443, f"10.0.0.{10 + k}", at_s=DAY_S * day + k) for day in range(40) for k in range(10)]
    steps(known, one, flows(*days, spoken("ssh", 443, "10.0.0.10", at_s=5 * DAY_S)))
    basis = steps(known, one, flows(spoken("ssh", 443, "10.0.0.11", at_s=40 * DAY_S)))[0].evidence.basis

    assert 1.0 == basis["uses"]
    assert basis["device_days"] >= 300


def test_what_was_observed_is_counted_again():
    """By SQL over the archive and from the basis."""
    rows = flows(
        *(spoken("ssh", 443, at_s=k) for k in range(7)), spoken("ssh", 443, resp="10.0.0.9", at_s=9),
        spoken("ssl", 443),
        spoken("ssh", 443, orig="203.0.113.9", resp="10.0.0.5", at_s=12),
    )  # fmt: skip
    known = entities()
    found = steps(known, detector(known, SECRET), rows)

    assert [7.0, 1.0, 1.0] == [f.evidence.observed for f in found]
    for finding in found:
        evidence = finding.evidence
        assert (evidence.observed, evidence.p) == (
            wrong_port.recount(evidence, Kept(known, rows)), wrong_port.again(evidence),
        )  # fmt: skip
    assert wrong_port.recount(found[0].evidence, Kept(known, rows, since_ns=1 << 62)) is None


def test_save_and_load_is_identity_and_rows_are_followed():
    """The day's counts go on after a restart, and with a device that turned out to be another."""
    known = entities()
    first, second = WrongPort(known, SECRET), WrongPort(known, SECRET)
    steps(known, first, flows(flow("10.0.0.6", "10.0.0.9", orig_mac=0x00AABBCCDD06), spoken("ssh", 443)))
    second.load(first.save())
    joined(known, second, "10.0.0.6", "10.0.0.5")
    found = steps(known, second, flows(spoken("ssh", 443, "10.0.0.6", at_s=60)))

    assert [2.0] == [f.evidence.observed for f in found]
    assert ([], "no_input") == (second.score(tick(known, flows())), detector(known, SECRET).coverage().state)
