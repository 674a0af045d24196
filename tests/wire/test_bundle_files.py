"""Bundles as files: whole or not there, and nothing that only looks like one is opened."""

import os
import stat

import msgspec
import pytest

from sensor.errors import Malformed
from sensor.wire import bundle_files
from sensor.wire.bundles import Writer, verify
from tests.wire.bundles_made import KEYS, bodies, head, signer

ENVELOPES = bodies(5)


def writer(**of):
    plan = [(sequence, len(body)) for sequence, body in ENVELOPES.items()]
    return Writer(head(**{"last": 5} | of), plan, signer("SYD"))


def test_a_written_bundle_is_read_again(tmp_path):
    """The folder is made; nothing else lies in it afterwards."""
    path, size = bundle_files.write(tmp_path / "out", writer(), ENVELOPES.values())
    with bundle_files.opened(path) as found:
        taken = verify(found.read, found.bytes, KEYS)
        assert ENVELOPES == dict(taken.envelopes())

    assert size == found.bytes == path.stat().st_size == bundle_files.room_taken(tmp_path / "out")
    assert [path] == list((tmp_path / "out").iterdir())
    assert not path.stat().st_mode & stat.S_IRWXO


def test_what_fails_leaves_nothing(tmp_path):
    """An envelope that is not the planned one, or a disk that fails, and no half file is there."""

    def broken():
        yield ENVELOPES[1]
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        bundle_files.write(tmp_path, writer(), broken())
    with pytest.raises(ValueError, match="not every envelope"):
        bundle_files.write(tmp_path, writer(), list(ENVELOPES.values())[:-1])
    assert [] == list(tmp_path.iterdir())


def test_what_a_killed_export_left_is_replaced_and_cleared(tmp_path):
    """A hidden half file is no bundle for a reader; the next export is not held up by it, be it a link."""
    part = tmp_path / f".{bundle_files.name_of(head(last=5))}.part"
    part.symlink_to(tmp_path / "elsewhere")
    (tmp_path / ".spanline-SYD-000000000009-7.bundle.part").write_bytes(b"half")
    other = tmp_path / ".spanline-SYD-2-000000000009-7.bundle.part"
    other.write_bytes(b"under way")

    assert [] == bundle_files.in_folder(tmp_path)
    path, _ = bundle_files.write(tmp_path, writer(), ENVELOPES.values())
    bundle_files.clear(tmp_path, "SYD")
    bundle_files.clear(tmp_path / "none", "SYD")
    assert {path, other} == set(tmp_path.iterdir())


@pytest.mark.parametrize("site", ["SYD", "../../etc", "a/b", ".hidden", "Zürich Nord", "x" * 250, "\0", "ж" * 120])
def test_a_site_s_name_stays_a_name(tmp_path, site):
    """It may hold anything: the file is in the folder, visible, and its name short enough."""
    path, _ = bundle_files.write(tmp_path, writer(site=site), ENVELOPES.values())

    assert tmp_path.resolve() == path.resolve().parent
    assert [path] == [one for one, _ in bundle_files.in_folder(tmp_path)]


def test_names_sort_as_bundles_do(tmp_path):
    """Also where a number gets another digit."""
    names = [bundle_files.name_of(head(first=first)) for first in (1, 2, 9, 10, 99, 100, 10**11)]

    assert names == sorted(names)


def test_links_pipes_and_folders_are_not_opened(tmp_path):
    """Whatever they are called, and without waiting for anybody."""
    path, _ = bundle_files.write(tmp_path, writer(), ENVELOPES.values())
    (tmp_path / "link.bundle").symlink_to(path)
    os.mkfifo(tmp_path / "pipe.bundle")
    (tmp_path / "folder.bundle").mkdir()

    for name, said in (("link", "link"), ("pipe", "no file"), ("folder", "no file")):
        with pytest.raises(Malformed, match=said), bundle_files.opened(tmp_path / f"{name}.bundle"):
            pass


def test_a_folder_of_too_many_files_is_read_in_part(tmp_path):
    """The first by name; hidden ones and others do not count."""
    for name in ("c.bundle", "b.bundle", ".a.bundle", "a.txt", "a.bundle"):
        (tmp_path / name).touch()

    assert ["a.bundle", "b.bundle"] == [path.name for path, _ in bundle_files.in_folder(tmp_path, 2)]


def test_only_the_file_that_was_looked_at_is_put_aside(tmp_path):
    """One that was exchanged meanwhile stays; one that is gone is no error; without a limit it is removed."""
    path, _ = bundle_files.write(tmp_path, writer(), ENVELOPES.values())
    [(_, mark)] = bundle_files.in_folder(tmp_path)
    bundle_files.write(tmp_path, writer(), ENVELOPES.values())
    bundle_files.put_aside(path, mark, "taken", 1 << 20)
    assert path.exists()
    [(_, mark)] = bundle_files.in_folder(tmp_path)
    bundle_files.put_aside(path, mark, "taken", 1 << 20)
    bundle_files.put_aside(path, mark, "taken", 1 << 20)

    assert [path.name] == [one.name for one in (tmp_path / "taken").iterdir()]
    assert not path.exists()
    path, _ = bundle_files.write(tmp_path, writer(), ENVELOPES.values())
    bundle_files.put_aside(path, bundle_files.in_folder(tmp_path)[0][1], "taken", 0)
    assert not path.exists()
    assert 0 == bundle_files.room_taken(tmp_path / "none")


def test_what_is_put_aside_is_bounded(tmp_path, monkeypatch):
    """The oldest go first, by bytes and by number."""
    for place, name in enumerate("abcd"):
        path = tmp_path / f"{name}.bundle"
        path.write_bytes(bytes(100))
        os.utime(path, (place, place))
        bundle_files.put_aside(path, bundle_files.in_folder(tmp_path)[0][1], "taken", 250)
    assert ["c.bundle", "d.bundle"] == sorted(one.name for one in (tmp_path / "taken").iterdir())
    monkeypatch.setattr(bundle_files, "FOUND_MAX", 1)
    path.write_bytes(b"")
    bundle_files.put_aside(path, bundle_files.in_folder(tmp_path)[0][1], "taken", 250)

    assert ["d.bundle"] == [one.name for one in (tmp_path / "taken").iterdir()]


def test_nothing_is_moved_through_a_link(tmp_path):
    """Whoever may write into the folder cannot have files put elsewhere."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    folder = tmp_path / "in"
    path, _ = bundle_files.write(folder, writer(), ENVELOPES.values())
    (folder / "taken").symlink_to(elsewhere)
    with pytest.raises(OSError, match="taken"):
        bundle_files.put_aside(path, bundle_files.in_folder(folder)[0][1], "taken", 1 << 20)

    assert (True, []) == (path.exists(), list(elsewhere.iterdir()))


def test_the_writer_s_head_says_who_signed(tmp_path):
    """The name of a file is of its head, whatever the head was given as keys."""
    first = writer()

    assert bundle_files.name_of(head(last=5)) == bundle_files.name_of(first.head)
    assert msgspec.structs.replace(head(last=5), key=first.head.key) == first.head
