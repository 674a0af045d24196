"""Measure what a site sends its hub against its logs: `python -m tests.bench.report_bytes FOLDER_OF_ZEEK_LOGS...`.

Each folder is replayed as a site of its own. Logs count unpacked; what is sent counts with its envelopes, as it goes
over the line, without the transport's own framing.
"""

import gzip
import json
import sys
import tempfile
from collections import Counter
from pathlib import Path

from tests.evaluation.stories import spanline
from tests.fleet.stories import envelopes


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


if __name__ == "__main__":
    print("| logs | devices | flows a device and day | logs, bytes | sent, bytes | share | a device and day | kinds |")
    print("|---|---|---|---|---|---|---|---|")
    for word in sys.argv[1:]:
        print(measure(Path(word)))
