"""Options that several commands share, and how an open state is asked for."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import click
import msgspec

if TYPE_CHECKING:
    from sensor.store.state import State

F = TypeVar("F", bound=Callable[..., Any])

STATE_DEFAULT = Path("spanline-state")
WORK_FAILED, BAD_USAGE, FAIL_ON, NO_SUCH = 1, 2, 3, 4
"""Exit codes."""


def state_option(function: F) -> F:
    """Add --state: $SPANLINE_STATE, else ./spanline-state."""
    return click.option(
        "--state", "state_dir", type=click.Path(file_okay=False, path_type=Path), envvar="SPANLINE_STATE",
        default=STATE_DEFAULT, show_default=True, help="Folder of the state.", show_envvar=True,
    )(function)  # fmt: skip


def json_option(function: F) -> F:
    """Add --json."""
    return click.option("--json", "as_json", is_flag=True, help="Print exactly one JSON document.")(function)


def config_option(function: F) -> F:
    """Add --config."""
    return click.option(
        "--config", "config_path", type=click.Path(exists=True, dir_okay=False, path_type=Path),
        help="Configuration: networks, budget, sites and tenants.",
    )(function)  # fmt: skip


def open_state(folder: Path, *, readonly: bool = True) -> "State":
    """Open a state that must exist; exits 4 where it does not."""
    from sensor.store.state import State

    try:
        if not readonly:
            State(folder, readonly=True).close()
        return State(folder, readonly=readonly)
    except FileNotFoundError as error:
        fail(str(error), NO_SUCH)


def fail(message: str, code: int) -> NoReturn:
    """Say why on stderr and exit."""
    click.echo(f"spanline: {message}", err=True)
    raise click.exceptions.Exit(code)


def echo_json(document: object) -> None:
    """Print one JSON document, indented for a person, sorted as its Structs are."""
    click.echo(msgspec.json.format(msgspec.json.encode(document), indent=2).decode())
