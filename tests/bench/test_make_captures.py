"""The generated captures: right checksums, whole connections, one flow a SYN, the same bytes every time."""

import struct
from pathlib import Path

import numpy as np

from tests.bench.make_captures import FRAME60, PCAP_HEADER, _small_columns, mix, small, synflood
from tests.bench.templates import _sum16, load_folder, prepare


def _frames(path: Path) -> list[bytes]:
    octets, at, frames = path.read_bytes(), len(PCAP_HEADER), []
    while at < len(octets):
        size = struct.unpack_from("<I", octets, at + 8)[0]
        frames.append(octets[at + 16 : at + 16 + size])
        at += 16 + size
    return frames


def test_every_syn_comes_from_an_address_of_its_own(tmp_path: Path) -> None:
    """A flood of n packets has n sources, and prepare() finds no checksum to correct."""
    synflood(tmp_path / "x.pcap", 5000)
    frames = _frames(tmp_path / "x.pcap")
    assert 5000 == len({frame[26:30] for frame in frames})
    assert [frame[:54] for frame in frames[:200]] == [(prepare(frame) or (b"",))[0][:54] for frame in frames[:200]]


def test_ten_million_syns_would_repeat_no_address() -> None:
    """The multiplier permutes 24 bits."""
    i = np.arange(1 << 24, dtype=np.int64)
    assert np.all(np.bincount(i * 0x9E3779B1 % (1 << 24), minlength=1 << 24) == 1)


def test_a_small_connection_acknowledges_what_was_sent() -> None:
    """Each frame's ack is the other side's next sequence number."""
    is_orig, flags, seq, ack, payload = (column.tolist() for column in _small_columns(np.arange(40)))
    following = {0: 0, 1: 0}
    for k in range(40):
        sender = is_orig[k]
        assert following[sender] == seq[k], f"frame {k}"
        if flags[k] & 0x10:
            assert following[1 - sender] == ack[k], f"frame {k}"
        following[sender] = seq[k] + payload[k] + (1 if flags[k] & 3 else 0)
    assert [0x02, 0x12, 0x10] == flags[:3]
    assert [0x11, 0x11, 0x10] == flags[-3:]


def test_small_interleaves_whole_connections(tmp_path: Path, monkeypatch) -> None:
    """Every connection has all its frames, times do not go back, and checksums are right."""
    monkeypatch.setattr("tests.bench.make_captures.SMALL_FLOWS", 50)
    small(tmp_path / "x.pcap")
    records = np.frombuffer((tmp_path / "x.pcap").read_bytes()[24:], FRAME60)
    ts = records["sec"].astype(np.int64) * 1_000_000 + records["usec"]
    assert 50 * 40 == len(records)
    assert np.all(np.diff(ts) >= 0)
    for frame in _frames(tmp_path / "x.pcap")[:300]:
        total = struct.unpack_from(">H", frame, 16)[0]
        pseudo = frame[26:34] + struct.pack(">BBH", 0, 6, total - 20)
        assert 0xFFFF == _sum16(frame[14:34])
        assert 0xFFFF == _sum16(pseudo + frame[34 : 14 + total])


def test_mix_copies_real_packets_with_right_checksums(tmp_path: Path, data_dir: Path) -> None:
    """Two copies of every template, other addresses, checksums that need no correction, the same bytes again."""
    templates = load_folder(data_dir / "network")
    n = 2 * len(templates.ts_us)
    for name in ("a", "b"):
        mix(tmp_path / name, templates, packets=n, span_us=1_000_000)
    frames = _frames(tmp_path / "a")
    assert n == len(frames)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    corrected = [prepare(frame) for frame in frames]
    assert frames == [ready[0] if ready else None for ready in corrected]
