"""`spanline check`: is a configuration right, and what does it come to with its defaults."""

from pathlib import Path

import click

from sensor.cli.options import echo_json, json_option


@click.command(context_settings={"help_option_names": ["-h", "--help"]}, epilog="Example: spanline check site.toml")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@json_option
def check(*, file: Path, as_json: bool) -> None:
    """Validate a configuration and print the effective one; exits 2 where something in it is wrong."""
    from sensor import config

    effective = config.effective(config.load(file))
    if as_json:
        echo_json(effective)
        return
    for line in (*_toml(effective, ""), "", *_kept(effective)):
        click.echo(line)


def _kept(effective: dict[str, object]) -> list[str]:
    """Say what is kept for how long, in one place, as remarks."""
    archive = effective["archive"]
    held: dict[str, object] = archive if isinstance(archive, dict) else {}
    days, over = held["keep_days"], held["incidents_keep_days"]
    records = f"{days} days, and at most {int(str(held['limit_bytes'])):,} bytes" if held["enabled"] else "not at all"
    return [
        "# Kept: records of the network and of products, sign-ins among them (archive): " + records,
        f"# Kept: sign-ins with their verdicts: {days} days",
        "# Kept: links of accounts: 30 days after they were last seen; devices: as long as they are met",
        "# Kept: open incidents with their evidence: until closed, or 14 days (accounts) or 3 without anything new",
        f"# Kept: incidents that are over: {f'{over} days' if over else 'for good ([archive] incidents_keep_days)'}",
        "# Kept: the audit log: for good; what its lines say of a person, until `spanline erase`",
    ]


def _toml(table: dict[str, object], name: str) -> list[str]:
    """Write a table as TOML: its values first, then its tables."""
    values = {key: value for key, value in table.items() if not isinstance(value, dict)}
    inner = {key: value for key, value in table.items() if isinstance(value, dict)}
    lines = [f"[{name}]"] if name and (values or not inner) else []
    lines += [f"{_key(key)} = {_value(value)}" for key, value in values.items()]
    for key, value in inner.items():
        if value:
            lines += ["", *_toml(value, f"{name}.{_key(key)}" if name else _key(key))]
    return lines


def _key(key: str) -> str:
    return key if key.replace("_", "").replace("-", "").isalnum() and key.isascii() else _value(key)


def _value(value: object) -> str:
    import json

    if isinstance(value, list | tuple):
        return "[" + ", ".join(_value(one) for one in value) + "]"
    return json.dumps(value) if isinstance(value, str | bool) else str(value)
