"""What detection is told of a site."""

import pytest

from sensor.model.detection import Detection, problem, scans_of

DETECTORS = ("beacon", "scan")


@pytest.mark.parametrize(
    "told", [Detection(), Detection(("10.0.0.9", "10.1.0.0/24", "fd00::9")), Detection((), ("beacon", "peers"))]
)
def test_addresses_networks_detectors_and_parts_are_right(told):
    """Of IPv4 and IPv6."""
    assert problem(told, DETECTORS) is None


@pytest.mark.parametrize(
    ("told", "said"),
    [
        (Detection(("scanner.local",)), "scanner.local"),
        (Detection(("10.0.0.9/24",)), "host bits"),
        (Detection((), ("beakon",)), "did you mean 'beacon'"),
    ],
)
def test_what_is_wrong_is_named(told, said):
    """With what was meant."""
    assert said in (problem(told, DETECTORS) or "")


def test_a_devices_scans_come_under_all_its_ids():
    """In order of time."""
    kept = '{"a":[{"id":"1","ts":"2026-01-02","text":"x"}],"b":[{"id":"2","ts":"2026-01-01","text":"y"}]}'
    assert ["y", "x"] == [one.text for one in scans_of(kept, ("a", "b"))]
    assert [] == scans_of(None, ("a",))
