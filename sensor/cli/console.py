"""`spanline console`: a state looked at in a browser, without a sensor that learns into it."""

import signal
import threading
from pathlib import Path

import click

from sensor.cli.options import config_option, open_state, state_option


@click.command(
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Example: spanline demo --state /tmp/demo && spanline console --state /tmp/demo",
)
@click.option("--listen", metavar="ADDRESS:PORT", help="Where to serve; default: as configured, else 127.0.0.1:8477.")
@config_option
@state_option
def console(*, state_dir: Path, config_path: Path | None, listen: str | None) -> None:
    """Show a state in a browser until stopped; nothing can be changed there.

    Prints a link that signs in whoever opens it first. A running sensor serves a console of its own, in which people
    decide: see `spanline user`.
    """
    from sensor import config as configuration
    from sensor.pipeline.consoling import open_alone

    open_state(state_dir).close()
    config = configuration.load(config_path, edges=False) if config_path else configuration.default()
    if listen is not None:
        config = configuration.with_console(config, listen)
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    served, link = open_alone(config, state_dir)
    click.echo(f"console on {served.address}; open this once: {link}")
    stop.wait()
    served.close(2.0)
    click.echo("stopped", err=True)
