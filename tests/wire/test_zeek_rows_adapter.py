"""Readers that give rows, as inputs."""

import warnings
from datetime import datetime

import numpy as np
import pytest
from zat.zeek_log_reader import ZeekLogReader as ZatReader

from sensor.sources.zeek import ZeekSource
from sensor.wire import zeek_rows_adapter
from sensor.wire.zeek_log_reader import ZeekLogReader
from sensor.wire.zeek_rows_adapter import ZeekRows


class Rows:
    """Anything that has `readrows`."""

    def __init__(self, *given):
        self.given = given

    def readrows(self):
        """Give what was given."""
        return iter(self.given)


ID = {"ts": 1.5, "uid": "C1", "id.orig_h": "10.0.0.1", "id.orig_p": 1, "id.resp_h": "10.0.0.2", "id.resp_p": 53}


def taken(source):
    """Return flows, messages and the account, which must balance."""
    batches = list(source.batches())
    account = source.account
    assert account.records == account.accepted + sum(account.rejected.values())
    return np.concatenate([b.flows for b in batches]), [m for b in batches for m in b.messages], account


def test_rows_of_several_logs():
    """The columns show the log; what is no record is counted by its reason."""
    conn, dns = ID | {"proto": "tcp", "conn_state": "SF"}, ID | {"proto": "udp", "query": "x.test", "qtype": 1}
    flows, messages, account = taken(ZeekRows(Rows(conn, dns, {"a": 1}, dns | {"qtype": "x"}), "SYD", 3))
    assert ([b"C1"], ["x.test"]) == (flows["uid"].tolist(), [m.query for m in messages])
    assert {"unsupported_log": 1, "bad_qtype": 1} == account.rejected
    assert (3, 1) == (messages[0].input, messages[0].offset)


def test_a_row_says_nothing_in_three_ways():
    """None, a dash, and (empty) for a set."""
    dns = ID | {"proto": "udp", "query": "-", "qtype": None, "rcode": 0, "answers": "(empty)", "TTLs": "1.0,2.0"}
    message = taken(ZeekRows(Rows(dns), "SYD", 0, log="dns"))[1][0]
    assert (None, None, (), (1, 2)) == (message.query, message.qtype, message.names, message.ttls)


def test_what_is_refused_is_told_with_its_row():
    """A datetime that has no local time among them."""
    rows = Rows({"a": 1}, ID | {"ts": datetime.min, "proto": "udp", "query": "x", "qtype": 1})  # noqa: DTZ901
    (batch,) = ZeekRows(rows, "SYD", 0).batches()
    assert [(0, "unsupported_log"), (1, "bad_ts")] == batch.refused


def test_batches_are_bounded(monkeypatch):
    """So many rows a batch, and the rest."""
    monkeypatch.setattr(zeek_rows_adapter, "BATCH_ROWS", 2)
    source = ZeekRows(Rows(*[ID | {"proto": "tcp", "conn_state": "SF"}] * 5), "SYD", 0)
    assert [2, 2, 1] == [len(batch.flows) for batch in source.batches()]


@pytest.mark.parametrize("name", ["conn", "dns", "http", "ssl", "files", "weird"])
def test_real_logs_as_our_own_source_reads_them(data_dir, name):
    """Through our row reader every field is equal; through zat's, whatever that has not lost."""
    path = data_dir / "network/zat" / f"{name}.log"
    flows, messages, _ = taken(ZeekSource(path, "SYD", 0))
    through, told, account = taken(ZeekRows(ZeekLogReader(path), "SYD", 0, log=name))
    assert (repr(flows.tolist()), messages, {}) == (repr(through.tolist()), told, account.rejected)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        through, told, account = taken(ZeekRows(ZatReader(str(path)), "SYD", 0, log=name))
    assert (flows["uid"].tolist(), [m.uid for m in messages], {}) == (
        through["uid"].tolist(), [m.uid for m in told], account.rejected,
    )  # fmt: skip
