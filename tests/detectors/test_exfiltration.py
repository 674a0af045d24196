"""Exfiltration: much sent to a place on its first day; and what is no upload to a new place."""

import numpy as np
import pytest

from sensor.detectors import exfiltration
from sensor.detectors.exfiltration import Exfiltration, detector
from sensor.model.metadata import Dns
from tests.detectors.ticks import entities, joined, steps, tick
from tests.scenes import SECRET, common, flow, flows

DAY_S = 86_400
DROP = "203.0.113.99"


def habits(days=3, hosts=3):
    """What a few hosts send to what they know."""
    rng = np.random.default_rng(0)
    return [
        flow(f"10.0.0.{10 + host}", f"198.51.100.{1 + k % 5}", at_s=(day + float(rng.uniform(0, 1))) * DAY_S, port=443,
             out=int(rng.lognormal(8, 1)), back=20_000)
        for host in range(hosts) for day in range(days) for k in range(30)
    ]  # fmt: skip


def upload(size=150e6, resp=DROP, at_s=2 * DAY_S + 40_000, pieces=5, orig="10.0.0.10", back=2_000, **options):
    return [
        flow(orig, resp, at_s=at_s + 60 * k, port=443, out=int(size / pieces), back=back, **options)
        for k in range(pieces)
    ]


def run(*rows, days=3, known=None, one=None):
    known = known or entities()
    one = one or detector(known, SECRET)
    return steps(known, one, flows(*habits(days), *rows)), known, one


def at(found, resp=DROP):
    return [finding for finding in found if resp in finding.evidence.text]


def test_an_upload_to_a_new_place_opens_and_is_one_evidence():
    """150 MB in five connections: one finding, whose p follows from its basis."""
    found, _, one = run(*upload())

    assert [True] == [finding.opens for finding in at(found)]
    evidence = at(found)[0].evidence
    assert evidence.observed == 150e6
    assert pytest.approx(evidence.p) == exfiltration.again(evidence)
    assert evidence.p < 0.02
    assert "150 MB" in evidence.text
    assert "judged" == one.coverage().state


def test_a_quiet_device_that_sends_a_hundred_of_its_days_is_told():
    """Half a megabyte by a device that sends some kilobytes a day."""
    quiet = [flow("10.0.0.30", "198.51.100.8", at_s=k * 3600.0, port=443, out=100) for k in range(60)]
    found, _, _ = run(*quiet, *upload(size=900e3, orig="10.0.0.30", at_s=2.6 * DAY_S))

    assert [True] == [finding.opens for finding in at(found)]


@pytest.mark.parametrize(
    "rows",
    [
        upload(resp="198.51.100.2"),
        upload(resp="10.0.0.200"),
        upload(size=10_000, back=500_000_000),
        upload(size=12_000),
    ],
    ids=["a known place", "a server of the site", "an update", "little"],
)
def test_what_is_no_upload_to_a_new_place_is_silent(rows):
    """Nothing is found."""
    found, _, _ = run(*rows)

    assert [] == [finding for finding in found if finding.opens]


def through_a_gateway(*, sent, got, port=4500):
    """A device's day through a gateway that is new to it."""
    rows = upload(size=sent, back=int(got / 5), proto=17)
    for row in rows:
        row["resp_p"] = port
    return rows


def test_a_vpns_new_gateway_opens_nothing_and_says_why():
    """It is sent much, and sends more: the whole day goes through it."""
    (found,) = at(run(*through_a_gateway(sent=24e6, got=160e6))[0])
    assert (False, True) == (found.opens, any("port 4500 is IPsec's" in one for one in found.counter))


@pytest.mark.parametrize("rows", [{"sent": 160e6, "got": 24e6}, {"sent": 150e6, "got": 160e6, "port": 4501}])
def test_an_upload_by_a_tunnels_port_and_much_by_another_port_open(rows):
    """Who takes something away sends more than comes back."""
    assert [True] == [one.opens for one in at(run(*through_a_gateway(**rows))[0])]


def test_without_a_days_history_it_is_only_listed():
    """Everything is a first day then: it is shown, and opens nothing."""
    found, _, one = run(*upload(at_s=30_000), days=1)

    assert [(False, False)] == [(finding.opens, finding.digest) for finding in at(found)]
    assert "learning" == one.coverage().state


def test_addresses_of_one_name_are_one_place():
    """An upload spread over a name's addresses adds up; what went to the name before makes none of them new."""
    known = entities()
    one = detector(known, SECRET)
    fleet = tuple(f"203.0.113.{k}" for k in range(1, 6))
    steps(known, one, flows(*habits(2)))
    step = tick(
        known, flows(flow("10.0.0.10", "198.51.100.1", at_s=2 * DAY_S)),
        messages=[Dns(**common(2 * DAY_S, "10.0.0.10"), query="up.example.net", is_response=True, addresses=fleet)],
    )  # fmt: skip
    one.score(step)
    rows = [row for resp in fleet for row in upload(size=30e6, resp=resp, pieces=1)]
    found = steps(known, one, flows(*rows))

    assert [150e6] == [finding.evidence.observed for finding in found]
    assert "example.net" in found[0].evidence.text


def test_what_was_told_goes_on_as_the_same_evidence():
    """The next day's bytes add to it."""
    found, _, _ = run(*upload(), *upload(at_s=3 * DAY_S + 40_000), days=4)

    assert [300e6] == [finding.evidence.observed for finding in at(found)]


def test_a_flagged_device_does_not_teach_the_pool():
    """Its first days are not counted."""
    known = entities()
    one = detector(known, SECRET)
    step = tick(known, flows(*upload(at_s=0)))
    one.score(step)
    one.learn(step, np.ones(known.count(), np.bool_))
    one.score(tick(known, flows(flow(at_s=2 * DAY_S))))

    assert 0 == one._pools.columns["counts"].sum()


def test_the_pool_learns_the_days_that_are_over():
    """Each (device, place) once, on its first day."""
    _, _, one = run()

    assert 15 == one._pools.columns["counts"].sum()


def test_a_device_that_turns_out_to_be_another_takes_its_places_along():
    """What either had to do with is new to neither."""
    _, known, one = run(*upload(size=50, orig="10.0.0.11", at_s=5000.0))
    joined(known, one, "10.0.0.10", "10.0.0.11")
    found = steps(known, one, flows(*upload(at_s=3 * DAY_S)))

    assert [] == found


def test_save_and_load_is_identity():
    """A restart forgets no place and no pool."""
    _, known, one = run()
    other = Exfiltration(known, SECRET)
    other.load(one.save())
    step = tick(known, flows(*upload(at_s=3 * DAY_S)))
    expected = [finding.evidence for finding in one.score(step)]

    assert expected == [finding.evidence for finding in other.score(step)]
    assert 1 == len(expected)
