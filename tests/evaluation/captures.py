"""Captures through the program, as `spanline flows` does it, and what comes out read back."""

import io
import json
from dataclasses import dataclass

import numpy as np

from sensor import conversion
from sensor.flows.engine import FlowEngine
from sensor.flows.json_lines import JsonLines
from sensor.model.capture import FRAME
from sensor.packets.reader import SCRATCH


@dataclass(frozen=True)
class Converted:
    """What one capture became."""

    text: bytes
    packets: int
    accepted: int
    dropped: dict[str, int]
    readable: bool


def convert(path, form, *, ignore_checksums=False, threads=1):
    """One capture in one format."""
    out = io.BytesIO()
    totals, readable = conversion.convert(
        [str(path)], conversion.open_writer(form, "-", out, arp=False), lambda _line: None, lambda _path, _at: None,
        ignore_checksums=ignore_checksums, threads=threads,
    )  # fmt: skip
    return Converted(out.getvalue(), totals.packets, totals.accepted, totals.dropped, bool(readable))


def zeek_rows(path, *, ignore_checksums=False):
    """The rows of the conn.log that we write, as text."""
    text = convert(path, "zeek", ignore_checksums=ignore_checksums).text.decode("ascii")
    return log_rows(text)[1]


def json_rows(path, *, ignore_checksums=False):
    """The flows that we write as JSON."""
    return [json.loads(line) for line in convert(path, "json", ignore_checksums=ignore_checksums).text.splitlines()]


def log_rows(text):
    """Names and rows of a log: Zeek's own, or one that zeek-cut left, which has its names in the first line."""
    names, rows = [], []
    for line in text.splitlines():
        if line.startswith("#fields\t"):
            names = line.split("\t")[1:]
        elif line and not line.startswith("#"):
            if names:
                rows.append(dict(zip(names, line.split("\t"), strict=True)))
            else:
                names = line.split("\t")
    return names, rows


def rows_of_frames(frames):
    """The flows, as JSON has them, of frames: (ts in ns, captured bytes, bytes on the wire, LINK_ code) each."""
    engine = FlowEngine(1 << 12, interval_ns=0)
    size = sum(len(frame[1]) for frame in frames)
    buf = np.zeros(size + SCRATCH, np.uint8)
    rows = np.zeros(len(frames), FRAME)
    at = 0
    for k, (ts, octets, wire, link) in enumerate(frames):
        buf[at : at + len(octets)] = np.frombuffer(octets, np.uint8)
        rows[k] = (ts, at, len(octets), wire, link, 0)
        at += len(octets)
    engine.feed(buf, rows, size)
    engine.finish()
    out = io.BytesIO()
    flows = engine.drain_flows()
    JsonLines(out).write(flows[np.argsort(flows["ts"], kind="stable")])
    return [json.loads(line) for line in out.getvalue().splitlines()]
