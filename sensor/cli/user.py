"""`spanline user`: who may sign in to the console, and what each may do."""

import sys
from pathlib import Path
from typing import IO

import click

from sensor.cli import show
from sensor.cli.options import BAD_USAGE, NO_SUCH, echo_json, fail, json_option, open_state, state_option
from sensor.model.person import ROLES, highest, read_grant

_HELP = {"help_option_names": ["-h", "--help"]}


@click.group(context_settings=_HELP, epilog="Example: spanline user add ann --role admin --state /var/lib/spanline")
def user() -> None:
    """Local users of the console."""


@user.command(context_settings=_HELP, epilog="Example: spanline user add kim --role analyst@SYD --role viewer")
@click.argument("name")
@click.option(
    "--role", "roles", multiple=True, required=True, metavar="ROLE[@SITE]",
    help=f"One of {', '.join(ROLES)}, at one site or at all; may be given again.",
)  # fmt: skip
@click.option("--password-file", type=click.File("r"), help="Read the password from here; - is stdin. Default: ask.")
@state_option
def add(*, name: str, roles: tuple[str, ...], password_file: IO[str] | None, state_dir: Path) -> None:
    """Add a user, or give one other roles and another password.

    viewer sees; analyst also closes incidents, suppresses and hunts; responder also approves, denies and takes back
    responses; admin also stops all responses, sees who is signed in, and reveals pseudonyms.
    """
    from sensor.store.users import Users

    open_state(state_dir).close()
    try:
        grants = highest([read_grant(role) for role in roles])
        if password_file is not None:
            password = password_file.read().rstrip("\r\n")
        elif sys.stdin.isatty():
            password = click.prompt("Password", hide_input=True, confirmation_prompt=True)
        else:
            fail("no terminal to ask for the password: use --password-file", BAD_USAGE)
        fresh = Users(state_dir).put(name, grants, password)
    except ValueError as error:
        fail(str(error), BAD_USAGE)
    click.echo(f"{name.strip().lower()} {'added' if fresh else 'changed'}: {_told(grants)}")


@user.command("list", context_settings=_HELP, epilog="Example: spanline user list --json")
@state_option
@json_option
def listed(*, state_dir: Path, as_json: bool) -> None:
    """List users with their roles."""
    from sensor.store.users import Users

    open_state(state_dir).close()
    rows = Users(state_dir).all()
    if as_json:
        echo_json([{"name": one.name, "grants": one.grants} for one in rows])
        return
    for one in rows:
        click.echo(f"{show.clean(one.name)}: {_told(one.grants)}")
    if not rows:
        click.echo("no users", err=True)


@user.command(context_settings=_HELP, epilog="Example: spanline user remove kim")
@click.argument("name")
@state_option
def remove(*, name: str, state_dir: Path) -> None:
    """Remove a user; where they are signed in, that ends within half a minute."""
    from sensor.store.users import Users

    open_state(state_dir).close()
    if not Users(state_dir).remove(name):
        fail(f"no user {name} in {state_dir}", NO_SUCH)
    click.echo(f"{name} removed")


def _told(grants: dict[str, str]) -> str:
    return ", ".join(f"{role} everywhere" if site == "*" else f"{role} at {site}" for site, role in grants.items())
