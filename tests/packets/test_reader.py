"""Captures are read the same however they come, and every record is accounted for."""

import contextlib
import gzip
import io
import lzma
import struct
import subprocess
from pathlib import Path

import numpy as np
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st
from scapy.utils import RawPcapNgReader, RawPcapReader

from sensor.model.capture import FRAME
from sensor.packets.container import LARGEST_RECORD
from sensor.packets.pcapng import LARGEST_BLOCK
from sensor.packets.reader import SCRATCH, CaptureReader
from tests.naive.pcap import walk
from tests.packets.captures import Trickle, block, enhanced, interface, option, pcap, read, section
from tests.packets.test_known import Memory
from tests.packets.test_pcapng import files

PCAP = pcap([(k, k, bytes([k]) * (k % 70), 1514) for k in range(200)])
PCAPNG = (
    section()
    + interface()
    + b"".join(
        enhanced(bytes(k % 70), 2**63 if k % 11 == 5 else k) + (block(0xBAD, bytes(k % 9)) if k % 7 == 0 else b"")
        for k in range(200)
    )
)
CAPTURES = pytest.mark.parametrize("content", [PCAP, PCAPNG], ids=["pcap", "pcapng"])


def account(reader):
    """What the reader says of a whole file."""
    return reader.frames_seen, reader.drops, reader.warnings, reader.bytes_seen, reader.linktypes, reader.format


def outcome(content, **options):
    """Frames and account, or the refusal."""
    frames, reader = read(content, **options)
    return (frames, reader) if frames is None else (frames, account(reader))


@CAPTURES
@given(chunk=st.integers(1, 400), buffers=st.integers(1, 3), cut=st.integers(0, 300))
@settings(max_examples=60)
def test_any_chunking_equals_the_whole(content, chunk, buffers, cut):
    """Reads of any size, with any number of buffers, of a file cut anywhere, from a pipe that trickles: one result."""
    content = content[: len(content) - cut]
    whole = outcome(content)
    assert whole == outcome(content, chunk_bytes=chunk, buffers=buffers)
    assert whole == outcome(Trickle(content, (chunk, 1, 5)), chunk_bytes=chunk)


@given(files(), st.integers(1, 100))
@settings(max_examples=100)
def test_any_pcapng_at_any_chunking_equals_the_whole(content, chunk):
    """Sections, interfaces and every kind of packet block keep their state between reads."""
    assert outcome(content) == outcome(content, chunk_bytes=chunk)


@CAPTURES
def test_ordinals_count_every_record_of_the_file(content):
    """A dropped record leaves a gap in the ordinals, so that a frame can be found again in its file."""
    frames, reader = read(content)
    dropped = {k for k in range(200) if k % 11 == 5} if content is PCAPNG else set()
    assert [k for k in range(200) if k not in dropped] == [frame[0] for frame in frames]
    assert ({"time_out_of_range": len(dropped)} if dropped else {}) == reader.drops


@CAPTURES
@pytest.mark.parametrize("pack", [gzip.compress, lzma.compress, zstandard.ZstdCompressor().compress])
def test_compressed_equals_plain(content, pack):
    """gzip, xz and zstd give the frames of the plain file, also from a pipe."""
    frames, seen = outcome(content)
    packed = pack(content)
    assert (frames, seen) == outcome(packed)
    assert (frames, seen) == outcome(Trickle(packed))


def test_a_cut_compressed_file_counts_what_came_before():
    """The frames before the cut are read; the warning names the offset in the file."""
    packed = gzip.compress(PCAP)
    frames, reader = read(packed[: len(packed) // 2])
    assert read(PCAP)[0][: len(frames)] == frames
    assert (
        f"file a.pcap, offset {len(packed) // 2}: the gzip data is cut short; what came before it was read"
        == (reader.warnings[0])
    )


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "file a.pcap, offset 0: the file is empty; give a"),
        (b"GIF89a" + bytes(30), "file a.pcap, offset 0: no capture file begins with 47494638; give a"),
        (PCAP[:10], "file a.pcap, offset 0: the file header is cut short; give a"),
        (PCAPNG[:20], "file a.pcap, offset 0: the section header is cut short; give a"),
        (gzip.compress(PCAP, mtime=0)[:12], "file a.pcap, offset 12: the gzip data is cut short; give a"),
        (gzip.compress(b"", mtime=0), "file a.pcap, offset 0: the file is empty; give a"),
        (section()[:8] + bytes(30), "file a.pcap, offset 0: it is not a section of a pcapng file; give a"),
    ],
)
def test_what_cannot_be_read_is_refused_with_file_offset_reason_and_remedy(content, message):
    """Malformed is raised only where nothing of the file can be read."""
    frames, said = read(content)
    assert frames is None
    assert said.startswith(message)


@pytest.mark.parametrize("content", [pcap([]), section(), section() + interface()])
def test_a_capture_without_packets_is_fine(content):
    """No packet, no drop, no warning."""
    frames, reader = read(content)
    assert ([], 0, {}, []) == (frames, reader.frames_seen, reader.drops, reader.warnings)


def test_a_record_that_claims_too_much_ends_the_file():
    """The record is oversized, the rest one truncated record; the message says where, why and how much."""
    bad = struct.pack("<IIII", 9, 9, 300_000, 300_000)
    frames, reader = read(PCAP + bad + bytes(1000))
    assert (200, {"oversized_record": 1, "truncated_record": 1}) == (len(frames), reader.drops)
    place, why, rest = reader.warnings[0].replace("; ", ": ").split(": ")
    assert f"file a.pcap, offset {len(PCAP)}" == place
    assert "a record claims more than 262144 bytes, the largest snapshot length in use" == why
    assert "the 1016 bytes from here on were not read" == rest
    assert len(PCAP) + 1016 == reader.bytes_seen


@pytest.mark.parametrize("chunk", [100, 1 << 20])
def test_blocks_too_large_for_the_buffer_are_passed_over_when_both_ends_agree(chunk):
    """A block of another kind leaves no trace; an oversized packet is counted; what follows is read."""
    big = LARGEST_BLOCK + 4
    content = PCAPNG + block(0xBAD, bytes(big)) + enhanced(bytes(big), 1) + enhanced(b"last", 2)
    frames, reader = read(content, chunk_bytes=chunk)
    assert b"last" == frames[-1][2]
    assert (1, 202) == (reader.drops["oversized_record"], reader.frames_seen)


@pytest.mark.parametrize("chunk", [100, 1 << 20])
def test_a_large_block_whose_ends_differ_is_damage(chunk):
    """What is behind it cannot be trusted: one truncated record."""
    bad = bytearray(block(0xBAD, bytes(LARGEST_BLOCK)))
    bad[-1] ^= 1
    frames, reader = read(
        section() + interface() + enhanced(b"a", 1) + bytes(bad) + enhanced(b"b", 2), chunk_bytes=chunk
    )
    assert (1, {"truncated_record": 1}) == (len(frames), reader.drops)
    assert "differs between its two ends" in reader.warnings[0]


@pytest.mark.parametrize("chunk", [100, 1 << 20])
def test_a_large_block_that_is_cut_is_one_truncated_record(chunk):
    """The end of the file comes within a block that is being passed over."""
    cut = block(0xBAD, bytes(LARGEST_BLOCK))[:-10]
    frames, reader = read(section() + interface() + enhanced(b"a", 1) + cut, chunk_bytes=chunk)
    assert (1, {"truncated_record": 1}) == (len(frames), reader.drops)


@pytest.mark.parametrize("chunk", [64, 1000, 1 << 20])
@CAPTURES
def test_the_same_input_again_is_all_duplicates(content, chunk):
    """Whole records, dropped records and the cut tail are known; nothing is handed on."""
    ledger, content = Memory(), content[:-3]
    _, first = read(content, ledger=ledger, chunk_bytes=chunk)
    frames, again = read(content, ledger=ledger, chunk_bytes=chunk)
    assert ([], first.frames_seen, {}) == (frames, again.duplicates, again.drops)
    assert first.frames_seen == again.frames_seen == 200


@pytest.mark.parametrize("grow", [24, 25, 500, 5000])
@CAPTURES
def test_a_file_that_has_grown_goes_on_where_it_was(content, grow):
    """Only what is new is handed on, under the ordinals it has in the file; a tail that was cut is read now."""
    ledger = Memory()
    before, _ = read(content[:-grow], ledger=ledger, chunk_bytes=1000)
    after, reader = read(content, ledger=ledger, chunk_bytes=1000)
    assert read(content)[0] == before + after
    frames, again = read(content, ledger=ledger, chunk_bytes=1000)
    assert ([], 200) == (frames, again.duplicates)
    assert reader.frames_seen == 200


@pytest.mark.parametrize("chunk", [100, 1 << 20])
def test_known_blocks_are_recognised_behind_a_block_that_was_passed_over(chunk):
    """Large blocks and oversized packets do not put the second reading out of step."""
    content = PCAPNG + block(0xBAD, bytes(LARGEST_BLOCK)) + enhanced(bytes(LARGEST_BLOCK), 1) + enhanced(b"last", 2)
    ledger = Memory()
    read(content, ledger=ledger, chunk_bytes=chunk)
    frames, reader = read(content, ledger=ledger, chunk_bytes=chunk)
    assert ([], 202, {}) == (frames, reader.duplicates, reader.drops)


def test_a_known_block_still_describes_interfaces():
    """The second half of a grown file is read with the clock that its first half described."""
    head = section() + interface(options=option(9, b"\x09")) + enhanced(b"a", 5)
    ledger = Memory()
    read(head, ledger=ledger)
    assert [(1, 7)] == [frame[:2] for frame in read(head + enhanced(b"b", 7), ledger=ledger)[0]]


def test_another_site_knows_nothing():
    """A block is known at its own site alone."""
    ledger = Memory()
    read(PCAP, ledger=ledger, site="SYD")
    assert 200 == len(read(PCAP, ledger=ledger, site="PER")[0])


class Growing:
    """A file of which more is there each time someone has waited."""

    def __init__(self, content, step):
        self._content, self._step, self._there = content, step, 0
        self._at = 0

    def read(self, size):
        piece = self._content[self._at : min(self._at + size, self._there)]
        self._at += len(piece)
        return piece

    def readinto(self, view):
        piece = self.read(len(view))
        view[: len(piece)] = piece
        return len(piece)

    def wait(self, seconds):
        assert 0.2 == seconds
        self._there = min(self._there + self._step, len(self._content))

    def complete(self):
        return self._there == len(self._content)


@CAPTURES
@pytest.mark.parametrize("step", [1, 37, 5000])
def test_a_growing_file_is_followed_until_told_to_stop(content, step):
    """Frames come as the file grows; what is not whole waits; the end result is that of the whole file."""
    file = Growing(content, step)
    reader = CaptureReader(file, "a.pcap", follow=True, wait=file.wait, stop=file.complete, chunk_bytes=1000)
    frames = [row for _, rows in reader.blocks() for row in rows["ts"].tolist()]
    assert [frame[1] for frame in read(content)[0]] == frames
    assert read(content)[1].frames_seen == reader.frames_seen


def test_a_compressed_file_is_not_followed():
    """A growing archive has no whole beginning; the message names the remedy."""
    frames, said = read(gzip.compress(PCAP), follow=True, stop=lambda: True)
    assert (None, "file a.pcap, offset 0: a compressed file cannot be followed; follow the plain one") == (frames, said)


def test_the_decoders_room_is_behind_the_records():
    """Every buffer has SCRATCH bytes behind `scratch_at`, which no record reaches."""
    reader = CaptureReader(io.BytesIO(PCAP), buffers=2, chunk_bytes=64)
    seen = set()
    for buf, frames in reader.blocks():
        seen.add(buf.ctypes.data)
        assert len(buf) - reader.scratch_at == SCRATCH
        assert int((frames["off"] + frames["cap"]).max()) <= reader.scratch_at
    assert 2 == len(seen)


def test_a_block_stays_valid_while_the_next_is_read():
    """With two buffers, the block before can be decoded by another thread while the next one is read."""
    reader = CaptureReader(io.BytesIO(PCAP), buffers=2, chunk_bytes=64)
    kept, found = None, []
    for buf, frames in reader.blocks():
        if kept is not None:
            found += [kept[0][r["off"] : r["off"] + r["cap"]].tobytes() for r in kept[1]]
        kept = (buf, frames)
    found += [kept[0][r["off"] : r["off"] + r["cap"]].tobytes() for r in kept[1]]
    assert [frame[2] for frame in read(PCAP)[0]] == found


def test_refused_link_types_are_named():
    """The frames are handed on for the decoder to count; the warning names the type once."""
    frames, reader = read(pcap([(1, 1, b"abc", 3)] * 5, network=147))
    assert (5, ["file a.pcap: link type USER0 (147) is not decoded; 5 frames refused"]) == (
        len(frames),
        reader.warnings,
    )


@given(st.binary(max_size=300), st.sampled_from([b"", PCAP[:24], section(), section() + interface()]))
def test_random_bytes_are_read_or_refused(noise, head):
    """Nothing is raised but the refusal, and the account is exact (asserted by `read`)."""
    read(head + noise)


# Real captures.

DIFFERENCES = {
    **dict.fromkeys(
        (
            *("brcm-tag.pcap", "edsa.pcap", "frf16_magic_ie-oobr.pcap", "juniper_monitor_invalid_cookie_length.pcap"),
            *("kday6.pcap", "vtp_asan.pcap", "vtp_asan-2.pcap", "vtp_asan-3.pcap"),
        ),
        "Wireshark refuses files of link types it has no number for; tcpdump reads them, see the next test",
    ),
    "olsr-oobr-2.pcap": "capinfos takes 4,294,934,285 s for a time before 1970 and so for the earliest",
    "timestamp_invalid_nano.pcap": "a fraction of 2,147,483,648 ns: capinfos prints it negative, we carry it",
}


def captures_of(folder, *patterns):
    """Capture files below a folder, in order."""
    return sorted(path for pattern in patterns for path in Path(folder).rglob(pattern))


def test_every_cut_of_real_captures_is_a_beginning_of_the_whole(data_dir):
    """Cut at every byte of the first 4 KiB: the frames are the first ones of the whole, the rest is one record."""
    some = (
        captures_of(data_dir / "network" / "tcpdump", "*.pcapng")[:3]
        + captures_of(data_dir / "network" / "tcpdump", "80*.pcap", "icmp*.pcap")[:5]
    )
    for path in some:
        content = path.read_bytes()
        whole, _ = read(content)
        header = int.from_bytes(content[4:8], "little") if path.suffix == ".pcapng" else 24
        for cut in range(min(4096, len(content))):
            frames, reader = read(content[:cut], chunk_bytes=4096)
            if frames is None:
                assert cut < header, f"{path.name} cut at {cut}: {reader}"
                continue
            assert whole[: len(frames)] == frames, f"{path.name} cut at {cut}"
            assert sum(reader.drops.values()) <= 1


@pytest.mark.needs_tool("capinfos")
def test_frame_counts_and_times_of_real_captures_equal_capinfos(data_dir):
    """As Wireshark counts them, in all captures at hand but those of DIFFERENCES, which says why."""
    paths = captures_of(data_dir / "network", "*.pcap", "*.pcapng", "*.cap", "*.trace")
    listed = subprocess.run(
        ["capinfos", "-Tmrc", "-a", "-e", "-S", "-K", *map(str, paths)], capture_output=True, text=True, check=False
    ).stdout
    theirs = {}
    for line in listed.splitlines():
        name, count, first, last = line.rsplit(",", 3)
        theirs[name] = (int(count), first, last)
    different = {}
    for path in paths:
        with path.open("rb") as file:
            reader = CaptureReader(file, str(path))
            times = [frames["ts"].copy() for _, frames in reader.blocks()]
        stamps = np.concatenate([*times, np.empty(0, np.int64)])
        ours = (len(stamps), *((_seconds(stamps.min()), _seconds(stamps.max())) if len(stamps) else ("n/a", "n/a")))
        if str(path) not in theirs or ours[0] != theirs[str(path)][0] or not _same(ours, theirs[str(path)]):
            different[path.name] = (ours, theirs.get(str(path)))
    assert DIFFERENCES.keys() == different.keys(), different
    assert len(paths) > 600


def _seconds(ns):
    return f"{int(ns) // 10**9}.{int(ns) % 10**9:09d}"


def _same(ours, theirs):
    """capinfos prints as many digits as the file's clock has."""
    return all(mine.startswith(its) or its == mine for mine, its in zip(ours[1:], theirs[1:], strict=True))


@pytest.mark.filterwarnings("ignore")
def test_frames_of_real_captures_equal_scapys(data_dir):
    """Times, lengths and bytes as scapy's own reader of both containers sees them."""
    for path in captures_of(data_dir / "network" / "tcpdump", "*.pcap", "*.pcapng")[::4]:
        kind = RawPcapNgReader if path.suffix == ".pcapng" else RawPcapReader
        expected = []
        with kind(str(path)) as theirs, contextlib.suppress(EOFError):
            while True:
                content, meta = theirs._read_packet(size=LARGEST_RECORD)  # its iterator cuts at 65,535 bytes
                expected.append((content, meta.wirelen))
        frames, _ = read(path.read_bytes())
        assert expected == [(frame[2], frame[3]) for frame in frames], path.name


@pytest.mark.needs_tool("tcpdump")
def test_frames_of_real_captures_equal_tcpdumps(data_dir):
    """What libpcap reads of a file of any link type are our frames: times, lengths, bytes; a cut record is left out.

    libpcap cuts a frame that is longer than the file's header allows; we keep what is there.
    """
    paths = captures_of(data_dir / "network" / "tcpdump", "*.pcap")
    some = {*paths[2::8], *(path for path in paths if path.name in DIFFERENCES)}
    some = {path for path in some if path.name != "timestamp_invalid_nano.pcap"}  # libpcap divides what is negative
    for path in sorted(some):
        copy = subprocess.run(["tcpdump", "-r", path, "-w", "-"], capture_output=True, check=False).stdout
        records, _, _ = walk(copy)
        frames, _ = read(path.read_bytes())
        largest = struct.unpack("<I" if copy[0] != 0xA1 else ">I", copy[16:20])[0]
        unit_ns = 1 if copy[:4] in (b"\x4d\x3c\xb2\xa1", b"\xa1\xb2\x3c\x4d") else 1000
        assert [(ts, copy[off : off + cap], wire) for ts, off, cap, wire in records] == [
            (frame[1] // unit_ns * unit_ns, frame[2][:largest], frame[3]) for frame in frames
        ], path.name


def test_walking_does_not_copy_or_change_rows():
    """FRAME rows are views of one array that is used again."""
    reader = CaptureReader(io.BytesIO(PCAP))
    assert {FRAME} == {frames.dtype for _, frames in reader.blocks()}
