"""Measure live capture against tcpdump and softflowd, one after the other on the same wire, for BENCHMARKS.md.

    SPANLINE_DATA=… python -m tests.bench.live [--wire small|mix] [--rates 100000 250000 0] [--seconds 4] [--rounds 1]
        [--senders 1]

A veth pair in a namespace of its own; `send_frames.c` puts the frames of a short *small* or *mix* of `make_captures`
onto it, a rate of 0 meaning as fast as it goes. For each program: packets that reached the interface,
what the program's own counters say it took and dropped, and its processor time as a share of one core while frames
came, sender and the kernel's own work not counted. Every program has 128 MiB of buffer. Needs root, gcc, tcpdump,
softflowd. The machine should be idle: a busy one makes every program drop.
"""

import argparse
import contextlib
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from sensor.sources import span
from sensor.warming import warm
from tests.bench.make_captures import SMALL_FRAMES, mix, small
from tests.bench.templates import load_folder
from tests.sources.wires import FAR, NEAR, wire

BUFFER_BYTES = 128 << 20
PACKETS = 300_000
"""On the wire before it begins again: at full speed more than half a second, so that nothing is taken for a copy."""
LOSSES = ("kernel_drop", "queue_full", "capture_failed")
_TICKS = os.sysconf("SC_CLK_TCK")
SITE = """
state = "{folder}/state"
[sources.port]
type = "span"
interface = "{near}"
buffer_bytes = {size}
[metrics]
listen = "127.0.0.1:9599"
[console]
listen = "127.0.0.1:0"
"""


@dataclass
class Counted:
    """What a program's own counters say, and who it is."""

    pids: list[int]
    done: Callable[[int], tuple[int, int]]
    """Ends it, once it has told of as many packets as came; those that it took, and that it dropped."""


@contextlib.contextmanager
def capture(_folder: Path) -> Iterator[Counted]:
    """Our capture process, polled as `run` does; flows and messages are thrown away."""
    settings = span.settings_of({"interface": NEAR, "buffer_bytes": BUFFER_BYTES})
    sockets = span.open_sockets(settings, 9)
    feed = span.SpanFeed("port", settings, sockets, "local", 0, None, Path("/nonexistent"))
    stop = threading.Event()

    def poll() -> None:
        while not stop.wait(0.25):
            feed.poll()

    thread = threading.Thread(target=poll)
    thread.start()

    def done(_offered: int) -> tuple[int, int]:
        stop.set()
        thread.join()
        feed.stop()
        for _ in range(50):
            feed.poll()
        drops = feed.account.rejected.get("kernel_drop", 0)
        return feed.account.records - drops - feed.account.rejected.get("queue_full", 0), drops

    try:
        yield Counted([one.pid for one in feed._captures], done)  # type: ignore[attr-defined]
    finally:
        stop.set()
        feed.close()
        for one in sockets:
            one.close()


@contextlib.contextmanager
def sensor(folder: Path) -> Iterator[Counted]:
    """The whole of `spanline run`: capture, entities, detectors, incidents, state."""
    shutil.rmtree(folder / "state", ignore_errors=True)
    (folder / "site.toml").write_text(SITE.format(folder=folder, near=NEAR, size=BUFFER_BYTES))
    command = [sys.executable, "-m", "sensor.cli.main", "run", "--config", str(folder / "site.toml")]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        while "following" not in (line := process.stderr.readline()):
            if not line:
                raise RuntimeError(f"the sensor did not start: {' '.join(command)}")
        children = subprocess.run(["pgrep", "-P", str(process.pid)], capture_output=True, text=True, check=True).stdout

        def scraped() -> tuple[int, int]:
            with urllib.request.urlopen("http://127.0.0.1:9599/metrics", timeout=30) as answer:
                text = answer.read().decode()
            packets = _metric(text, "packets_total{")
            drops = sum(_metric(text, f'dropped_total{{reason="{reason}"') for reason in LOSSES)
            return packets - drops, drops

        def done(offered: int) -> tuple[int, int]:
            for _ in range(30):  # counted as they are committed
                if sum(scraped()) >= offered:
                    break
                time.sleep(1)
            return scraped()

        try:
            yield Counted([process.pid, *map(int, children.split())], done)
        finally:
            process.terminate()
            process.stderr.read()


@contextlib.contextmanager
def tcpdump(_folder: Path) -> Iterator[Counted]:
    """Copy everything to nowhere."""
    command = ["tcpdump", "-i", NEAR, "-w", "/dev/null", "-s", "0", "-B", str(BUFFER_BYTES >> 10), "--nano", "-n"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        err = process.stderr
        while "listening" not in err.readline():
            pass

        def done(_offered: int) -> tuple[int, int]:
            time.sleep(1.5)
            process.terminate()
            text = err.read()
            return tuple(int(re.search(rf"(\d+) packets {word}", text)[1]) for word in ("captured", "dropped"))  # type: ignore[index,return-value]

        try:
            yield Counted([process.pid], done)
        finally:
            process.kill()


@contextlib.contextmanager
def softflowd(folder: Path) -> Iterator[Counted]:
    """Flows of IPv4 and IPv6, with room for all of them."""
    control = ["-c", str(folder / "ctl"), "-p", str(folder / "pid")]
    (folder / "ctl").unlink(missing_ok=True)
    command = ["softflowd", "-i", NEAR, "-d", "-6", "-m", "1000000", "-B", str(BUFFER_BYTES), *control]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL) as process:
        time.sleep(1)

        def done(_offered: int) -> tuple[int, int]:
            time.sleep(1.5)
            asked = ["softflowctl", "-c", str(folder / "ctl"), "statistics"]
            text = subprocess.run(asked, capture_output=True, text=True, check=False).stdout
            received = int((re.search(r"Packets received by libpcap: (\d+)", text) or [0, "0"])[1])
            drops = int((re.search(r"Packets dropped by libpcap: (\d+)", text) or [0, "0"])[1])
            return received - drops, drops

        try:
            yield Counted([process.pid], done)
        finally:
            process.kill()


TOOLS = {"spanline, capture": capture, "spanline run": sensor, "tcpdump -w /dev/null": tcpdump, "softflowd": softflowd}


@dataclass
class Result:
    """One program at one rate."""

    offered: int
    taken: int
    dropped: int
    seconds: float
    core: float
    """Share of one core."""
    memory_bytes: int
    """Its own, without the kernel's ring."""


def measure(tool: Callable[[Path], contextlib.AbstractContextManager[Counted]], sending: list[list[str]],
            folder: Path) -> Result:  # fmt: skip
    """Send while a program looks on."""
    with tool(folder) as one:
        time.sleep(3)  # it is there, and has its memory
        before, cpu = _received(), _cpu_s(one.pids)
        began = time.monotonic()
        senders = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for command in sending]
        for sender in senders:
            sender.communicate()
        seconds = time.monotonic() - began
        time.sleep(0.3)
        spent, offered = _cpu_s(one.pids) - cpu, _received() - before
        memory_bytes = sum(map(own_bytes, one.pids))
        taken, dropped = one.done(offered)
    return Result(offered, taken, dropped, seconds, spent / seconds, memory_bytes)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rates", type=int, nargs="+", default=[100_000, 250_000, 0])
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--senders", type=int, default=1)
    parser.add_argument("--nice", type=int, default=0, help="of the senders: on a busy machine, below 0")
    parser.add_argument("--wire", choices=["mix", "small"], default="small")
    parser.add_argument("--tools", nargs="+", default=list(TOOLS))
    chosen = parser.parse_args()
    warm(print)
    with tempfile.TemporaryDirectory() as name, wire(9000):
        folder = Path(name)
        if chosen.wire == "mix":
            mix(folder / "wire.pcap", load_folder(Path(os.environ["SPANLINE_DATA"]) / "network"), PACKETS)
        else:
            small(folder / "wire.pcap", PACKETS // SMALL_FRAMES)
        source = Path(__file__).with_name("send_frames.c")
        subprocess.run(["gcc", "-O2", "-o", str(folder / "send"), str(source)], check=True)
        print(f"{chosen.wire}; load {os.getloadavg()[0]:.1f}; {chosen.senders} sender(s), {chosen.seconds:g} s each")
        print("| program | offered, packets/s | dropped | of a core | core per 100,000 packets/s | memory |")
        print("|---|---|---|---|---|---|")
        for rate in chosen.rates:
            before = ["nice", "-n", str(chosen.nice)]
            command = [*before, str(folder / "send"), FAR, str(folder / "wire.pcap"), str(rate), str(chosen.seconds)]
            found: dict[str, list[Result]] = {tool: [] for tool in chosen.tools}
            for turn in range(chosen.rounds):
                order = chosen.tools[turn % len(chosen.tools) :] + chosen.tools[: turn % len(chosen.tools)]
                for tool in order:
                    found[tool].append(measure(TOOLS[tool], [command] * chosen.senders, folder))
            for tool in chosen.tools:
                print(_row(tool, found[tool]), flush=True)


def _row(tool: str, found: list[Result]) -> str:
    per_s = statistics.median(one.offered / one.seconds for one in found)
    drops = " ".join(f"{one.dropped:,} ({one.dropped / max(1, one.offered):.2%})" for one in found)
    core = statistics.median(one.core for one in found)
    lost = [one.offered - one.taken - one.dropped for one in found]
    size = max(one.memory_bytes for one in found) >> 20
    note = "" if all(abs(it) < 100 for it in lost) else f", not accounted for {lost}"
    return f"| {tool} | {per_s:,.0f} | {drops}{note} | {core:.0%} | {core / per_s * 1e5:.1%} | {size} MiB |"


def _received() -> int:
    """Packets that came to the near end."""
    for line in Path("/proc/thread-self/net/dev").read_text().splitlines():
        if line.strip().startswith(NEAR + ":"):
            return int(line.split(":")[1].split()[1])
    raise AssertionError(NEAR)


def _cpu_s(pids: list[int]) -> float:
    total = 0
    for pid in pids:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
        total += int(fields[11]) + int(fields[12])
    return total / _TICKS


def own_bytes(pid: int) -> int:
    """Memory that is a process's alone; the ring is the kernel's, and mapped."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int((re.search(r"RssAnon:\s+(\d+)", status) or [0, "0"])[1]) << 10


def _metric(text: str, begin: str) -> int:
    found = re.findall(rf"^spanline_{re.escape(begin)}.*\}} (\S+)$", text, re.MULTILINE)
    return int(sum(float(word) for word in found))


if __name__ == "__main__":
    main()
