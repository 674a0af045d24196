"""Measure `spanline flows` against other flow programs, alternated, and print the table for BENCHMARKS.md.

    python -m tests.bench.make_captures FOLDER
    python -m tests.bench.peers FOLDER [--rounds 5] [--cases mix small synflood] [--tools spanline nfpcapd …]

Each round runs every program once on the same capture, in an order that turns from round to round; figures are medians
with their spread, and ratios are taken within a round. Needs nfpcapd (nfdump), softflowd and tcpdump; nfstream needs a
Python that has it (`--nfstream-python`, by default `FOLDER/nfstream/bin/python` where that exists). A program that is
missing is named and left out. Captures lie in the page cache: each is read once before it is measured.
"""

import argparse
import json
import os
import platform
import re
import shlex
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

# Goals about one core are judged with one thread, those about the whole process with the command as anyone types it.
AS_TYPED, ONE_THREAD, TWO_THREADS = "spanline", "spanline --threads 1", "spanline --threads 2"


@dataclass
class Run:
    """One run of one program."""

    wall_s: float
    peak_bytes: int
    inside_s: float = float("nan")
    """First read to last flow, where the program says so."""
    stats: dict[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class Tool:
    """A program to measure: its command line for a capture and a scratch folder, and how it names its version."""

    name: str
    command: Callable[[Path, Path], list[str]]
    version: list[str]


NFSTREAM = """
import sys
from nfstream import NFStreamer
print(sum(1 for _ in NFStreamer(source=sys.argv[1], n_dissections=0, statistical_analysis=False)))
"""


def tools(spanline: list[str], nfstream_python: Path) -> list[Tool]:
    """Return every program that can be measured, ours first.

    Args:
        spanline: The command line that starts our program.
        nfstream_python: An interpreter with nfstream installed.
    """
    ours = [*spanline, "flows", "--format", "none", "--stats"]
    return [
        Tool(AS_TYPED, lambda pcap, _: [*ours, str(pcap)], [*spanline, "--version"]),
        Tool(ONE_THREAD, lambda pcap, _: [*ours, "--threads", "1", str(pcap)], [*spanline, "--version"]),
        Tool(TWO_THREADS, lambda pcap, _: [*ours, "--threads", "2", str(pcap)], [*spanline, "--version"]),
        Tool("nfpcapd", lambda pcap, out: ["nfpcapd", "-r", str(pcap), "-w", str(out)], ["nfpcapd", "-V"]),
        # As Debian ships it: IPv4 only, at most 8,192 flows at a time, the oldest evicted.
        Tool("softflowd", lambda pcap, _: ["softflowd", "-d", "-r", str(pcap)], ["softflowd", "-h"]),
        # The same work as the others: IPv6 too, and room for all flows.
        Tool(
            "softflowd -6 -m 10000000",
            lambda pcap, _: ["softflowd", "-d", "-6", "-m", "10000000", "-r", str(pcap)],
            ["softflowd", "-h"],
        ),
        Tool(
            "nfstream, no DPI",
            lambda pcap, _: [str(nfstream_python), "-c", NFSTREAM, str(pcap)],
            [str(nfstream_python), "-c", "import importlib.metadata as m; print(m.version('nfstream'))"],
        ),
        Tool(
            "tcpdump -w /dev/null",
            lambda pcap, _: ["tcpdump", "-r", str(pcap), "-w", os.devnull],
            ["tcpdump", "--version"],
        ),
    ]


def run(tool: Tool, pcap: Path) -> Run:
    """Run a program over a capture once.

    Raises:
        RuntimeError: It failed; the message ends with what it wrote.
    """
    with tempfile.TemporaryDirectory() as scratch, tempfile.TemporaryFile("w+") as said:
        command = tool.command(pcap, Path(scratch))
        begin = time.perf_counter()
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=said)
        _, status, usage = os.wait4(process.pid, 0)
        wall_s = time.perf_counter() - begin
        said.seek(0)
        text = said.read()
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{tool.name} ended with {process.returncode} on {pcap.name}: {text[-800:]}")
    done = Run(wall_s, usage.ru_maxrss * 1024)
    if tool.name.startswith("spanline"):
        done.stats = json.loads(text.strip().splitlines()[-1])
        done.inside_s = float(str(done.stats["elapsed_s"]))
        check(done.stats)
    return done


def check(stats: dict[str, object]) -> None:
    """Refuse figures whose packets do not add up.

    Raises:
        RuntimeError: packets is not accepted plus everything dropped.
    """
    dropped = stats["dropped"]
    total = int(str(stats["accepted"])) + sum(dropped.values() if isinstance(dropped, dict) else [])
    if total != stats["packets"]:
        raise RuntimeError(f"packets do not add up: {stats}")


def measure(chosen: list[Tool], pcap: Path, rounds: int) -> dict[str, list[Run]]:
    """Alternate the programs over one capture; each list holds one run a round."""
    with pcap.open("rb") as capture:
        while capture.read(1 << 24):
            pass
    runs: dict[str, list[Run]] = {tool.name: [] for tool in chosen}
    for turn in range(rounds):
        at = turn % len(chosen)
        for tool in chosen[at:] + chosen[:at]:
            runs[tool.name].append(run(tool, pcap))
            print(f"{pcap.stem} round {turn + 1}: {tool.name} {runs[tool.name][-1].wall_s:.2f} s", file=sys.stderr)
    return runs


def packets_in(pcap: Path) -> int:
    """Count the records of a pcap file by walking its headers."""
    count = 0
    with pcap.open("rb", buffering=1 << 20) as capture:
        size = pcap.stat().st_size
        at = 24
        while at + 16 <= size:
            capture.seek(at + 8)
            at += 16 + int.from_bytes(capture.read(4), "little")
            count += 1
    return count


def table(case: str, pcap: Path, packets: int, runs: dict[str, list[Run]]) -> str:
    """Return the Markdown table of one capture."""
    rows = [
        f"### {case}: {packets:,} packets, {pcap.stat().st_size:,} bytes, {len(next(iter(runs.values())))} rounds",
        "",
        "| program | median s | spread s | packets/s | against ours, whole | against ours, in process | peak memory |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, done in runs.items():
        walls = [one.wall_s for one in done]
        whole, inside = ratio(runs, done, inside=False), ratio(runs, done, inside=True)
        rows.append(
            f"| {name} | {statistics.median(walls):.2f} | {min(walls):.2f}–{max(walls):.2f} "
            f"| {packets / statistics.median(walls):,.0f} | {whole} | {inside} "
            f"| {max(one.peak_bytes for one in done) / 1e6:,.0f} MB |"
        )
        if name.startswith("spanline"):
            insides = [one.inside_s for one in done]
            rows.append(
                f"| {name}, in process | {statistics.median(insides):.3f} | {min(insides):.3f}–{max(insides):.3f} "
                f"| {packets / statistics.median(insides):,.0f} | | | |"
            )
    return "\n".join(rows)


def ratio(runs: dict[str, list[Run]], theirs: list[Run], *, inside: bool) -> str:
    """Return how many times longer theirs took, median and range over the rounds."""
    values = ratios(runs, theirs, inside=inside)
    if not values:
        return ""
    return f"{statistics.median(values):.2f} ({min(values):.2f}–{max(values):.2f})"


def ratios(runs: dict[str, list[Run]], theirs: list[Run], *, inside: bool) -> list[float]:
    """Return theirs / ours, round by round; nothing where ours was not run."""
    ours = runs.get(ONE_THREAD if inside else AS_TYPED, [])
    return [t.wall_s / (o.inside_s if inside else o.wall_s) for o, t in zip(ours, theirs, strict=False)]


# PERFORMANCE.md: number, capture, program, in process or whole, factor.
GOALS = [
    ("1", "mix", "nfpcapd", True, 5.0),
    ("1", "mix", "softflowd", True, 4.0),
    ("1", "mix", "softflowd -6 -m 10000000", True, 4.0),
    ("2", "small", "nfpcapd", True, 15.0),
    ("2", "synflood", "softflowd", True, 10.0),
    ("2", "synflood", "softflowd -6 -m 10000000", True, 10.0),
    ("3", "mix", "nfpcapd", False, 1.5),
    ("4", "small", "nfpcapd", False, 6.0),
    ("4", "synflood", "nfpcapd", False, 8.0),
    ("5", "mix", "nfstream, no DPI", False, 30.0),
    ("5", "mix", "nfstream, no DPI", True, 100.0),
]


def verdicts(measured: dict[str, dict[str, list[Run]]]) -> str:
    """Return the Markdown table of PERFORMANCE.md's goals that these runs can judge."""
    rows = ["| goal | capture | against | asked | measured | met |", "|---|---|---|---|---|---|"]
    for number, case, name, inside, asked in GOALS:
        runs = measured.get(case, {})
        values = ratios(runs, runs.get(name, []), inside=inside)
        if values:
            got = statistics.median(values)
            how = "in process" if inside else "whole process"
            rows.append(
                f"| {number} | {case} | {name}, {how} | {asked:g} × | {got:.2f} × | {'yes' if got >= asked else 'NO'} |"
            )
    for case, asked in (("mix", 1.25), ("small", 1.4)):
        runs = measured.get(case, {})
        if runs.get(ONE_THREAD) and runs.get(TWO_THREADS):
            pairs = zip(runs[ONE_THREAD], runs[TWO_THREADS], strict=True)
            got = statistics.median(one.inside_s / two.inside_s for one, two in pairs)
            met = "yes" if got >= asked else "NO"
            rows.append(f"| 7 | {case} | one thread, in process | {asked:g} × | {got:.2f} × | {met} |")
    if measured.get("synflood", {}).get(AS_TYPED):
        peak = max(one.peak_bytes for one in measured["synflood"][AS_TYPED]) / 1e6
        rows.append(f"| 9 | synflood | peak memory | ≤ 500 MB | {peak:,.0f} MB | {'yes' if peak <= 500 else 'NO'} |")
    return "\n".join(rows)


def machine() -> str:
    """Name processor, cores, memory and kernel."""
    cpu = next(
        (line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line),
        platform.machine(),
    )
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    system = f"Linux {platform.release()}, Python {platform.python_version()}"
    return f"{cpu}, {os.cpu_count()} cores, {memory:.0f} GiB, {system}"


def available(tool: Tool) -> str | None:
    """Return a program's version, or None where it is not installed (which is said)."""
    if shutil.which(tool.version[0]) is None:
        print(f"{tool.name} is not installed: left out", file=sys.stderr)
        return None
    done = subprocess.run(tool.version, check=False, capture_output=True, text=True)
    found = re.search(r"\d+(\.\d+)+", done.stdout + done.stderr)
    return found[0] if found else "version unknown"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="where make_captures wrote")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--cases", nargs="*", default=["mix", "small", "synflood"])
    parser.add_argument("--tools", nargs="*", help="names to measure; default all")
    default = str(Path(sys.executable).parent / "spanline")
    parser.add_argument("--spanline", type=shlex.split, default=[default], help="our command line, as one word")
    parser.add_argument("--nfstream-python", type=Path)
    asked = parser.parse_args()
    known = tools(asked.spanline, asked.nfstream_python or asked.folder / "nfstream" / "bin" / "python")
    versions = {tool.name: available(tool) for tool in known if not asked.tools or tool.name in asked.tools}
    chosen = [tool for tool in known if versions.get(tool.name)]
    print(f"Machine: {machine()}\n")
    print(
        "\n".join(f"- {tool.name}: {versions[tool.name]}" for tool in chosen),
        end="\n\n",
    )
    measured = {}
    for case in asked.cases:
        pcap = asked.folder / f"{case}.pcap"
        able = [tool for tool in chosen if case == "mix" or not tool.name.startswith("nfstream")]
        measured[case] = measure(able, pcap, asked.rounds)
        print(table(case, pcap, packets_in(pcap), measured[case]), end="\n\n", flush=True)
    print(verdicts(measured))


if __name__ == "__main__":
    main()
