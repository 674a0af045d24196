"""What the hub gave of the fleet's things, asked by a site's own words."""

import numpy as np

from sensor.entities.fleet_prior import FleetPrior
from sensor.model.fleet_part import DESTINATION, FINGERPRINT, FleetUse, digest_of, key_of
from sensor.model.report import Health, Prior
from tests.model.test_fleet_part import part

KEY = key_of("fleet")


def given(things, number=0):
    """Return the prior that gives things: {(kind, hi, lo): (sites, devices)} of ten sites."""
    rows = sorted((digest_of(KEY, *thing), *counts) for thing, counts in things.items())
    return Prior(ts=1, key=KEY, part=part(*(map(list, zip(*rows, strict=True)) if rows else ([],)), part=number))


def test_a_thing_is_as_common_as_the_hub_said_without_this_site():
    """Its own devices are taken off; what one other site has is no habit of the fleet."""
    known = FleetPrior()
    known.take(given({(DESTINATION, 1, 2): (4, 50), (FINGERPRINT, 1, 2): (2, 9)}))

    assert FleetUse(4, 9, 50) == known.use(DESTINATION, 1, 2, own=0)
    assert FleetUse(3, 9, 43) == known.use(DESTINATION, 1, 2, own=7)
    assert FleetUse(2, 9, 9) == known.use(FINGERPRINT, 1, 2, own=0)
    assert known.use(FINGERPRINT, 1, 2, own=1) is None
    assert known.use(DESTINATION, 9, 9, own=0) is None


def test_nothing_is_known_before_the_hub_gave_it_or_without_the_key():
    """A restart knows the things, and asks for the key again."""
    known, again = FleetPrior(), FleetPrior()
    assert (None, {}) == (known.use(DESTINATION, 1, 2, own=0), known.save())
    known.take(given({(DESTINATION, 1, 2): (4, 50)}))
    again.load(known.save())

    assert again.use(DESTINATION, 1, 2, own=0) is None
    assert KEY not in b"".join(np.asarray(one).tobytes() for one in known.save().values())
    again.take(Prior(ts=0, key=KEY))
    assert known.use(DESTINATION, 1, 2, own=0) == again.use(DESTINATION, 1, 2, own=0)


def test_a_part_takes_the_place_of_what_it_was():
    """Others stay."""
    known = FleetPrior()
    known.take(given({(DESTINATION, 1, 2): (4, 50)}))
    known.take(given({}, number=1))
    assert known.use(DESTINATION, 1, 2, own=0) is not None
    known.take(given({}))
    assert known.use(DESTINATION, 1, 2, own=0) is None


def test_it_is_taken_out_of_the_reports():
    """The others are as they were, the same list where there is none."""
    from sensor.model.fleet import SiteHealth

    known, other = FleetPrior(), Health(ts=1, health=SiteHealth())
    reports = [other]

    assert known.take_from(reports) is reports
    assert [other] == known.take_from([given({(DESTINATION, 1, 2): (4, 50)}), other])
    assert known.is_known
