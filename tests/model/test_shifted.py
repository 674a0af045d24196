"""Reports of a site whose clock is off, in the hub's time."""

import msgspec
import pytest

from sensor.model.report import Contact, Covered, Lease, Linked, Present, Sighting, Told
from sensor.model.shifted import shifted
from sensor.model.times import SECOND_NS, rfc3339
from tests.model.test_report import told

BACK = -240 * SECOND_NS
TS = 10_000 * SECOND_NS
_NONE = dict.fromkeys(("devices", "who", "after", "names", "flags", "total", "share", "peer"), b"")


@pytest.mark.parametrize(
    ("report", "moved"),
    [
        (Sighting(ts=TS, device="d", first_ns=TS, last_ns=0), {"first_ns": TS + BACK, "last_ns": 0}),
        (Linked(ts=TS, account="a", of="user", kind="kerberos", first_ns=5, last_ns=TS, count=1, days=1),
         {"first_ns": 0, "last_ns": TS + BACK}),
        (Lease(ts=TS, device="d", kind="vpn", public="p", begin_ns=TS, end_ns=TS),
         {"begin_ns": TS + BACK, "end_ns": TS + BACK}),
        (Contact(ts=TS, provider="p", devices=b"", who=b"", before=b""), {}),
        (Present(ts=TS, slot=33, **_NONE), {"slot": 32}),
        (Covered(ts=TS, minute=166, flows=b"", names=b""), {"minute": 162}),
    ],
)  # fmt: skip
def test_every_time_of_a_report_is_moved(report, moved):
    """Its own, and those of what it tells; a slot or a minute to the nearest; 0 is no time."""
    assert msgspec.structs.replace(report, ts=TS + BACK, **moved) == shifted(report, BACK)
    assert report is shifted(report, 0)


def test_a_findings_time_is_moved_and_its_sentence_is_not():
    """The evidence keeps its id, and what was written."""
    found = told().finding
    found = msgspec.structs.replace(found, evidence=msgspec.structs.replace(found.evidence, ts=rfc3339(TS)))
    now = shifted(Told(ts=TS, finding=found), BACK).finding.evidence

    assert (rfc3339(TS + BACK), found.evidence.id, found.evidence.text) == (now.ts, now.id, now.text)


def test_no_time_becomes_less_than_nothing():
    """Whatever a clock says."""
    assert 0 == shifted(Covered(ts=5, minute=1, flows=b"", names=b""), BACK).ts
    assert 0 == shifted(Covered(ts=5, minute=1, flows=b"", names=b""), BACK).minute
