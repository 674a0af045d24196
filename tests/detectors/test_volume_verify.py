"""Volumes computed again: p from the basis, counts from the archive, and edits found."""

import msgspec
import pytest

from sensor.detectors.volume_state import BUCKET_NS, DAY
from sensor.detectors.volume_verify import again, recount
from tests.detectors.archives import Kept
from tests.detectors.test_volumes import DAYS, bucket, ready_one, run
from tests.scenes import START, S


def test_p_is_computed_again_and_edits_are_found():
    """From the basis by the formulas; an edited number of it no longer gives what is stored."""
    known, one = ready_one()
    now = DAYS * DAY
    found = run(known, one, [bucket(now, times={0: 500}), bucket(now + 1)])
    evidence = next(finding for finding in found if finding.name == "10.0.0.10").evidence

    assert evidence.p == pytest.approx(again(evidence), rel=1e-9)
    for name in ("count", "centre", "spread", "any", "milder", "score", "statistics", "worst", "law_start"):
        edited = msgspec.structs.replace(evidence, basis={**evidence.basis, name: evidence.basis[name] * 1.01})
        assert again(edited) != pytest.approx(evidence.p, rel=1e-9), name


def test_a_bucket_is_counted_again_from_the_archive():
    """Bytes and flows of the steps of the bucket; an edited row gives another number, an expired one none."""
    known, one = ready_one()
    now = DAYS * DAY
    rows = bucket(now, times={0: 500})
    found = run(known, one, [rows, bucket(now + 1)])
    archive = Kept(known, rows)
    archive._db.execute(f"ALTER TABLE flows ADD COLUMN tick BIGINT DEFAULT {START + now * BUCKET_NS + 60 * S}")
    archive._db.execute("ALTER TABLE flows ADD COLUMN fresh BOOLEAN DEFAULT true")
    told = [finding.evidence for finding in found if finding.evidence.channel == "now"]

    assert told
    assert [evidence.observed for evidence in told] == [recount(evidence, archive) for evidence in told]
    archive._db.execute("UPDATE flows SET orig_bytes = orig_bytes + 1, resp_bytes = resp_bytes + 1")
    archive._db.execute("INSERT INTO flows SELECT * FROM flows")
    assert all(evidence.observed != recount(evidence, archive) for evidence in told)
    archive.since_ns = START + now * BUCKET_NS + 1
    assert {None} == {recount(evidence, archive) for evidence in told}


def test_another_models_evidence_is_left_alone():
    """There is nothing to say of what this module did not make."""
    known, one = ready_one()
    found = run(known, one, [bucket(DAYS * DAY, times={0: 500}), bucket(DAYS * DAY + 1)])
    other = msgspec.structs.replace(found[0].evidence, model="scan.hosts/1")

    assert (None, None) == (again(other), recount(other, Kept(known, [])))
