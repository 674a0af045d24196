"""Envelopes around JSON records."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensor.errors import Malformed
from sensor.wire import zeek_json

CONN = {
    "ts": 1588205198.89971, "uid": "C1", "id.orig_h": "10.0.0.1", "id.orig_p": 1, "id.resp_h": "10.0.0.2",
    "id.resp_p": 2,
    "proto": "tcp", "conn_state": "SF",
}  # fmt: skip
NESTED = {k: x for k, x in CONN.items() if "id." not in k} | {"id": {k[3:]: x for k, x in CONN.items() if "id." in k}}


def read(record):
    """Take one record apart."""
    return zeek_json.read(json.dumps(record).encode())


@pytest.mark.parametrize(
    "record",
    [
        CONN,
        {k.replace("id.", "id_"): x for k, x in CONN.items()},
        NESTED,
        {"conn": CONN},
        {"message": json.dumps(CONN), "@timestamp": "2026-01-01T00:00:00Z", "host": {"name": "x"}},
        {"@timestamp": "2026-01-01T00:00:00Z", "message": json.dumps({"conn": NESTED})},
        {"event": {"original": json.dumps(CONN), "kind": "event"}, "@timestamp": "2026-01-01T00:00:00Z"},
        {"event.original": json.dumps(CONN)},
        {"preview": False, "result": {"_raw": json.dumps(CONN), "host": "x"}},
        {"_raw": json.dumps(CONN), "sourcetype": "zeek"},
        {**CONN, "@stream": "conn", "@system": "x", "@proc": "zeek"},
    ],
)
def test_one_record_in_any_envelope(record):
    """The same kind and values come out of each."""
    found = read(record)
    got = [found.get(name) for name in ("ts", "uid", "id.orig_h", "id.orig_p", "id.resp_h", "id.resp_p")]
    assert "conn" == found.kind
    assert ["1588205198.89971", "C1", "10.0.0.1", 1, "10.0.0.2", 2] == got


def test_a_records_own_time_goes_before_the_shippers():
    """`@timestamp` is the time only where the record has none."""
    stamp = {"@timestamp": "2026-01-01T00:00:00Z"}
    assert "1588205198.89971" == read(CONN | stamp).get("ts")
    assert stamp["@timestamp"] == read({k: x for k, x in CONN.items() if k != "ts"} | stamp).get("ts")


def test_the_path_says_the_kind():
    """`_path` and `@stream` go before what the keys show."""
    assert ("kerberos", "stats") == (
        read({"ts": 1, "_path": "kerberos"}).kind,
        read({"ts": 1, "@stream": "stats"}).path,
    )
    assert read({"ts": 1, "@stream": "stats"}).kind is None


def test_tsv_in_an_envelope():
    """A shipper that reads lines puts TSV into `message`."""
    assert b"1.5\tC1" == read({"message": "1.5\tC1\n", "@timestamp": "x"}).tsv


def test_markers_of_converters():
    """`-` is unset and `(empty)` is empty, where TSV was converted."""
    found = read(CONN | {"service": "-", "history": "(empty)"})
    assert (None, "") == (found.get("service"), found.get("history"))


def test_bytes_that_are_not_utf8_are_shown():
    """They become text that shows them."""
    assert "a\\xffb" == zeek_json.read(b'{"ts":1,"uid":"a\xffb"}').get("uid")


@given(st.binary(max_size=100))
def test_any_line_is_a_record_or_refused(line):
    """Nothing but Malformed is raised."""
    reason = "not_a_record"
    try:
        zeek_json.read(line)
    except Malformed as fault:
        reason = str(fault)
    assert "not_a_record" == reason


@pytest.mark.parametrize("line", [b"[" * 100_000, b'{"message":' * 5000, b'{"a":' * 50_000, b"1", b"{}", b'{"a":1}'])
def test_deep_and_odd_json_is_refused(line):
    """Depth does not exhaust the stack; what has no time is no record."""
    with pytest.raises(Malformed, match="not_a_record"):
        zeek_json.read(line)
