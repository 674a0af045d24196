"""`spanline report`: what can be shown of monitoring, logging, retention and incident handling, for print."""

from pathlib import Path

import click

from sensor.cli.options import WORK_FAILED, echo_json, fail, json_option, open_state, state_option

MINUTES = 5.0
"""A question, unless somebody says otherwise: nobody measured it here, so the page calls it an assumption."""


@click.command(
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Example: spanline report --state /var/lib/spanline --days 90 -o readiness.html",
)
@click.option(
    "-o", "--output", type=click.Path(dir_okay=False, path_type=Path), default=Path("readiness.html"),
    show_default=True, help="The page, HTML, fit for print.",
)  # fmt: skip
@click.option(
    "--days", type=click.IntRange(1, 3660), default=30, show_default=True, help="Up to the state's last record."
)
@click.option(
    "--minutes-per-question", type=click.FloatRange(0.0, 480.0), default=MINUTES, show_default=True,
    help="What a person would take for one question that was asked of the records; shown as an assumption.",
)  # fmt: skip
@state_option
@json_option
def report(*, output: Path, days: int, minutes_per_question: float, state_dir: Path, as_json: bool) -> None:
    """Write the readiness report: assets, log sources, retention, incidents, actions, budget, by control.

    Controls are those of NIST CSF 2.0, IEC 62443-3-3, NCA ECC and OTCC. With --json the figures are printed instead.
    """
    from sensor.model.times import DAY_NS
    from sensor.pipeline.reporting import write_readiness
    from sensor.store.readiness import gather

    with open_state(state_dir) as state:
        until_ns = int(state.meta("clock_ns") or 0)
        made = gather(state, state_dir, max(0, until_ns - days * DAY_NS), until_ns, minutes_per_question)
    if as_json:
        echo_json(made)
        return
    try:
        write_readiness(output, made)
    except OSError as error:
        fail(f"{output}: cannot be written: {error.strerror}", WORK_FAILED)
    click.echo(
        f"{output}: {made.since[:10]} to {made.until[:10]}, {len(made.sites)} sites, {len(made.sources)} sources"
    )
