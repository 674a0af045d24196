"""`spanline run`: a sensor with a configuration, its metrics served on loopback, stopped by SIGINT or SIGTERM.

Captures are read to their end; logs are followed as they grow and rotate; APIs are polled. Not here yet: live capture,
listeners, sinks, the console.
"""

import logging
import signal
import threading
from pathlib import Path

import click

from sensor.cli.options import config_option
from sensor.cli.warm import warm_up

_LOG = logging.getLogger(__name__)


@click.command(
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Example: spanline run --config /etc/spanline/site.toml",
)
@config_option
@click.option("--once", is_flag=True, help="Read every configured file to its end and stop; no API is asked.")
def run(*, config_path: Path | None, once: bool) -> None:
    """Read the configured sources, learn, detect, and serve /metrics until stopped."""
    if config_path is None:
        raise click.UsageError("Missing option '--config'.")
    from sensor import config as configuration

    config = configuration.load(config_path)
    host, port = configuration.loopback("metrics", config.metrics.listen)
    warm_up()
    from sensor.pipeline.service import Sensor
    from sensor.store.state import State

    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    with State(Path(config.state), exclusive=True) as state:
        sensor = Sensor(config, state, Path(config.state) / "secret")
        with sensor.serve(host, port) as address:
            click.echo(f"metrics on http://{address}/metrics", err=True)
            sensor.read_all(stop.is_set, every=once)
            if once:
                click.echo("every configured file is read", err=True)
            else:
                click.echo("following", err=True)
                sensor.follow(stop)
                stop.wait()
    click.echo("stopped", err=True)
