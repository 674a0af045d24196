"""Real Zeek logs, read as two other readers read them: parsezeeklogs value by value, zat where it has a value."""

import datetime as dt
import ipaddress
import re
import warnings

import pytest
from parsezeeklogs import read_zeek
from zat.zeek_log_reader import ZeekLogReader

from sensor.model import addresses
from sensor.model.flow import CONN_STATES
from sensor.sources.zeek import ZeekSource
from sensor.wire.zeek_names import CIPHERS, DHCP_TYPES, KERBEROS_ERRORS

CONN = [
    "network/c2-taidoor-zeek/conn.log", "network/m57-day1-zeek/conn.log.gz", "network/zat/conn.log",
    "network/zat/json/conn.log", "identity/otrf-apt29-day1-zeek/NASHUA_conn.log",
    "identity/otrf-apt29-day1-zeek/SCRANTON_conn.log",
]  # fmt: skip
OTHERS = [
    "network/c2-taidoor-zeek/dns.log", "network/c2-taidoor-zeek/http.log", "network/c2-taidoor-zeek/ssl.log",
    "network/c2-taidoor-zeek/dhcp.log", "network/m57-day1-zeek/dns.log.gz", "network/m57-day1-zeek/http.log.gz",
    "network/zat/dns.log", "network/zat/http.log", "network/zat/ssl.log", "network/zat/tor_ssl.log",
    "network/zat/dhcp.log",
    "network/zat/dhcp_002.log", "network/zat/json/dns.log", "network/zat/json/http.log", "network/zat/json/ssl.log",
    "network/zat/json/dhcp.log", "identity/otrf-apt29-day1-zeek/SCRANTON_kerberos.log",
    "identity/otrf-apt29-day1-zeek/SCRANTON_dns.log", "identity/otrf-apt29-day1-zeek/SCRANTON_http.log",
    "identity/otrf-apt29-day1-zeek/NASHUA_ssl.log", "identity/otrf-apt29-day1-zeek/NASHUA_kerberos.log",
    "network/c2-taidoor-zeek/files.log", "network/c2-taidoor-zeek/weird.log", "network/c2-taidoor-zeek/x509.log",
    "network/zat/files.log", "network/zat/ftp.log", "network/zat/notice.log", "network/zat/smtp.log",
    "network/zat/weird.log", "network/zat/x509.log", "network/zat/json/dce_rpc.log", "network/zat/json/files.log",
    "network/zat/json/smb_files.log", "network/zat/json/smb_mapping.log", "network/zat/json/weird.log",
    "network/zat/json/x509.log", "network/zat/json/kerberos.log",
    *(f"identity/otrf-apt29-day1-zeek/{host}_{log}.log" for host in ("NASHUA", "SCRANTON")
      for log in ("dce_rpc", "files", "notice", "smb_files", "smb_mapping", "weird", "x509")),
]  # fmt: skip
COUNTS = ["orig_bytes", "resp_bytes", "missed_bytes", "orig_pkts", "orig_ip_bytes", "resp_pkts", "resp_ip_bytes"]
PROTOS = {6: "tcp", 17: "udp", 1: "icmp", 58: "icmp"}
FORMS = {"mac": lambda text: addresses.mac(addresses.parse_mac(text))}
SAME = {
    "dns": ["query", "qtype", "rcode", "trans_id"],
    "http": ["method", "host", "uri", "user_agent", "referrer", "status_code", "status_msg"],
    "ssl": ["version", "server_name", "ja3", "ja3s"],
    "dhcp": ["mac", "host_name", "client_fqdn", "domain", "requested_addr", "client_addr", "server_addr"],
    "kerberos": ["request_type", "client", "service", "success"],
    "files": ["fuid", "source", "filename", "mime_type", "md5", "sha1", "sha256", "is_orig"],
    "ftp": ["user", "command", "mime_type", "file_size", "reply_code", "reply_msg"],
    "smtp": ["helo", "mailfrom", "subject", "msg_id", "user_agent", "last_reply", "tls"],
    "dce_rpc": ["named_pipe", "endpoint", "operation"],
    "smb": ["path", "name", "size", "share_type", "service"],
    "x509": ["fingerprint"],
    "notice": ["note", "msg", "sub"],
}
"""Columns that a message carries unchanged."""


def ours(path):
    """Return the rows or messages of a log, all of whose records must be accepted."""
    source = ZeekSource(path, "SYD", 0)
    batches = list(source.batches())
    assert {} == source.account.rejected
    return [row for batch in batches for row in batch.flows] + [m for batch in batches for m in batch.messages]


def theirs(path):
    """Return parsezeeklogs' records under Zeek's column names."""
    records = [dict(record) for record in read_zeek(str(path))]
    return [
        {name.replace("id_orig", "id.orig").replace("id_resp", "id.resp"): x for name, x in r.items()} for r in records
    ]


def ns(value):
    """Return seconds as ns, None as -1. A float holds a time to about 0.2 µs."""
    return -1 if value is None else round(float(value) * 1e9)


@pytest.mark.parametrize("name", CONN)
def test_conn_logs_equal_parsezeeklogs_in_every_column(data_dir, name):
    """Each value of each row, unset ones included."""
    rows, records = ours(data_dir / name), theirs(data_dir / name)
    assert len(records) == len(rows)
    for row, record in zip(rows, records, strict=True):
        assert abs(ns(record["ts"]) - int(row["ts"])) < 500
        assert abs(ns(record.get("duration")) - int(row["duration"])) < 500
        assert record["uid"] == row["uid"].decode()
        for side in ("orig", "resp"):
            assert str(ipaddress.ip_address(record[f"id.{side}_h"])) == addresses.text(
                row[f"{side}_hi"], row[f"{side}_lo"]
            )
            assert record[f"id.{side}_p"] == row[f"{side}_p"]
            local = record.get(f"local_{side}")
            assert (-1 if local is None else int(local)) == row[f"local_{side}"]
        assert record["proto"] == PROTOS.get(int(row["proto"]), "unknown_transport")
        service = record.get("service") or ""
        assert (service if len(service) <= 24 else service[:25].rpartition(",")[0]) == row["service"].decode()
        assert (record.get("history") or "")[:32] == row["history"].decode()
        assert (record.get("conn_state") or "") == CONN_STATES[row["conn_state"]]
        for column in COUNTS:
            value = record.get(column)
            assert (-1 if value is None else value) == row[column], column


@pytest.mark.parametrize("name", OTHERS)
def test_other_logs_equal_parsezeeklogs(data_dir, name):
    """Each column that a message carries, and those whose form changes."""
    messages, records = ours(data_dir / name), theirs(data_dir / name)
    assert len(records) == len(messages)
    for message, record in zip(messages, records, strict=True):
        kind = message.__struct_config__.tag
        assert abs(ns(record["ts"]) - message.ts) < 500
        if "uid" in record:
            assert (record["uid"] or "") == message.uid
        if record.get("id.orig_h") is not None:
            assert str(ipaddress.ip_address(record["id.orig_h"])) == message.orig_h
            assert record["id.resp_p"] == message.resp_p
        named = called(record)
        for column in SAME[kind]:
            expected, found = named.get(column), getattr(message, column)
            if isinstance(expected, str):
                expected, found = readable(FORMS.get(column, str)(expected)), readable(found)
            assert expected == found, column
        check_forms(kind, message, record)


def called(record):
    """Return a record whose columns have the names of our fields, where those differ."""
    if "addl" in record or ("name" in record and "notice" in record):
        return {"note": record.get("name"), "msg": record.get("addl"), "sub": record.get("source")}
    return record


def readable(text):
    r"""Leave out bytes that are not UTF-8: we show them as `\xNN`, parsezeeklogs as U+FFFD."""
    return re.sub(r"\\x[89a-f][0-9a-f]|\ufffd", "", text)


def check_forms(kind, message, record):
    """Compare the columns that become something else."""
    if kind == "dns":
        answers = record.get("answers") or []
        assert sorted(answers) == sorted([*message.addresses, *message.names, *message.texts])
        assert tuple(round(float(ttl)) for ttl in record.get("TTLs") or []) == message.ttls
        assert (record.get("rcode") is not None or bool(answers)) == message.is_response
    elif kind == "ssl":
        assert CIPHERS.get(record.get("cipher")) == message.cipher
        assert (record.get("cipher") is None) == (message.cipher is None)
    elif kind == "http":
        types = record.get("resp_mime_types") or ([record["mime_type"]] if record.get("mime_type") else [])
        assert (types[0] if types else None) == message.mime_type
    elif kind == "dhcp":
        assert record.get("assigned_addr", record.get("assigned_ip")) == message.assigned_addr
        lease = record.get("lease_time")
        assert (None if lease is None else round(float(lease))) == message.lease_time_s
        types = record.get("msg_types") or []
        assert (DHCP_TYPES[types[-1]] if types else None) == message.msg_type
    elif kind == "x509":
        check_x509(message, {name.replace("certificate_", "certificate."): value for name, value in record.items()})
    elif kind == "files":
        check_files(message, record)
    elif kind == "smtp":
        assert (record.get("rcptto") or []) == list(message.rcptto)
        assert record.get("from") == message.sender
    elif kind == "ftp":
        assert record.get("arg") == message.argument
    elif kind == "kerberos":
        assert KERBEROS_ERRORS.get(record.get("error_msg")) == message.error_code


def check_x509(message, record):
    """Compare a certificate."""
    for part in ("subject", "issuer", "serial"):
        assert record.get(f"certificate.{part}") == getattr(message, part)
    names = record.get("san.dns", record.get("san_dns")) or []
    assert names[:256] == list(message.dns)
    for part, ours_ns in (("before", message.not_before), ("after", message.not_after)):
        assert abs(ns(record[f"certificate.not_valid_{part}"]) - ours_ns) < 500


def check_files(message, record):
    """Compare who sent and who got a file, and its size."""
    size = record.get("total_bytes")
    assert (record.get("seen_bytes") if size is None else size) == message.size
    if "tx_hosts" in record:
        sender, getter = (message.orig_h, message.resp_h) if record["is_orig"] else (message.resp_h, message.orig_h)
        assert (record["tx_hosts"] or [""])[0] == sender
        assert (record["rx_hosts"] or [""])[0] == getter
        assert (record["conn_uids"] or [""])[0] == message.uid


@pytest.mark.parametrize(
    "name", [name for name in CONN if "json" not in name and "otrf" not in name and ".gz" not in name]
)
def test_conn_logs_equal_zat_where_it_has_a_value(data_dir, name):
    """zat reads unset counts as 0 and times without a zone; all other values are equal."""
    rows = ours(data_dir / name)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        records = list(ZeekLogReader(str(data_dir / name)).readrows())
    assert len(records) == len(rows)
    for row, record in zip(rows, records, strict=True):
        assert record["uid"] == row["uid"].decode()
        assert record["id.orig_p"] == row["orig_p"]
        assert record["ts"] == dt.datetime.fromtimestamp(int(row["ts"]) / 1e9)  # noqa: DTZ006 - zat's
        for column in COUNTS:
            assert record[column] == max(row[column], 0), column
        assert abs(record["duration"].total_seconds() * 1e9 - max(int(row["duration"]), 0)) < 1000
        assert record["conn_state"] == CONN_STATES[row["conn_state"]]


def test_zeeks_own_baselines(data_dir):
    """conn.log of every version in Zeek's tests is read in full once its blanked times are filled in."""
    paths = sorted(data_dir.glob("network/zeek-btest/Baseline/**/conn.log"))
    whole = [path for path in paths if "#fields" in path.read_text()]
    assert len(whole) >= 20
    for path in whole:
        text = path.read_text()
        records = [line for line in text.splitlines() if line and not line.startswith("#")]
        filled = path.name + "-filled"
        source = ZeekSource(_write(filled, text.replace("XXXXXXXXXX.XXXXXX", "1588205198.899710")), "SYD", 0)
        flows = [row for batch in source.batches() for row in batch.flows]
        assert (len(records), {}) == (len(flows), source.account.rejected), path


@pytest.fixture(autouse=True)
def _folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def _write(name, text):
    from pathlib import Path

    Path(name).write_text(text)
    return name
