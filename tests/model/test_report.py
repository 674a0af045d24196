"""Reports as bytes: what is written is read, and what cannot be a site's is refused by itself."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensor.model import report as module
from sensor.model.report import Contact, Covered, Linked, Present, Sighting, Told, decode, encode
from tests.incidents.hands import seen

TS = 1_700_000_000 * 10**9


def contact(**more):
    given = {
        "provider": "microsoft", "devices": bytes(12), "who": b"\0\0\1\0", "before": b"\1\0\0\0\2\0\0\0"
    }  # fmt: skip
    return Contact(ts=TS, **(given | more))


def present(rows=2, **more):
    given = {
        "devices": bytes(6), "slot": 5_000_000, "who": bytes(rows), "after": bytes(rows),
        "names": bytes(rows), "flags": bytes(rows), "total": bytes(rows), "share": bytes(rows), "peer": b"",
    }  # fmt: skip
    return Present(ts=TS, **(given | more))


def told(site="SYD"):
    finding = seen("scan", "scan", 1e-6, TS)
    evidence = msgspec.structs.replace(finding.evidence, site=site)
    return Told(ts=TS, finding=msgspec.structs.replace(finding, evidence=evidence), device="dev-a")


def test_reports_are_read_as_they_were_written():
    """With the site that the reader knows, and places that go on."""
    every = [Sighting(ts=TS, device="dev-a", macs=("54:e1:ad:77:31:05",)), contact(), present(), told()]
    found = decode(encode([msgspec.structs.replace(every[0], site="PER"), *every[1:]]), "SYD", 10)

    assert [10, 11, 12, 13] == [one.offset for one in found]
    assert every == [msgspec.structs.replace(one, site="", offset=0) for one in found]
    assert {"SYD"} == {one.site for one in found}


@pytest.mark.parametrize(
    ("report", "why"),
    [
        (contact(who=b"\0\0"), "bad_columns"), (contact(who=b"\0\0\2\0"), "bad_columns"),
        (contact(before=b"123"), "bad_columns"), (contact(devices=bytes(11)), "bad_columns"),
        (present(names=b"\x41\0"), "bad_columns"),
        (present(share=b"\1\0"), "bad_columns"), (present(share=b"\x20\0", peer=b"1"), "bad_columns"),
        (present(slot=0), "bad_columns"),
        (Covered(ts=TS, minute=1 << 31, flows=b"\1", names=b"\1"), "bad_columns"),
        (Covered(ts=TS, minute=1, flows=bytes(181), names=bytes(181)), "bad_columns"),
        (Covered(ts=-1, minute=1, flows=b"", names=b""), "bad_time"), (told("PER"), "not_its_own"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_by_itself(report, why):
    """Columns that do not fit, a time that is none, another site's finding; the report beside it is taken."""
    assert [why, present()] == [
        one if isinstance(one, str) else msgspec.structs.replace(one, site="", offset=0)
        for one in decode(encode([report, present()]), "SYD")
    ]


@given(st.binary(max_size=300))
def test_bytes_that_are_no_reports_are_refused(body):
    """By ValueError and nothing else (msgspec's errors are such)."""
    try:
        found = decode(body, "SYD")
    except ValueError:
        return
    assert all(isinstance(one, str) or one.site == "SYD" for one in found)


def test_more_reports_than_a_packet_may_hold_are_refused(monkeypatch):
    """A cap, whatever the packet's bytes."""
    monkeypatch.setattr(module, "REPORTS_MAX", 2)
    with pytest.raises(ValueError, match="more than 2"):
        decode(encode([contact()] * 3), "SYD")


def test_a_later_release_may_add_fields_at_the_end():
    """An older one passes them over, and a newer one has their defaults."""
    link = Linked(ts=TS, account="ann", of="user", kind="ntlm", first_ns=1, last_ns=2, count=3, days=1)
    rows = msgspec.msgpack.decode(encode([link]))

    longer, shorter = (msgspec.msgpack.encode([one]) for one in ([*rows[0], "new"], rows[0][:-1]))
    assert decode(encode([link]), "SYD") == decode(longer, "SYD") == decode(shorter, "SYD")


def test_ids_are_six_bytes_each():
    """As devices have them."""
    ids = ["dev-00ff10203040", "dev-abcdefabcdef"]

    assert (12, ids) == (len(module.written_ids(ids)), module.read_ids(module.written_ids(ids)))


def test_every_kind_of_report_has_its_packet():
    """What is added to the union is added to KIND_OF."""
    assert set(module.KIND_OF) == set(module.AnyReport.__args__)
