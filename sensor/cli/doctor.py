"""`spanline doctor`: what this machine lacks for each source, with the remedy; what a state proposes to configure."""

import importlib.util
import json
import os
import shutil
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sensor.cli.options import WORK_FAILED, config_option, echo_json, json_option, state_option

if TYPE_CHECKING:
    from sensor.config import Config

MODULES = (
    ("httpx", "ask products' APIs (Entra, Microsoft 365, Okta, Google)", "pip install httpx"),
    ("pyarrow", "write Parquet", "pip install pyarrow"),
    ("cryptography", "read QUIC, sign in to Google", "pip install cryptography"),
    ("zstandard", "read zstd files", "pip install zstandard"),
)
"""Import name, what for, remedy."""
SILENT_S = 120.0
"""As the systemd unit's watchdog: a commit of 10,000 devices takes seconds, of a slow disk's more."""
FREE_BYTES = 2 << 30
"""A year of sign-ins of a small tenant, kernels and snapshots need less."""

Finding = dict[str, object]


@click.command(
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Example: spanline doctor --config /etc/spanline/site.toml --state /var/lib/spanline",
)
@config_option
@state_option
@json_option
@click.option("--health", is_flag=True, help="Only tell whether a sensor is at work on the state; exit 1 where not.")
def doctor(*, config_path: Path | None, state_dir: Path, as_json: bool, health: bool) -> None:
    """Say what will not work here and how to mend it, and what a state proposes to configure.

    Exits 1 where something that is configured will not work.
    """
    from sensor import config as configuration

    config = configuration.load(config_path) if config_path else None
    if health:
        _tell_health(Path(config.state) if config else state_dir)
        return
    findings = [*_machine(), *(_configured(config) if config else ()), *_proposed(state_dir)]
    if as_json:
        echo_json(findings)
    else:
        for one in findings:
            mark = "propose" if one["ok"] is None else "ok" if one["ok"] else "MISSING"
            click.echo(f"{mark:8} {one['what']}" + (f": {one['why']}" if one["why"] else ""))
            if one["remedy"]:
                click.echo(f"{'':8} → {one['remedy']}")
    if any(one["ok"] is False and one["needed"] for one in findings):
        sys.exit(WORK_FAILED)


def _tell_health(state_dir: Path) -> None:
    from sensor.store.alive import age_s

    age = age_s(state_dir, time.monotonic())
    click.echo("no sign of life" if age is None else f"last sign of life {age:.0f} s ago")
    if age is None or age > SILENT_S:
        sys.exit(WORK_FAILED)


def _finding(what: str, *, ok: bool | None, why: str = "", remedy: str = "", needed: bool = False) -> Finding:
    return {"what": what, "ok": ok, "why": why, "remedy": "" if ok else remedy, "needed": needed}


def _machine() -> Iterator[Finding]:
    """What the program itself needs, and what single sources do."""
    version = ".".join(str(part) for part in sys.version_info[:3])
    yield _finding(
        "Python", ok=sys.version_info >= (3, 11), why=version, remedy="use Python 3.11 or later", needed=True
    )
    for name, purpose, remedy in MODULES:
        found = importlib.util.find_spec(name) is not None
        yield _finding(f"to {purpose}", ok=found, why="" if found else f"no module {name}", remedy=remedy)
    tshark = shutil.which("tshark")
    yield _finding("Wireshark's dissectors", ok=tshark is not None, why=tshark or "", remedy="apt install tshark")


def _configured(config: "Config") -> Iterator[Finding]:
    """Whether each configured source can be read."""
    import msgspec

    from sensor.config import Secret
    from sensor.errors import ConfigError

    state = Path(config.state)
    nearest = next((one for one in (state, *state.absolute().parents) if one.exists()), Path("/"))
    free = shutil.disk_usage(nearest).free
    yield _finding(
        f"state {state}", ok=os.access(nearest, os.W_OK) and free > FREE_BYTES, why=f"{free >> 20:,} MiB free",
        remedy="make it writable, with 2 GiB free", needed=True,
    )  # fmt: skip
    for name, one in config.sources.items():
        what = f"source {name} ({one.type})"
        if "path" in one.options:
            yield _path(what, str(one.options["path"]))
        if one.type == "span":
            from sensor.pipeline.examining import examined

            for it in examined(one, config):
                yield _finding(f"{what}: {it.what}", ok=it.ok, why=it.why, remedy=it.remedy, needed=it.needed)
        for key, value in one.options.items():
            if isinstance(value, dict):
                try:
                    msgspec.convert(value, Secret).read()
                    yield _finding(f"{what}: {key}", ok=True)
                except ConfigError as error:
                    yield _finding(f"{what}: {key}", ok=False, why=str(error), remedy="give the secret", needed=True)
    yield from _sinks(config)
    yield from _fleet(config)


def _sinks(config: "Config") -> Iterator[Finding]:
    """Whether each configured sink can be reached; no incident is sent."""
    from sensor.pipeline.delivering import probe

    for one in probe(config) if config.sinks else ():
        yield _finding(
            f"sink {one.name} ({one.type})", ok=one.ok, why=one.why,
            remedy="check its address, what is between, and its credentials", needed=True,
        )  # fmt: skip


def _fleet(config: "Config") -> Iterator[Finding]:
    """Whether a hub can receive, and a site reach its hub."""
    if not any(one.type == "site" for one in (*config.sources.values(), *config.sinks.values())):
        return
    import datetime as dt

    from sensor.pipeline.fleet_doctor import looked

    for it in looked(config, dt.datetime.now(dt.UTC)):  # noqa: TID251 - of certificates
        yield _finding(it.what, ok=it.ok, why=it.why, remedy=it.remedy, needed=it.needed)


def _path(what: str, pattern: str) -> Finding:
    import glob

    found = [pattern] if Path(pattern).exists() else sorted(glob.glob(pattern))  # noqa: PTH207 - may be absolute
    unreadable = [name for name in found if not os.access(name, os.R_OK)]
    why = f"{pattern}: {len(found)} found" + (f", not readable: {unreadable[0]}" if unreadable else "")
    return _finding(
        what, ok=bool(found) and not unreadable, why=why, remedy="check the path, and who may read it", needed=True
    )


def _proposed(folder: Path) -> Iterator[Finding]:
    """What a state has learned that a configuration might say, or that is worth knowing."""
    if not (folder / "state.sqlite").exists():
        return
    from sensor.store.state import State

    with State(folder, readonly=True) as state:
        for one in json.loads(state.meta("proposals") or "[]"):
            where, value = f"site {one['site']}", one["value"]
            if "key" in one:
                yield _finding(f'{where}: {one["key"]} = ["{value}"]', ok=None, why=one["why"])
            else:
                yield _finding(f"{where}: {value}", ok=True, why=one["why"])
