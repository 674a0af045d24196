"""New targets of administration: a hop over several hosts is told, servers, administrators and first days are not."""

import numpy as np
import pytest

from sensor.detectors import lateral
from sensor.detectors.lateral import Lateral, detector
from tests.detectors.archives import Kept
from tests.detectors.ticks import entities, joined, steps, tick
from tests.scenes import SECRET, flow, flows

DAY_S = 86_400


def to(orig, resp, *, at_s=0.0, port=445, service="", state="SF"):
    macs = [0x00AABBCCDD00 + int(end.rpartition(".")[2]) for end in (orig, resp)]
    row = flow(
        f"10.0.0.{orig}" if "." not in orig else orig,
        resp,
        at_s=at_s,
        port=port,
        state=state,
        orig_mac=macs[0],
        resp_mac=macs[1],
    )
    row["service"] = service.encode()
    return row


def office(days=10, hosts=range(10, 20)):
    """Ten workstations, each day at the file server and the controller; answers come back, so all are devices."""
    rows = []
    for day in range(days):
        for host in hosts:
            at = day * DAY_S + host
            rows += [to(f"10.0.0.{host}", "10.0.0.2", at_s=at), to(f"10.0.0.{host}", "10.0.0.3", at_s=at + 60)]
    return rows


def hop(count=5, *, day=10, orig="10.0.0.10", start=11, **options):
    return [to(orig, f"10.0.0.{start + k}", at_s=day * DAY_S + 3600 + 60 * k, **options) for k in range(count)]


def run(*rows):
    known = entities()
    one = detector(known, SECRET)
    return steps(known, one, flows(*rows)), known, one


@pytest.mark.parametrize(
    ("options", "technique"),
    [
        ({}, "T1021.002"), ({"port": 22}, "T1021.004"), ({"port": 3389}, "T1021.001"), ({"port": 5985}, "T1021.006"),
        ({"port": 2022, "service": "ssh"}, "T1021.004"),
    ],
)  # fmt: skip
def test_a_hop_to_five_new_hosts_is_told(options, technique):
    """After ten days: one evidence, the geometric tail of the site's rate."""
    found, _, one = run(*office(), *hop(**options))

    assert [(5.0, True, (technique,))] == [(f.evidence.observed, f.opens, f.techniques) for f in found]
    assert found[0].evidence.p < 1e-4
    assert {f"10.0.0.{k}" for k in range(11, 16)} == {peer.name for peer in found[0].peers}
    assert "judged" == one.coverage().state


def test_two_new_hosts_are_a_digest_row_and_one_is_nothing():
    """Three open."""
    assert [[], [(False, True)], [(True, False)]] == [
        [(f.opens, f.digest) for f in run(*office(), *hop(count))[0]] for count in (1, 2, 3)
    ]


@pytest.mark.parametrize(
    "rows",
    [
        [row for day in range(3) for row in hop(4, day=day)] + hop(4, day=10),
        [to(f"10.0.0.{host}", "10.0.0.4", at_s=10 * DAY_S + host) for host in range(10, 20)],
        hop(5, state="S0"),
        hop(5, port=8443),
        hop(5, day=0),
    ],
)
def test_habits_servers_failures_and_first_days_are_silent(rows):
    """What was reached before, a new server that all reach, what did not answer, other services, no history."""
    found, _, _ = run(*office(), *rows)

    assert [] == [f for f in found if f.opens]


def test_an_administrator_who_reaches_new_hosts_each_day_is_judged_by_that():
    """Three new ones a day for ten days: three more are usual for it, ten are not for another."""
    daily = [row for day in range(10) for row in hop(3, day=day, orig="10.0.0.9", start=30 + 3 * day)]
    found, _, _ = run(*office(), *daily, *hop(3, orig="10.0.0.9", start=90))
    other, _, _ = run(*office(), *daily, *hop(10))

    assert 0.01 < max(f.evidence.p for f in found if f.evidence.basis["own_days"] >= 9)
    assert 1e-3 > next(f for f in other if f.name == "10.0.0.10").evidence.p


def test_what_was_flagged_is_not_learned():
    """While the device is in an incident, the same hosts are new again the next day."""
    known = entities()
    one = detector(known, SECRET)
    steps(known, one, flows(*office()))
    told = []
    for day in (10, 11):
        step = tick(known, flows(*hop(3, day=day)))
        told.append(len(one.score(step)))
        one.learn(step, np.ones(known.count(), np.bool_))

    assert [1, 1] == told


def test_devices_are_bounded(monkeypatch):
    """Beyond the cap they are only counted, and the coverage says so."""
    monkeypatch.setattr(lateral, "NEW_MAX", 2)
    _, _, one = run(*office(1), *(row for k in range(5) for row in hop(1, orig=f"10.0.0.{10 + k}", start=40 + k)))

    assert one.uncounted > 0
    assert "only counted" in one.coverage().why


def test_what_was_observed_is_counted_again():
    """By SQL over the archive and from the basis."""
    rows = flows(*office(), *hop(6))
    known = entities()
    evidence = steps(known, detector(known, SECRET), rows)[0].evidence

    assert evidence.observed == lateral.recount(evidence, Kept(known, rows)) == 6.0
    assert np.isclose(evidence.p, lateral.again(evidence))
    assert lateral.recount(evidence, Kept(known, rows, since_ns=1 << 62)) is None


def test_save_and_load_is_identity_and_rows_are_followed():
    """The day goes on after a restart, and with a device that turned out to be another."""
    known = entities()
    first, second = Lateral(known, SECRET), Lateral(known, SECRET)
    steps(known, first, flows(*office(), *hop(2)))
    second.load(first.save())
    found = [steps(known, one, flows(*hop(3, start=40)))[0].evidence for one in (first, second)]
    joined(known, second, "10.0.0.11", "10.0.0.10")

    assert found[0] == found[1]
    assert ([], "no_input") == (second.score(tick(known, flows())), detector(known, SECRET).coverage().state)
