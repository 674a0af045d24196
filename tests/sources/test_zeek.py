"""The Zeek source: every record accounted for, however a file is written, packed, cut or repeated."""

import collections
import gzip
import json
import logging
import lzma

import numpy as np
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from sensor.errors import Malformed
from sensor.sources import zeek
from sensor.sources.zeek import ZeekFollow, ZeekSource, recognises
from sensor.wire import line_blocks
from sensor.wire.zeek_header import Schema
from tests.flows.conn_lines import COLUMNS, any_json, any_line, json_value, plain_line
from tests.flows.test_log_tsv import shown
from tests.naive.log_tsv import read_tsv
from tests.sources.ledgers import MemoryLedger

FIELDS = COLUMNS[: COLUMNS.index("ip_proto") + 1]
HEAD = "#separator \\x09\n#set_separator\t,\n#empty_field\t(empty)\n#unset_field\t-\n"
CONN_HEAD = HEAD + "#path\tconn\n#fields\t" + "\t".join(FIELDS) + "\n#types\ttime\n"
DNS_FIELDS = [
    "ts",
    "uid",
    "id.orig_h",
    "id.orig_p",
    "id.resp_h",
    "id.resp_p",
    "proto",
    "trans_id",
    "query",
    "qtype",
    "rcode",
    "answers",
    "TTLs",
    "rejected",
]
DNS_HEAD = HEAD + "#path\tdns\n#fields\t" + "\t".join(DNS_FIELDS) + "\n"
DNS = "1.5\tC9\t10.0.0.1\t4000\t10.0.0.2\t53\tudp\t7\tx.test\t1\t0\t192.0.2.1,a\\x2cb\t60.0,60.0\tF\n"


def conn(number):
    """Make a conn line."""
    return (
        f"{1588205198 + number}.500000\tC{number}\t10.0.0.{number % 250}\t{1024 + number % 60000}\t192.0.2.7\t443\t"
        f"tcp\tssl\t0.25\t{number}\t2\tSF\tT\tF\t0\tShADad\t3\t{number + 160}\t4\t200\t-\t6\n"
    )


def write(folder, data, name="x"):
    """Write a file whose name says nothing."""
    path = folder / name
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return path


def read(path, ledger=None, schema=None, index=0):
    """Read a file whole: its flows, its messages, its account, which must balance."""
    source = ZeekSource(path, "SYD", index, ledger, schema)
    batches = list(source.batches())
    account = source.account
    assert account.records == account.accepted + account.duplicates + sum(account.rejected.values())
    flows = [row for batch in batches for row in batch.flows]
    messages = [message for batch in batches for message in batch.messages]
    assert account.accepted == len(flows) + len(messages)
    refused = collections.Counter(reason for batch in batches for _, reason in batch.refused)
    assert account.rejected == refused
    return flows, messages, account


def uids(flows):
    """Return the flows' uids as text."""
    return [row["uid"].decode() for row in flows]


def test_a_conn_log_becomes_flows(tmp_path):
    """Every column is set, the input and row with it."""
    flows, messages, account = read(write(tmp_path, CONN_HEAD + conn(5) + conn(6) + "#close\t2020\n"), index=3)
    assert ([], 2, 2, "zeek-conn-tsv") == (messages, account.records, account.accepted, account.format)
    assert read_tsv([conn(5).rstrip("\n"), conn(6).rstrip("\n")], FIELDS) == [shown(row) for row in flows]
    assert [(3, 0), (3, 1)] == [(int(row["input"]), int(row["offset"])) for row in flows]
    assert all(np.isnan(row["size_sq"]) and np.isnan(row["gap_sq"]) for row in flows)


def test_a_dns_log_becomes_messages(tmp_path):
    """Escapes are decoded after sets are split."""
    flows, messages, account = read(write(tmp_path, DNS_HEAD + DNS), index=2)
    assert ([], 1, "zeek-dns-tsv") == (flows, account.accepted, account.format)
    assert ("x.test", ("192.0.2.1",), ("a,b",), (60, 60), 2, 0) == (
        messages[0].query, messages[0].addresses, messages[0].names, messages[0].ttls, messages[0].input,
        messages[0].offset,
    )  # fmt: skip


def test_several_logs_in_one_file(tmp_path):
    """Each header holds for the lines after it; closing lines in the middle are passed over."""
    text = CONN_HEAD + conn(1) + "#close\tx\n" + DNS_HEAD + DNS + "#close\tx\n" + CONN_HEAD + conn(2) + conn(3)
    flows, messages, account = read(write(tmp_path, text))
    assert (["C1", "C2", "C3"], ["C9"], "zeek") == (uids(flows), [m.uid for m in messages], account.format)
    assert [0, 2, 3] == [int(row["offset"]) for row in flows]


def test_json_and_tsv_in_one_file(tmp_path):
    """Kinds may change from line to line in JSON, and JSON may follow TSV."""
    record = {n: json_value(n, t) for n, t in zip(FIELDS, conn(4).strip().split("\t"), strict=True) if t != "-"}
    dns = {"_path": "dns", "ts": 1.5, "uid": "C9", "id.orig_h": "10.0.0.1", "id.orig_p": 1, "id.resp_h": "10.0.0.2",
           "id.resp_p": 53, "proto": "udp", "query": "x"}  # fmt: skip
    text = CONN_HEAD + conn(1) + json.dumps(record) + "\n" + json.dumps(dns) + "\n" + json.dumps(record) + "\n"
    flows, messages, account = read(write(tmp_path, text))
    assert (["C1", "C4", "C4"], ["C9"], 4) == (uids(flows), [m.uid for m in messages], account.accepted)
    first = read(write(tmp_path, CONN_HEAD + conn(4)))[0][0]
    assert shown(first) == shown(flows[1])


def test_rows_that_do_not_parse_are_counted_by_reason_and_named_once(tmp_path, caplog):
    """A damaged field is never read as 0, and the log names file and row for the first of each reason only."""
    bad = [conn(n).replace("192.0.2.7", "192.0.2.777") for n in (2, 3)] + [
        conn(4).replace("\tSF\t", "\tXX\t"),
        "short\tline\n",
    ]
    path = write(tmp_path, CONN_HEAD + conn(1) + "".join(bad) + conn(5))
    with caplog.at_level(logging.WARNING):
        flows, _, account = read(path)
    assert ["C1", "C5"] == uids(flows)
    assert {"bad_resp_h": 2, "bad_conn_state": 1, "column_count": 1} == account.rejected
    assert [1, 3, 4] == [int(r.getMessage().split("row=")[1].split()[0]) for r in caplog.records]
    assert all(str(path) in r.getMessage() for r in caplog.records)


def test_each_refusal_has_its_row(tmp_path):
    """By a kernel, by the line, in JSON, at the end; the rows are those of the records around them."""
    text = CONN_HEAD + conn(0) + "short\tline\n" + conn(2) + "{}\n" + DNS_HEAD + DNS + DNS.replace("1.5", "x", 1)
    batch, tail = ZeekSource(write(tmp_path, text + DNS[:20]), "SYD", 0).batches()
    assert [(1, "column_count"), (3, "not_a_record"), (5, "bad_ts")] == batch.refused
    assert [(6, "cut_short")] == tail.refused
    assert ([0, 2], [4]) == (batch.flows["offset"].tolist(), [message.offset for message in batch.messages])


def test_refusals_with_rows_are_bounded(tmp_path, monkeypatch):
    """The rest are counted in the account; damage is the last of all."""
    monkeypatch.setattr(zeek, "REFUSED_MAX", 2)
    packed = gzip.compress((CONN_HEAD + "x\n" * 5).encode())
    source = ZeekSource(write(tmp_path, packed[:-6]), "SYD", 0)
    first, last = source.batches()
    assert [(0, "column_count"), (1, "column_count")] == first.refused
    assert [(5, "damaged_compression")] == last.refused
    assert {"column_count": 5, "damaged_compression": 1} == source.account.rejected


@pytest.mark.parametrize("pack", [lambda b: b, gzip.compress, zstandard.ZstdCompressor().compress, lzma.compress])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_packed_files_and_line_ends(tmp_path, pack, end):
    """The same flows come out of each."""
    text = (CONN_HEAD + "".join(conn(n) for n in range(50))).replace("\n", end)
    flows, _, account = read(write(tmp_path, pack(text.encode())))
    assert [f"C{n}" for n in range(50)] == uids(flows)
    assert {} == account.rejected


def test_what_comes_before_damage_in_a_packed_file_is_kept(tmp_path, caplog):
    """The damage is one record refused, and is named."""
    packed = gzip.compress((CONN_HEAD + "".join(conn(n) for n in range(3000))).encode())
    flows, _, account = read(write(tmp_path, packed[: len(packed) // 2]))
    assert 0 < len(flows) < 3000
    assert 1 == account.rejected["damaged_compression"]
    assert "cut short" in caplog.text


def test_a_byte_order_mark_is_passed_over(tmp_path):
    """In front of TSV and of JSON."""
    assert ["C1"] == uids(read(write(tmp_path, "\ufeff" + CONN_HEAD + conn(1)))[0])


@pytest.mark.parametrize(
    ("last", "accepted", "rejected"),
    [
        (conn(2)[:-1], 2, {}),  # only ip_proto, which a TCP flow does not need, can have been cut
        (conn(2).rpartition("\t6")[0], 1, {"cut_short": 1}),
        (conn(2)[:40], 1, {"cut_short": 1}),
        ('{"ts":1', 1, {"cut_short": 1}),
        ("#close", 1, {}),
    ],
)
def test_a_last_line_without_an_end(tmp_path, last, accepted, rejected):
    """It is read only where a cut cannot have changed a value that is read."""
    _, _, account = read(write(tmp_path, CONN_HEAD + conn(1) + last))
    assert (accepted, rejected) == (account.accepted, account.rejected)


def test_a_last_json_line_without_an_end_is_whole(tmp_path):
    """A JSON object says itself where it ends."""
    record = {n: json_value(n, t) for n, t in zip(FIELDS, conn(4).strip().split("\t"), strict=True) if t != "-"}
    assert ["C4"] == uids(read(write(tmp_path, json.dumps(record)))[0])


def test_a_header_whose_last_column_is_read_does_not_trust_a_cut(tmp_path):
    """resp_ip_bytes 200 may have been 2000."""
    head = CONN_HEAD.replace("\ttunnel_parents\tip_proto", "")
    line = conn(1).rpartition("\t-\t6")[0]
    assert {"cut_short": 1} == read(write(tmp_path, head + line + "\n" + line))[2].rejected


def test_lines_without_a_header(tmp_path):
    """Zeek's own columns are assumed where they fit, or the caller's; else nothing is guessed."""
    assert ["C1", "C2"] == uids(read(write(tmp_path, conn(1) + conn(2)))[0])
    swapped = "\t".join([*conn(1).strip().split("\t")[::-1]]) + "\n"
    schema = Schema(fields=tuple(FIELDS[::-1]), path="conn")
    assert ["C1"] == uids(read(write(tmp_path, swapped), schema=schema)[0])
    with pytest.raises(Malformed, match="no header"):
        read(write(tmp_path, swapped))


def test_columns_before_zeeks(tmp_path):
    """A shipper's columns in front of each line are passed over, with a header and without."""
    lines = "".join(f"host\tSYD\t{conn(n)}" for n in range(5))
    assert [f"C{n}" for n in range(5)] == uids(read(write(tmp_path, CONN_HEAD + lines))[0])
    assert [f"C{n}" for n in range(5)] == uids(read(write(tmp_path, lines))[0])


def test_connections_that_go_on(tmp_path):
    """Rows of conn_long and open_conn are reports of flows that have not ended."""
    flows = read(write(tmp_path, CONN_HEAD.replace("\tconn\n", "\tconn_long\n") + conn(1) + conn(2)))[0]
    assert [2, 2] == [int(row["why"]) for row in flows]
    assert [0] == [int(row["why"]) for row in read(write(tmp_path, CONN_HEAD + conn(1)))[0]]


def test_a_log_that_is_not_read_is_counted(tmp_path):
    """Its records are refused for that reason, which is no error."""
    _, _, account = read(write(tmp_path, HEAD + "#path\tstats\n#fields\tts\tfuid\n1.0\tF1\n2.0\tF2\n"))
    assert ({"unsupported_log": 2}, "zeek-tsv") == (account.rejected, account.format)


def test_a_header_without_a_needed_column(tmp_path):
    """The lines say nothing without it, and the reason names it."""
    head = CONN_HEAD.replace("\tid.resp_h", "\tother")
    assert {"missing_resp_h": 2} == read(write(tmp_path, head + conn(1) + conn(2)))[2].rejected


def test_columns_that_are_not_there_are_unset(tmp_path):
    """A count that no column holds is -1, not 0."""
    head = HEAD + "#path\tconn\n#fields\t" + "\t".join(FIELDS[:7]) + "\n"
    line = "\t".join(conn(1).split("\t")[:7]) + "\n"
    row = read(write(tmp_path, head + line + line))[0][1]
    assert (-1, -1, -1, 0, b"") == (
        row["orig_bytes"],
        row["duration"],
        row["local_orig"],
        row["conn_state"],
        row["history"],
    )


def test_a_file_that_is_no_log_is_refused(tmp_path):
    """Nothing of it could be read: the error names it."""
    with pytest.raises(Malformed, match="no record could be read"):
        read(write(tmp_path, "Dear reader,\n\nthis is no log.\n"))


def test_an_empty_file_is_no_error(tmp_path):
    """It has no records."""
    assert 0 == read(write(tmp_path, ""))[2].records


def test_a_line_longer_than_a_block(tmp_path):
    """It is one record refused; the lines around it are read."""
    long = conn(2).replace("ShADad", "S" * (line_blocks.BLOCK_BYTES + 5))
    flows, _, account = read(write(tmp_path, CONN_HEAD + conn(1) + long + conn(3)))
    assert (["C1", "C3"], {"line_too_long": 1}) == (uids(flows), account.rejected)


def test_the_same_file_again_is_all_duplicates(tmp_path):
    """Its blocks are known; a damaged row among them counts as a duplicate too."""
    ledger = MemoryLedger()
    path = write(tmp_path, CONN_HEAD + "".join(conn(n) for n in range(20_000)) + "damaged\n")
    first = read(path, ledger)[2]
    ledger.commit()
    flows, messages, again = read(path, ledger)
    assert (20_000, {"column_count": 1}) == (first.accepted, first.rejected)
    assert ([], [], 20_001, 0, {}) == (flows, messages, again.duplicates, again.accepted, again.rejected)


def test_a_grown_file_goes_on_where_it_ended(tmp_path):
    """Only what is new is read, under the header that was read before, with row numbers that go on."""
    ledger = MemoryLedger()
    text = CONN_HEAD + "".join(conn(n) for n in range(10_000))
    read(write(tmp_path, text), ledger)
    ledger.commit()
    flows, _, account = read(write(tmp_path, text + conn(10_000) + conn(10_001)), ledger)
    assert (["C10000", "C10001"], 10_000, 10_002) == (uids(flows), account.duplicates, account.records)
    assert [10_000, 10_001] == [int(row["offset"]) for row in flows]


def test_a_line_that_was_cut_is_read_when_it_is_whole(tmp_path):
    """Neither lost nor read twice."""
    ledger = MemoryLedger()
    text = CONN_HEAD + conn(1) + conn(2)
    assert {"cut_short": 1} == read(write(tmp_path, text[:-20]), ledger)[2].rejected
    ledger.commit()
    flows, _, account = read(write(tmp_path, text), ledger)
    assert (["C2"], 1, {}) == (uids(flows), account.duplicates, account.rejected)


def test_a_line_without_an_end_that_was_read_is_not_read_again(tmp_path):
    """What has come behind it is the rest of that line, and no record."""
    ledger = MemoryLedger()
    text = CONN_HEAD + conn(1) + conn(2)
    assert 2 == read(write(tmp_path, text[:-1]), ledger)[2].accepted
    ledger.commit()
    flows, _, account = read(write(tmp_path, text + conn(3)), ledger)
    assert (["C3"], 2, 3) == (uids(flows), account.duplicates, account.records)


@settings(max_examples=60)
@given(st.data())
def test_generated_logs_are_read_as_the_twin_reads_them(tmp_path_factory, data):
    """Accepted rows equal the twin's; every other line is refused."""
    order = data.draw(st.permutations(COLUMNS))
    lines = data.draw(st.lists(st.one_of(plain_line(order), any_line(order)), min_size=1, max_size=8))
    lines[0] = data.draw(plain_line(order))
    head = HEAD + "#path\tconn\n#fields\t" + "\t".join(order) + "\n"
    flows, _, _ = read(write(tmp_path_factory.mktemp("log"), head + "".join(line + "\n" for line in lines)))
    expected = [row for row in read_tsv(lines, order) if row is not None]
    assert expected == [shown(row) for row in flows]


def outcome(path):
    """Return what a file gives: flows, messages and account, or the refusal."""
    try:
        flows, messages, account = read(path)
    except Malformed:
        return None
    return [row.tobytes() for row in flows], messages, account


pieces = st.one_of(
    st.binary(max_size=60),
    st.sampled_from([CONN_HEAD, DNS_HEAD, DNS, "#close\n", "#fields\tts\n", "#separator |\n", "\n", "{}\n"]).map(
        str.encode
    ),
    st.integers(0, 99).map(conn).map(str.encode),
    any_json(COLUMNS).map(lambda line: line.encode("utf-8", "surrogatepass") + b"\n"),
)


@settings(max_examples=100)
@given(st.lists(pieces, max_size=10), st.integers(40, 400))
def test_any_bytes_in_any_blocks(tmp_path_factory, parts, block_bytes):
    """No file raises anything but Malformed, and small blocks give what large ones give, where every line fits one."""
    data = b"".join(parts)
    path = write(tmp_path_factory.mktemp("any"), data)
    whole = outcome(path)
    longest = max(map(len, data.split(b"\n")), default=0) + 1
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(line_blocks, "BLOCK_BYTES", max(block_bytes, longest))
        assert whole == outcome(path)


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (CONN_HEAD, True), (conn(1), True), (HEAD + "#path\tx509\n#fields\tts\tid\n", True), (DNS, False),
        ('{"ts":1,"uid":"C1","id.orig_h":"1.1.1.1"}\n', True), ('{"ts":1,"_path":"stats"}\n', True),
        ('{"time":"2026-01-01","category":"SignInLogs"}\n', False), ("", False), ("hello\n", False), ("#!/bin/sh\n",
        False),
        ('{"@timestamp":"2026-01-01T00:00:00Z","event":{"code":1}}\n', False),
    ],
)  # fmt: skip
def test_which_files_are_recognised(head, expected):
    """Zeek logs of any kind are, by what is in them; other text and other JSON is not."""
    assert expected == recognises(head.encode())


def poll(source, times=1):
    """Poll, and return the uids of flows and messages."""
    batches = [source.poll() for _ in range(times)]
    account = source.account
    assert account.records == account.accepted + sum(account.rejected.values())
    return [uid for b in batches for uid in uids(b.flows)], [m.uid for b in batches for m in b.messages]


def test_the_logs_of_a_running_zeek(tmp_path):
    """New lines of every log of a folder, under each one's header, and on from a position."""
    write(tmp_path, CONN_HEAD + conn(1), "conn.log")
    write(tmp_path, DNS_HEAD, "dns.log")
    source = ZeekFollow(tmp_path, "SYD", 4)
    assert (["C1"], []) == poll(source)
    for name, text in (("conn.log", conn(2) + conn(3)[:9]), ("dns.log", DNS)):
        with (tmp_path / name).open("a") as file:
            file.write(text)
    assert (["C2"], ["C9"]) == poll(source)
    position = source.position()
    source.close()
    with (tmp_path / "conn.log").open("a") as file:
        file.write(conn(3)[9:] + conn(4) + "broken\n")
    source = ZeekFollow(tmp_path, "SYD", 4, position)
    assert (["C3", "C4"], []) == poll(source, 2)
    assert {"column_count": 1} == source.account.rejected
    source.close()


def test_a_rotated_log_that_goes_on_without_a_header(tmp_path):
    """The last header of the log holds, also in another process, and where its readers had to be let go."""
    log = write(tmp_path, CONN_HEAD + conn(1) + "#close\tx\n", "conn.log")
    source = ZeekFollow(log, "SYD", 0)
    poll(source)
    log.rename(tmp_path / "conn.log.1")
    write(tmp_path, conn(2) + conn(3), "conn.log")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(zeek, "READERS_MAX", 0)
        assert (["C2", "C3"], []) == poll(source)
    position = source.position()
    source.close()
    with log.open("a") as file:
        file.write(conn(4))
    source = ZeekFollow(log, "SYD", 0, position)
    assert (["C4"], []) == poll(source)
    source.close()


def test_what_cannot_be_read_of_a_followed_log_is_counted(tmp_path):
    """A line that is too long, a last line that was cut, damaged compression."""
    log = write(tmp_path, CONN_HEAD + conn(1) + "x" * (line_blocks.BLOCK_BYTES + 9) + "\n" + conn(2), "conn.log")
    packed = gzip.compress((CONN_HEAD + "".join(conn(n) for n in range(3, 900))).encode())
    write(tmp_path, packed[: len(packed) // 2], "conn.log.gz")
    source = ZeekFollow(tmp_path, "SYD", 0)
    with log.open("a") as file:
        file.write(conn(5)[:40])
        assert poll(source, 2)[0][:2] == ["C1", "C2"]
        log.unlink()
    poll(source, 30)
    assert {"line_too_long": 1, "cut_short": 2, "damaged_compression": 1} == source.account.rejected
    source.close()
