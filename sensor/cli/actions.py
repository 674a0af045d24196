"""`spanline actions` and `spanline audit`: responses seen, decided on, stopped; and the log of them checked."""

import getpass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sensor.cli.options import NO_SUCH, WORK_FAILED, config_option, echo_json, fail, json_option, state_option

if TYPE_CHECKING:
    from sensor.store.actions import Actions

_HELP = {"help_option_names": ["-h", "--help"]}


def _override(ctx: click.Context, _parameter: click.Parameter, value: Path | None) -> None:
    """Let --state stand after the subcommand's name as well."""
    if value is not None:
        ctx.obj = value


_STATE = click.option(
    "--state", type=click.Path(file_okay=False, path_type=Path), expose_value=False, callback=_override,
    help="Folder of the state.",
)  # fmt: skip
_REASON = click.option("--reason", default="", help="Why; it stands in the audit log.")


@click.group(
    context_settings=_HELP, invoke_without_command=True,
    epilog='Example: spanline actions approve ACT-1a2b3c4d5e6f --reason "called the user" --config site.toml',
)  # fmt: skip
@state_option
@json_option
@click.pass_context
def actions(ctx: click.Context, *, state_dir: Path, as_json: bool) -> None:
    """List proposed and executed responses; approve, deny, undo them, or stop them all."""
    ctx.obj = state_dir
    if ctx.invoked_subcommand is not None:
        return
    with _open(state_dir) as held:
        rows = [one.action for one in held.all()]
    if as_json:
        echo_json(rows)
        return
    for one in rows:
        who = one.connector or "nobody: no connector"
        click.echo(f"{one.id}  {one.state:<9} {one.verb} {one.target['kind']} {one.target['id']}  by {who}, {one.mode}")
        click.echo(f"    {one.reason}; touches {one.blast_radius}; expires {one.expires}")
        if one.history:
            last = one.history[-1]
            click.echo(f"    {last.ts} {last.state} by {last.by}: {last.detail}")
    if not rows:
        click.echo("no action was proposed", err=True)


@actions.command(context_settings=_HELP)
@_STATE
@click.argument("key", metavar="ID")
@_REASON
@config_option
@click.pass_obj
def approve(state_dir: Path, *, key: str, reason: str, config_path: Path | None) -> None:
    """Let a proposed action happen: by the running sensor, or now where --config is given and none runs."""
    _decide(state_dir, key, "approved", reason)
    if config_path is not None:
        _execute(state_dir, config_path)
    with _open(state_dir) as held:
        found = held.get(key)
    last = found.action.history[-1] if found is not None else None
    click.echo(f"{key} is {found.action.state if found else 'gone'}{f': {last.detail}' if last else ''}")


@actions.command(context_settings=_HELP)
@_STATE
@click.argument("key", metavar="ID")
@_REASON
@click.pass_obj
def deny(state_dir: Path, *, key: str, reason: str) -> None:
    """Refuse a proposed action."""
    _decide(state_dir, key, "denied", reason)
    click.echo(f"{key} is denied")


@actions.command(context_settings=_HELP)
@_STATE
@click.argument("key", metavar="ID")
@click.option(
    "--config", "config_path", required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Configuration with the connector; stop the running sensor first.",
)  # fmt: skip
@click.pass_obj
def undo(state_dir: Path, *, key: str, config_path: Path) -> None:
    """Take an executed action back."""
    with _open(state_dir) as held:
        if held.get(key) is None:
            fail(f"no action {key}", NO_SUCH)
    wrong = _execute(state_dir, config_path, undo=key)
    if wrong is not None:
        fail(wrong, WORK_FAILED)
    click.echo(f"{key} is undone")


@actions.command(context_settings=_HELP)
@_STATE
@click.pass_obj
def stop(state_dir: Path) -> None:
    """Stop every response at once: nothing is begun nor taken back until `resume`."""
    from sensor.store.actions import KILL_SWITCH

    if not state_dir.is_dir():
        fail(f"no state in {state_dir}", NO_SUCH)
    (state_dir / KILL_SWITCH).touch()
    click.echo("responses are stopped")


@actions.command(context_settings=_HELP)
@_STATE
@click.pass_obj
def resume(state_dir: Path) -> None:
    """Let responses go on."""
    from sensor.store.actions import KILL_SWITCH

    (state_dir / KILL_SWITCH).unlink(missing_ok=True)
    click.echo("responses go on")


@click.group(context_settings=_HELP, epilog="Example: spanline audit verify --public /safe/place/audit.pub")
def audit() -> None:
    """The log of responses: hash-chained and signed."""


@audit.command(context_settings=_HELP)
@state_option
@click.option(
    "--public", type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A copy of audit.pub from elsewhere; default: the one in the state.",
)  # fmt: skip
def verify(*, state_dir: Path, public: Path | None) -> None:
    """Check that no line was changed, removed, moved or cut off; exits 1 where one was."""
    from sensor.store import audit as log

    with _open(state_dir) as held:
        problems, lines = log.verify(state_dir, held.audited(), public)
    for problem in problems:
        click.echo(problem)
    if problems:
        raise click.exceptions.Exit(WORK_FAILED)
    click.echo(f"{lines} lines, every one as it was written")


def _open(state_dir: Path) -> "Actions":
    from sensor.store.actions import Actions

    try:
        return Actions(state_dir)
    except FileNotFoundError as error:
        fail(str(error), NO_SUCH)


def _decide(state_dir: Path, key: str, state: str, reason: str) -> None:
    from sensor.pipeline.responding import decide

    with _open(state_dir) as held:
        if held.get(key) is None:
            fail(f"no action {key}", NO_SUCH)
    wrong = decide(state_dir, key, state, f"user:{getpass.getuser()}", reason)
    if wrong is not None:
        fail(wrong, WORK_FAILED)


def _execute(state_dir: Path, config_path: Path, undo: str | None = None) -> str | None:
    """Do what is due in this process. Return why an action cannot be taken back."""
    from sensor import config as configuration
    from sensor.pipeline.responding import execute

    return execute(configuration.load(config_path), state_dir, undo=undo, by=f"user:{getpass.getuser()}")
