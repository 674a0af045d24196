"""Compile kernels ahead of their first use, on every processor.

Kernels are compiled, or loaded as machine code, when they are first called. This finds the modules whose kernels are
not in the cache, and compiles them in as many processes as there are processors and memory for: the heaviest first and
one each, then the small ones, several a process. Two programs may do so at once: the cache takes whole files only.
Installation and the container image run it; a command that needs kernels runs it for those it needs. It does not read
or change any state.
"""

import gc
import importlib
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import sensor
from baselines._jit import compile_pinned, is_compiled, pinned

POLL_S = 0.05
MODULE = "sensor.warming"
HEAVIEST = (
    *("sensor.packets.reading", "sensor.flows.engine", "sensor.packets.decode"),
    *("sensor.flows.log_json", "sensor.flows.log_tsv"),
)
"""Started first, so that the last process is not left with the longest work: 15, 12, 7, 5 and 5 s of a processor."""
TOGETHER = 4
"""Other modules a process: .2 to 1 s each, and another .8 s for the compiler to be imported, once a process."""
PROCESS_BYTES = 400 << 20
"""Memory a process is reckoned with: the heaviest took 317 MB."""


def kernel_modules() -> Iterator[str]:
    """Yield the name of every module that holds a kernel or entry with a pinned signature."""
    root = Path(sensor.__file__).resolve().parent.parent
    for package in ("baselines", "sensor"):
        for path in sorted((root / package).rglob("*.py")):
            if pinned(path):
                yield ".".join(path.relative_to(root).with_suffix("").parts)


def warm(say: Callable[[str], None], modules: Iterable[str] | None = None, processes: int | None = None) -> int:
    """Compile the kernels that are not in the cache.

    Args:
        say: Takes a line of progress.
        modules: Which modules' kernels; all where None.
        processes: How many at a time; as many as there are processors and memory for where None.

    Returns:
        How many modules had to be compiled. What fails is named, and left to whoever needs it.
    """
    wanted = list(kernel_modules() if modules is None else modules)
    todo = _shares(sorted(name for name in wanted if not is_compiled(name)))
    count, begun = sum(map(len, todo)), 0
    began = time.monotonic()
    running: list[tuple[list[str], subprocess.Popen[bytes]]] = []
    limit = processes or _processes()
    while todo or running:
        while todo and len(running) < limit:
            names = todo.pop(0)
            say(f"compiling kernels (first run only) {begun + len(names)}/{count}: {', '.join(names)}")
            begun += len(names)
            running.append((names, subprocess.Popen([sys.executable, "-m", MODULE, *names])))  # noqa: S603 - our own names
        time.sleep(POLL_S)
        for names, process in [one for one in running if one[1].poll() is not None]:
            running.remove((names, process))
            if process.returncode:
                say(f"compiling {', '.join(names)} failed: exit code {process.returncode}")
    if count:
        say(f"kernels of {count} modules ready in {time.monotonic() - began:.1f} s")
    return count


def _shares(names: list[str]) -> list[list[str]]:
    """Divide modules among processes, in the order in which these are started."""
    heavy = [[name] for name in HEAVIEST if name in names]
    light = [name for name in names if name not in HEAVIEST]
    return heavy + [light[i : i + TOGETHER] for i in range(0, len(light), TOGETHER)]


def _processes() -> int:
    """Return how many processes there are processors and memory for; at least one."""
    found = [
        int(line.split()[1]) << 10 for line in _text("/proc/meminfo").splitlines() if line.startswith("MemAvailable:")
    ]
    limit, used = _text("/sys/fs/cgroup/memory.max").strip(), _text("/sys/fs/cgroup/memory.current").strip()
    if limit.isdecimal() and used.isdecimal():  # a container's: "max" where there is none
        found.append(int(limit) - int(used))
    processors = len(os.sched_getaffinity(0))
    return max(1, min([processors, *(free // PROCESS_BYTES for free in found)]))


def _text(path: str) -> str:
    """Return what the kernel says in a file, nothing where it has none."""
    try:
        return Path(path).read_text(encoding="ascii")
    except OSError:
        return ""


def compile_here(modules: Iterable[str]) -> None:
    """Compile the kernels of modules in this process."""
    for name in modules:
        importlib.import_module(name)
        compile_pinned(name)


if __name__ == "__main__":
    gc.disable()  # nothing of what a compiler holds is garbage before it ends: a tenth of the time
    compile_here(sys.argv[1:])
