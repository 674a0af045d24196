"""`spanline erase`: take a person or a device out of the state, seen first, proved after."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sensor.cli import show
from sensor.cli.mute import author_of, author_option
from sensor.cli.options import BAD_USAGE, NO_SUCH, WORK_FAILED, echo_json, fail, json_option, open_state, state_option

if TYPE_CHECKING:
    from sensor.pipeline.erasing import Plan, Proof

OUT_OF_REACH = (
    "Out of reach: backups of this state, what sinks and the hub were told, logs that sources still hold. Keyed "
    "digests in detectors' tables name nobody, and expire."
)


@click.command(
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog='Example: spanline erase ann@example.com --reason "request 4711" --dry-run',
)
@click.argument("name", required=False)
@click.option("--reason", default="", metavar="TEXT", help="Why; it stands in the audit log.")
@click.option("--also", multiple=True, metavar="WORD", help="Another word that means them; may be given again.")
@click.option("--dry-run", is_flag=True, help="Only show what would go.")
@click.option("--force", is_flag=True, help="Also where an incident about them is open: evidence in use.")
@click.option("--yes", is_flag=True, help="Do not ask again.")
@click.option("--verify", "verifies", is_flag=True, help="Check an erasure: that nothing of the name is left.")
@click.option("--resume", is_flag=True, help="Carry out what was asked for and interrupted.")
@author_option
@state_option
@json_option
def erase(
    *, name: str | None, reason: str, also: tuple[str, ...], dry_run: bool, force: bool, yes: bool, verifies: bool,
    resume: bool, author: str | None, state_dir: Path, as_json: bool,
) -> None:  # fmt: skip
    """Erase an account or a device: from tables, archive, snapshot, kept packets and the audit log's lines.

    It is shown first by table and count. Where a sensor runs on the state it does the work itself, within seconds.
    What was done is in the audit log, with digests of every file before and after, and can be checked by --verify.
    """
    open_state(state_dir).close()
    if resume:
        _carry_out(state_dir, as_json=as_json)
        return
    if name is None:
        raise click.UsageError("Missing argument 'NAME'.")
    if verifies:
        _verify(state_dir, name, also, as_json=as_json)
        return
    plan = _planned(state_dir, name, also)
    if dry_run or not as_json:
        _show(plan, as_json=as_json)
    if dry_run:
        return
    if not reason.strip():
        fail("erase: --reason is missing: it stands in the audit log", BAD_USAGE)
    if plan.under_way:
        fail(f"responses against it are not over: {', '.join(plan.under_way)}; undo or deny them first", WORK_FAILED)
    if plan.open_incidents and not force:
        told = ", ".join(plan.open_incidents[:5])
        fail(f"evidence in use: {told} is open. Close it first, or add --force", WORK_FAILED)
    if sys.stdin.isatty() and not yes and not click.confirm("Erase this for good?"):
        fail("nothing was erased", WORK_FAILED)
    from sensor.pipeline import erasing

    erasing.ask(state_dir, plan.subject, reason.strip(), author_of(author))
    _carry_out(state_dir, as_json=as_json)


def _planned(state_dir: Path, name: str, also: tuple[str, ...]) -> "Plan":
    from sensor.pipeline import erasing

    plan = erasing.plan(state_dir, name, also)
    if plan is None:
        fail(f"nothing of {name} is in {state_dir}", NO_SUCH)
    return plan


def _show(plan: "Plan", *, as_json: bool) -> None:
    if as_json:
        echo_json(plan)
        return
    click.echo(f"{plan.subject.kind} {show.clean(plan.subject.names[0])}, looked for by:")
    for term in plan.subject.terms:
        click.echo(f"  {show.clean(term)}")
    click.echo(f"{'':24}{'removed':>10}{'without name':>14}")
    for one in plan.counts:
        click.echo(f"{one.place:<24}{one.removed:>10,}{one.rewritten:>14,}")
    if plan.linked:
        click.echo(f"Linked devices stay; each is erased by itself: {', '.join(plan.linked)}")
    show.paragraph(OUT_OF_REACH, 0)


def _carry_out(state_dir: Path, *, as_json: bool) -> None:
    from sensor.pipeline import erasing

    proof = erasing.finish(state_dir)
    if proof is None:
        fail("nothing waits to be erased", NO_SUCH)
    if as_json:
        echo_json(proof)
    else:
        _told(proof)
    if proof.searched.found:
        raise click.exceptions.Exit(WORK_FAILED)


def _told(proof: "Proof") -> None:
    removed, told = sum(one.removed for one in proof.counts), sum(one.rewritten for one in proof.counts)
    click.echo(f"{proof.id}: {removed:,} rows removed, {told:,} without the name now ({proof.stands} stands for it)")
    click.echo(
        f"{len(proof.files)} files of the archive written anew, {len(proof.lines)} lines of the audit log emptied"
    )
    searched = proof.searched
    click.echo(f"searched {searched.files:,} files, {searched.bytes:,} bytes: found in {len(searched.found)}")
    for place in searched.found:
        click.echo(f"  still in {show.clean(place)}")


def _verify(state_dir: Path, name: str, also: tuple[str, ...], *, as_json: bool) -> None:
    from sensor.pipeline import erasing

    found = erasing.verify(state_dir, name, also)
    if as_json:
        echo_json(found)
    else:
        for problem in found.problems:
            click.echo(show.clean(problem))
        done = ", ".join(found.erasures) or "no erasure of that name is in the audit log"
        searched = found.searched
        click.echo(f"{done}; searched {searched.files:,} files, {searched.bytes:,} bytes")
    if found.problems:
        raise click.exceptions.Exit(WORK_FAILED)
    if not found.erasures:
        raise click.exceptions.Exit(NO_SUCH)
