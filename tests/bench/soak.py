"""Let `spanline run` look at a wire for long, and watch its memory, its descriptors and its drops.

    python -m tests.bench.soak [--minutes 30] [--rate 220000] [--folder FOLDER]      72 h: --minutes 4320

The wire is that of `tests.bench.live`, with the frames of *small* over and over at half of what one sender reaches. A
line every ten seconds is printed and goes to FOLDER/soak.csv; at the end stand the slope of the memory after the first
fifth (least squares), the span of descriptors, what the kernel dropped, and which bars are missed: then it exits 1.
Needs root, gcc.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from tests.bench.live import PACKETS, own_bytes, sensor
from tests.bench.make_captures import SMALL_FRAMES, small
from tests.sources.wires import FAR, wire

EVERY_S = 10.0
SLOPE_MAX = 0.01
"""Of the memory's, an hour."""
PASSING_FDS = 4
"""Descriptors that come and go: a scrape, a file of the archive."""


def main() -> None:
    """Run, and print what was seen."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--rate", type=int, default=220_000)
    parser.add_argument("--folder", type=Path)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, wire(9000):
        folder = chosen.folder or Path(name)
        small(folder / "wire.pcap", PACKETS // SMALL_FRAMES)
        source = Path(__file__).with_name("send_frames.c")
        subprocess.run(["gcc", "-O2", "-o", str(folder / "send"), str(source)], check=True)
        command = [str(folder / "send"), FAR, str(folder / "wire.pcap"), str(chosen.rate), str(chosen.minutes * 60)]
        with sensor(folder) as one, subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as sender:
            rows = watch(one.pids, sender, folder / "soak.csv")
            assert sender.stdout is not None
            sent = int(sender.stdout.read().split()[0])
            taken, dropped = one.done(sent)
        sys.exit(report(np.array(rows), sent, taken, dropped))


def watch(pids: list[int], sender: "subprocess.Popen[str]", path: Path) -> list[tuple[float, float, float]]:
    """Look every EVERY_S until the sender ends: (hours, bytes, descriptors)."""
    rows, began = [], time.monotonic()
    with path.open("w") as out:
        out.write("hours,bytes,descriptors\n")
        while sender.poll() is None:
            time.sleep(EVERY_S)
            descriptors = sum(len(list(Path(f"/proc/{pid}/fd").iterdir())) for pid in pids)
            rows.append(((time.monotonic() - began) / 3600, float(sum(map(own_bytes, pids))), float(descriptors)))
            line = "{:.5f},{:.0f},{:.0f}".format(*rows[-1])
            out.write(f"{line}\n")
            out.flush()
            print(line, flush=True)
    return rows


def report(rows: np.ndarray, sent: int, taken: int, dropped: int) -> bool:  # type: ignore[type-arg]
    """Print the slope, the descriptors and the drops; tell whether a bar is missed."""
    later = rows[len(rows) // 5 :]
    slope = float(np.polyfit(later[:, 0], later[:, 1], 1)[0]) / float(later[:, 1].mean())
    print(f"{rows[-1, 0]:.2f} h, {sent:,} packets sent, {taken:,} taken, {dropped:,} dropped by the kernel")
    print(f"memory {later[0, 1] / 2**20:.0f} to {later[-1, 1] / 2**20:.0f} MiB, slope {slope:+.2%} an hour")
    least, most = int(later[:, 2].min()), int(later[:, 2].max())
    print(f"descriptors {least} to {most}")
    missed = [
        *(["memory grows by 1 % an hour or more"] if slope >= SLOPE_MAX else []),
        *(["descriptors"] if most - least > PASSING_FDS else []),
        *(["packets"] if dropped or taken != sent else []),
    ]
    print(f"FAILED: {', '.join(missed)}" if missed else "passed")
    return bool(missed)


if __name__ == "__main__":
    main()
