"""Captures found by fuzzers, cut, mutated and made of random bytes: no error, no hang, every record accounted for."""

import contextlib
import faulthandler
import io
import struct

import numpy as np
import pytest

from sensor.errors import Malformed
from sensor.flows.engine import FlowEngine
from sensor.model.capture import LINKTYPES
from sensor.packets.reader import CaptureReader

PCAP = struct.Struct("<IHHiIII")
RECORD = struct.Struct("<IIII")
HEAD = 4096
CUT_CAPTURES = 20


@contextlib.contextmanager
def within(limit_s):
    """End the whole run, saying where it stood, if the body takes longer: a kernel that loops heeds no signal."""
    faulthandler.dump_traceback_later(limit_s, exit=True)
    try:
        yield
    finally:
        faulthandler.cancel_dump_traceback_later()


def account(octets, *, chunk_bytes=1 << 16):
    """Read a capture to its end: (records, accepted, drops), or None where it is refused."""
    engine = FlowEngine(1 << 10)
    reader = CaptureReader(io.BytesIO(octets), "in memory", chunk_bytes=chunk_bytes)
    try:
        for buf, frames in reader.blocks():
            engine.feed(buf, frames, reader.scratch_at)
            engine.drain_messages()
    except Malformed:
        assert 0 == reader.frames_seen, "refused after records were read"
        return None
    engine.finish()
    flows = engine.drain_flows()
    assert len(flows) == engine.finished
    for column in ("orig_pkts", "resp_pkts", "orig_ip_bytes", "resp_ip_bytes", "duration"):
        assert not (flows[column] < 0).any(), column
    assert reader.frames_seen == engine.accepted + sum(engine.drops.values()) + sum(reader.drops.values())
    return reader.frames_seen, engine.accepted, engine.drops


def tcpdump_captures(data_dir):
    return sorted((data_dir / "network" / "tcpdump").glob("*.pcap*"))


def samples(data_dir):
    """Twenty captures of many kinds: some of each collection, pcapng among them."""
    folders = ("tcpdump", "arkime", "zeek-btest", "ipfixprobe", "iti-ics", "scan-misc")
    found = []
    for folder in folders:
        paths = sorted((data_dir / "network" / folder).rglob("*.pcap*"))
        found += [path for path in paths if path.stat().st_size > 500][:: max(1, len(paths) // 5)][:5]
    return found[:CUT_CAPTURES]


def test_fuzzed_captures_are_read_or_refused(data_dir):
    """All 415 of tcpdump's captures: nothing but Malformed is raised, and each record is accepted or dropped once."""
    captures = tcpdump_captures(data_dir)
    with within(300):
        found = [account(path.read_bytes()) for path in captures]
    assert len(captures) >= 400
    assert sum(result is not None for result in found) > 0.9 * len(captures)


def cut_everywhere(data_dir, step):
    captures = samples(data_dir)
    assert CUT_CAPTURES == len(captures)
    for path in captures:
        head = path.read_bytes()[:HEAD]
        before = 0
        with within(600):
            for size in range(0, len(head) + 1, step):
                result = account(head[:size], chunk_bytes=1 << 12)
                seen = 0 if result is None else result[0]
                assert before <= seen, f"{path.name} cut at {size}: fewer records than when cut sooner"
                before = seen


def test_captures_cut_anywhere(data_dir):
    """The first 4 KiB of 20 captures, cut at every 61st byte: more bytes never give fewer records."""
    cut_everywhere(data_dir, 61)


@pytest.mark.slow
def test_captures_cut_at_every_byte(data_dir):
    """The first 4 KiB of 20 captures, cut at every byte."""
    cut_everywhere(data_dir, 1)


def random_captures(rng, count):
    """Random bytes: bare, behind a capture's header, and as well-formed records of each link type."""
    links = sorted(LINKTYPES)
    for k in range(count):
        noise = rng.integers(0, 256, int(rng.integers(0, 3000)), np.uint8).tobytes()
        header = PCAP.pack(0xA1B2C3D4, 2, 4, 0, 0, 65535, links[k % len(links)])
        yield noise
        yield header + noise
        records = []
        while noise:
            size = int(rng.integers(0, 200))
            frame, noise = noise[:size], noise[size or 1 :]
            records.append(RECORD.pack(10**9 + k, 0, len(frame), len(frame) + int(rng.integers(0, 3))) + frame)
        yield header + b"".join(records)


def test_random_bytes_are_read_or_refused():
    """Noise is no capture; noise in frames is dropped for a reason, or is a flow of nonsense."""
    with within(300):
        found = [account(octets) for octets in random_captures(np.random.default_rng(0), 60)]
    assert {True, False} == {result is None for result in found}


def mutated(rng, octets):
    """A capture with some bytes changed, copied elsewhere, or taken out; its first four bytes stay."""
    changed = np.frombuffer(octets[: 1 << 15], np.uint8).copy()
    for _ in range(int(rng.integers(1, 30))):
        changed[rng.integers(4, len(changed))] = rng.choice(
            [0, 1, 4, 0x45, 0x60, 0x7F, 0x80, 0xFF, rng.integers(0, 256)]
        )
    if rng.random() < 0.3:
        at, to, size = rng.integers(4, len(changed), 3)
        piece = changed[at : at + size].copy()
        changed[to : to + len(piece)] = piece[: len(changed) - to]
    if rng.random() < 0.3:
        at = int(rng.integers(4, len(changed)))
        changed = np.delete(changed, slice(at, at + int(rng.integers(1, 9))))
    return changed.tobytes()


def mutate(data_dir, seed, count):
    rng = np.random.default_rng(seed)
    for path in samples(data_dir):
        octets = path.read_bytes()
        with within(300):
            for _ in range(count):
                account(mutated(rng, octets))


def test_mutated_captures_are_read_or_refused(data_dir):
    """Damage anywhere costs records, never an error nor the account."""
    mutate(data_dir, 0, 12)


@pytest.mark.slow
def test_captures_mutated_many_times(data_dir):
    """The same, 300 times each."""
    mutate(data_dir, 1, 300)
