"""Something new, verified."""

import math

import msgspec
import pytest

from sensor.detectors.new_peer_verify import again, recount
from tests.detectors.archives import Kept
from tests.detectors.test_new_peer import later, ready, run


def evidence_and_archive():
    known, one = ready()
    rows = later(port=8_443)
    evidence = run(known, one, [rows])[0].evidence
    archive = Kept(known, rows)
    end_ns = int(rows["ts"][0]) // (3_600 * 10**9) * 3_600 * 10**9 + 3_600 * 10**9
    archive._db.execute(f"ALTER TABLE flows ADD COLUMN tick BIGINT DEFAULT {end_ns}")
    archive._db.execute(f"ALTER TABLE flows ADD COLUMN uid VARCHAR DEFAULT '{rows['uid'][0].decode()}'")
    return evidence, archive


def test_the_use_is_found_again_and_an_edited_archive_is_noticed():
    """By its id, port and step; what has expired is not said to be wrong."""
    evidence, archive = evidence_and_archive()

    assert 1.0 == recount(evidence, archive)
    archive._db.execute("UPDATE flows SET resp_p = 443")
    assert 0.0 == recount(evidence, archive)
    archive.since_ns = 2**62
    assert recount(evidence, archive) is None


@pytest.mark.parametrize("name", ["draws", "kinds", "mass", "chances", "categories", "worst"])
def test_an_edited_number_no_longer_gives_the_p(name):
    """The stored p follows from all of them."""
    evidence, _ = evidence_and_archive()
    edited = msgspec.structs.replace(evidence, basis={**evidence.basis, name: evidence.basis[name] * 1.01 + 1e-3})

    assert evidence.p == again(evidence)
    assert math.isnan(again(edited)) or again(edited) != evidence.p


def test_another_models_evidence_is_left_alone():
    """There is nothing to say of what this module did not make."""
    evidence, archive = evidence_and_archive()
    other = msgspec.structs.replace(evidence, model="scan.hosts/1")

    assert (None, None) == (again(other), recount(other, archive))
