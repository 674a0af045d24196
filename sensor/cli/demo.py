"""`spanline demo`: the main job on the captures and logs shipped with the program; no network, no root.

Two things are replayed into one state. `pcaps/demo/story`: a small office for 16 days, network and identity together,
in which an account is taken over while its owner works on their own laptop. `pcaps/demo/*.pcap`: another office, really
captured, in which a laptop scans.
"""

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from sensor.cli import show
from sensor.cli.options import echo_json, fail, json_option
from sensor.cli.replay import exit_code, perform
from sensor.cli.samples import samples_dir
from sensor.cli.warm import warm_up

if TYPE_CHECKING:
    from sensor.config import Config
    from sensor.model.incident import Incident

CAPTURED = "local"
"""Site of the captures; the story's is in its own configuration."""


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
    """Replay an account takeover and a scan, each among ordinary work, and show the incidents that are in them."""
    warm_up()
    from sensor.pipeline.inputs import Options

    try:
        scenes, config = demo_inputs(samples_dir()), demo_config(samples_dir())
    except FileNotFoundError as error:
        fail(str(error), 1)
    folder = state_dir or Path(tempfile.gettempdir()) / "spanline-demo"
    if not as_json:
        click.echo(f"Replaying an office's logs of 16 days, and captures of another office, into {folder}:")
    answer = perform(
        tuple(scenes), folder, config, site=config.site, fresh=True, learn_until=None, flows_out=None,
        metrics_out=None, secret_file=None, options=Options(), told=_days_told(),
    )  # fmt: skip
    if as_json:
        echo_json(answer)
        raise click.exceptions.Exit(exit_code(answer, None))
    answer = msgspec.structs.replace(answer, incidents=tuple(sorted(answer.incidents, key=_is_of_the_network)))
    show.result(answer)
    for incident in answer.incidents[:1]:
        show.heading("The incident in full")
        show.incident_full(incident)
    show.next_commands(answer, str(folder))
    raise click.exceptions.Exit(exit_code(answer, None))


def demo_inputs(folder: Path) -> list[str]:
    """Return what is replayed, each with its site. Raises FileNotFoundError without any."""
    captures = sorted((folder / "demo").glob("*.pcap*"))
    story = folder / "demo" / "story"
    logs = [path for part in ("SYD", "identity") for path in sorted((story / part).glob("*.gz"))]
    for found, where in ((captures, folder / "demo"), (logs, story)):
        if not found:
            raise FileNotFoundError(f"no captures or logs in {where}: reinstall spanline")
    return [*(f"SYD={path}" for path in logs), *(f"{CAPTURED}={path}" for path in captures)]


def demo_config(folder: Path) -> "Config":
    """Return the story's configuration with the captures' site added."""
    from sensor import config

    story = config.load(folder / "demo" / "story" / "site.toml", edges=False)
    return msgspec.structs.replace(story, sites={**story.sites, CAPTURED: config.Site()})


def _is_of_the_network(incident: "Incident") -> bool:
    """Tell an incident without evidence of identity, so that the story's comes first."""
    return all(one.source != "identity" for one in incident.evidence)


def _days_told() -> Callable[[int], None] | None:
    """Return what writes the day that the replay has come to; None where nobody watches."""
    if not sys.stderr.isatty():
        return None
    from sensor.model.times import rfc3339

    last = ""

    def tell(ts_ns: int) -> None:
        nonlocal last
        day = rfc3339(ts_ns)[:10]
        if day != last:
            last = day
            click.echo(f"\r  {day}", err=True, nl=False)

    return tell
