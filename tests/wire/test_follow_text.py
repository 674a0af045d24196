"""A file's text at any offset."""

import gzip
import logging

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from sensor.packets.inflate import open_stream
from sensor.wire.follow_text import Text

DATA = "".join(f"line {n}\n" for n in range(20_000)).encode()
PACKED = {"plain": DATA, "gz": gzip.compress(DATA), "zst": zstandard.ZstdCompressor().compress(DATA)}


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Write the same text in each form."""
    folder = tmp_path_factory.mktemp("texts")
    for name, packed in PACKED.items():
        (folder / name).write_bytes(packed)
    return folder


@pytest.mark.parametrize("name", PACKED)
@given(reads=st.lists(st.tuples(st.integers(0, len(DATA) + 10), st.integers(1, 9000)), max_size=6))
def test_any_reads(files, name, reads):
    """Forward, back, over the end: the bytes are those of the text."""
    text = Text(str(files / name), open_stream)
    assert (name != "plain") == text.is_packed
    for offset, count in reads:
        assert DATA[offset : offset + count] == text.read_at(offset, count)
    text.close()


def test_a_packed_file_that_has_grown(tmp_path):
    """Started over, it gives what has come."""
    path = tmp_path / "x.gz"
    path.write_bytes(PACKED["gz"][:9000])
    text = Text(str(path), open_stream)
    before = text.read_at(0, len(DATA))
    assert 0 < len(before) < len(DATA)
    assert "cut short" in text.problem
    path.write_bytes(PACKED["gz"])
    text.restart()
    assert (DATA, "") == (text.read_at(0, len(DATA) + 1), text.problem)
    text.close()


def test_identity_and_size(tmp_path):
    """They are the open file's, whatever its name is now."""
    path = tmp_path / "x"
    path.write_bytes(b"abc")
    text = Text(str(path), open_stream)
    status = path.stat()
    path.rename(tmp_path / "y")
    path.write_bytes(b"other")
    assert ((status.st_dev, status.st_ino), 3, b"abc") == (text.identity, text.size(), text.read_at(0, 9))
    text.close()


def test_a_disk_that_fails(tmp_path, monkeypatch, caplog):
    """What cannot be read is named, and is as nothing."""

    def fail(*_):
        raise OSError(5, "Input/output error")

    (tmp_path / "x").write_bytes(b"abc")
    text = Text(str(tmp_path / "x"), open_stream)
    monkeypatch.setattr("os.pread", fail)
    with caplog.at_level(logging.WARNING):
        assert b"" == text.read_at(0, 3)
    assert "Input/output error" in caplog.text
    text.close()
