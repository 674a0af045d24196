"""`spanline sites`: every site of a hub, or of this process, the one to look at first in front."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from sensor.cli import show
from sensor.cli.options import NO_SUCH, echo_json, fail, json_option, open_state, state_option

if TYPE_CHECKING:
    from sensor.model.fleet import SiteView

_LOOKS = 3
"""Shown of a row; --json has all."""


@click.command(
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Example: spanline sites --json | jq '.[] | select(.state == \"silent\") | [.site, .silent_since]'",
)
@click.argument("name", metavar="[SITE]", required=False)
@state_option
@json_option
def sites(*, name: str | None, state_dir: Path, as_json: bool) -> None:
    """List every site with what to look at there, or only SITE; silent by the clock while a sensor runs on the state.

    Without one, a site is silent by the state's own time. One way: it sends bundles, and is given nothing by the hub.
    """
    from sensor.pipeline.telling_time import time_of
    from sensor.store.fleet import gather

    with open_state(state_dir) as state:
        now_ns = time_of(state)
    found = gather(state_dir, None, now_ns)
    rows = [one for one in found if name in {None, one.site}]
    if name is not None and not rows:
        fail(f"no site {name} in {state_dir}", NO_SUCH)
    if as_json:
        echo_json(rows)
    else:
        names = ("SITE", "HEARD", "NEWEST", "PAGE", "TRIAGE", "RISK", "DEVICES", "SOURCES", "LOOK AT")
        show.table(names, (_cells(one) for one in rows), ("SITE", "HEARD", "NEWEST", "PAGE", "TRIAGE"))


def _cells(one: "SiteView") -> tuple[str, ...]:
    more = f" and {len(one.look) - _LOOKS} more" if len(one.look) > _LOOKS else ""
    heard = f"{one.state}, one way" if one.link is not None and one.link.one_way else one.state
    up = len(one.sources) - len(one.sources_down)
    return (
        one.site, heard, "never" if one.last_heard is None else one.last_heard[:19] + "Z",
        str(one.incidents.get("page", 0)), str(one.incidents.get("triage", 0)),
        f"{one.risk_db:+.0f} dB" if one.risk_db else "", f"{sum(one.devices.values()):,}",
        f"{up} of {len(one.sources)} up" if one.sources else "", "; ".join(one.look[:_LOOKS]) + more or "nothing",
    )  # fmt: skip
