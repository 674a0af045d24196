"""Recent packets on disk: readable by anybody, bounded, gone on with by the next process."""

import os

from sensor.wire.packet_files import FILES, PacketFiles, listed
from tests.naive.packet_ring import records
from tests.sources.spans import frames_of

LIMIT = 64 * 1024


def keep(files, first, last):
    """Write a record of 100 bytes a call."""
    for k in range(first, last):
        files.write(memoryview(records([(k * 10**9 + 5, bytes([k % 256]) * 84, 84)])), k * 10**9 + 5)


def firsts(folder):
    """The first byte of every frame kept, oldest first."""
    return [frame[0] for path in listed(folder) for frame in frames_of(path)]


def test_the_oldest_goes_where_the_limit_is_reached(tmp_path):
    """What is kept is the newest run without a gap, never more than the limit, nor much less."""
    files = PacketFiles(tmp_path, "span-0", LIMIT)
    keep(files, 0, 2000)
    kept = firsts(tmp_path)
    size = sum(path.stat().st_size for path in listed(tmp_path))

    assert [k % 256 for k in range(2000 - len(kept), 2000)] == kept
    assert LIMIT - 2 * LIMIT // FILES <= size <= LIMIT


def test_the_next_process_goes_on(tmp_path):
    """Files of an earlier one of this name count, those of another do not, and stay."""
    keep(PacketFiles(tmp_path, "span-1", LIMIT), 0, 10)
    keep(PacketFiles(tmp_path, "span-0", LIMIT), 0, 600)
    keep(PacketFiles(tmp_path, "span-0", LIMIT), 600, 2000)
    own = sum(path.stat().st_size for path in listed(tmp_path) if path.name.startswith("span-0-"))

    assert own <= LIMIT
    assert firsts(tmp_path)[:10] == list(range(10))


def test_a_disk_that_fails_ends_the_keeping_alone(tmp_path):
    """It is said once, and nothing raised."""
    files = PacketFiles(tmp_path / "gone", "span-0", LIMIT)
    keep(files, 0, 3)
    assert f"{tmp_path / 'gone'}: No such file or directory" == files.problem


def test_nobody_else_may_read_them(tmp_path):
    """Packets are people's secrets."""
    before = os.umask(0)
    try:
        keep(PacketFiles(tmp_path, "span-0", LIMIT), 0, 1)
    finally:
        os.umask(before)
    assert [0o600] == [path.stat().st_mode & 0o777 for path in listed(tmp_path)]
