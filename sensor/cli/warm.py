"""`spanline warm`: compile every kernel now, so that the first capture does not wait.

Installation and the container image run it. numpy is imported inside the functions, so that other commands start fast.
"""

from collections.abc import Iterable

import click


def warm_up(modules: Iterable[str] | None = None) -> int:
    """Compile the kernels that are not in the cache yet, saying so on standard error; how many modules that were.

    Args:
        modules: Whose kernels; every module's where None.
    """
    from sensor.warming import warm

    return warm(lambda line: click.echo(line, err=True), modules)


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Compile every kernel into the cache.

    Example: spanline warm
    """
    if not warm_up():
        click.echo("kernels ready", err=True)


if __name__ == "__main__":
    main()
