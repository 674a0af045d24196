"""`spanline inspect`: the packets behind an incident, decoded by Wireshark's dissectors or carved into a file."""

import io
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sensor.cli.options import NO_SUCH, WORK_FAILED, echo_json, fail, json_option, open_state, state_option
from sensor.model.text import clean

if TYPE_CHECKING:
    from sensor.pipeline.carving import Carved
    from sensor.pipeline.inspecting import Dissected

_EXAMPLES = """\b
Examples:
  spanline inspect INC-0123456789ab
  spanline inspect INC-0123456789ab --pcap incident.pcap && wireshark incident.pcap
  spanline inspect INC-0123456789ab --packets /var/capture/monday.pcap --limit 10 --full
"""


@click.command(context_settings={"help_option_names": ["-h", "--help"]}, epilog=_EXAMPLES)
@click.argument("key", metavar="ID")
@click.option(
    "--pcap", "out", type=click.Path(dir_okay=False, path_type=Path), help="Write the packets to FILE instead."
)
@click.option(
    "--packets", "extra", type=click.Path(exists=True, dir_okay=False, path_type=Path), multiple=True,
    help="Another capture to look into; may be given several times.",
)  # fmt: skip
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True, help="Packets decoded at most.")
@click.option("--full", is_flag=True, help="Every field of every layer.")
@state_option
@json_option
def inspect(
    *, key: str, out: Path | None, extra: tuple[Path, ...], limit: int, full: bool, state_dir: Path, as_json: bool
) -> None:
    """Show the packets behind an incident, as Wireshark decodes them, or carve them into a capture.

    They are looked for in the captures that were read, in the ring of recent packets of a live port (keep_bytes), and
    in what --packets names.
    """
    from sensor.errors import Permanent
    from sensor.pipeline import inspecting

    held = io.BytesIO()
    with open_state(state_dir) as state:
        one = state.incident(key)
        if one is None:
            fail(f"no incident {key} in {state_dir}", NO_SUCH)
        carved = inspecting.carve(one, state, state_dir, extra, held)
    for text in carved.unread:
        click.echo(f"not read: {clean(text)}", err=True)
    if not carved.packets:
        fail(_nothing(carved), WORK_FAILED)
    if out is not None:
        out.write_bytes(held.getvalue())
        click.echo(f"{carved.packets} packets of {carved.flows} flows in {out}", err=True)
        return
    try:
        found = list(inspecting.dissect(held.getvalue(), limit))
    except Permanent as error:
        fail(f"{clean(str(error))}; or write them to a file: --pcap FILE", WORK_FAILED)
    if as_json:
        echo_json(found)
        return
    click.echo(f"{carved.packets} packets of {carved.flows} flows; the first {len(found)} decoded")
    for packet in found:
        _show(packet, full=full)


def _nothing(carved: "Carved") -> str:
    looked = ", ".join(carved.read) or "no capture"
    return (
        f"no packet of {carved.flows} flows was found (looked into: {looked}). A live port keeps packets where its "
        "source has keep_bytes; --packets names another capture"
    )


def _show(packet: "Dissected", *, full: bool) -> None:
    """Print a packet: a line, and the fields of its last layer or of all."""
    ends = {name: value for layer in packet.layers for name, value in layer.fields if name in {"src", "dst"}}
    chain = " ".join(layer.name for layer in packet.layers)
    click.echo(
        clean(f"{packet.number:>5} {packet.ts} {ends.get('src', '')} → {ends.get('dst', '')} {packet.length} {chain}")
    )
    for layer in packet.layers if full else packet.layers[-1:]:
        for name, value in layer.fields:
            click.echo(f"        {clean(layer.name, 40)}.{clean(name, 60)}: {clean(value, 160)}")
