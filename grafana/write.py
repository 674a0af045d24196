"""Which dashboards there are, and where their JSON is."""

from collections.abc import Callable
from pathlib import Path

from grafana_foundation_sdk.builders.dashboard import Dashboard

from grafana.board import text_of
from grafana.entities import entities
from grafana.fleet import fleet
from grafana.identity import identity
from grafana.sensor import sensor
from grafana.site import site

FOLDER = Path(__file__).parent / "dashboards"
MADE: dict[str, Callable[[], Dashboard]] = {
    "fleet": fleet, "site": site, "entities": entities, "identity": identity, "sensor": sensor,
}  # fmt: skip


def texts() -> dict[str, str]:
    """Return the JSON of each by its file's name."""
    return {f"spanline-{name}.json": text_of(make()) for name, make in MADE.items()}


def write() -> None:
    """Write them, and remove what is no dashboard any more."""
    made = texts()
    for old in FOLDER.glob("*.json"):
        if old.name not in made:
            old.unlink()
    for name, text in made.items():
        (FOLDER / name).write_text(text, encoding="utf-8")
