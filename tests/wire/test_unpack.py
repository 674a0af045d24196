"""Files told apart and decoded by the standard library's readers."""

import gzip
import lzma

import pytest
import zstandard

from sensor.wire.unpack import Unpacked

DATA = b"".join(b"line %d\n" % n for n in range(30_000))
PACKS = {"": bytes, "gzip": gzip.compress, "xz": lzma.compress, "zstd": zstandard.ZstdCompressor().compress}


def read(path):
    """Read all there is; return it with what the stream says of itself."""
    with path.open("rb") as file:
        stream, room, found = Unpacked(file), bytearray(100_000), b""
        while count := stream.readinto(memoryview(room)):
            found += room[:count]
        return found, stream.compression, bool(stream.problem)


@pytest.mark.parametrize("name", PACKS)
def test_each_form(tmp_path, name):
    """The text is the same; what was packed is known by its first bytes."""
    (tmp_path / "x").write_bytes(PACKS[name](DATA))
    assert (DATA, name, False) == read(tmp_path / "x")


def test_damage(tmp_path):
    """What comes before it is given, and it is no error."""
    packed = gzip.compress(DATA)
    (tmp_path / "x").write_bytes(packed[: len(packed) // 2])
    found, _, is_damaged = read(tmp_path / "x")
    assert is_damaged
    assert 0 < len(found) < len(DATA)
    assert DATA.startswith(found)
