"""`spanline devices` and `device`: the inventory with its learning state."""

from pathlib import Path

import click
import msgspec

from sensor.cli import show, usual
from sensor.cli.options import NO_SUCH, echo_json, fail, json_option, open_state, state_option
from sensor.model.detection import scans_of
from sensor.store.usual import of_device

_HELP = {"help_option_names": ["-h", "--help"]}


@click.command(context_settings=_HELP, epilog="Example: spanline devices --json | jq '.[] | [.name, .addresses]'")
@state_option
@json_option
def devices(*, state_dir: Path, as_json: bool) -> None:
    """List every device, by site and name."""
    with open_state(state_dir) as state:
        rows = state.devices()
    if as_json:
        echo_json(rows)
    else:
        show.devices(rows)


@click.command(context_settings=_HELP, epilog="Example: spanline device 192.168.1.20")
@click.argument("key", metavar="ID")
@state_option
@json_option
def device(*, key: str, state_dir: Path, as_json: bool) -> None:
    """Show one device, named by its id, hostname, address or MAC: who it is, what is normal for it, its incidents."""
    with open_state(state_dir) as state:
        one = state.device(key)
        if one is None:
            fail(f"no device {key} in {state_dir}", NO_SUCH)
        mine = [
            incident for incident in state.incidents(digest=True)
            if any(party.id == one.id for party in incident.entities)
        ]  # fmt: skip
        normal = of_device(state, (one.id, *one.aliases))
        scans = scans_of(state.meta("scanners"), (one.id, *one.aliases))
    if as_json:
        told = {"baseline": normal, "incidents": [incident.id for incident in mine], "expected_scans": scans}
        echo_json({**msgspec.to_builtins(one), **told})
    else:
        show.device(one, mine)
        show.expected_scans(scans)
        usual.print_usual(normal, "flows")
