"""conn.log is what Zeek writes and what its readers read."""

import io

import numpy as np
import pytest
from parsezeeklogs import read_zeek
from zat.zeek_log_reader import ZeekLogReader

from sensor.flows.zeek_log import FIELDS, ZeekLog
from sensor.model.capture import ARP
from sensor.model.flow import FLOW
from tests.flows.rows import arps, flow, many


def written(path, *batches):
    """The text of a whole log."""
    out = io.BytesIO()
    log = ZeekLog(out, path)
    for batch in batches:
        log.write(batch)
    log.close()
    return out.getvalue().decode()


def test_the_file_is_zeeks_layout_byte_for_byte():
    """Separators, header, one row, and a close at the last moment of the flow."""
    fields = """ts uid id.orig_h id.orig_p id.resp_h id.resp_p proto service duration orig_bytes resp_bytes
        conn_state local_orig local_resp missed_bytes history orig_pkts orig_ip_bytes resp_pkts resp_ip_bytes
        tunnel_parents ip_proto"""
    types = """time string addr port addr port enum string interval count count string bool bool count string
        count count count count set[string] count"""
    row = """1258531221.486539 CXWv6p3arKYeMETxOg 10.0.0.1 49152 192.0.2.7 443 tcp ssl 1.500000 117 3451 SF T F 0
        ShADadFf 9 597 7 3827 - 6"""
    lines = [
        "#separator \\x09",
        "#set_separator\t,",
        "#empty_field\t(empty)",
        "#unset_field\t-",
        "#path\tconn",
        "#open\t2009-11-18-08-00-21",
        "\t".join(["#fields", *fields.split()]),
        "\t".join(["#types", *types.split()]),
        "\t".join(row.split()),
        "#close\t2009-11-18-08-00-22",
    ]
    assert "\n".join(lines) + "\n" == written("conn", flow())


def test_the_header_is_that_of_zeeks_own_logs(data_dir):
    """Names and types are those of a conn.log that Zeek 7 wrote."""
    theirs = (data_dir / "network/zeek-btest/Baseline/core.tunnels.gre-in-gre/conn.log").read_text().splitlines()
    header = [line for line in theirs if line.startswith("#") and not line.startswith(("###", "#open", "#close"))]
    ours = [line for line in written("conn", flow()).splitlines() if line.startswith("#")]
    assert header == [line for line in ours if not line.startswith(("#open", "#close"))]


def test_parsezeeklogs_reads_the_exact_values():
    """Every row and every value, by the type that the header gives it; unset ones are None."""
    rows = list(read_zeek(io.StringIO(written("conn", many()))))
    flows = many()
    integers = {"orig_pkts", "orig_ip_bytes", "resp_pkts", "resp_ip_bytes", "missed_bytes"}
    assert [[int(flow[name]) for name in integers] for flow in flows] == [
        [row[name] for name in integers] for row in rows
    ]
    assert [flow["uid"].decode() for flow in flows] == [row["uid"] for row in rows]
    assert [(flow["ts"] + 500) // 1000 / 1e6 for flow in flows] == [row["ts"] for row in rows]
    assert [flow["duration"] / 1e9 if flow["duration"] > 0 else None for flow in flows] == [
        row["duration"] for row in rows
    ]
    assert [{1: True, 0: False}.get(int(flow["local_orig"])) for flow in flows] == [row["local_orig"] for row in rows]
    assert ["2001:db8::1", "ff02::1:ff00:7"] == [rows[2]["id.orig_h"], rows[2]["id.resp_h"]]


@pytest.mark.filterwarnings("ignore")
def test_zat_reads_every_row(tmp_path):
    """Zeek Analysis Tools finds our columns, numbers and times."""
    (tmp_path / "conn.log").write_text(written("conn", many()))
    rows = list(ZeekLogReader(str(tmp_path / "conn.log")).readrows())
    flows = many()
    assert len(flows) == len(rows)
    assert list(FIELDS) == list(rows[0])
    for row, ours in zip(rows, flows, strict=True):
        assert (ours["uid"].decode(), ours["orig_p"] if ours["proto"] != 132 else 0, ours["resp_pkts"]) == (
            row["uid"],
            row["id.orig_p"],
            row["resp_pkts"],
        )
        assert pytest.approx(ours["ts"] / 1e9, abs=1e-6) == row["ts"].timestamp() + _utc_offset_s(row["ts"])


def _utc_offset_s(moment):
    """zat gives naive local time: how far that is from UTC."""
    return moment.astimezone().utcoffset().total_seconds() if moment.tzinfo is None else 0


def test_unset_values_are_dashes():
    """No duration, no bytes, no state, no history, no service, not known to be local."""
    row = [line.split("\t") for line in written("conn", many()).splitlines() if not line.startswith("#")][1]
    values = dict(zip(FIELDS, row, strict=True))
    unset = ("duration", "orig_bytes", "resp_bytes", "conn_state", "history", "service", "local_orig", "local_resp")
    assert {"-"} == {values[name] for name in (*unset, "tunnel_parents")}
    assert "1258531222.486539" == values["ts"]  # 999,999,500 ns later: rounded up to the microsecond


def test_packets_of_one_moment_have_no_duration_and_no_bytes():
    """Zeek sets them only where time has passed; what the IP headers say of sizes stays."""
    row = written("conn", flow(duration=0)).splitlines()[8].split("\t")
    values = dict(zip(FIELDS, row, strict=True))
    names = ("duration", "orig_bytes", "resp_bytes", "orig_pkts", "orig_ip_bytes")
    assert ["-", "-", "-", "9", "597"] == [values[name] for name in names]


def test_batches_of_any_size_give_the_same_file():
    """Rows one by one, empty batches between."""
    flows = many()
    parts = [part for row in flows for part in (np.array([row], FLOW), np.empty(0, FLOW))]
    assert written("conn", flows) == written("conn", *parts)


def test_a_log_without_rows_has_a_header():
    """A capture of nothing but ARP gives a conn.log that readers accept."""
    lines = written("conn").splitlines()
    assert (9, "#close\t1970-01-01-00-00-00") == (len(lines), lines[-1])


def test_arp_messages_have_a_log_of_their_own():
    """The same layout, our columns."""
    lines = written("arp", arps(), np.empty(0, ARP)).splitlines()
    assert "#path\tarp" == lines[4]
    assert [
        "1258531221.486539\trequest\t00:1b:21:00:00:01\t10.0.0.1\t-\t10.0.0.254\t-",
        "1258531221.486540\t8\t00:1b:21:00:00:01\t10.0.0.1\tff:ff:ff:ff:ff:ff\t10.0.0.254\t12",
    ] == lines[8:10]
