"""`spanline incidents`, `incident`, `close` and `explain`: reading the state, and closing with a verdict."""

import math
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from sensor.cli import show
from sensor.cli.mute import author_of, author_option
from sensor.cli.options import NO_SUCH, WORK_FAILED, echo_json, fail, json_option, open_state, state_option
from sensor.model.incident import VERDICTS, Incident

if TYPE_CHECKING:
    from sensor.pipeline.verifying import Verification

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
@click.option(
    "--format", "form", type=click.Choice(["text", "json", "markdown", "ocsf"]), default="text", show_default=True
)
def incident(*, key: str, state_dir: Path, as_json: bool, form: str) -> None:
    """Show one incident with its evidence and the flows behind it."""
    one = _find(state_dir, key)
    if as_json or form == "json":
        echo_json(one)
    elif form == "markdown":
        click.echo(show.incident_markdown(one))
    elif form == "ocsf":
        from sensor.pipeline.delivering import as_ocsf

        echo_json(as_ocsf(one))
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

    --verify counts each evidence again from the archived records, computes its p, decibans, the incident's score, p and
    tier again, and checks the seals of everything it rests on: any edited number or record is found. What has expired,
    or cannot be counted again, is said to be not verifiable.
    """
    one = _find(state_dir, key)
    if not check:
        _print_explained(one, as_json=as_json)
        return
    from sensor.pipeline.verifying import verify_incident

    with open_state(state_dir) as state:
        found = verify_incident(state, state_dir, one)
    if as_json:
        echo_json(
            {
                "incident": one.id, "evidence": one.evidence, "checks": found.checks,
                "differences": found.differences, "not_verifiable": found.not_verifiable,
            }
        )  # fmt: skip
    else:
        _print_numbers(one)
        _print_checks(found)
    if found.differences:
        raise click.exceptions.Exit(WORK_FAILED)


def _print_explained(one: Incident, *, as_json: bool) -> None:
    if as_json:
        echo_json({"incident": one.id, "evidence": one.evidence, "checks": [], "differences": 0})
    else:
        _print_numbers(one)


def _print_checks(found: "Verification") -> None:
    """Print what differs and what cannot be verified, each with why, and how much agrees."""
    for check in sorted(found.checks, key=lambda one: one.verdict != "differs"):
        if check.verdict == "differs":
            click.secho(f"  DIFFERS {check.evidence} {show.clean(check.what)}: ", fg="red", nl=False)
            click.echo(f"stored {_value(check.stored)}, recomputed {_value(check.again)}")
        elif check.verdict == "not verifiable":
            click.echo(f"  not verifiable {check.evidence} {show.clean(check.what)}: {show.clean(check.why)}")
    total = len(found.checks)
    agree = total - found.differences - found.not_verifiable
    click.echo(f"{agree} of {total} agree, {found.differences} differ, {found.not_verifiable} are not verifiable")


def _value(value: float | str | None) -> str:
    if isinstance(value, float | int):
        return "missing" if math.isnan(value) else f"{value:.12g}"
    return show.clean(str(value)) or "missing"


def _find(state_dir: Path, key: str) -> Incident:
    with open_state(state_dir) as state:
        try:
            one = state.incident(key)
        except msgspec.MsgspecError as error:
            fail(f"what is stored of {key} is damaged: {error}", WORK_FAILED)
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
