"""`spanline selftest`: does every detector of this installation find what it is there for, and stay silent else?

Cases of attacks and of clean traffic, half of them captures of real programs, are replayed into states of their own in
the temporary folder. Nothing of this machine's state, configuration or network is touched.
"""

from typing import TYPE_CHECKING

import click

from sensor.cli.options import WORK_FAILED, echo_json, json_option
from sensor.cli.samples import samples_dir
from sensor.cli.warm import warm_up

if TYPE_CHECKING:
    from sensor.pipeline.selftesting import Outcome


@click.command(
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Example: spanline selftest && spanline selftest port-scan arp-spoofing --json",
)
@click.argument("names", nargs=-1, metavar="[CASE...]")
@json_option
def selftest(*, names: tuple[str, ...], as_json: bool) -> None:
    """Replay shipped cases and check that every detector tells of its own, and of nothing in clean traffic.

    With CASE only those. Ends with how many passed of how many; exit 1 if one did not.
    """
    warm_up()
    from sensor.pipeline.selftesting import load_cases, run_cases

    samples = samples_dir()
    cases = load_cases(samples)
    unknown = sorted(set(names) - {case.name for case in cases})
    if unknown:
        raise click.BadParameter(f"there is no case {', '.join(unknown)}; there are {', '.join(c.name for c in cases)}")
    chosen = [case for case in cases if not names or case.name in names]
    shows = {case.name: case.shows for case in chosen}
    wide = max(len(case.name) for case in chosen)

    def tell(outcome: "Outcome") -> None:
        click.echo(f"{'ok  ' if outcome.ok else 'FAIL'} {outcome.case:<{wide}}  {line(outcome, shows[outcome.case])}")

    outcomes = run_cases(chosen, samples, None if as_json else tell)
    passed = sum(outcome.ok for outcome in outcomes)
    if as_json:
        echo_json({"passed": passed, "cases": len(outcomes), "outcomes": outcomes})
    else:
        click.echo(f"{passed}/{len(outcomes)}")
    raise click.exceptions.Exit(0 if passed == len(outcomes) else WORK_FAILED)


def line(outcome: "Outcome", shows: str) -> str:
    """Say what a case shows and what was found, or what is wrong with that."""
    told = ", ".join(f"{name} ({level})" for name, level in outcome.found.items() if level != "listed")
    parts = [f"{shows}: {told or 'silent'}"]
    parts += [f"too little of {', '.join(outcome.missing)}"] if outcome.missing else []
    parts += [f"not expected {', '.join(outcome.unexpected)}"] if outcome.unexpected else []
    parts += [outcome.error] if outcome.error else []
    return "; ".join(parts)
