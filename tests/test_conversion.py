"""Captures are converted one after the other, whatever is wrong with some of them."""

import io
import json

import pyarrow.parquet as pq
import pytest

from baselines._jit import is_compiled
from sensor.conversion import convert, load_kernels, open_writer
from sensor.errors import ConfigError
from tests.packets.captures import pcap
from tests.sources.test_pcap import CAPTURE, FRAMES

NOTHING = open_writer("none", "-", io.BytesIO(), arp=False)


@pytest.fixture
def capture(tmp_path):
    """A capture of 400 frames: 160 flows and 40 ARP messages."""
    (tmp_path / "a.pcap").write_bytes(CAPTURE)
    return str(tmp_path / "a.pcap")


def run(captures, form="none", target="-", **options):
    """What is written, the totals, how many files were readable, and what was said."""
    out, said, seen = io.BytesIO(), [], []
    writer = open_writer(form, target, out, arp=options.get("arp", False))
    totals, readable = convert(captures, writer, said.append, lambda *at: seen.append(at), **options)
    assert totals.packets == totals.accepted + sum(totals.dropped.values())
    return out.getvalue(), totals, readable, said, seen


def test_totals_add_up_over_files(capture):
    """Packets, bytes and flows of all files."""
    _, totals, readable, said, seen = run([capture, capture])
    assert (800, 2 * len(CAPTURE), 320, 800, {}) == (
        totals.packets, totals.bytes, totals.flows, totals.accepted, totals.dropped
    )  # fmt: skip
    assert (2, [], (capture, len(CAPTURE))) == (readable, said, seen[-1])
    assert totals.elapsed_s > 0


def test_a_bad_file_does_not_keep_the_others_from_being_read(capture, tmp_path):
    """It is named with offset and reason; what could be read is."""
    (tmp_path / "bad").write_bytes(b"\x7fELF" + bytes(100))
    cut = tmp_path / "cut.pcap"
    cut.write_bytes(CAPTURE[:-1])
    missing = str(tmp_path / "missing.pcap")
    _, totals, readable, said, _ = run([missing, str(tmp_path / "bad"), str(cut), capture])
    assert (800, 799, {"truncated_record": 1}, 2) == (totals.packets, totals.accepted, totals.dropped, readable)
    assert [
        f"error: file {missing}, offset 0: No such file or directory",
        f"error: file {tmp_path}/bad, offset 0: no capture file begins with 7f454c46",
        f"warning: file {cut}, offset {len(CAPTURE) - len(FRAMES[-1]) - 16}: the last record is cut short",
    ] == [line.split(";")[0].split(" (")[0] for line in said]


def test_nothing_readable_is_told_by_the_count(tmp_path):
    """No file, no packet, none readable."""
    _, totals, readable, _, _ = run([str(tmp_path / "missing")])
    assert (0, 0) == (totals.packets, readable)


def test_zeek_text_is_one_log_after_the_other(capture):
    """conn.log of all files first, then the ARP log if asked for."""
    for arp, paths in ((False, ["conn"]), (True, ["conn", "arp"])):
        lines = run([capture, capture], "zeek", arp=arp)[0].decode().splitlines()
        assert [f"#path\t{path}" for path in paths] == [line for line in lines if line.startswith("#path")]
        assert 320 + 80 * arp == sum(not line.startswith("#") for line in lines)


def test_json_has_a_line_a_record(capture):
    """ARP lines stand among the flows and say what they are."""
    lines = [json.loads(line) for line in run([capture], "json", arp=True)[0].splitlines()]
    assert (160, 40) == (sum("_path" not in line for line in lines), sum(line.get("_path") == "arp" for line in lines))


def test_parquet_puts_arp_into_a_file_of_its_own(capture, tmp_path):
    """FILE.arp.parquet; on standard output there is no place for it."""
    target = str(tmp_path / "flows.parquet")
    content = run([capture], "parquet", target, arp=True)[0]
    assert (160, 40) == (pq.read_table(io.BytesIO(content)).num_rows, pq.read_table(f"{target}.arp.parquet").num_rows)
    with pytest.raises(ConfigError, match="-o FILE"):
        open_writer("parquet", "-", io.BytesIO(), arp=True)


@pytest.mark.parametrize("form", ["zeek", "json"])
def test_threads_change_no_byte(capture, form):
    """The text of one thread and of two is the same, and the same twice."""
    once = run([capture], form, arp=True)[0]
    assert once == run([capture], form, arp=True, threads=2)[0] == run([capture], form, arp=True)[0]


def test_a_flow_that_goes_on_for_hours_is_one_record(tmp_path):
    """A packet every 20 s for five hours: reports at intervals are for the sensor, not for a conversion."""
    content = pcap([(1_700_000_000 + 20 * k, 0, FRAMES[9], len(FRAMES[9])) for k in range(900)])
    (tmp_path / "long.pcap").write_bytes(content)
    (line,) = run([str(tmp_path / "long.pcap")], "json")[0].splitlines()
    assert (900, 899 * 20) == (json.loads(line)["orig_pkts"], json.loads(line)["duration"])


def test_a_closed_pipe_ends_the_conversion(capture):
    """Nobody reads any more: that is not the file's fault."""

    class Closed:
        def write(self, flows):
            raise BrokenPipeError

        def close(self):
            pass

    with pytest.raises(BrokenPipeError):
        convert([capture], Closed(), print, lambda *_: None)


def test_kernels_are_in_the_cache_once_loaded():
    """Loading compiles what was missing, so that the next run need not."""
    load_kernels()
    assert is_compiled("sensor.flows.engine")
    assert is_compiled("sensor.packets.decode")
