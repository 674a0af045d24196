"""Recomputing what is stored."""

import math

import msgspec
import pytest

from baselines.evidence import decibans
from sensor.incidents.verify import verify
from tests.store.test_state import evidence

CASES = [
    ("scan.hosts/1", {"net": 9.0, "walks": 2.0, "fails": 12.0}, 12.0, 2 * 4.0**-9),
    ("scan.ports/1", {"net": 8.0, "walks": 1.0, "fails": 8.0}, 8.0, 4.0**-8),
    ("scan.dead/1", {"tries": 40.0, "rate": 0.07}, 40.0, 0.07),
    ("scan.sweep/1", {"touches": 33.0, "rate": 2.0}, 33.0, 1e-6),
    ("volumes.ewma/1", {"count": 5e7, "p_pool": 3e-4}, 5e7, 3e-4),
    ("new_peer.pitman_yor/1", {"p_day": 2e-5}, 1.0, 2e-5),
    ("inbound.count/1", {"fails": 99.0}, 99.0, 1.0),
    ("unusual.rank/1", {"value": 3.0, "p_rank": 0.1}, 3.0, 0.1),
]


@pytest.mark.parametrize(("model", "basis", "observed", "p"), CASES)
def test_every_model_is_recomputed_and_every_edit_found(model, basis, observed, p):
    """What follows from the basis agrees; a changed observed, p or db does not."""
    one = msgspec.structs.replace(evidence(), model=model, basis=basis, observed=observed, p=p, db=decibans(p))

    assert [True] * 6 == [check.agrees for check in verify(one, observed, p, one.db)]
    for numbers in ((observed + 1, p, one.db), (observed, p * 0.99, one.db), (observed, p, one.db + 0.01)):
        assert 1 == sum(not check.agrees for check in verify(one, *numbers))
    assert 3 == sum(not check.agrees for check in verify(one, math.nan, math.nan, math.nan))


def test_an_unknown_model_is_not_verifiable_never_a_pass():
    """Nothing is recomputed, and that is what is said."""
    one = msgspec.structs.replace(evidence(), model="later/9")

    assert {None} == {check.again for check in verify(one, 1.0, 0.5, 1.0)}
