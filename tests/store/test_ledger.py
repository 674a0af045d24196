"""Known blocks of input."""

from concurrent.futures import ThreadPoolExecutor

from sensor.store import schema
from sensor.store.ledger import StateLedger


def test_blocks_are_known_after_the_commit_only(tmp_path):
    """What is remembered takes effect with the transaction; site, start and content all count."""
    connection = schema.connect(tmp_path / "x.sqlite")
    ledger = StateLedger(connection)
    for length, digest in ((10, b"a"), (30, b"b"), (20, b"c")):
        ledger.remember("S", 5, digest, length, length // 10)
    before = ledger.lengths("S", 5)
    with connection:
        ledger.write_pending()

    assert ([], [30, 20, 10]) == (before, ledger.lengths("S", 5))
    asked = [("S", 5, b"b"), ("T", 5, b"b"), ("S", 6, b"b"), ("S", 5, b"z")]
    assert [3, None, None, None] == [ledger.records(*key) for key in asked]
    connection.close()


def test_records_are_known_by_source_and_id(tmp_path, monkeypatch):
    """At once in the same run; after a failed run not at all; the oldest go beyond the limit."""
    connection = schema.connect(tmp_path / "x.sqlite")
    ledger = StateLedger(connection)
    added = [ledger.add_record(source, one) for source, one in [("a", b"1"), ("a", b"1"), ("b", b"1"), ("a", b"2")]]
    connection.rollback()
    again = ledger.add_record("a", b"1")
    with connection:
        ledger.write_pending()

    assert [True, False, True, True] == added
    assert again
    assert not StateLedger(connection).add_record("a", b"1")
    monkeypatch.setattr("sensor.store.ledger.RECORDS_MAX", 2)
    for one in range(5):
        ledger.add_record("c", str(one).encode())
    with connection:
        ledger.write_pending()
    assert [True, False] == [ledger.add_record("c", one) for one in (b"0", b"4")]
    connection.close()


def test_a_reader_on_another_thread_may_ask(tmp_path):
    """A source that reads ahead asks from its own thread."""
    connection = schema.connect(tmp_path / "x.sqlite")
    ledger = StateLedger(connection)
    with connection:
        ledger.remember("S", 0, b"a", 10, 1)
        ledger.write_pending()
    with ThreadPoolExecutor(1) as worker:
        assert 1 == worker.submit(ledger.records, "S", 0, b"a").result()
    connection.close()


def test_the_key_is_the_states_own(tmp_path):
    """It is durable with the first commit, and another state has another."""
    connection = schema.connect(tmp_path / "x.sqlite")
    ledger = StateLedger(connection)
    key = ledger.key
    with connection:
        ledger.write_pending()
    again = StateLedger(connection).key
    connection.close()
    other = schema.connect(tmp_path / "y.sqlite")
    assert (16, key, False) == (len(key), again, StateLedger(other).key == key)
    other.close()
