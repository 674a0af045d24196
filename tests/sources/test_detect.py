"""Which source reads a file, by its content alone."""

import gzip
import lzma

import pytest
import zstandard

from sensor.sources.detect import detect
from tests.sources.test_zeek import CONN_HEAD, conn

PCAP = bytes.fromhex("d4c3b2a1020004000000000000000000ffff000001000000")


@pytest.mark.parametrize("pack", [lambda b: b, gzip.compress, zstandard.ZstdCompressor().compress, lzma.compress])
def test_a_log_and_a_capture_whatever_they_are_called(tmp_path, pack):
    """The name plays no part, nor does compression."""
    (tmp_path / "a.pcap").write_bytes(pack((CONN_HEAD + conn(1)).encode()))
    (tmp_path / "conn.log").write_bytes(pack(PCAP))
    assert ("zeek", "pcap") == (detect(tmp_path / "a.pcap"), detect(tmp_path / "conn.log"))


@pytest.mark.parametrize("data", [b"", b"\x00" * 100, b"hello\n", b'{"a":1}\n', gzip.compress(b"", mtime=0)])
def test_what_no_source_reads(tmp_path, data):
    """It is None, not a guess."""
    (tmp_path / "x").write_bytes(data)
    assert detect(tmp_path / "x") is None


def test_a_file_that_cannot_be_read(tmp_path):
    """That is the caller's to handle."""
    with pytest.raises(OSError, match="nothing"):
        detect(tmp_path / "nothing")


def test_real_logs_and_captures(data_dir):
    """Each of Zeek's logs, of any kind and version, is a Zeek log; each capture is a capture."""
    logs = [*data_dir.glob("network/c2-taidoor-zeek/*.log"), *data_dir.glob("network/m57-day1-zeek/*.gz")]
    logs += [*data_dir.glob("network/zat/*.log"), *data_dir.glob("identity/otrf-apt29-day1-zeek/*.log")]
    assert {} == {path.name: found for path in logs if (found := detect(path)) != "zeek"}
    captures = sorted(data_dir.glob("network/zeek-btest/Traces/**/*.pcap*"))
    assert {} == {path.name: found for path in captures if (found := detect(path)) != "pcap"}


def test_other_json_is_not_taken_for_zeek(data_dir):
    """Identity and endpoint records are left to their own sources."""
    others = sorted(data_dir.glob("identity/msticpy/*")) + sorted(data_dir.glob("identity/otrf-goldensaml/*.json"))
    assert [] == [path.name for path in others if detect(path) == "zeek"]
