"""`spanline incidents`, `incident`, `close` and `explain`: reading the state, and closing with a verdict."""

import math
from pathlib import Path

import click

from sensor.cli import show
from sensor.cli.mute import author_of, author_option
from sensor.cli.options import NO_SUCH, WORK_FAILED, echo_json, fail, json_option, open_state, state_option
from sensor.model.incident import VERDICTS, Incident

_HELP = {"help_option_names": ["-h", "--help"]}


@click.command(context_settings=_HELP, epilog="Example: spanline incidents --json | jq '.[].title'")
@state_option
@json_option
@click.option("--digest", is_flag=True, help="Add what was not worth an alert.")
def incidents(*, state_dir: Path, as_json: bool, digest: bool) -> None:
    """List page and triage incidents in any state, most urgent first."""
    with open_state(state_dir) as state:
        rows = state.incidents(digest=digest)
    if as_json:
        echo_json(rows)
        return
    for one in rows:
        show.incident_brief(one)
    if not rows:
        click.echo("no incidents")


@click.command(context_settings=_HELP, epilog="Example: spanline incident INC-0123456789ab --format markdown")
@click.argument("key", metavar="ID")
@state_option
@json_option
@click.option("--format", "form", type=click.Choice(["text", "json", "markdown"]), default="text", show_default=True)
def incident(*, key: str, state_dir: Path, as_json: bool, form: str) -> None:
    """Show one incident with its evidence and the flows behind it."""
    one = _find(state_dir, key)
    if as_json or form == "json":
        echo_json(one)
    elif form == "markdown":
        click.echo(show.incident_markdown(one))
    else:
        show.incident_full(one)


@click.command(
    context_settings=_HELP, epilog='Example: spanline close INC-0123456789ab --verdict benign --reason "our scanner"'
)
@click.argument("key", metavar="ID")
@state_option
@json_option
@click.option("--verdict", type=click.Choice(VERDICTS), required=True)
@click.option("--reason", required=True, help="Why, for whoever reads it later.")
@author_option
def close(*, key: str, state_dir: Path, as_json: bool, verdict: str, reason: str, author: str | None) -> None:
    """Close an incident with a verdict. A benign one suppresses the same for 30 days: see `spanline mute list`."""
    from sensor.pipeline import judging

    with open_state(state_dir, readonly=False) as state:
        found = judging.close(state, key, verdict, reason, author_of(author))
    if found is None:
        fail(f"no incident {key} in {state_dir}", NO_SUCH)
    one, mutes = found
    if as_json:
        echo_json(one)
    else:
        click.echo(f"{one.id} closed: {verdict}")
        for made in mutes:
            what = " ".join(filter(None, (made.entity, made.detector, made.key)))
            click.echo(f"  {made.id} suppresses {show.clean(what)} until {made.expires}")


@click.command(context_settings=_HELP, epilog="Example: spanline explain INC-0123456789ab --verify")
@click.argument("key", metavar="ID")
@state_option
@json_option
@click.option("--verify", "check", is_flag=True, help="Recompute the numbers; exit 1 on a difference.")
def explain(*, key: str, state_dir: Path, as_json: bool, check: bool) -> None:
    """Show the numbers behind an incident.

    --verify recomputes observed, p and decibans of each evidence from the numbers it was made of. The flows themselves
    are not archived in this release, so that those numbers follow from the flows is not verified.
    """
    from sensor.pipeline.replaying import verify_incident

    one = _find(state_dir, key)
    with open_state(state_dir) as state:
        checks = verify_incident(one, state.evidence_numbers(key)) if check else []
    wrong = [item for item in checks if not item.agrees]
    if as_json:
        echo_json({"incident": one.id, "evidence": one.evidence, "checks": checks, "differences": len(wrong)})
    else:
        _print_numbers(one)
        for item in checks:
            again = "not verifiable" if item.again is None else f"{item.again:.6g}"
            stored = "missing" if math.isnan(item.stored) else f"{item.stored:.6g}"
            mark = "DIFFERS" if not item.agrees else "ok" if item.again is not None else "-"
            click.echo(f"  {mark:8} {item.evidence} {item.what}: stored {stored}, recomputed {again}")
        if check:
            click.echo(f"{len(checks) - len(wrong)} of {len(checks)} numbers agree")
            click.echo("not verifiable in this release: that the basis follows from the flows, which are not archived")
    if wrong:
        raise click.exceptions.Exit(WORK_FAILED)


def _find(state_dir: Path, key: str) -> Incident:
    with open_state(state_dir) as state:
        one = state.incident(key)
    if one is None:
        fail(f"no incident {key} in {state_dir}", NO_SUCH)
    return one


def _print_numbers(one: Incident) -> None:
    click.secho(f"{one.id} {show.clean(one.title)}: {one.score_db:+.1f} dB, p = {one.p:.3g}", bold=True)
    for evidence in one.evidence:
        show.paragraph(evidence.text)
        spread = f", usual {evidence.range[0]:g} to {evidence.range[1]:g}" if evidence.range else ""
        expected = f", expected {evidence.expected:g}" if evidence.expected is not None else ""
        against = f"{evidence.reference} (n = {evidence.reference_n})"
        click.echo(f"    observed {evidence.observed:g}{expected}{spread}; against {against}")
        click.echo(
            f"    p = {evidence.p:.3g}, {evidence.db:+.2f} dB; {evidence.model} from "
            + ", ".join(f"{name} = {value:g}" for name, value in evidence.basis.items())
        )
