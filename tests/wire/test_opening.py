"""Inputs inside zip archives."""

import zipfile

import pytest

from sensor.errors import Malformed
from sensor.wire.inputs import find_inputs
from sensor.wire.opening import is_archive, modified_ns, open_input


@pytest.fixture
def archive(tmp_path):
    """An archive of two logs, a folder, and what macOS adds."""
    path = tmp_path / "logs.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("day1/conn.log", b"first\n" * 10_000)
        made.writestr("a.jsonl", b"{}\n")
        made.writestr("day1/", b"")
        made.writestr("__MACOSX/._a.jsonl", b"x")
        made.writestr(".hidden", b"x")
    return path


def test_members_are_inputs(archive, tmp_path):
    """Sorted, under the archive's name, with its site; of a folder that holds the archive, too."""
    wanted = [(f"{archive}/a.jsonl", "PER"), (f"{archive}/day1/conn.log", "PER")]
    assert wanted == find_inputs([f"PER={archive}"], "SYD") == find_inputs([f"PER={tmp_path}"], "SYD")


def test_a_member_is_read_as_a_stream(archive):
    """In pieces; a file is opened as it is."""
    with open_input(f"{archive}/day1/conn.log") as file:
        view = memoryview(bytearray(7))
        assert (7, b"first\nf") == (file.readinto(view), bytes(view))
        assert 60_000 - 7 == len(file.read())
    with open_input(str(archive)) as file:
        assert b"PK" == file.read(2)
    assert modified_ns(str(archive)) == modified_ns(f"{archive}/a.jsonl") == archive.stat().st_mtime_ns


def test_what_is_not_there_is_said(archive, tmp_path):
    """No such file, no such member; a text that begins like an archive is none."""
    with pytest.raises(FileNotFoundError):
        open_input(str(tmp_path / "none.log"))
    with pytest.raises(FileNotFoundError, match=r"has no member none\.log"):
        open_input(f"{archive}/none.log")
    (tmp_path / "text").write_bytes(b"PK\x03\x04 and no more")
    assert [True, False, False] == [is_archive(one) for one in (archive, tmp_path / "text", tmp_path / "none")]


def test_damage_and_encryption_are_refused_by_name(archive, tmp_path):
    """An edited byte of the content, a cut archive, a member with a password."""
    content = bytearray(archive.read_bytes())
    with zipfile.ZipFile(archive) as made:
        at = made.getinfo("day1/conn.log").header_offset + 60
    content[at] ^= 0xFF
    broken = tmp_path / "broken.zip"
    broken.write_bytes(content)
    with open_input(f"{broken}/day1/conn.log") as file, pytest.raises(OSError, match="damaged"):
        file.read()
    (tmp_path / "cut.zip").write_bytes(content[:100])
    with pytest.raises(Malformed, match="damaged zip archive"):
        open_input(f"{tmp_path}/cut.zip/a.jsonl")
    content = bytearray(archive.read_bytes())
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        place = content.find(signature)
        while place >= 0:
            content[place + offset] |= 1
            place = content.find(signature, place + 1)
    locked = tmp_path / "locked.zip"
    locked.write_bytes(content)
    with pytest.raises(Malformed, match="is encrypted: unpack it first"):
        open_input(f"{locked}/a.jsonl")
