"""A site's own scanners: scans are expected of them, what goes beyond a scan is not."""

import pytest

from sensor.incidents.scanners import DEVICES_MAX, KEPT, Scanners, is_scanning
from sensor.model.evidence import Entity, Evidence, Finding, Peer

HOME, AWAY = "10.0.0.9", "10.0.0.7"


def found(family="scan", *, device=0, basis=None, peers=(), number=0):
    """A finding of a device that opens an incident."""
    evidence = Evidence(
        id=f"EV-{family}-{device}-{number}", ts="2026-11-24T10:00:00.000000Z", site="local",
        entity=Entity(kind="device", id=f"dev-{device}"), detector=family, family=family, source="network",
        observed=1.0, expected=0.0, range=None, reference="analytic", reference_n=0, p=1e-6, db=30.0, text="It did.",
        basis=basis or {},
    )  # fmt: skip
    return Finding(evidence=evidence, device=device, name="it", opens=True, digest=True, peers=peers)


def scanners(*listed, kept=None):
    """Scanners of a site whose devices 0 and 1 have one address each."""
    return Scanners(listed, lambda row: ((HOME, AWAY) + ("10.0.1.1",) * DEVICES_MAX * 2)[row : row + 1], kept)


def test_a_listed_scanners_scan_is_context_and_says_why():
    """It opens nothing, weighs nothing, and is remembered for the device."""
    known = scanners(HOME)
    (told,) = known.excuse([found()])
    assert (False, False, ("context",)) == (told.opens, told.digest, told.evidence.marks)
    assert "one of the site's own scanners" in told.evidence.text
    assert ["It did."] == [one.text for one in known.seen["dev-0"]]


@pytest.mark.parametrize("listed", [(), (AWAY,), ("10.0.0.7/32", "fd00::/8")])
def test_the_scan_of_anybody_else_is_left_as_it_is(listed):
    """Nobody is excused by another's entry."""
    finding = found()
    assert [finding] == scanners(*listed).excuse([finding])


def test_a_network_lists_every_device_in_it():
    """As a subnet of scanners."""
    told = scanners("10.0.0.0/28").excuse([found(), found(device=1)])
    assert [False, False] == [one.opens for one in told]


@pytest.mark.parametrize("family", ["guessing", "lateral", "exfiltration", "beacon", "dns", "tunnel", "protocol"])
def test_what_goes_beyond_a_scan_is_told(family):
    """Logins, uploads, tunnels and calls home are no scan."""
    finding = found(family)
    assert [finding] == scanners(HOME).excuse([finding])


@pytest.mark.parametrize(("feature", "expected"), [(0, False), (1, False), (2, True), (4, True), (5, True)])
def test_counts_of_contacts_are_a_scans_and_bytes_are_not(feature, expected):
    """A scanner that sends much is told of."""
    assert expected == is_scanning(found("volume", basis={"feature": float(feature)}))


@pytest.mark.parametrize(
    ("peer", "expected"),
    [(("device", "dev-7"), True), (("address", "10.0.0.77"), True), (("address", "203.0.113.7"), False),
     (("domain", "example.com"), False)],
)  # fmt: skip
def test_new_contacts_inside_are_a_scans_and_outside_are_not(peer, expected):
    """Every host of the site is new to a scanner once."""
    kind, identity = peer
    assert expected == is_scanning(found("novelty", peers=(Peer(kind=kind, id=identity, name="x"),)))


def test_what_is_remembered_is_bounded_and_survives_a_restart():
    """The last scans of a device, and the last devices."""
    known = scanners("10.0.0.0/16")
    for number in range(KEPT + 3):
        known.excuse([found(number=number)])
    known.excuse([found(number=KEPT + 2)])
    for device in range(1, DEVICES_MAX + 5):
        known.excuse([found(device=device)])
    assert DEVICES_MAX == len(known.seen)
    assert known.seen == scanners(kept=known.save()).seen
    fresh = scanners(HOME)
    for number in range(KEPT + 3):
        fresh.excuse([found(number=number)])
    assert [f"EV-scan-0-{n}" for n in range(3, KEPT + 3)] == [one.id for one in fresh.seen["dev-0"]]
