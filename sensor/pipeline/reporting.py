"""Pages for print: what a replay came to (`replay --report`), and what an operator can show (`report`)."""

from collections.abc import Sequence
from pathlib import Path

import sensor
from sensor.console import readiness
from sensor.console.report import SIGNINS_MAX, Traffic, page
from sensor.model.readiness import Readiness
from sensor.model.result import ReplayResult
from sensor.store.archive_reader import ArchiveReader
from sensor.store.state import State

_TRAFFIC = """
SELECT site, ts // 600000000000 * 600000000000 AS begin,
    sum(CASE WHEN local_orig THEN orig_bytes ELSE resp_bytes END),
    sum(CASE WHEN local_orig THEN resp_bytes ELSE orig_bytes END)
FROM flows WHERE local_orig <> local_resp GROUP BY site, begin ORDER BY site, begin
"""
"""Payload bytes that left each site and that came, by 10 minutes of the flows' beginnings."""


def write_report(path: Path, answer: ReplayResult, state: State) -> None:
    """Write the page. Raises OSError where that cannot be."""
    text = page(
        answer, state.devices(), state.signins(limit=50 * SIGNINS_MAX), _traffic(state), sensor.__version__
    )  # fmt: skip
    path.write_text(text, encoding="utf-8")


def write_readiness(path: Path, report: Readiness) -> None:
    """Write the readiness report. Raises OSError where that cannot be."""
    path.write_text(readiness.page(report, sensor.__version__), encoding="utf-8")


def _traffic(state: State) -> Sequence[Traffic]:
    """Return bytes over time by site; nothing where there is no archive."""
    found: dict[str, list[tuple[int, float, float]]] = {}
    with ArchiveReader(state, state.folder) as archive:
        for site, begin, out, back in archive.rows(_TRAFFIC):
            found.setdefault(str(site), []).append((int(begin), float(out or 0), float(back or 0)))
    return [Traffic(site, points) for site, points in found.items()]
