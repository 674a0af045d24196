"""`spanline events`: logs to normalised events, one JSON a line; for looking at what a parser made of a record."""

import sys

import click

from sensor.cli.options import WORK_FAILED
from sensor.cli.warm import warm_up


@click.command(
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Example: spanline events signins.jsonl | jq -c '[.ts, .account, .ip, .action, .outcome]'",
)
@click.argument("inputs", nargs=-1, required=True, metavar="[SITE=]INPUT...")
@click.option("--format", "input_format", metavar="NAME", help="Read every input as this source; default: by content.")
@click.option("--ignore-checksums", is_flag=True, help="Accept packets with bad checksums (a NIC's offload).")
def events(*, inputs: tuple[str, ...], input_format: str | None, ignore_checksums: bool) -> None:
    """Print what a parser made of each record of logs (or captures), one JSON a line.

    A record that cannot be read becomes {"rejected": reason, "input", "row"}.
    """
    import msgspec

    from sensor.pipeline.inputs import Options, find_inputs
    from sensor.pipeline.telling import Telling

    warm_up()
    found = find_inputs(inputs, "local")
    if not found:
        click.echo(f"spanline: no file in {', '.join(inputs)}", err=True)
        sys.exit(WORK_FAILED)
    telling = Telling(found, Options(format=input_format, ignore_checksums=ignore_checksums))
    encoder, out = msgspec.json.Encoder(), sys.stdout.buffer
    for line in telling.lines():
        out.write(encoder.encode(line) + b"\n")
    out.flush()
    for error in telling.errors.values():
        click.echo(f"spanline: {error}", err=True)
    if not telling.read:
        sys.exit(WORK_FAILED)
