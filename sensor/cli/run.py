"""`spanline run`: a sensor with a configuration, its metrics served, stopped by SIGINT or SIGTERM.

Captures are read to their end; everything else is followed side by side. SIGHUP, or a change of the file, has the
configuration read again. Under systemd it says when it is ready, and gives signs of life.
"""

import os
import signal
import sqlite3
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sensor.cli import logs
from sensor.cli.options import WORK_FAILED, config_option, fail
from sensor.cli.warm import warm_up

if TYPE_CHECKING:
    from sensor.config import Config
    from sensor.pipeline.reloading import Reloading

_FULL_S = 2.0
"""Before a sensor whose disk filled up within a commit begins anew: no shorter than its own looks at a full disk."""


@click.command(
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Example: spanline run --config /etc/spanline/site.toml",
)
@config_option
@click.option("--once", is_flag=True, help="Read every configured file to its end and stop; no API is asked.")
@click.option(
    "--log-format", type=click.Choice(["json", "text"]), default="json", show_default=True, help="Form of the log."
)
@click.option(
    "--log-level",
    type=click.Choice(["info", "warning", "error"]),
    default="warning",
    show_default=True,
    help="What is logged.",
)
@click.option("--print-unit", is_flag=True, help="Print a systemd unit for this configuration, and stop.")
def run(*, config_path: Path | None, once: bool, log_format: str, log_level: str, print_unit: bool) -> None:
    """Read the configured sources, learn, detect, and serve /metrics until stopped."""
    if print_unit:
        from sensor.cli.unit import unit

        click.echo(unit(config_path or Path("/etc/spanline/site.toml")), nl=False)
        return
    if config_path is None:
        raise click.UsageError("Missing option '--config'.")
    from sensor import config as configuration

    configuration.one_thread()
    config = configuration.load(config_path)
    logs.configure(log_format, log_level)
    if not once:
        from sensor.pipeline.privileges import open_and_drop

        open_and_drop(config)
    warm_up()
    from sensor.pipeline.reloading import Reloading

    reloading = Reloading(config_path, config)
    signal.signal(signal.SIGHUP, lambda *_: reloading.ask())
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    _erase(Path(config.state))
    try:
        _work(config, reloading, stop, once=once)
    except (OSError, sqlite3.Error) as error:
        if once or stop.is_set() or not _is_full(error, config, stop):
            raise
    _end(config, begins_anew=not (once or stop.is_set()))


def _work(config: "Config", reloading: "Reloading", stop: threading.Event, *, once: bool) -> None:
    """Open the state, read and follow; raises what it cannot go on after."""
    from sensor.pipeline.service import Sensor
    from sensor.store.state import State

    with State(Path(config.state), exclusive=True) as state:
        sensor = Sensor(config, state, Path(config.state) / "secret")
        with sensor.beside() as said:
            for line in said:
                click.echo(line, err=True)
            sensor.read_all(stop.is_set, every=once)
            if once:
                click.echo("every configured file is read", err=True)
            else:
                sensor.follow(stop, reloading, lambda: click.echo("following", err=True))


def _is_full(error: Exception, config: "Config", stop: threading.Event) -> bool:
    """Tell whether a disk filled up within a commit; then say so, and wait until the sensor may begin anew."""
    from sensor.store import room

    if not room.is_full(error):
        return False
    click.echo(f"disk full within a commit, begins anew on the last one: {error}", err=True)
    room.Room(Path(config.state)).release()
    stop.wait(_FULL_S)
    return True


def _end(config: "Config", *, begins_anew: bool) -> None:
    """End; or carry out the erasure that waits, and become the sensor that goes on without whom it is about."""
    if not begins_anew:
        click.echo("stopped", err=True)
        return
    _erase(Path(config.state))
    if any(one.type == "span" for one in config.sources.values()):
        fail("start it again: it gave up the privileges that a live port needs", WORK_FAILED)
    os.execv(sys.executable, sys.orig_argv)  # noqa: S606 - this very command, as it was given


def _erase(folder: Path) -> None:
    """Carry out an erasure that waits, or was interrupted."""
    from sensor.pipeline import erasing

    proof = erasing.finish(folder) if erasing.is_asked(folder) else None
    if proof is not None:
        click.echo(f"erased {proof.id}: see `spanline audit verify`", err=True)
