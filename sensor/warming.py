"""Compile kernels ahead of their first use, on every processor.

Kernels are compiled, or loaded as machine code, when they are first called. This finds the modules whose kernels are
not in the cache, and compiles them in as many processes as there are processors: one module each, the heaviest first.
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
HEAVIEST = ("sensor.flows.engine", "sensor.packets.reading", "sensor.packets.decode")
"""Started first, so that the last process is not left with the longest work: 17, 13 and 8 s; the rest take 1 to 6 s."""


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
        processes: How many at a time; as many as there are processors where None.

    Returns:
        How many modules had to be compiled. One that fails is named, and left to whoever needs it.
    """
    wanted = list(kernel_modules() if modules is None else modules)
    todo = sorted((name for name in wanted if not is_compiled(name)), key=_weight)
    count = len(todo)
    began = time.monotonic()
    running: dict[str, subprocess.Popen[bytes]] = {}
    limit = processes or len(os.sched_getaffinity(0))
    while todo or running:
        while todo and len(running) < limit:
            name = todo.pop(0)
            say(f"compiling kernels (first run only) {count - len(todo)}/{count}: {name}")
            running[name] = subprocess.Popen([sys.executable, "-m", MODULE, name])  # noqa: S603 - our own module names
        time.sleep(POLL_S)
        for name, process in list(running.items()):
            if process.poll() is not None:
                del running[name]
                if process.returncode:
                    say(f"compiling {name} failed: exit code {process.returncode}")
    if count:
        say(f"kernels of {count} modules ready in {time.monotonic() - began:.1f} s")
    return count


def _weight(name: str) -> int:
    return HEAVIEST.index(name) if name in HEAVIEST else len(HEAVIEST)


def compile_here(modules: Iterable[str]) -> None:
    """Compile the kernels of modules in this process."""
    for name in modules:
        importlib.import_module(name)
        compile_pinned(name)


if __name__ == "__main__":
    gc.disable()  # nothing of what a compiler holds is garbage before it ends: a tenth of the time
    compile_here(sys.argv[1:])
