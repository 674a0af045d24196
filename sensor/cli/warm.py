"""Compile every kernel now, so that the first capture does not wait: `python -m sensor.cli.warm`.

Kernels with a pinned signature are compiled, or loaded from the cache, when their module is imported. So this imports
every module that holds one, and calls the module's `warm()` where it defines one (for kernels that are compiled at
their first call). Installation and the container image run it. It does not read or change any state.
"""

import importlib
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import click

import sensor

# A cached kernel loads in milliseconds, a compiled one takes a second at least (measured: 1.5–8 s).
COMPILED_ABOVE_S = 1.0


def kernel_modules() -> Iterator[str]:
    """Yield the name of every module that defines a kernel, `baselines` first, then by name."""
    root = Path(sensor.__file__).resolve().parent.parent
    for package in ("baselines", "sensor"):
        for path in sorted((root / package).rglob("*.py")):
            if "\n@kernel" in path.read_text(encoding="utf-8"):
                yield ".".join(path.relative_to(root).with_suffix("").parts)


def warm(say: Callable[[str], None]) -> int:
    """Import every module with kernels, saying one line before each and one after all.

    Args:
        say: Takes a line of progress.

    Returns:
        How many modules there were.
    """
    names = list(kernel_modules())
    began = time.monotonic()
    for number, name in enumerate(names, 1):
        start = time.monotonic()
        module = importlib.import_module(name)
        hook = getattr(module, "warm", None)
        if hook is not None:
            hook()
        took_s = time.monotonic() - start
        verb = "compiled" if took_s >= COMPILED_ABOVE_S else "ready"
        say(f"kernels {number}/{len(names)}: {name} {verb} in {took_s:.1f} s")
    say(f"kernels: {len(names)} modules ready in {time.monotonic() - began:.1f} s")
    return len(names)


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--quiet", "-q", is_flag=True, help="Print only the last line.")
def main(*, quiet: bool) -> None:
    """Compile every kernel into the cache.

    Example: python -m sensor.cli.warm
    """
    lines: list[str] = []
    warm(lines.append if quiet else lambda line: click.echo(line, err=True))
    if quiet:
        click.echo(lines[-1], err=True)


if __name__ == "__main__":
    main()
