"""`spanline mute`: scoped, expiring, reasoned suppression, which shows first what it would have hidden."""

import getpass
from pathlib import Path

import click

from sensor.cli import show
from sensor.cli.options import BAD_USAGE, NO_SUCH, F, echo_json, fail, json_option, open_state, state_option

_HELP = {"help_option_names": ["-h", "--help"]}
DAYS = 30
"""As a benign verdict suppresses."""
SHOWN = 20


def author_option(function: F) -> F:
    """Add --by: whose decision it is."""
    return click.option("--by", "author", metavar="NAME", help="Whose decision it is; default: who is logged on.")(
        function
    )


def author_of(named: str | None) -> str:
    """Return who decides: as named, else the user of this process."""
    if named:
        return named
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container may run as a number that has no name
        return "unknown"


@click.group(
    invoke_without_command=True, context_settings=_HELP,
    epilog='Example: spanline mute --entity LAPTOP-231 --detector beacon --key destination:updates.example.com '
    '--days 90 --reason "our updater" --yes',
)  # fmt: skip
@click.option("--entity", default="", metavar="ID", help="Device, account or service, by id or name.")
@click.option("--detector", default="", metavar="NAME", help="Only evidence of this detector.")
@click.option(
    "--key",
    default="",
    metavar="KEY",
    help="Only what is tied to this: destination:…, source:…, address:…, or a value.",
)
@click.option("--site", default="", help="Only at this site.")
@click.option("--days", type=click.IntRange(1, 3660), default=DAYS, show_default=True, help="For so many days.")
@click.option("--until", metavar="RFC3339", help="Until this time, instead of --days. Event time.")
@click.option("--reason", help="Why, for whoever reads it later.")
@click.option("--yes", is_flag=True, help="Put it in force; without it only what it would hide is shown.")
@author_option
@state_option
@json_option
@click.pass_context
def mute(
    context: click.Context, *, entity: str, detector: str, key: str, site: str, days: int, until: str | None,
    reason: str | None, yes: bool, author: str | None, state_dir: Path, as_json: bool,
) -> None:  # fmt: skip
    """Suppress what is known to be harmless, for a while; shows what of the stored findings it hides.

    A suppression hides evidence, not incidents: one that has other evidence stays. What is hidden is counted and kept.
    """
    if context.invoked_subcommand is not None:
        return
    if not (entity or detector or key or site):
        fail("mute: name what to hide: --entity, --detector, --key or --site", BAD_USAGE)
    if not reason:
        fail("mute: --reason is missing: somebody will ask", BAD_USAGE)
    from sensor.model.times import DAY_NS, parse
    from sensor.pipeline import judging

    with open_state(state_dir, readonly=not yes) as state:
        try:
            expires_ns = parse(until) if until else judging.clock_ns(state) + days * DAY_NS
        except ValueError:
            fail(f"--until {until!r}: expected a time such as 2024-05-02T00:00:00Z", BAD_USAGE)
        made = judging.make(
            state, entity=entity, detector=detector, key=key, site=site, expires_ns=expires_ns, reason=reason,
            author=author_of(author),
        )  # fmt: skip
        hidden = judging.apply(state, made) if yes else judging.preview(state, made)
    if as_json:
        echo_json({"mute": made, "in_force": yes, "hides": hidden})
        return
    closes = sum(one.closes and one.state == "open" for one in hidden)
    verb = "hides" if yes else "would hide"
    count = sum(len(one.evidence) for one in hidden)
    click.echo(f"{made.id} {verb} {count} evidence of {len(hidden)} stored incidents, closing {closes}:")
    for one in hidden[:SHOWN]:
        all_of_it = "all of it" if one.closes else f"{len(one.evidence)} of its evidence"
        click.echo(f"  {one.tier.upper()} {one.incident} [{one.state}] {show.clean(one.title)}: {all_of_it}")
    if len(hidden) > SHOWN:
        click.echo(f"  and {len(hidden) - SHOWN} more: see --json")
    click.echo(f"in force until {made.expires}" if yes else "nothing is changed: add --yes to put it in force")


@mute.command("list", context_settings=_HELP, epilog="Example: spanline mute list")
@state_option
@json_option
def listed(*, state_dir: Path, as_json: bool) -> None:
    """List suppressions with their scope, author, and how much each has hidden."""
    from sensor.pipeline import judging

    with open_state(state_dir) as state:
        rows = [(one, *state.judgements.hidden(one.id)) for one in state.judgements.mutes()]
        now_ns = judging.clock_ns(state)
    if as_json:
        echo_json([{"mute": one, "hidden": count, "latest": latest} for one, count, latest in rows])
        return
    for one, count, _ in rows:
        scope = ", ".join(
            f"{name} {value}"
            for name, value in (
                ("entity", one.entity), ("detector", one.detector), ("key", one.key), ("site", one.site)
            )
            if value
        )  # fmt: skip
        click.echo(f"{one.id} {show.clean(scope)}; {judging.until_text(one, now_ns)}; hid {count}")
        show.paragraph(f"{one.author}: {one.reason}{f' ({one.incident})' if one.incident else ''}", 4)
    if not rows:
        click.echo("no suppressions")


@mute.command("remove", context_settings=_HELP, epilog="Example: spanline mute remove MUTE-0123456789ab")
@click.argument("key", metavar="ID")
@state_option
def removed(*, key: str, state_dir: Path) -> None:
    """Remove a suppression; what it hid stays written, what comes is judged again."""
    with open_state(state_dir, readonly=False) as state:
        if not state.judgements.remove(key):
            fail(f"no suppression {key} in {state_dir}", NO_SUCH)
    click.echo(f"{key} removed")
