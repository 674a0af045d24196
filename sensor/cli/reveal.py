"""`spanline reveal`: whom a pseudonym stands for, told at the site only, with a reason, after the audit log has it."""

from pathlib import Path

import click

from sensor.cli import show
from sensor.cli.mute import author_of, author_option
from sensor.cli.options import BAD_USAGE, NO_SUCH, config_option, echo_json, fail, json_option, state_option


@click.command(
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog='Example: spanline reveal account-7f3a9c0d1e2b4c5d --reason "case 4711: call the user" --config site.toml',
)
@click.argument("pseudonym")
@click.option("--reason", default="", metavar="TEXT", help="Why; it stands in the audit log.")
@author_option
@config_option
@state_option
@json_option
def reveal(
    *, pseudonym: str, reason: str, author: str | None, config_path: Path | None, state_dir: Path, as_json: bool
) -> None:  # fmt: skip
    """Say whom a pseudonym stands for: account-…, host-…, address-… or mac-…, with its domain or without.

    The question, who asked it and why are in the audit log before the answer is shown. Give --config where several
    sites share a key.
    """
    if not reason.strip():
        fail("reveal: --reason is missing: it stands in the audit log", BAD_USAGE)
    from sensor import config
    from sensor.pipeline.privacy import reveal as names_of

    found = config.load(config_path) if config_path is not None else config.default()
    try:
        names = names_of(found, state_dir, pseudonym, reason=reason, by=author_of(author))
    except FileNotFoundError as error:
        fail(str(error), NO_SUCH)
    if as_json:
        echo_json({"pseudonym": pseudonym, "names": names})
        return
    if not names:
        fail(f"nobody that is known here stands behind {pseudonym}: another key, or the name is gone", NO_SUCH)
    for name in names:
        click.echo(show.clean(name))
