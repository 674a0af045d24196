"""Compressed files are one stream of bytes, damage and all."""

import contextlib
import gzip
import io
import lzma
import random
import zlib

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from sensor.packets.inflate import open_stream
from tests.packets.captures import Trickle

CONTENT = random.Random(0).randbytes(50_000) + bytes(100_000) + b"the end"


def zstd(content, *, checksum=True):
    """One frame of a size that is not announced, of many blocks."""
    out = zstandard.ZstdCompressor(write_checksum=checksum, write_content_size=False).compressobj()
    return out.compress(content) + out.flush()


COMPRESS = {"gzip": gzip.compress, "xz": lzma.compress, "zstd": zstd}
FORMATS = pytest.mark.parametrize("form", list(COMPRESS))


def read(file, step=10_000):
    """Everything a stream gives, and the stream."""
    stream = open_stream(io.BytesIO(file) if isinstance(file, bytes) else file)
    view = memoryview(bytearray(step))
    parts = []
    while count := stream.readinto(view):
        parts.append(bytes(view[:count]))
    return b"".join(parts), stream


@FORMATS
def test_content_comes_back(form):
    """What was compressed is read, from a file and from a pipe, in steps of any size."""
    packed = COMPRESS[form](CONTENT)
    for file, step in ((packed, 10_000), (packed, 1 << 20), (Trickle(packed), 777)):
        content, stream = read(file, step)
        assert (CONTENT, form, "", len(packed)) == (content, stream.compression, stream.problem, stream.position())


@given(st.binary(max_size=30))
def test_plain_files_are_read_as_they_are(content):
    """Whatever does not begin as a compressed file is handed on byte for byte."""
    plain = b"x" + content
    assert (plain, "") == (read(plain)[0], read(plain)[1].compression)


def test_an_empty_file_is_an_empty_stream():
    """Nothing in, nothing out, no problem."""
    content, stream = read(b"")
    assert (b"", "") == (content, stream.problem)


@FORMATS
def test_members_in_a_row_are_one_stream(form):
    """As gzip, xz and zstd themselves read concatenated files, zero padding between gzip members and xz streams too."""
    padding = b"" if form == "zstd" else bytes(8)
    packed = COMPRESS[form](b"one ") + padding + COMPRESS[form](b"two")
    content, stream = read(packed)
    assert (b"one two", "") == (content, stream.problem)


@FORMATS
def test_a_cut_file_gives_what_came_before_and_says_so(form):
    """Cut after any byte, the beginning is read and the cut is named; only the whole file is without a problem."""
    packed = COMPRESS[form](CONTENT[:3000])
    for cut in range(7, len(packed)):
        content, stream = read(packed[:cut])
        assert CONTENT[:3000].startswith(content)
        assert f"the {form} data is cut short" == stream.problem, cut


def test_a_damaged_gzip_gives_every_byte_before_the_damage():
    """Python's zlib discards what a failing call decoded; the stream does not."""
    packed = bytearray(gzip.compress(CONTENT, 9))
    packed[-5000:-4000] = bytes(1000)
    content, stream = read(bytes(packed))
    # What byte by byte decoding, the slow way round, gets out of the same file.
    decoder, slow = zlib.decompressobj(31), b""
    with contextlib.suppress(zlib.error):
        for at in range(len(packed)):
            slow += decoder.decompress(packed[at : at + 1])
    assert slow == content
    assert "damaged" in stream.problem


@FORMATS
def test_damage_ends_the_stream_with_a_problem(form):
    """A changed byte in the middle is found by the format's own checks, and never raised."""
    packed = bytearray(COMPRESS[form](CONTENT))
    packed[len(packed) // 2] ^= 0x55
    content, stream = read(bytes(packed))
    assert "damaged" in stream.problem or content != CONTENT


@pytest.mark.parametrize("form", ["gzip", "xz"])
def test_what_follows_the_compressed_data_is_named(form):
    """Trailing bytes that are no member are a problem, after all content was given."""
    content, stream = read(COMPRESS[form](b"abc") + b"garbage!")
    assert (b"abc", f"bytes that are not {form} follow the compressed data") == (content, stream.problem)


@FORMATS
def test_a_bomb_is_read_in_bounded_steps(form):
    """64 MiB of zeros come in steps no larger than the room given."""
    size = 64 << 20
    stream = open_stream(io.BytesIO(COMPRESS[form](bytes(size))))
    view = memoryview(bytearray(1 << 16))
    total = 0
    while count := stream.readinto(view):
        assert count <= len(view)
        total += count
    assert (size, "") == (total, stream.problem)


def test_zstd_skippable_frames_and_frames_without_checksum_are_followed():
    """A skippable frame before, between and after belongs to the file and holds no content."""
    skip = (0x184D2A53).to_bytes(4, "little") + (5).to_bytes(4, "little") + b"12345"
    content, stream = read(skip + zstd(b"abc", checksum=False) + skip + zstd(b"def") + skip)
    assert (b"abcdef", "") == (content, stream.problem)
