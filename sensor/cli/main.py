"""The command `spanline`: a group whose commands are imported only when they are called.

Start-up stays below .3 s because nothing here, nor in click, imports numpy or numba. Exit codes: 0 done, 1 the work
failed, 2 bad usage or configuration, 3 `--fail-on` matched, 4 the named thing does not exist.
"""

import importlib
import logging
import os
import sqlite3
import sys

import click

import sensor
from sensor.cli.options import BAD_USAGE, WORK_FAILED
from sensor.errors import ConfigError

COMMANDS: dict[str, tuple[str, str, str]] = {
    "demo": ("sensor.cli.demo", "demo", "Run the main job on the captures shipped with spanline."),
    "replay": ("sensor.cli.replay", "replay", "Ingest files or folders in event-time order, learn, detect, summarise."),
    "flows": ("sensor.cli.flows", "flows", "Turn captures into flow records only."),
    "events": ("sensor.cli.events", "events", "Print what a parser made of each record of logs, one JSON a line."),
    "run": ("sensor.cli.run", "run", "Run as a sensor with a configuration."),
    "console": ("sensor.cli.console", "console", "Show a state in a browser."),
    "user": ("sensor.cli.user", "user", "Say who may sign in to a sensor's console."),
    "selftest": (
        "sensor.cli.selftest",
        "selftest",
        "Check on shipped cases that every detector fires where it should.",
    ),
    "check": ("sensor.cli.check", "check", "Validate a configuration and print the effective one."),
    "doctor": ("sensor.cli.doctor", "doctor", "Say what this machine lacks, and what a state proposes to configure."),
    "incidents": ("sensor.cli.incidents", "incidents", "List incidents."),
    "incident": ("sensor.cli.incidents", "incident", "Show one incident."),
    "close": ("sensor.cli.incidents", "close", "Close an incident with a verdict."),
    "explain": ("sensor.cli.incidents", "explain", "Show the numbers behind an incident, and recompute them."),
    "inspect": ("sensor.cli.inspect", "inspect", "Show the packets behind an incident, or carve them into a file."),
    "mute": ("sensor.cli.mute", "mute", "Suppress what is known to be harmless, for a while."),
    "devices": ("sensor.cli.devices", "devices", "List devices with their learning state."),
    "device": ("sensor.cli.devices", "device", "Show one device."),
    "accounts": ("sensor.cli.accounts", "accounts", "List accounts with the devices they are linked to."),
    "account": ("sensor.cli.accounts", "account", "Show one account: its links, its last sign-ins."),
    "signins": ("sensor.cli.signins", "signins", "List SaaS sign-ins with what the network says of each."),
    "sites": ("sensor.cli.sites", "sites", "List sites, the one to look at first in front."),
    "quarantine": (
        "sensor.cli.quarantine",
        "quarantine",
        "List messages on which a product acted, and what happened since.",
    ),
    "hunt": ("sensor.cli.hunt", "hunt", "Ask the archive and the state one question in SQL."),
    "actions": ("sensor.cli.actions", "actions", "List responses; approve, deny, undo or stop them."),
    "audit": ("sensor.cli.actions", "audit", "Check the log of responses."),
    "reveal": ("sensor.cli.reveal", "reveal", "Say whom a pseudonym stands for; the audit log has who asked and why."),
    "erase": ("sensor.cli.erase", "erase", "Erase a person or a device from the state, with a proof."),
    "report": ("sensor.cli.report", "report", "Write the readiness report, by control, for print."),
    "bundle": (
        "sensor.cli.bundle",
        "bundle",
        "Carry what a site tells its hub as signed files, over a diode or by hand.",
    ),
    "backup": ("sensor.cli.backup", "backup", "Write the whole state to one file, while a sensor goes on."),
    "restore": ("sensor.cli.backup", "restore", "Put a backup's state into a folder, checked."),
    "warm": ("sensor.cli.warm", "main", "Compile every kernel into the cache."),
}
"""Name → (module, attribute, short help)."""


class Lazy(click.Group):
    """A group that knows its commands' names and help without importing them."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Return the commands in the order of use."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Import a command."""
        if cmd_name not in COMMANDS:
            return None
        module, attribute, _ = COMMANDS[cmd_name]
        command = getattr(importlib.import_module(module), attribute)
        return command if isinstance(command, click.Command) else None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """List the commands from their short help alone."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, _, text) in COMMANDS.items()])


@click.group(
    cls=Lazy,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    epilog="Example: spanline replay capture.pcap && spanline incidents",
)
@click.version_option(sensor.__version__, "--version", prog_name="spanline")
@click.option("-v", "--verbose", is_flag=True, help="Log life-cycle events to stderr.")
def cli(*, verbose: bool) -> None:
    """Find what is unusual on a network, from captures and logs, and say why."""
    logging.basicConfig(
        stream=sys.stderr, level=logging.INFO if verbose else logging.ERROR, format="%(levelname)s %(name)s %(message)s"
    )


def main() -> None:
    """Run the command line and exit with one of the codes above.

    SIGPIPE stays ignored: it would end `run` as soon as somebody who reads its metrics hangs up.
    """
    try:
        code = cli.main(prog_name="spanline", standalone_mode=False)
        sys.stdout.flush()
    except click.exceptions.Exit as done:
        raise SystemExit(done.exit_code) from None
    except click.Abort:
        click.echo("interrupted", err=True)
        raise SystemExit(130) from None
    except click.ClickException as error:
        error.show()
        raise SystemExit(error.exit_code) from None
    except ConfigError as error:
        click.echo(f"spanline: {error}", err=True)
        raise SystemExit(BAD_USAGE) from None
    except sqlite3.Error as error:
        click.echo(f"spanline: the state cannot be read or written: {error}; is its disk full or read-only?", err=True)
        raise SystemExit(WORK_FAILED) from None
    except BrokenPipeError:  # the reader of our output has gone, as in `spanline devices | head -1`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(WORK_FAILED) from None
    except (OSError, ValueError) as error:
        click.echo(f"spanline: {error}", err=True)
        raise SystemExit(WORK_FAILED) from None
    raise SystemExit(code if isinstance(code, int) else 0)


if __name__ == "__main__":
    main()
