"""`spanline signins`: every SaaS sign-in with its corroboration verdict."""

from pathlib import Path

import click

from sensor.cli import show
from sensor.cli.options import BAD_USAGE, echo_json, fail, json_option, open_state, state_option


@click.command(
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Example: spanline signins --account ann@example.com --since 2024-05-02",
)
@click.option("--account", "key", metavar="ID", help="Only this account's, by any spelling or id of it.")
@click.option("--since", metavar="RFC3339", default="", help="Only those from this time on.")
@click.option("--limit", type=click.IntRange(1), help="At most so many, the latest.")
@state_option
@json_option
def signins(*, state_dir: Path, as_json: bool, key: str | None, since: str, limit: int | None) -> None:
    """List sign-ins, latest first. Rows of one sign-in from several logs are one."""
    from sensor.model.times import parse, rfc3339

    try:
        begin = rfc3339(parse(since)) if since else ""
    except ValueError:
        fail(f"--since {since!r}: expected a time such as 2024-05-02T00:00:00Z", BAD_USAGE)
    with open_state(state_dir) as state:
        known = state.account(key) if key is not None else None
        name = known.name if known is not None else key
        rows = state.signins(name, begin, limit or -1)
    if as_json:
        echo_json(rows)
    else:
        show.signins(rows)
