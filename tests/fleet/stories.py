"""The demo's story told apart: the laptops' site in one place, the tenant's logs at the hub.

What the site would have sent is a file of envelopes, which can be cut by time, and cut otherwise into envelopes.
"""

import gzip
import json
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import zstandard

from sensor.model.site_packet import Envelope
from sensor.wire.site_envelope import decode, encode, length_of, unpack
from tests.evaluation.stories import ROOT, spanline, when

STORY = ROOT / "pcaps" / "demo" / "story"
HUB = """site = "HUB"
timezone = "Australia/Sydney"

[sites.SYD]
local_networks = ["10.10.0.0/16"]
egress = ["203.0.113.10"]

[tenants.example]
domains = ["example.com.au"]
sites = ["SYD"]
"""


def seconds(text: str) -> float:
    """Return a time of day in UTC as s since 1970."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


def at_the_site(folder: Path) -> Path:
    """Replay the story's network logs as a site; return what it sent."""
    out = folder / "syd.reports"
    words = ["--config", STORY / "site.toml", "--reports-out", out, "--json", f"SYD={STORY / 'SYD'}"]
    spanline("replay", "--fresh", "--state", folder / "site", *words)
    return out


def at_the_hub(state: Path, *inputs: Path, fresh: bool = False) -> dict:
    """Replay inputs as the hub; return what came of it."""
    config = state.parent / "hub.toml"
    config.write_text(HUB)
    return json.loads(
        spanline("replay", *(["--fresh"] if fresh else []), "--state", state, "--config", config, "--json", *inputs)
    )


def incidents(state: Path) -> list[dict]:
    """Return the page and triage incidents of a state."""
    return json.loads(spanline("incidents", "--state", state, "--json"))


def signins(state: Path) -> dict[str, dict]:
    """Return the sign-ins of a state by the id of their record."""
    return {one["raw_id"]: one for one in json.loads(spanline("signins", "--state", state, "--json"))}


def envelopes(path: Path) -> list[Envelope]:
    """Read a file of envelopes."""
    content, at, found = path.read_bytes(), 0, []
    while at < len(content):
        size = length_of(content, at)
        found.append(decode(content[at : at + size]))
        at += size
    return found


def cut_reports(path: Path, out: Path, *times: float) -> list[Path]:
    """Cut a file of envelopes by time; the last part has what is at or behind the last of them."""
    parts = [out.with_name(f"{out.name}-{k}") for k in range(len(times) + 1)]
    held = envelopes(path)
    for k, part in enumerate(parts):
        mine = [one for one in held if sum(one.first_ns >= ts * 1e9 for ts in times) == k]
        part.write_bytes(b"".join(encode(one) for one in mine))
    return parts


def rewritten(path: Path, out: Path, size: int) -> Path:
    """Write the same reports in envelopes of another size, each of reports of one time."""
    found: list[tuple[int, str, msgspec.Raw]] = []
    for one in envelopes(path):
        found += [(one.first_ns, one.kind, raw) for raw in msgspec.msgpack.decode(unpack(one), type=list[msgspec.Raw])]
    written, at, sequence = [], 0, 0
    while at < len(found):
        ts, kind, _ = found[at]
        some = [raw for first, _, raw in found[at : at + size] if first == ts]
        sequence, at = sequence + 1, at + len(some)
        body = msgspec.msgpack.encode(some)
        packed = zstandard.ZstdCompressor().compress(body)
        written.append(encode(Envelope("SYD", 99, sequence, 0, sequence - 1, kind, ts, ts, len(body), packed)))
    out.write_bytes(b"".join(written))
    return out


def cut_logs(out: Path, ts: float) -> tuple[list[Path], list[Path]]:
    """Cut the tenant's logs into what was before a time, and the rest."""
    parts: tuple[list[Path], list[Path]] = ([], [])
    for path in sorted((STORY / "identity").glob("*.gz")):
        with gzip.open(path, "rt") as lines:
            held = list(lines)
        for k, part in enumerate(parts):
            part.append(out / f"{k}-{path.stem}")
            part[-1].write_text("".join(line for line in held if (when(path.name, line) >= ts) == k))
    return parts
