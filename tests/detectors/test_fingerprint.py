"""Client fingerprints that are new to a device and rare at its site."""

import numpy as np
import pytest

from sensor.detectors import fingerprint
from sensor.detectors.fingerprint import fingerprint_of
from sensor.model.fleet_part import FINGERPRINT, digest_of
from sensor.model.metadata import Ssh, Tls
from sensor.model.protocols import Quic
from sensor.model.report import Prior
from tests.detectors.ticks import entities, tick
from tests.entities.test_fleet_prior import KEY
from tests.model.test_fleet_part import part
from tests.scenes import SECRET, START, S, common, flow, flows

HOSTS = tuple(f"10.0.0.{k}" for k in range(10, 20))
BROWSER, UPDATER, ODD = "t13d1516h2_8daaf6152771_e5627efa2ab1", "t13d1110h1_aaaa", "t12d0405_bbbb"


def hello(at_s, host, ja4):
    """A ClientHello."""
    return Tls(**common(at_s, host, "192.0.2.9"), ja4=ja4, input=0, offset=int(at_s))


class Office:
    """Ten devices that use one browser and, each on other days, an updater."""

    def __init__(self):
        self.known = entities()
        self.detector = fingerprint.detector(self.known, SECRET)
        self.flagged = ()

    def step(self, at_s, *messages):
        """One tick; every host is seen."""
        rows = flows(
            *[flow(host, "192.0.2.9", at_s=at_s, port=443, orig_mac=0x1B000000 + k) for k, host in enumerate(HOSTS)]
        )
        one = tick(self.known, rows, messages=messages, end_ns=START + int(at_s + 10) * S)
        found = self.detector.score(one)
        flags = np.zeros(self.known.count(), np.bool_)
        for host in self.flagged:
            flags[self.known.locate(0, host)] = True
        self.detector.learn(one, flags)
        return found

    def days(self, count):
        """Let everybody work."""
        found = []
        for day in range(count):
            at = day * 86_400.0
            uses = [hello(at, host, BROWSER) for host in HOSTS] + [hello(at, HOSTS[day % 10], UPDATER)]
            found += self.step(at, *uses)
        return found


def test_what_many_use_is_no_news():
    """The updater is new to each device once, and known at the site: nothing is said after the first ones."""
    office = Office()
    found = office.days(20)
    assert all(one.evidence.basis["users"] < 3 for one in found)
    assert "judged" == office.detector.coverage().state


def test_what_nobody_uses_is_told_of_and_opens_nothing():
    """With how many have it, and against what; one a device and day, and not twice."""
    office = Office()
    office.days(30)
    at = 30 * 86_400.0
    (found,) = office.step(at, hello(at, HOSTS[3], ODD))
    assert (False, False) == (found.opens, found.digest)
    assert 0.0 == found.evidence.observed
    said = (
        f"10.0.0.13 spoke TLS to 192.0.2.9 with a fingerprint it never had ({ODD}); no other device of the site had it."
    )
    assert said in found.evidence.text
    assert found.evidence.p == pytest.approx(fingerprint.again(found.evidence), rel=1e-12)
    assert [] == office.step(at + 60, hello(at + 60, HOSTS[3], ODD))


def test_flagged_devices_are_not_learned_from():
    """It is still new the next day."""
    office = Office()
    office.days(30)
    office.flagged = (HOSTS[3],)
    for day in (30, 31):
        assert 1 == len(office.step(day * 86_400.0, hello(day * 86_400.0, HOSTS[3], ODD)))


def test_nothing_is_said_in_the_first_day():
    """It is learning; without a client there is nothing to learn."""
    office = Office()
    assert "no_input" == office.detector.coverage().state
    office.step(0.0, hello(0.0, HOSTS[0], BROWSER))
    assert [] == office.step(3600.0, hello(3600.0, HOSTS[0], ODD))
    assert "learning" == office.detector.coverage().state


def test_fingerprints_of_clients_alone_count_and_versions_do_not():
    """A ServerHello has none; SSH's software version is left out."""
    given = common(0.0)
    assert ("QUIC", "q13") == fingerprint_of(Quic(**given, ja4="q13"))
    assert fingerprint_of(Tls(**given, ja4="x", is_client=False)) is None
    assert fingerprint_of(Ssh(**given, server="SSH-2.0-OpenSSH_9.6")) is None
    old, new = (
        fingerprint_of(Ssh(**given, client=f"SSH-2.0-OpenSSH_{version}p1 Debian-5")) for version in ("9.2", "9.6")
    )
    assert old == new
    assert old != fingerprint_of(Ssh(**given, client="SSH-2.0-Go"))


def test_save_and_load_go_on_where_they_were():
    """The same finding after a restart."""
    office = Office()
    office.days(30)
    again = fingerprint.detector(office.known, SECRET)
    again.load(office.detector.save())
    again.load({})
    office.detector = again
    (found,) = office.step(30 * 86_400.0, hello(30 * 86_400.0, HOSTS[3], ODD))
    assert found.evidence.p < 0.02
    assert {"fingerprints", "fingerprints_site"} == set(again.saturation)


def test_too_many_at_once_are_counted(monkeypatch):
    """The rest is judged."""
    monkeypatch.setattr(fingerprint, "STEP_MAX", 2)
    office = Office()
    office.step(0.0, *[hello(0.0, HOSTS[0], f"x{k}") for k in range(5)])
    assert 6 == office.detector.uncounted  # as it is judged and as it is learned


def test_what_is_common_in_the_fleet_is_weaker_evidence():
    """Said with numbers, and p follows from them; without them it is as it was."""
    at = 30 * 86_400.0
    alone, among = Office(), Office()
    for office in (alone, among):
        office.days(30)
    thing = digest_of(KEY, FINGERPRINT, *(int(word[0]) for word in fingerprint._words("TLS", ODD)))
    among.known.prior.take(Prior(ts=0, key=KEY, part=part([thing], [100], [400], of_sites=500)))
    (before,), (found,) = (office.step(at, hello(at, HOSTS[3], ODD)) for office in (alone, among))

    assert found.evidence.p > before.evidence.p
    assert "and 100 of the fleet's 499 other sites, on 400 devices, had it" in found.evidence.text
    assert found.evidence.p == pytest.approx(fingerprint.again(found.evidence), rel=1e-12)
    assert {"fleet_sites", "fleet_of", "fleet_devices"} == set(found.evidence.basis) - set(before.evidence.basis)
