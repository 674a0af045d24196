"""Compile every kernel now, so that the first capture does not wait: `spanline warm`.

Kernels with a pinned signature are compiled, or loaded from the cache, when their module is imported. So this imports
every module that holds one, and calls the module's `warm()` where it defines one (for kernels that are compiled at
their first call). Installation and the container image run it. It does not read or change any state.
"""

import importlib
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import click

import sensor

# A module whose kernels are cached is there in under a second, even on a busy machine; compiling takes up to a minute.
COMPILED_ABOVE_S = 2.0
_COMPILED = re.compile(r"^@(kernel|entry)\b", re.MULTILINE)
"""How a function that is compiled begins: `baselines._jit` has the two decorators."""


def kernel_modules() -> Iterator[str]:
    """Yield the name of every module that defines a kernel, `baselines` first, then by name."""
    root = Path(sensor.__file__).resolve().parent.parent
    for package in ("baselines", "sensor"):
        for path in sorted((root / package).rglob("*.py")):
            if _COMPILED.search(path.read_text(encoding="utf-8")):
                yield ".".join(path.relative_to(root).with_suffix("").parts)


def warm(say: Callable[[str], None], *, patience_s: float = COMPILED_ABOVE_S) -> int:
    """Import every module with kernels; say which are being compiled while they are, and one line at the end.

    Args:
        say: Takes a line of progress. Called from another thread while a module is compiled.
        patience_s: A module is worth a line when it takes longer than this.

    Returns:
        How many modules there were.
    """
    names = list(kernel_modules())
    began = time.monotonic()
    importlib.import_module("numba")  # a second of its own, which is no module's compilation
    for number, name in enumerate(names, 1):
        with _noticed(f"kernels {number}/{len(names)}: compiling {name}", say, patience_s):
            module = importlib.import_module(name)
            hook = getattr(module, "warm", None)
            if hook is not None:
                hook()
    say(f"kernels: {len(names)} modules ready in {time.monotonic() - began:.1f} s")
    return len(names)


@contextmanager
def _noticed(line: str, say: Callable[[str], None], patience_s: float) -> Iterator[None]:
    """Say a line if the block is still running after `patience_s`."""
    timer = threading.Timer(patience_s, say, [line])
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Compile every kernel into the cache.

    Example: spanline warm
    """
    warm(lambda line: click.echo(line, err=True))


if __name__ == "__main__":
    main()
