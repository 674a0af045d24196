"""Files of records: dispatch, envelopes, duplicates, conservation."""

import json

import pytest

from sensor.errors import Malformed
from sensor.model.event import Event
from sensor.model.metadata import Kerberos
from sensor.sources import records
from sensor.sources.records import Reader, RecordsSource, product_of
from tests.scenes import common, flow, flows
from tests.sources.ledgers import MemoryLedger


def read_a(record):
    if record.number("n") is None:
        raise Malformed("no_number")
    return [Event(ts=record.number("n"), source="a", kind="other", action="x", raw_id=record.text("id"))]


READERS = (
    Reader("a", lambda record: record.has("n"), read_a),
    Reader("b", lambda record: record.has("k"), lambda record: [Kerberos(**common(), client=record.text("k"))]),
    Reader("c", lambda record: record.has("f"), lambda record: [flows(flow(uid=record.text("f")))]),
)


@pytest.fixture(autouse=True)
def given_readers(monkeypatch):
    """Three products: one of events, one of messages, one of flows."""
    monkeypatch.setattr(records, "readers", lambda: READERS)


def take(tmp_path, text, ledger=None, only=None):
    """Read a file; return (account, everything of its batches)."""
    path = tmp_path / "x.log"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    source = RecordsSource(path, "local", 3, ledger, only)
    batches = list(source.batches())
    assert source.account.records == (
        source.account.accepted + source.account.duplicates + sum(source.account.rejected.values())
    )
    return source.account, batches


def events(batches):
    return [event for batch in batches for event in batch.events]


def test_each_record_goes_to_the_product_that_claims_it(tmp_path):
    """In one file, mixed; each result names its input and row."""
    account, batches = take(tmp_path, '{"n":1}\n{"k":"u/R"}\n{"f":"C1"}\n{"zzz":1}\n{"n":"no"}\n')

    assert [(3, 0)] == [(one.input, one.row) for one in events(batches)]
    assert [("u/R", 3, 1)] == [(one.client, one.input, one.offset) for batch in batches for one in batch.messages]
    assert [(b"C1", 3, 2)] == [
        (row["uid"].item(), row["input"].item(), row["offset"].item()) for batch in batches for row in batch.flows
    ]
    assert {"not_recognised": 1, "no_number": 1} == account.rejected
    assert [(3, "not_recognised"), (4, "no_number")] == [one for batch in batches for one in batch.refused]
    assert ("mixed", 5, 3) == (account.format, account.records, account.accepted)


@pytest.mark.parametrize(
    "text",
    [
        '{"records":[{"n":1},{"n":2}]}',
        '{"@timestamp":"t","message":"{\\"n\\":1}"}\n{"event":{"original":"{\\"n\\":2}"}}\n',
        '[{"_source":{"n":1}},{"_source":{"n":2}}]',
        '{"hits":{"hits":[{"_source":{"n":1}},{"_source":{"n":2}}]}}',
        '<134>1 2024-01-01T00:00:00Z h app - - - {"n":1}\n<134>1 2024-01-01T00:00:00Z h app - - - {"n":2}\n',
    ],
)
def test_what_is_put_around_records_comes_off(tmp_path, text):
    """APIs' lists, shippers' text, stores' objects, syslog; each record within is counted."""
    account, batches = take(tmp_path, text)

    assert [1, 2] == [one.ts for one in events(batches)]
    assert ("a", 2, 2) == (account.format, account.records, account.accepted)


def test_records_that_are_read_again_are_duplicates(tmp_path):
    """By the record's own id in any file, by its bytes in a document, by its block in lines."""
    ledger = MemoryLedger()
    lines = '{"n":1,"id":"i1"}\n{"n":1,"id":"i1"}\n{"n":2}\n'
    first, _ = take(tmp_path, lines, ledger)
    ledger.commit()
    again, _ = take(tmp_path, lines, ledger)
    other, _ = take(tmp_path, '[{"id":"i1","n":1},{"n":5},{"n":5},{"n":6}]', ledger)

    assert (3, 2, 1) == (first.records, first.accepted, first.duplicates)
    assert (3, 0, 3) == (again.records, again.accepted, again.duplicates)
    assert (4, 2, 2) == (other.records, other.accepted, other.duplicates)


def test_a_file_can_be_read_as_one_product_only(tmp_path):
    """What another product would claim is refused then."""
    account, _ = take(tmp_path, '{"n":1}\n{"k":"x"}\n', only="a")

    assert ("a", {"not_recognised": 1}) == (account.format, account.rejected)


def test_a_file_of_nothing_known_is_an_error(tmp_path):
    """With its most frequent reason."""
    with pytest.raises(Malformed, match="no record could be read: not_recognised"):
        take(tmp_path, '{"x":1}\n')
    assert 0 == take(tmp_path, b"")[0].records


def test_damaged_compression_is_counted(tmp_path):
    """What came before it is kept."""
    import gzip

    account, batches = take(tmp_path, gzip.compress(b'{"n":1}\n' * 50_000)[:-40])

    assert 1 == account.rejected["damaged_compression"]
    assert len(events(batches)) == account.accepted > 0


@pytest.mark.parametrize(
    ("head", "expected"), [(b'{"zzz":1}\n{"n":1}\n', "a"), (b'{"k":1}', "b"), (b"text\n", None), (b"", None)]
)
def test_the_product_of_a_file_is_found_in_its_first_records(head, expected):
    """The first that is claimed decides."""
    assert expected == product_of(head)


def test_deep_wrapping_is_not_followed(tmp_path):
    """A record in five envelopes is refused, at bounded cost."""
    record = {"n": 1}
    for _ in range(5):
        record = {"result": record}
    account, _ = take(tmp_path, json.dumps(record) + '\n{"n":2}\n')

    assert {"not_recognised": 1} == account.rejected


def test_a_list_of_nothing_known_is_given_up(tmp_path):
    """Asking every product about every object of a megabyte would take seconds; what is known before that is read."""
    asked = []
    slow = Reader("d", lambda record: bool(asked.append(record)), lambda record: [])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(records, "readers", lambda: (*READERS, slow))
        take(tmp_path, '{"records":[{"n":1},' + ",".join(['{"a":1}'] * 5000) + "]}")

    assert len(asked) <= records.OFFERS_MAX + 2
