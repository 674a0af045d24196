"""Measure what a site sends its hub against its logs: `python -m tests.bench.report_bytes FOLDER_OF_ZEEK_LOGS...`.

`--ideas FOLDER OTHER` says what FOLDER's would be in two other ways.

Each folder is replayed as a site of its own. Logs count unpacked; what is sent counts with its envelopes, as it goes
over the line, without the transport's own framing.
"""

import gzip
import json
import sys
import tempfile
from collections import Counter
from pathlib import Path

import msgspec
import zstandard

from sensor.wire.site_envelope import encode, unpack
from tests.evaluation.stories import spanline
from tests.fleet.stories import envelopes

HEAD_BYTES = 99
"""Of an envelope of a site with three letters: 64, its name, and a digest of 32."""
DICTIONARY_BYTES = 16_384


def measure(folder: Path) -> str:
    """Return a row of the table for BENCHMARKS.md."""
    with tempfile.TemporaryDirectory() as scratch:
        out = Path(scratch) / "reports"
        words = ["--fresh", "--state", f"{scratch}/state", "--site", "SYD", "--reports-out", out, "--json", folder]
        answer = json.loads(spanline("replay", *words))
        sent = envelopes(out)
        size = out.stat().st_size
    logs = sum(len(gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes())
               for path in folder.rglob("*.log*"))  # fmt: skip
    days = max(1e-9, (sent[-1].last_ns - sent[0].first_ns) / 86_400e9)
    kinds = Counter()
    for one in sent:
        kinds[one.kind] += len(one.body)
    parts = ", ".join(f"{kind} {count:,}" for kind, count in kinds.most_common())
    device_days = max(1.0, days * answer["devices"])
    return (
        f"| {folder.name} | {answer['devices']} | {answer['flows'] / device_days:,.0f} | {logs:,} | {size:,} | "
        f"{100 * size / logs:.2f} % | {size / device_days:,.0f} | {parts} |"
    )


def ideas(one: Path, other: Path) -> str:
    """Return what would be sent of a folder's logs by two other ways, as shares of what is sent now.

    Bodies packed by a dictionary that zstandard trained on the other folder's; what is not urgent of a quarter, a half
    and a whole hour in one envelope each.
    """
    with tempfile.TemporaryDirectory() as scratch:
        held = []
        for number, folder in enumerate((one, other)):
            out, state = Path(scratch) / str(number), Path(scratch) / f"state{number}"
            spanline("replay", "--fresh", "--state", state, "--site", "SYD", "--reports-out", out, "--json", folder)
            held.append([(head, unpack(head)) for head in envelopes(out)])
    sent, heads = sum(len(encode(head)) for head, _ in held[0]), HEAD_BYTES * len(held[0])
    known = zstandard.train_dictionary(DICTIONARY_BYTES, [body for _, body in held[1]])
    packer = zstandard.ZstdCompressor(level=3, dict_data=known, write_dict_id=False)
    shares = [f"dictionary {(heads + sum(len(packer.compress(body)) for _, body in held[0])) / sent:.2f}"]
    for minutes in (15, 30, 60):
        groups: dict[tuple[str, int], list[object]] = {}
        for number, (head, body) in enumerate(held[0]):
            key = number if head.kind == "incidents" else head.first_ns // (minutes * 60 * 10**9)
            groups.setdefault((head.kind, key), []).extend(msgspec.msgpack.decode(body))
        bodies = (zstandard.compress(msgspec.msgpack.encode(group), 3) for group in groups.values())
        shares.append(f"{minutes} min {sum(HEAD_BYTES + len(body) for body in bodies) / sent:.2f}")
    return f"{one.name}: heads {heads / sent:.2f}, {', '.join(shares)}"


if __name__ == "__main__":
    if sys.argv[1:2] == ["--ideas"]:
        print(ideas(Path(sys.argv[2]), Path(sys.argv[3])))
        sys.exit()
    print("| logs | devices | flows a device and day | logs, bytes | sent, bytes | share | a device and day | kinds |")
    print("|---|---|---|---|---|---|---|---|")
    for word in sys.argv[1:]:
        print(measure(Path(word)))
