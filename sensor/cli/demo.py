"""`spanline demo`: the main job on the captures shipped with the program; no network, no root."""

import tempfile
from pathlib import Path

import click

from sensor.cli import show
from sensor.cli.options import echo_json, fail, json_option
from sensor.cli.replay import exit_code, perform
from sensor.cli.samples import samples_dir
from sensor.cli.warm import warm_up


@click.command(
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Example: spanline demo --state /tmp/demo && spanline incidents --state /tmp/demo",
)
@click.option(
    "--state", "state_dir", type=click.Path(file_okay=False, path_type=Path),
    help="Folder of the demo's state, emptied first; default: spanline-demo in the temporary folder.",
)  # fmt: skip
@json_option
def demo(*, state_dir: Path | None, as_json: bool) -> None:
    """Replay real captures, made by curl, dig, ssh, nmap and the like, and show the incident that is in them."""
    from sensor import config

    warm_up()
    from sensor.pipeline.inputs import Options

    try:
        scenes = demo_inputs(samples_dir())
    except FileNotFoundError as error:
        fail(str(error), 1)
    folder = state_dir or Path(tempfile.gettempdir()) / "spanline-demo"
    if not as_json:
        click.echo(f"Replaying {', '.join(Path(scene).name for scene in scenes)} into {folder}:")
    answer = perform(
        tuple(scenes), folder, config.default(), site="local", fresh=True, learn_until=None, flows_out=None,
        metrics_out=None, secret_file=None, options=Options(),
    )  # fmt: skip
    if as_json:
        echo_json(answer)
        raise click.exceptions.Exit(exit_code(answer, None))
    show.result(answer)
    for incident in answer.incidents[:1]:
        show.heading("The incident in full")
        show.incident_full(incident)
    show.next_commands(answer, str(folder))
    raise click.exceptions.Exit(exit_code(answer, None))


def demo_inputs(folder: Path) -> list[str]:
    """Return the captures: an office at work, then a scan in it. Raises FileNotFoundError without any."""
    captures = sorted((folder / "demo").glob("*.pcap*"))
    if not captures:
        raise FileNotFoundError(f"no captures in {folder / 'demo'}: reinstall spanline")
    return [str(path) for path in captures]
