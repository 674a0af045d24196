"""`spanline replay`: files and folders in event-time order into a state, and what came of it."""

from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sensor.cli import show
from sensor.cli.options import (
    BAD_USAGE,
    FAIL_ON,
    WORK_FAILED,
    config_option,
    echo_json,
    fail,
    json_option,
    state_option,
)
from sensor.cli.warm import warm_up

if TYPE_CHECKING:
    from sensor.config import Config
    from sensor.model.result import ReplayResult
    from sensor.pipeline.inputs import Options

WORKERS_MAX = 32
"""Every one of them keeps all of who is who; there are not as many detectors."""
ERRORS_SHOWN = 5
"""A folder may be full of files that are no input."""


@click.command(
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Example: spanline replay --learn-until 2024-05-02T00:00:00Z SYD=/captures/sydney PER=/logs/perth/conn.log",
)
@click.argument("inputs", nargs=-1, required=True, metavar="[SITE=]INPUT...")
@state_option
@config_option
@json_option
@click.option("--site", help="Site of inputs without SITE=; default: the configuration's, else `local`.")
@click.option("--format", "input_format", metavar="NAME", help="Read every input as this source; default: by content.")
@click.option("--learn-until", metavar="RFC3339", help="Open no incident on records before this time: only learn.")
@click.option("--fresh", is_flag=True, help="Start with an empty state.")
@click.option(
    "--speed", default="max", show_default=True, metavar="max|1x|60x",
    help="As fast as it goes, or this many times as fast as the records came.",
)  # fmt: skip
@click.option(
    "--flows-out", type=click.Path(dir_okay=False, path_type=Path), help="Write every flow to this Parquet file."
)
@click.option(
    "--metrics-out", type=click.Path(dir_okay=False, path_type=Path), help="Write the final metrics (OpenMetrics)."
)
@click.option(
    "--metrics-history", type=click.Path(dir_okay=False, path_type=Path),
    help="Write the metrics at their original times, for `promtool tsdb create-blocks-from openmetrics`.",
)  # fmt: skip
@click.option(
    "--reports-out", type=click.Path(dir_okay=False, path_type=Path),
    help="Write what these inputs make a site tell its hub; such a file is an input of the hub's replay.",
)  # fmt: skip
@click.option("--report", type=click.Path(dir_okay=False, path_type=Path), help="Write one self-contained HTML page.")
@click.option(
    "--indicators",
    "indicator_files",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="List of indicators (CSV, STIX, one a line) to look for in all records kept; may be repeated.",
)
@click.option("--secret-file", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Key of the hashes.")
@click.option(
    "--threads", type=click.IntRange(1, 64), default=1, show_default=True, help="Threads for reading captures."
)
@click.option(
    "--workers", type=click.IntRange(1, WORKERS_MAX), default=1, show_default=True,
    help="Processes that judge, this one of them. What is found does not depend on it.",
)  # fmt: skip
@click.option("--ignore-checksums", is_flag=True, help="Accept packets with bad checksums (a NIC's offload).")
@click.option(
    "--without", multiple=True, metavar="NAME",
    help="Leave a detector or part of the method out, to measure what it is worth: beacon, accumulation, drift, peers, "
    "pools, min-p, …; may be repeated.",
)  # fmt: skip
@click.option("--fail-on", type=click.Choice(["incident", "page"]), help="Exit 3 if there is one.")
def replay(
    *, inputs: tuple[str, ...], state_dir: Path, config_path: Path | None, as_json: bool, site: str | None,
    input_format: str | None, learn_until: str | None, fresh: bool, flows_out: Path | None, metrics_out: Path | None,
    metrics_history: Path | None, report: Path | None, indicator_files: tuple[Path, ...], secret_file: Path | None,
    threads: int, ignore_checksums: bool, fail_on: str | None, speed: str, reports_out: Path | None, workers: int,
    without: tuple[str, ...],
) -> None:  # fmt: skip
    """Ingest captures and Zeek logs in event-time order, learn, detect, and print what is unusual.

    An INPUT is a file or a folder; SITE=PATH says which site it is of. The same input again changes nothing.
    """
    from sensor import config as configuration

    warm_up()
    from sensor.pipeline.inputs import Options

    config = configuration.load(config_path, edges=False) if config_path else configuration.default()
    config = configuration.leaving_out(config, without)
    answer = perform(
        inputs, state_dir, config, site=site or config.site, fresh=fresh, learn_until=learn_until, flows_out=flows_out,
        metrics_out=metrics_out, secret_file=secret_file, report=report, indicator_files=indicator_files,
        metrics_history=metrics_history, speed=speed, reports_out=reports_out, workers=workers,
        options=Options(format=input_format, threads=threads, ignore_checksums=ignore_checksums),
    )  # fmt: skip
    if as_json:
        echo_json(answer)
    else:
        show.result(answer)
        show.next_commands(answer, str(state_dir))
    raise click.exceptions.Exit(exit_code(answer, fail_on))


def perform(
    inputs: tuple[str, ...], state_dir: Path, config: "Config", *, site: str, fresh: bool, learn_until: str | None,
    flows_out: Path | None, metrics_out: Path | None, secret_file: Path | None, options: "Options",
    told: Callable[[int], None] | None = None, report: Path | None = None, indicator_files: tuple[Path, ...] = (),
    metrics_history: Path | None = None, speed: str = "max", reports_out: Path | None = None, workers: int = 1,
) -> "ReplayResult":  # fmt: skip
    """Run a replay and return its result; exits 2 on bad usage. `told` hears the event time after each tick."""
    from sensor.pipeline.core import Core, secret_of
    from sensor.pipeline.history import Watched
    from sensor.pipeline.inputs import find_inputs, open_sources
    from sensor.pipeline.looking_back import read_lists
    from sensor.pipeline.pacing import Paced
    from sensor.pipeline.replaying import Run
    from sensor.pipeline.reports_file import reporting
    from sensor.store.state import State

    until, times = _bounds(learn_until, speed)
    lists = read_lists(indicator_files)
    found = find_inputs(inputs, site)
    if not found:
        fail(f"no file in {', '.join(inputs)}", WORK_FAILED)
    opened = State(state_dir, fresh=fresh, exclusive=True)
    with opened as state, closing(Core(config, state, secret_of(secret_file), until, workers)) as core:
        run = Run(core, open_sources(found, state.ledger, options, config.networks()), flows_out=flows_out)
        watched = Watched(core, is_history=metrics_history is not None) if metrics_out or metrics_history else None
        with reporting(core, site, reports_out):
            run.go(
                told=told, heard=watched.heard if watched else None,
                coming=_coming(Paced(times).wait if times else None, watched.coming if watched else None),
            )  # fmt: skip
        if lists:
            run.look_back(lists)
        answer = run.result()
        if watched is not None:
            watched.write(answer.inputs, metrics_out, metrics_history)
        if report is not None:
            from sensor.pipeline.reporting import write_report

            write_report(report, answer, state)
        _tell_errors([one.error for one in answer.inputs if one.error])
        return answer


def _bounds(learn_until: str | None, speed: str) -> tuple[int, float | None]:
    """Return until when nothing alerts, ns, and how many times as fast as it was; exits 2 on bad usage."""
    from sensor.model.times import parse
    from sensor.pipeline.pacing import speed_of

    try:
        until = parse(learn_until) if learn_until else 0
    except ValueError:
        fail(f"--learn-until {learn_until!r}: expected a time such as 2024-05-02T00:00:00Z", BAD_USAGE)
    try:
        return until, speed_of(speed)
    except ValueError as error:
        fail(f"--speed {error}", BAD_USAGE)


def _coming(*heard: Callable[[int], None] | None) -> Callable[[int], None]:
    """Have each hear of a step before it is made."""

    def coming(end_ns: int) -> None:
        for one in heard:
            if one is not None:
                one(end_ns)

    return coming


def _tell_errors(errors: list[str]) -> None:
    for text in errors[:ERRORS_SHOWN]:
        click.echo(f"spanline: {text}", err=True)
    if len(errors) > ERRORS_SHOWN:
        click.echo(
            f"spanline: and {len(errors) - ERRORS_SHOWN} more inputs that could not be read: see --json", err=True
        )


def exit_code(answer: "ReplayResult", fail_on: str | None) -> int:
    """Return 1 if nothing could be read, 3 if --fail-on matched, else 0."""
    if answer.inputs and not any(one.accepted or one.duplicates for one in answer.inputs) and _trouble(answer):
        return WORK_FAILED
    matched = [one for one in answer.incidents if fail_on == "incident" or (fail_on == "page" and one.tier == "page")]
    return FAIL_ON if fail_on and any(one.state == "open" for one in matched) else 0


def _trouble(answer: "ReplayResult") -> bool:
    return any(one.error or one.rejected for one in answer.inputs)
