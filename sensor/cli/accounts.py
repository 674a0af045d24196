"""`spanline accounts` and `account`: who there is, on what devices, and by what evidence."""

from pathlib import Path

import click
import msgspec

from sensor.cli import show, usual
from sensor.cli.options import NO_SUCH, echo_json, fail, json_option, open_state, state_option
from sensor.model.account import Account, Link
from sensor.store.usual import acts_of, of_account

_HELP = {"help_option_names": ["-h", "--help"]}
_SIGNINS_SHOWN = 10
_ACTS = 40
"""Of the timeline: about a screen."""


@click.command(context_settings=_HELP, epilog="Example: spanline accounts --json | jq '.[] | [.name, .devices]'")
@click.option("--kind", type=click.Choice(["user", "machine", "service"]), help="Only accounts of this kind.")
@state_option
@json_option
def accounts(*, state_dir: Path, as_json: bool, kind: str | None) -> None:
    """List every account with the devices it is linked to."""
    with open_state(state_dir) as state:
        rows = [one for one in state.accounts() if kind in {None, one.kind}]
    if as_json:
        echo_json(rows)
    else:
        names = ("ACCOUNT", "KIND", "DEVICES", "STRONGEST LINK", "SEEN BY", "LAST SEEN", "SIGHTINGS")
        show.table(names, (_cells(one) for one in rows), ("LAST SEEN",))


@click.command(context_settings=_HELP, epilog="Example: spanline account ann@example.com")
@click.argument("key", metavar="ID")
@state_option
@json_option
def account(*, key: str, state_dir: Path, as_json: bool) -> None:
    """Show one account, named by any spelling or id: its links and why, what is normal for it, its last acts."""
    with open_state(state_dir) as state:
        one = state.account(key)
        if one is None:
            fail(f"no account {key} in {state_dir}", NO_SUCH)
        signins = state.signins(one.name, limit=_SIGNINS_SHOWN)
        normal = of_account(state, one.name)
        acts = acts_of(state, one.name, _ACTS)
    if as_json:
        echo_json({**msgspec.to_builtins(one), "baseline": normal, "timeline": acts})
        return
    click.secho(show.clean(one.name), bold=True)
    show.facts(
        {
            "kind": one.kind, "also": ", ".join(one.names), "ids": ", ".join(one.ids), "sites": ", ".join(one.sites),
            "seen by": ", ".join(one.sources), "first seen": one.first_seen, "last seen": one.last_seen,
            "sightings": str(one.sightings),
        }
    )  # fmt: skip
    if one.links:
        show.heading("Links")
        names = ("KIND", "STRENGTH", "DEVICE", "ADDRESS", "SITE", "TIMES", "DAYS", "WEIGHT", "LAST", "EVIDENCE")
        show.table(names, (_link_cells(link) for link in one.links), ("LAST",))
    if signins:
        show.heading("Last sign-ins")
        show.signins(signins)
    usual.print_usual(normal, "sign-ins")
    usual.print_acts(acts)


def _cells(one: Account) -> tuple[str, ...]:
    names = list(dict.fromkeys(link.device_name or link.device or "" for link in one.links if link.device))
    best = one.links[0] if one.links else None
    return (
        one.name, one.kind, ", ".join(names[:3]) + (f" +{len(names) - 3}" if len(names) > 3 else ""),
        f"{best.kind} ({best.strength}, {best.count}×)" if best else "none", ", ".join(one.sources),
        one.last_seen[:19] + "Z", str(one.sightings),
    )  # fmt: skip


def _link_cells(link: Link) -> tuple[str, ...]:
    return (
        link.kind, link.strength + (" shared" if link.shared else ""), link.device_name or link.device or "",
        link.address or "", link.site or "", str(link.count), str(link.days), f"{link.weight:.2f}",
        link.last[:19] + "Z", link.evidence,
    )  # fmt: skip
