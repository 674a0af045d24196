"""Let `spanline run` look at a wire for long, and watch its memory, its descriptors and its drops.

    python -m tests.bench.soak [--minutes 30] [--rate 220000] [--folder FOLDER]      72 h: --minutes 4320

The wire is that of `tests.bench.live`, with the frames of *small* over and over at half of what one sender reaches. A
line every ten seconds is printed and goes to FOLDER/soak.csv; at the end stand the slope of the memory's floor after
the first fifth (least squares, with its standard error; below five minutes there is none), the span of descriptors,
what was dropped, and which bars are missed: then it exits 1. Needs root, gcc.
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
FLOOR_OF = 6
"""Samples of which the least counts: a minute's."""
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


def slope_of(rows: np.ndarray) -> tuple[float, float]:  # type: ignore[type-arg]
    """Return the slope of the memory's floor, as a share an hour, and the standard error of that.

    The least of each minute: a step takes and gives back up to 100 MiB, and which samples meet one is chance.
    """
    whole = rows[: max(len(rows) // FLOOR_OF, 1) * FLOOR_OF]
    parts = np.array_split(whole, max(len(whole) // FLOOR_OF, 1))
    hours, floor = (
        np.array(one) for one in ([part[:, 0].mean() for part in parts], [part[:, 1].min() for part in parts])
    )
    if len(parts) < 3:
        return float("nan"), float("nan")
    slope, at = np.polyfit(hours, floor, 1)
    spread = ((floor - slope * hours - at) ** 2).sum() / (len(parts) - 2)
    error = np.sqrt(spread / ((hours - hours.mean()) ** 2).sum())
    return float(slope / floor.mean()), float(error / floor.mean())


def report(rows: np.ndarray, sent: int, taken: int, dropped: int) -> bool:  # type: ignore[type-arg]
    """Print the slope, the descriptors and the drops; tell whether a bar is missed."""
    later = rows[len(rows) // 5 :]
    slope, error = slope_of(later)
    print(f"{rows[-1, 0]:.2f} h, {sent:,} packets sent, {taken:,} taken, {dropped:,} dropped")
    print(
        f"memory {later[0, 1] / 2**20:.0f} to {later[-1, 1] / 2**20:.0f} MiB, floor {slope:+.2%} ± {error:.2%} an hour"
    )
    least, most = int(later[:, 2].min()), int(later[:, 2].max())
    print(f"descriptors {least} to {most}")
    missed = [
        *(["memory: less than 1 % an hour not shown"] if not slope < SLOPE_MAX else []),
        *(["descriptors"] if most - least > PASSING_FDS else []),
        *(["packets"] if dropped or taken != sent else []),
    ]
    print(f"FAILED: {', '.join(missed)}" if missed else "passed")
    return bool(missed)


if __name__ == "__main__":
    main()
