"""Scans over hosts and ports, sweeps, and what must stay silent."""

import numpy as np

from sensor.detectors.scan import Scan, detector
from tests.detectors.ticks import entities, joined, steps, tick
from tests.scenes import SECRET, arp, flow, flows, office, scan


def run(*rows):
    known = entities()
    one = detector(known, SECRET)
    return steps(known, one, flows(*rows)), one


def opening(findings):
    return sorted({finding.evidence.model for finding in findings if finding.opens})


def ordinary(orig, count=20):
    return [flow(orig, "10.0.0.2", at_s=k, port=445) for k in range(count)]


def test_a_scan_over_hosts_is_found_and_grows():
    """One evidence, with the last counts of the walk."""
    found, _ = run(*scan(hosts=60))

    assert ["scan.hosts/1"] == opening(found)
    evidence = next(finding.evidence for finding in found if finding.opens)
    assert (56.0, 60.0) == (evidence.observed, evidence.basis["targets"])
    assert evidence.p == 4.0 ** -evidence.basis["net"]


def test_a_scan_over_ports_is_found():
    """Forty refused ports of one answered host are a vertical scan of it."""
    found, _ = run(
        *ordinary("10.0.0.66"),
        *(flow("10.0.0.66", "10.0.0.2", at_s=30 + k / 10, port=1000 + k, state="REJ") for k in range(40)),
    )

    assert ["scan.ports/1"] == opening(found)
    assert ("T1046",) == found[0].techniques
    assert "10.0.0.2" == found[0].peers[0].name


def test_an_ordinary_office_is_silent():
    """Refused connections here and there open nothing."""
    found, one = run(*office(minutes=60))

    assert [] == opening(found)
    assert "judged" == one.coverage().state


def test_one_way_captures_are_silent_and_say_so():
    """A hundred contacts of whose answers nothing is seen but that the caller goes on: no finding, and why."""
    for went_on in ("SAD", "^had"):
        rows = [flow("10.0.0.66", f"10.0.7.{k}", at_s=k / 10, state="S0", history="S") for k in range(100)]
        found, one = run(flow("10.0.0.9", "10.0.0.5", state="S0", history=went_on), *rows)

        assert [] == found
        assert ("no_input", True) == (one.coverage().state, "one-way" in one.coverage().why)


def test_unanswered_syns_alone_are_a_scan():
    """Ten first contacts without an answer, and nothing that tells of a one-way capture: found at the eighth."""
    rows = [flow("10.0.0.66", f"10.0.7.{k}", at_s=k / 10, state="S0", history="S") for k in range(10)]

    assert [("scan.hosts/1", 10.0)] == [(f.evidence.model, f.evidence.observed) for f in run(*rows)[0] if f.opens]
    assert [8.0] == [f.evidence.observed for f in run(*rows[:8])[0] if f.opens]
    assert [] == opening(run(*rows[:7])[0])
    assert "nothing tells of a one-way capture" in run(*rows)[1].coverage().why


def test_a_scan_of_ten_thousand_hosts_is_one_evidence():
    """However long it goes on it keeps its id; it is told of within eight failures."""
    rows = [
        flow("10.0.0.66", f"10.{1 + k // 62500}.{k // 250 % 250}.{k % 250 + 1}", at_s=k / 100, state="REJ")
        for k in range(10_000)
    ]
    found, _ = run(*rows)

    assert [10_000.0] == [f.evidence.observed for f in found if f.opens]


def test_a_scan_over_ipv6_is_found():
    """Addresses of either family are contacts."""
    ordinary_v6 = [flow("fd00::66", "fd00::2", at_s=k, port=445) for k in range(20)]
    rows = [flow("fd00::66", f"fd00::7:{k:x}", at_s=30 + k, state="REJ") for k in range(20)]

    assert ["scan.hosts/1"] == opening(run(*ordinary_v6, *rows)[0])


def test_an_outside_scanner_is_no_subject():
    """Failed contacts from outside are not this detector's."""
    rows = [flow("203.0.113.9", f"10.0.0.{k}", at_s=k, port=22, state="REJ") for k in range(1, 60)]
    found, _ = run(*rows, *(flow(f"10.0.0.{k}", "10.0.0.2", at_s=k) for k in range(1, 60)))

    assert [] == found


def test_a_dead_peer_is_listed_and_opens_nothing():
    """Forty tries at one silent service is one listed evidence with its rate as p."""
    found, _ = run(
        *ordinary("10.0.0.5"),
        *(flow("10.0.0.5", "10.0.0.77", at_s=30 + 60 * k, port=9100, state="S0") for k in range(40)),
    )

    assert ["scan.dead/1"] == [finding.evidence.model for finding in found]
    assert (40.0, False) == (found[0].evidence.observed, found[0].opens)


def test_a_ping_sweep_is_found_and_a_monitor_of_few_hosts_is_not():
    """Thirty answered pings of distinct hosts in a minute sweep; ten hosts pinged for an hour do not."""
    sweep = [flow("10.0.0.66", f"10.0.0.{k}", at_s=k, proto=1, orig_port=8, port=0) for k in range(100, 130)]
    monitor = [flow("10.0.0.7", f"10.0.0.{10 + k % 10}", at_s=20 * k, proto=1, orig_port=8, port=0) for k in range(180)]

    assert ["scan.sweep/1"] == opening(run(*sweep)[0])
    assert [] == opening(run(*monitor)[0])


def test_an_arp_sweep_is_found_and_a_routers_is_not():
    """Asking for forty addresses in four seconds sweeps, unless a router asks."""
    asks = np.concatenate([arp(target=f"10.0.0.{k}", at_s=k / 10) for k in range(100, 140)])
    for router in (False, True):
        known = entities()
        if router:
            known.devices.macs.routers.add((0, 0x00AABBCCDD01))
            tick(known, flows(), asks=asks[:1])
            known.devices.table.columns["router"][0] = 1
        found = detector(known, SECRET).score(tick(known, flows(), asks=asks))

        assert ([] if router else ["scan.sweep/1"]) == opening(found)


def test_a_row_that_is_another_device_now_walks_no_more():
    """What it began is gone, the device's own walk goes on."""
    known = entities()
    one = detector(known, SECRET)
    fails = [
        flow(orig, f"10.0.1.{k}", at_s=k, port=445, state="S0") for orig in ("10.0.0.5", "10.0.0.6") for k in (1, 2)
    ]
    steps(known, one, flows(*ordinary("10.0.0.5"), *ordinary("10.0.0.6"), *fails))
    rows = [known.locate(0, host) for host in ("10.0.0.5", "10.0.0.6")]
    found, kept = joined(known, one, "10.0.0.5", "10.0.0.6")

    assert [] == found
    assert [kept] == [row for row in rows if one._subjects.columns["seen"][row]] == list(one._rings)


def test_save_and_load_go_on_where_they_were():
    """A scan cut in two by a restart gives the numbers of one run."""
    rows = flows(*scan(hosts=60))
    whole, _ = run(rows)
    known = entities()
    first, second = Scan(known, SECRET), Scan(known, SECRET)
    steps(known, first, rows[:40])
    second.load(first.save())
    found = steps(known, second, rows[40:])

    assert {f.evidence.id: (f.evidence.observed, f.evidence.p) for f in whole if f.opens} == {
        f.evidence.id: (f.evidence.observed, f.evidence.p) for f in found if f.opens
    }


def test_nothing_seen_is_no_input():
    """Without any local flow there is nothing to judge."""
    one = detector(entities(), SECRET)

    assert [] == one.score(tick(entities(), flows()))
    assert "no_input" == one.coverage().state
