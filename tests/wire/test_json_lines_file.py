"""A file of JSON lines: whole lines only, each once, put aside when large."""

import msgspec
import pytest

from sensor.wire import json_lines_file
from sensor.wire.json_lines_file import JsonLinesFile


def key_of(line):
    """The line's `id`, or None."""
    try:
        return msgspec.json.decode(line)["id"]
    except (msgspec.MsgspecError, KeyError):
        return None


def line(key):
    return key, msgspec.json.encode({"id": key})


def opened(path, rotate_bytes=0, keep=2):
    return JsonLinesFile(path, rotate_bytes, keep, key_of)


def keys(path):
    return [key_of(text) for text in path.read_bytes().splitlines()]


def test_lines_are_added_to_what_is_there(tmp_path):
    """The file and its folder are made; a later opening goes on."""
    path = tmp_path / "new" / "out.jsonl"
    for key in "ab":
        file = opened(path)
        file.append([line(key)])
        file.close()

    assert ["a", "b"] == keys(path)


def test_a_line_cut_by_a_crash_goes_and_is_written_again_once(tmp_path):
    """A half line at the end is cut off; lines that arrived whole are not doubled."""
    path = tmp_path / "out.jsonl"
    path.write_bytes(line("a")[1] + b"\n" + line("b")[1][:5])
    file = opened(path)
    file.append([line("a"), line("b")])
    file.append([line("b"), line("c")])
    file.close()

    assert ["a", "b", "c"] == keys(path)


def test_a_file_without_any_line_end_is_emptied(tmp_path):
    """However long what a crash left is."""
    path = tmp_path / "out.jsonl"
    path.write_bytes(b"x" * 200_000)
    file = opened(path)
    file.append([line("a")])
    file.close()

    assert ["a"] == keys(path)


def test_a_large_file_is_put_aside_and_the_oldest_goes(tmp_path):
    """As many are kept as is said; what was put aside is not written again after a restart."""
    path = tmp_path / "out.jsonl"
    file = opened(path, rotate_bytes=1)
    for key in "abcd":
        file.append([line(key)])
    file.close()
    again = opened(path, rotate_bytes=1)
    again.append([line("d")])
    again.close()

    aside = [keys(tmp_path / name) for name in ("out.jsonl.1", "out.jsonl.2")]
    assert ([["d"], ["c"]], [], False) == (aside, keys(path), (tmp_path / "out.jsonl.3").exists())


def test_somebody_else_may_put_it_aside(tmp_path):
    """After logrotate has moved it, lines go into a new file of the name."""
    path = tmp_path / "out.jsonl"
    file = opened(path)
    file.append([line("a")])
    path.rename(tmp_path / "moved")
    file.append([line("b")])
    file.close()

    assert (["a"], ["b"]) == (keys(tmp_path / "moved"), keys(path))


def test_a_full_disk_leaves_no_half_line(tmp_path, monkeypatch):
    """What was written of a batch is taken back, and the error is told; later it goes on."""
    path = tmp_path / "out.jsonl"
    file = opened(path)
    file.append([line("a")])

    def fails(fd, text):
        json_lines_file.os.write(fd, text[:4])
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(json_lines_file, "_write", fails)
        with pytest.raises(OSError, match="No space"):
            file.append([line("b")])
    assert ["a"] == keys(path)
    file.append([line("b")])
    file.close()
    assert ["a", "b"] == keys(path)


def test_what_was_written_long_ago_is_forgotten(tmp_path):
    """The keys that are remembered are bounded; the last ones are among them."""
    path = tmp_path / "out.jsonl"
    file = opened(path)
    for number in range(3 * json_lines_file.REMEMBERED):
        file.append([line(str(number))])
    before = path.stat().st_size
    file.append([line(str(number)) for number in range(3 * json_lines_file.REMEMBERED - 200, 768)])
    file.close()

    assert before == path.stat().st_size
