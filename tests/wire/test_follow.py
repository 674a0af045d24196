"""Following logs through rotation: every line once, whatever becomes of the files."""

import gzip
import json
import os
import shutil

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from sensor.packets.inflate import open_stream
from sensor.wire import follow
from sensor.wire.follow import QUIET_POLLS, Follower
from sensor.wire.follow_position import PositionFile

HEAD = "#separator \\x09\n#path\tconn\n#open\t{}\n#fields\tts\tuid\n"


OPEN = []
"""Followers to close when a test ends."""


@pytest.fixture(autouse=True)
def _close():
    yield
    while OPEN:
        OPEN.pop().close()


class Reader:
    """Follows a place, keeps what it got with the position, and can be killed."""

    def __init__(self, place):
        self.place, self.saved = str(place), None
        self.lines, self.pieces = [], []
        self.kept = []
        self.start()

    def start(self):
        """Start a process from what is durable."""
        self.follower = Follower(self.place, open_stream, self.saved)
        OPEN.append(self.follower)
        self.lines = list(self.kept)

    def kill(self):
        """End without a word; what was not committed is gone."""
        self.follower.close()
        self.start()

    def poll(self, times=1, **limits):
        """Poll, and keep the lines in memory."""
        for _ in range(times):
            for piece in self.follower.poll(**limits):
                self.pieces.append(piece)
                self.lines += [line for line in piece.data.decode().split("\n") if line and line[0] != "#"]
        return self.lines

    def commit(self):
        """Make lines and position durable together."""
        self.kept, self.saved = list(self.lines), self.follower.position()


def append(path, text):
    """Write behind what is there."""
    with path.open("a") as file:
        file.write(text)


def begin(path, number=0):
    """Write a header."""
    path.write_text(HEAD.format(number))
    return path


@pytest.fixture
def log(tmp_path):
    """A live log with a header, in a folder `current`."""
    (tmp_path / "current").mkdir()
    return begin(tmp_path / "current" / "conn.log")


def test_lines_as_they_come(log):
    """Whole lines are handed out once; half of one waits for the rest."""
    reader = Reader(log)
    append(log, "1\n2\n3")
    assert ["1", "2"] == reader.poll(3)
    append(log, "3\n")
    assert ["1", "2", "33"] == reader.poll(3)
    assert [("conn", True, "")] == list({(p.stream, p.is_ended, p.problem) for p in reader.pieces})


def test_a_process_goes_on_where_its_records_are_durable(log):
    """What was handed out and not committed comes again, what was committed does not."""
    reader = Reader(log)
    append(log, "1\n")
    reader.poll()
    reader.commit()
    append(log, "2\n")
    reader.poll()
    reader.kill()
    assert ["1", "2"] == reader.poll()


def to_day(log, pack=None, name="2026-11-24"):
    """Move a log into the folder of its day, packed or not, as Zeek's archiver does."""
    day = log.parent.parent / name
    day.mkdir(exist_ok=True)
    count = len(list(day.iterdir()))
    target = day / f"conn.{count:02}:00:00-{count + 1:02}:00:00.log"
    if pack is None:
        log.rename(target)
    else:
        suffix, packed = pack(log.read_bytes())
        target.with_name(target.name + suffix).write_bytes(packed)
        log.unlink()


def gz(data):
    """Pack as gzip."""
    return ".gz", gzip.compress(data)


def zst(data):
    """Pack as zstd."""
    return ".zst", zstandard.ZstdCompressor().compress(data)


@pytest.mark.parametrize("is_killed", [False, True])
@pytest.mark.parametrize("is_folder", [False, True])
@pytest.mark.parametrize("pack", [None, gz, zst])
def test_rotation_into_a_day_folder(log, pack, is_folder, is_killed):
    """Lines written before the rotation and not read yet are read afterwards, from wherever they lie."""
    reader = Reader(log.parent if is_folder else log)
    append(log, "1\n2\n")
    reader.poll()
    reader.commit()
    append(log, "3\n4\n")
    if not is_killed:
        reader.poll()
        append(log, "5\n")
    if is_killed:
        reader.follower.close()
    to_day(log, pack)
    begin(log, 1)
    append(log, "6\n")
    if is_killed:
        reader.start()
    reader.poll(QUIET_POLLS + 3)
    expected = ["1", "2", "3", "4", "6"] if is_killed else ["1", "2", "3", "4", "5", "6"]
    assert expected == sorted(reader.lines)
    assert 0 == reader.follower.missing
    reader.commit()
    reader.kill()
    assert expected == sorted(reader.poll(QUIET_POLLS + 3))


@pytest.mark.parametrize("is_killed", [False, True])
def test_copied_and_truncated(log, is_killed):
    """The rest is read from the copy, and the shrunk file anew, also where it has outgrown its old length."""
    reader = Reader(log)
    append(log, "1\n")
    reader.poll()
    reader.commit()
    append(log, "2\n")
    shutil.copy(log, log.with_name("conn.log.1"))
    log.write_text(HEAD.format(9) + "".join(f"{n}\n" for n in range(3, 40)))
    if is_killed:
        reader.kill()
    assert sorted(map(str, range(1, 40))) == sorted(reader.poll(3))


def test_a_copy_beside_the_log_is_not_read_again(log):
    """Nor a packed one of a file that stays."""
    reader = Reader(log.parent)
    append(log, "1\n2\n")
    reader.poll()
    shutil.copy(log, log.with_name("conn.log.1"))
    (log.parent / "conn.log.2.gz").write_bytes(gzip.compress(log.read_bytes()))
    append(log, "3\n")
    assert ["1", "2", "3"] == reader.poll(QUIET_POLLS + 3)
    reader.commit()
    reader.kill()
    assert ["1", "2", "3"] == reader.poll(QUIET_POLLS + 3)


def test_packing_while_it_is_read(log):
    """The packed copy grows while the plain file is there; then that is deleted."""
    reader = Reader(log.parent)
    append(log, "".join(f"{n}\n" for n in range(3000)))
    reader.poll()
    old = log.rename(log.with_name("conn.2026-11-24-08-00-00.log"))
    append(old, "3000\n")
    packed = gzip.compress(old.read_bytes())
    target = old.with_name(old.name + ".gz")
    for part in (packed[:40], packed[40:3000], packed[3000:]):
        with target.open("ab") as file:
            file.write(part)
        reader.poll(2)
    old.unlink()
    reader.poll(QUIET_POLLS + 3)
    assert [str(n) for n in range(3001)] == reader.lines


def test_a_packed_file_that_is_still_being_written(log):
    """Its text so far is read, the rest when it has come."""
    reader = Reader(log.parent)
    append(log, "1\n")
    reader.poll()
    reader.commit()
    reader.follower.close()
    append(log, "".join(f"{n}\n" for n in range(2, 30_000)))
    packed = gzip.compress(log.read_bytes())
    log.unlink()
    target = log.with_name("conn.log.1.gz")
    target.write_bytes(packed[:20_000])
    reader.start()
    reader.poll(3)
    assert 1 < len(reader.lines) < 29_999
    target.write_bytes(packed)
    reader.poll(3)
    assert [str(n) for n in range(1, 30_000)] == reader.lines


def test_a_log_that_came_and_went_while_nobody_followed(log):
    """Whole files between two positions are read from the archive; what lay there before is not."""
    old = log.parent.parent / "2026-11-23"
    old.mkdir()
    (old / "conn.01:00:00-02:00:00.log").write_text(HEAD.format(77) + "old\n")
    os.utime(old / "conn.01:00:00-02:00:00.log", ns=(10**9, 10**9))
    reader = Reader(log.parent)
    append(log, "1\n")
    reader.poll()
    reader.commit()
    reader.follower.close()
    for number in (2, 3, 4):
        to_day(log, gz)
        append(begin(log, number), f"{number}\n")
    reader.start()
    assert ["1", "2", "3", "4"] == sorted(reader.poll(3))


def test_a_deleted_log_is_read_to_its_end(log):
    """The open file is read on; its last line has no end, and is marked so when nothing has come for long."""
    reader = Reader(log)
    append(log, "1\n")
    reader.poll()
    with log.open("a") as writer:
        log.unlink()
        writer.write("2\nhalf")
    begin(log, 1)
    append(log, "3\n")
    assert ["1", "2", "3"] == reader.poll(2)
    reader.poll(QUIET_POLLS)
    assert "half" == reader.lines[-1]
    assert not reader.pieces[-1].is_ended


def test_a_shrunk_log_without_a_copy(log):
    """What was not read is lost and counted; the log is followed on."""
    reader = Reader(log)
    append(log, "1\n")
    reader.poll()
    log.write_text("x\n")
    assert ["1", "x"] == reader.poll()
    assert 0 == reader.follower.missing
    reader.commit()
    reader.follower.close()
    append(log, "lost\n")
    reader.follower.close()
    begin(log, 5)
    reader.start()
    assert ["1", "x"] == reader.poll()


def test_a_header_is_carried_on(log):
    """What the reader noted comes with every later piece of the log, also of its next file, also after a restart."""
    reader = Reader(log)
    append(log, "1\n")
    reader.poll()
    reader.follower.note(reader.pieces[-1].file, "header")
    log.rename(log.with_name("conn.log.1"))
    log.write_text("2\n")
    reader.poll()
    assert "header" == reader.pieces[-1].carry
    reader.commit()
    reader.kill()
    append(log, "3\n")
    reader.poll()
    assert ("header", "3\n") == (reader.pieces[-1].carry, reader.pieces[-1].data.decode())


def test_a_line_that_is_too_long(log, monkeypatch):
    """It is named, passed over in bounded pieces, also across a restart, and the next line is read."""
    monkeypatch.setattr(follow, "PIECE_BYTES", 64)
    reader = Reader(log)
    append(log, "1\n" + "x" * 1000)
    reader.poll(limit_bytes=300)
    reader.commit()
    reader.kill()
    append(log, "x" * 500 + "\n2\n")
    assert ["1", "2"] == reader.poll(9, limit_bytes=300)
    assert ["line_too_long"] == [piece.problem for piece in reader.pieces if piece.problem]


def test_a_poll_is_bounded_and_takes_turns(tmp_path):
    """A log with much to say does not keep the others from being read."""
    for name in ("a.log", "b.log"):
        (tmp_path / name).write_text("".join(f"{name} {n}\n" for n in range(1000)))
    reader = Reader(tmp_path)
    follow_lines = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(follow, "PIECE_BYTES", 512)
        for _ in range(4):
            reader.poll(limit_bytes=1024)
        follow_lines = {line.split()[0] for line in reader.lines}
    assert {"a.log", "b.log"} == follow_lines
    assert len(reader.lines) < 700


def test_an_empty_log_a_hole_and_damage(tmp_path):
    """Nothing is read of nothing, a hole before the text is passed over, damage is named once."""
    (tmp_path / "empty.log").touch()
    with (tmp_path / "hole.log").open("wb") as file:
        file.seek(100_000)
        file.write(b"1\n")
    packed = gzip.compress("".join(f"{n}\n" for n in range(9000)).encode())
    (tmp_path / "cut.log.gz").write_bytes(packed[: len(packed) // 2])
    reader = Reader(tmp_path)
    reader.poll(QUIET_POLLS * 3)
    assert ["damaged_compression"] == [piece.problem for piece in reader.pieces if piece.problem]
    assert "1" in reader.lines


def test_a_file_that_cannot_be_opened_does_not_stop_the_others(tmp_path, monkeypatch):
    """It is named once and tried again."""
    (tmp_path / "a.log").write_text("1\n")
    (tmp_path / "b.log").write_text("2\n")
    real = follow.Text

    def refusing(path, opener):
        if path.endswith("a.log"):
            raise PermissionError(13, "Permission denied")
        return real(path, opener)

    monkeypatch.setattr(follow, "Text", refusing)
    reader = Reader(tmp_path)
    assert ["2"] == reader.poll(3)
    assert {str(tmp_path / "a.log")} == reader.follower.unreadable
    monkeypatch.setattr(follow, "Text", real)
    assert ["1", "2"] == sorted(reader.poll(3))


def test_files_that_are_gone_are_not_named_as_unreadable(tmp_path, monkeypatch):
    """Else a year of hourly files that nobody may read would all be kept in memory."""
    (tmp_path / "a.log").write_text("1\n")

    def refusing(path, opener):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(follow, "Text", refusing)
    reader = Reader(tmp_path)
    reader.poll()
    (tmp_path / "a.log").unlink()
    reader.poll()
    assert set() == reader.follower.unreadable


def test_archived_files_that_nobody_seeks_are_not_looked_at(tmp_path, monkeypatch):
    """Two days of them lie beside the live log, and every poll lists them."""
    (tmp_path / "current").mkdir()
    log = tmp_path / "current" / "conn.log"
    log.write_text("1\n")
    reader = Reader(tmp_path / "current")
    reader.poll()
    day = tmp_path / "2026-11-24"
    day.mkdir()
    for hour in range(9):
        old = day / f"conn.0{hour}:00:00-0{hour}:59:59.log"
        old.write_text(f"old {hour}\n")
        os.utime(old, ns=(0, 0))
    judged = []
    real = Follower._judge
    monkeypatch.setattr(Follower, "_judge", lambda self, found, **k: (judged.append(found), real(self, found, **k)))
    reader.poll(3)
    assert ([], ["1"]) == (judged, reader.lines)


def test_acknowledge_saves_the_position(tmp_path, log):
    """A follower made from what was saved goes on behind it."""
    append(log, "1\n")
    store = PositionFile(tmp_path / "position")
    follower = Follower(str(log), open_stream, store.load(), store)
    assert 1 == len(follower.poll())
    follower.acknowledge()
    follower.close()
    again = Follower(str(log), open_stream, store.load(), store)
    assert ([], 0) == (again.poll(), again.lag_bytes())
    again.close()


steps = st.lists(
    st.sampled_from(["write", "write", "half", "poll", "poll", "commit", "kill", "rename", "day", "gz", "zst", "copy"]),
    max_size=40,
)


@settings(max_examples=60)
@given(steps)
def test_any_order_of_writing_rotating_and_dying(tmp_path_factory, order):
    """Every line comes once, in every order of events."""
    folder = tmp_path_factory.mktemp("any") / "current"
    folder.mkdir()
    log = begin(folder / "conn.log")
    reader, written, opened = Reader(folder), 0, 0
    half = False
    reader.poll()
    reader.commit()
    for number, step in enumerate(order):
        if half and step not in {"poll", "commit", "kill"}:
            append(log, "\n")
            half = False
        if step in {"write", "half"}:
            append(log, f"{written} {'y' * (number * 37 % 200)}" + ("" if step == "half" else "\n"))
            written += 1
            half = step == "half"
        elif step in {"poll", "commit", "kill"}:
            getattr(reader, step)()
        else:
            opened += 1
            if step == "rename":
                log.rename(folder / f"conn.log.{opened}")
            elif step == "copy":
                shutil.copy(log, folder / f"conn.log.{opened}")
            else:
                to_day(log, {"day": None, "gz": gz, "zst": zst}[step])
            begin(log, opened)
    reader.poll(QUIET_POLLS + 3)
    got = sorted(int(line.split()[0]) for line in reader.lines)
    assert list(range(written - half)) == [n for n in got if n < written - half]
    assert len(set(got)) == len(got)
    while OPEN:
        OPEN.pop().close()


def test_the_position_is_text():
    """It can be kept anywhere, and says its version."""
    assert 1 == json.loads(Follower("/nowhere", open_stream).position())["version"]
    with pytest.raises(ValueError, match="damaged"):
        Follower("/nowhere", open_stream, "{}x")


def test_the_file_that_is_furthest_behind_in_time_is_read_next(tmp_path):
    """Two logs of the same days come side by side, however much longer the lines of one are."""
    for name, width in (("a.log", 2000), ("b.log", 50)):
        (tmp_path / name).write_text("".join(f"{day:04d} {'x' * width}\n" for day in range(4000)))
    follower, told = Follower(str(tmp_path), open_stream), []
    for _ in range(40):
        for piece in follower.pieces(1 << 20):
            day = int(piece.data.splitlines()[-1][:4])
            follower.reached(piece.file, day)
            told.append((piece.stream, day))
        if follower.behind_ns is None:
            break
    follower.close()
    days = dict.fromkeys(("a", "b"), 0)
    for stream, day in told:
        assert days[stream] == min(days.values())
        days[stream] = day

    assert {3999} == set(days.values())


def test_what_was_not_begun_is_behind_everything(tmp_path):
    """A poll without room for a second file says so, until it has read some of it."""
    for name in ("a.log", "b.log"):
        (tmp_path / name).write_text("1 line\n" * 300_000)
    follower = Follower(str(tmp_path), open_stream)
    behind = []
    for _ in range(6):
        for piece in follower.pieces(1 << 19):
            follower.reached(piece.file, 7)
        behind.append(follower.behind_ns)
    follower.close()

    assert [0, 7] == list(dict.fromkeys(behind))[:2]
    assert behind[-1] is None
