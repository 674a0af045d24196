"""Internet weather: one row a local service and day."""

import numpy as np

from sensor.detectors import inbound
from sensor.detectors.inbound import Inbound, detector
from tests.detectors.ticks import entities, steps, tick
from tests.scenes import SECRET, flow, flows

DAY_S = 86_400


def known_server():
    known = entities()
    tick(known, flows(flow("10.0.0.5", "10.0.0.9", port=22)))
    return known


def knocks(count, *, start=100, port=22, sources=50, state="REJ"):
    return [
        flow(f"203.0.113.{k % sources + 1}", "10.0.0.5", at_s=start + k, port=port, state=state) for k in range(count)
    ]


def test_knocks_at_one_service_are_one_row_a_day():
    """Two hundred refusals from fifty sources are one digest row with both numbers; the next day has its own."""
    known = known_server()
    found = steps(known, detector(known, SECRET), flows(*knocks(200), *knocks(20, start=DAY_S + 100)))

    assert [(200.0, 50.0), (20.0, 20.0)] == [(f.evidence.observed, f.evidence.basis["sources"]) for f in found]
    assert all(f.digest and not f.opens and f.evidence.p == 1.0 for f in found)
    assert "service" == found[0].evidence.entity.kind


def test_backscatter_is_one_row_whatever_its_ports():
    """Answers to packets the device did not send: one row, named for what it is."""
    known = known_server()
    rows = [flow("203.0.113.1", "10.0.0.5", at_s=100 + k, port=1000 + k, state="SHR") for k in range(60)]
    found = steps(known, detector(known, SECRET), flows(*rows))

    assert [60.0] == [f.evidence.observed for f in found]
    assert "backscatter" in found[0].evidence.text


def test_a_scan_spread_over_addresses_is_one_row_of_the_site():
    """Thirty addresses tried once each at one port, none of them a device: one row, with its targets."""
    rows = [flow("203.0.113.9", f"10.0.1.{k}", at_s=100 + k, port=445, state="S0") for k in range(30)]
    found = steps(known := known_server(), detector(known, SECRET), flows(*rows))

    assert [("local:445/tcp", 30.0, 30.0)] == [
        (f.evidence.entity.id, f.evidence.observed, f.evidence.basis["targets"]) for f in found
    ]


def test_a_scan_spread_over_ports_too_is_one_row_of_the_site():
    """Ten ports of ten addresses are one row; what has a row of its own is not counted there again."""
    rows = [flow("203.0.113.9", f"10.0.1.{k}", at_s=300 + k, port=1000 + k, state="S0") for k in range(10)]
    alone = [row for port in (22, 23) for row in knocks(12, port=port, start=100 + port)]
    whole = steps(known := known_server(), detector(known, SECRET), flows(*rows))
    apart = steps(known := known_server(), detector(known, SECRET), flows(*alone))

    assert [("local:any", 10.0)] == [(f.evidence.entity.id, f.evidence.observed) for f in whole]
    assert 2 == len(apart)


def test_a_scan_of_the_ports_of_one_host_is_one_row_that_names_it():
    """One source, forty ports, one try each."""
    rows = [flow("203.0.113.9", "10.0.0.5", at_s=300 + k, port=1000 + k, state="REJ") for k in range(40)]
    found = steps(known := known_server(), detector(known, SECRET), flows(*rows))

    assert [("local:any", 40.0, 1.0)] == [
        (f.evidence.entity.id, f.evidence.observed, f.evidence.basis["sources"]) for f in found
    ]
    assert "One outside address tried ports of 10.0.0.5 one by one: 40 attempts failed" in found[0].evidence.text


def test_a_few_failures_and_the_inside_are_no_weather():
    """Below eight failures nothing; contacts among local hosts never."""
    known = known_server()
    rows = [flow("10.0.0.9", "10.0.0.5", at_s=100 + k, port=22, state="REJ") for k in range(50)]
    one = detector(known, SECRET)

    assert [] == steps(known, one, flows(*knocks(7), *rows))
    assert "judged" == one.coverage().state
    assert "no_input" == detector(known, SECRET).coverage().state


def test_rows_a_day_are_bounded(monkeypatch):
    """Beyond the cap services are only counted, and the coverage says so."""
    monkeypatch.setattr(inbound, "ROWS_MAX", 3)
    known = known_server()
    one = detector(known, SECRET)
    found = steps(
        known, one, flows(*(row for port in range(5) for row in knocks(9, start=100 + 20 * port, port=port + 1)))
    )

    assert 3 == len(found)
    assert "only counted" in one.coverage().why


def test_save_and_load_is_identity():
    """Counts of the day go on after a restart."""
    known = known_server()
    first, second = Inbound(known, SECRET), Inbound(known, SECRET)
    steps(known, first, flows(*knocks(30)))
    second.load(first.save())
    found = steps(known, second, flows(*knocks(30, start=200)))

    assert [60.0] == [f.evidence.observed for f in found]
    assert np.isclose(50.0, found[0].evidence.basis["sources"], atol=20)
