"""`replay --indicators`: lists of indicators against all records that were kept, those of this run included."""

from collections.abc import Sequence
from pathlib import Path

from sensor.detectors.indicators import look_back
from sensor.errors import ConfigError, Malformed
from sensor.model.indicator import Indicator, IndicatorList, IndicatorResult
from sensor.pipeline.core import Core
from sensor.store.archive_reader import ArchiveReader
from sensor.wire.indicator_files import read_indicators


def read_lists(paths: Sequence[Path]) -> list[IndicatorList]:
    """Read lists of indicators.

    Raises:
        ConfigError: One cannot be read.
    """
    try:
        return [read_indicators(path) for path in paths]
    except (Malformed, OSError) as error:
        raise ConfigError(f"--indicators: {error}") from error


def find(core: Core, lists: Sequence[IndicatorList]) -> tuple[IndicatorResult, ...]:
    """Look for indicators in the archive as it is committed, and let the incidents take what is found; not committed.

    Raises:
        ConfigError: There is no archive.
    """
    if not core.config.archive.enabled:
        raise ConfigError("--indicators looks back over the archive: [archive] enabled = true keeps one")
    known = core.entities.devices
    rows = {identity: known.kept(row) for row, identity in enumerate(known.ids)}
    wanted: dict[tuple[str, str], Indicator] = {}
    for one in (one for held in lists for one in held.indicators):
        wanted.setdefault((one.kind, one.value), one)
    with ArchiveReader(core.state, core.state.folder) as archive:
        findings = look_back(list(wanted.values()), archive, core.entities, lambda identity: rows.get(identity, -1))
    core.link(findings)
    met = {key for finding in findings for key in finding.evidence.keys}
    return tuple(
        IndicatorResult(
            path=held.path, entries=held.entries, used=len(held.indicators), duplicates=held.duplicates,
            refused=held.refused,
            met=sum(f"indicator:{one.kind}:{one.value}" in met for one in held.indicators),
        )
        for held in lists
    )  # fmt: skip
