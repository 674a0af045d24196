"""`spanline bundle`: signed, ordered files for links that go one way, or for a person who carries them."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sensor.cli import show
from sensor.cli.options import BAD_USAGE, FAIL_ON, NO_SUCH, WORK_FAILED, echo_json, fail, json_option, open_state

if TYPE_CHECKING:
    from sensor.config import Config
    from sensor.pipeline.bundling import Bundler, Exported
    from sensor.pipeline.unbundling import Imported

_HELP = {"help_option_names": ["-h", "--help"]}
_SHOWN = 20
"""Ranges that are missing; `--json` has all."""
_FAILED = frozenset({"refused", "incomplete", "full"})
_THERE = click.Path(exists=True, path_type=Path)
_NUMBER = click.IntRange(min=1)
_config = click.option(
    "--config", "config_path", type=click.Path(exists=True, dir_okay=False, path_type=Path), required=True,
    help="Configuration of the site, or of the hub.",
)  # fmt: skip
_state = click.option(
    "--state", "state_dir", type=click.Path(file_okay=False, path_type=Path), envvar="SPANLINE_STATE",
    help="Folder of the state. Default: the configuration's.", show_envvar=True,
)  # fmt: skip


@click.group(
    context_settings=_HELP,
    epilog="Example, at the site: spanline bundle keys SYD.key, then spanline bundle export --config site.toml; "
    "at the hub: spanline bundle import --config hub.toml /media/stick",
)
def bundle() -> None:
    """Carry what a site has to tell its hub over a diode or by hand: signed, ordered, each once."""


@bundle.command(
    context_settings=_HELP,
    short_help="Make a key, and print its public key.",
    epilog="Example, at a site: spanline bundle keys /etc/spanline/SYD.key; at the hub, to have bundles encrypted: "
    "spanline bundle keys --open /etc/spanline/hub.key",
)
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--open", "opens", is_flag=True, help="A key that opens encrypted bundles, at the hub.")
@click.option("--show", "only_show", is_flag=True, help="Print the public key of a FILE that is there; make nothing.")
@json_option
def keys(*, file: Path, opens: bool, only_show: bool, as_json: bool) -> None:
    """Make a key in a new FILE of mode 0600, and print its public key for the other side's configuration.

    A site's key signs its bundles: it stays at the site, and no other site has it. To change one, list the new public
    key beside the old one at the hub, then configure the new FILE at the site; when the last bundles of the old one
    have come, take the old one off the list.
    """
    from sensor.pipeline.bundle_settings import make_key, public_key

    try:
        public = public_key(file) if only_show else make_key(file, opens=opens)
    except FileExistsError as error:
        fail(f"{error}, or see its public key with --show", BAD_USAGE)
    except FileNotFoundError as error:
        fail(f"{error.filename}: {error.strerror}", NO_SUCH)
    kind = public.partition(":")[0]
    if as_json:
        echo_json({"path": str(file), "kind": kind, "public": public})
        return
    if not only_show:
        click.echo(f"made {file}: keep it here, and nowhere else", err=True)
    click.echo(public)
    where = (
        "[sites.NAME] at the hub: bundle_keys = [" if kind == "ed25519" else "[sinks.hub] at each site: encrypt_to = "
    )
    click.echo(f'for {where}"{public}"{"]" if kind == "ed25519" else ""}', err=True)


@bundle.command(
    context_settings=_HELP,
    short_help="Write what is new into bundles in a folder.",
    epilog="Examples: spanline bundle export --config site.toml; again, what the hub reports as missing: "
    "spanline bundle export --config site.toml --from 401 --to 420",
)
@_config
@_state
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), help="Folder. Default: the sink's.")
@click.option("--from", "first", type=_NUMBER, help="Export again from this sequence on.")
@click.option("--to", "last", type=_NUMBER, help="Up to this one; needs --from.")
@click.option("--repeat", type=click.IntRange(min=0), default=0, help="Export the last N bundles again as well.")
@click.option(
    "--key", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="File that signs. Default: the sink's."
)
@click.option("--encrypt-to", metavar="x25519:…", help="The hub's public key. Default: the sink's.")
@json_option
def export(
    *, config_path: Path, state_dir: Path | None, out: Path | None, first: int | None, last: int | None, repeat: int,
    key: Path | None, encrypt_to: str | None, as_json: bool,
) -> None:  # fmt: skip
    """Write what was not yet exported into bundles in a folder; a sensor may go on meanwhile.

    A bundle is there whole or not at all. What was exported is kept as long as the spool has room, and can be exported
    again by its sequences: nothing comes back over a diode, so the hub reports what is missing to its own people.
    """
    from sensor import config as configuration
    from sensor.pipeline.bundle_settings import export_of, open_bundler

    if last is not None and (first is None or last < first):
        fail("--to needs --from, and is not before it", BAD_USAGE)
    config = configuration.load(config_path)
    state = _state_of(config, state_dir)
    bundler = open_bundler(config, state, export_of(config, out=out, key=key, encrypt_to=encrypt_to))
    try:
        if first is not None:
            _refuse_unknown(bundler, first)
        made = [*(bundler.repeat(repeat) if first is None else ())]
        made += bundler.fresh() if first is None else bundler.again(first, last or bundler.reader.bounds()[1])
    finally:
        bundler.close()
    if as_json:
        echo_json({"site": config.site, "exported": made})
        return
    for one in made:
        click.echo(_exported(one))
    if not made:
        click.echo("nothing new to export", err=True)


@bundle.command(
    "import",
    context_settings=_HELP,
    short_help="Take bundles into the hub's inbox.",
    epilog="Examples: spanline bundle import --config hub.toml /media/stick; look without taking anything: "
    "spanline bundle import --config hub.toml --check spanline-SYD-000000000401-5c1.bundle",
)
@click.argument("paths", nargs=-1, required=True, type=_THERE, metavar="FILE|FOLDER...")
@_config
@_state
@click.option("--check", is_flag=True, help="Verify, and take nothing.")
@click.option("--fail-on", type=click.Choice(["gap"]), help="Exit 3 where something is missing.")
@json_option
def import_(
    *, paths: tuple[Path, ...], config_path: Path, state_dir: Path | None, check: bool, fail_on: str | None,
    as_json: bool,
) -> None:  # fmt: skip
    """Take bundles into the hub's inbox, each envelope once; the hub may run meanwhile, or later.

    A file is verified whole, by the keys of its site alone, before anything of it is stored; the files stay. Whoever
    was interrupted imports again. What is missing is reported, with the command that exports it again at its site.
    """
    from sensor import config as configuration
    from sensor.pipeline.bundle_settings import trust_of
    from sensor.pipeline.importing import import_files

    config = configuration.load(config_path)
    trust = trust_of(config)
    if not trust.site_keys:
        fail(f"{config_path} lists no key of any site: [sites.NAME] bundle_keys", BAD_USAGE)
    done = import_files(state_dir or Path(config.state), trust, paths, takes=not check)
    if not done.files:
        fail(f"no bundle in {', '.join(map(str, paths))}", NO_SUCH)
    if as_json:
        echo_json({"files": done.files, "missing": done.missing})
    else:
        _tell(done.files, check=check)
        _tell_missing([(one.site, one.first, one.last, one.fill) for one in done.missing])
    if any(one.outcome in _FAILED for one in done.files):
        raise click.exceptions.Exit(WORK_FAILED)
    if fail_on is not None and done.missing:
        raise click.exceptions.Exit(FAIL_ON)


def _state_of(config: "Config", state_dir: Path | None) -> Path:
    """Return the folder of a state that must be there."""
    folder = state_dir or Path(config.state)
    open_state(folder).close()
    return folder


def _refuse_unknown(bundler: "Bundler", first: int) -> None:
    _, newest = bundler.reader.bounds()
    if first > newest:
        fail(f"there is no envelope {first}: the last is {newest}", NO_SUCH)


def _exported(one: "Exported") -> str:
    told = f"{one.path}: {one.site} {one.first}–{one.last}, {one.envelopes} envelopes, {one.bytes:,} bytes"
    lost = f", {one.lost} had left the spool" if one.lost else ""
    return f"{told}{lost}{', encrypted' if one.is_encrypted else ''}"


def _tell(files: "Sequence[Imported]", *, check: bool) -> None:
    """Say what became of each file; what was not taken on stderr."""
    for one in files:
        if one.outcome in _FAILED:
            click.echo(f"spanline: {show.clean(one.path)}: {one.outcome.upper()}: {show.clean(one.why)}", err=True)
            continue
        told = f"{show.clean(one.path)}: {show.clean(one.site)} {one.first}–{one.last}"
        what = "verified" if check else f"{one.fresh} of {one.envelopes} envelopes new" if one.fresh else "nothing new"
        click.echo(f"{told}, {what}{f': {one.why}' if one.why else ''}")


def _tell_missing(ranges: Sequence[tuple[str, int, int, str]]) -> None:
    for site, first, last, fill in ranges[:_SHOWN]:
        click.echo(f"{show.clean(site)}: {first}–{last} missing. At {show.clean(site)}: {fill}", err=True)
    if len(ranges) > _SHOWN:
        click.echo(f"and {len(ranges) - _SHOWN} more ranges: --json has all", err=True)
