"""`spanline backup` and `spanline restore`: the whole state as one file, and back."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from sensor.cli.options import BAD_USAGE, WORK_FAILED, echo_json, fail, json_option, open_state, state_option

if TYPE_CHECKING:
    from sensor.store.backup import Kept

_FORCE = "Replace what is there."
_FILE = click.Path(dir_okay=False, path_type=Path)
_THERE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command(
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Example: spanline backup --state /var/lib/spanline /backup/spanline-$(date +%F).tar.zst",
)
@click.argument("file", type=_FILE)
@state_option
@json_option
@click.option("--force", is_flag=True, help=_FORCE)
def backup(*, file: Path, state_dir: Path, as_json: bool, force: bool) -> None:
    """Write the whole state to one FILE, as of one moment; a sensor may go on meanwhile.

    The file holds the state's keys and what was learned of people: keep it as you keep the state.
    """
    from sensor.store.backup import backup as make

    open_state(state_dir).close()
    try:
        kept = make(state_dir, file, force=force)
    except FileExistsError as error:
        fail(str(error), BAD_USAGE)
    for name in kept.missing:
        click.echo(f"spanline: {name} is on the archive's list and was not there", err=True)
    _tell(kept, file, "written to", as_json=as_json)


@click.command(
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Example: spanline restore --state /var/lib/spanline /backup/spanline-2026-11-24.tar.zst",
)
@click.argument("file", type=_THERE)
@state_option
@json_option
@click.option("--force", is_flag=True, help=_FORCE)
def restore(*, file: Path, state_dir: Path, as_json: bool, force: bool) -> None:
    """Put the state of a backup FILE into a folder, after all of it has been checked.

    Logs are then read on from where the state had read them, so what was written since is taken in again.
    """
    from sensor.store.restore import restore as put

    try:
        kept = put(file, state_dir, force=force)
    except FileExistsError as error:
        fail(str(error), BAD_USAGE)
    except ValueError as error:
        fail(str(error), WORK_FAILED)
    _tell(kept, file, "restored from", as_json=as_json)


def _tell(kept: "Kept", file: Path, done: str, *, as_json: bool) -> None:
    """Say what it holds."""
    from sensor.model.times import rfc3339

    clock = rfc3339(int(kept.clock_ns)) if int(kept.clock_ns) else None
    size = sum(size for size, _ in kept.files.values())
    if as_json:
        echo_json(
            {"path": str(file), "files": len(kept.files), "bytes": size, "commit": int(kept.serial), "clock": clock,
             "missing": kept.missing}
        )  # fmt: skip
    else:
        click.echo(
            f"{done} {file}: {len(kept.files)} files, {size:,} bytes, commit {kept.serial}, learned up to {clock}"
        )
