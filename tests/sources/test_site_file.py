"""A file of envelopes: found by its content, read once, damage and repetition counted."""

import pytest

from sensor.errors import Malformed
from sensor.model.report import Sighting, encode
from sensor.model.site_packet import Envelope
from sensor.sources._site_file import SiteSource, recognises
from sensor.sources.detect import detect
from sensor.store.ledger import StateLedger
from sensor.store.state import State
from sensor.wire.site_envelope import encode as written

TS = 1_700_000_000 * 10**9


def envelope(sequence, *devices, site="SYD", body=None):
    import zstandard

    raw = encode([Sighting(ts=TS + k, device=one) for k, one in enumerate(devices)]) if body is None else body
    packed = zstandard.ZstdCompressor().compress(raw)
    return written(Envelope(site, 7, sequence, 0, sequence - 1, "signals", TS, TS, len(raw), packed))


def read(path, ledger: StateLedger | None = None):
    source = SiteSource(path, "HUB", 3, ledger)
    return source.account, [one for batch in source.batches() for one in batch.reports]


def test_envelopes_are_read_in_their_order(tmp_path):
    """With the site that each names, their input, and places that go on over envelopes."""
    path = tmp_path / "x"
    path.write_bytes(envelope(1, "dev-a", "dev-b") + envelope(2, "dev-c", site="PER"))
    account, reports = read(path)

    assert "site" == detect(path)
    assert [("SYD", "dev-a", 0, 3), ("SYD", "dev-b", 1, 3), ("PER", "dev-c", 2, 3)] == [
        (one.site, one.device, one.offset, one.input) for one in reports
    ]
    assert (3, 3, path.stat().st_size) == (account.records, account.accepted, account.bytes)


def test_an_envelope_that_is_known_counts_as_duplicates(tmp_path):
    """By site, epoch and sequence, whatever file it is in."""
    (tmp_path / "a").write_bytes(envelope(1, "dev-a") + envelope(2, "dev-b", "dev-c"))
    (tmp_path / "b").write_bytes(envelope(2, "dev-b", "dev-c") + envelope(3, "dev-d"))
    with State(tmp_path / "state") as state:
        read(tmp_path / "a", state.ledger)
        account, reports = read(tmp_path / "b", state.ledger)

    assert ["dev-d"] == [one.device for one in reports]
    assert (3, 1, 2, {}) == (account.records, account.accepted, account.duplicates, account.rejected)


def test_what_stands_before_damage_is_taken(tmp_path):
    """The rest of the file is lost, and counted."""
    path = tmp_path / "x"
    good, bad = envelope(1, "dev-a"), bytearray(envelope(2, "dev-b"))
    bad[-40] ^= 1
    for rest in (bytes(bad), bad[:60], b"more"):
        path.write_bytes(good + rest)
        account, reports = read(path)
        assert ["dev-a"] == [one.device for one in reports]
        assert (2, 1, {"damaged_envelope": 1}) == (account.records, account.accepted, account.rejected)


@pytest.mark.parametrize("body", [b"\xc1", b"\x91\x91\xa5alien", b"\x01"])
def test_a_body_that_is_no_reports_is_damage(tmp_path, body):
    """Nothing else of the file: it cannot be read."""
    (tmp_path / "x").write_bytes(envelope(1, body=body))
    with pytest.raises(Malformed, match="reports"):
        read(tmp_path / "x")


def test_other_files_are_not_taken_for_it():
    """Text, a capture, nothing."""
    assert [False] * 3 == [recognises(head) for head in (b"", b"#separator", b"\xd4\xc3\xb2\xa1")]
