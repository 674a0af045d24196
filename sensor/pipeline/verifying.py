"""`explain --verify`: every stored number of an incident against the archive and its naive definition, then the seals.

First each evidence is counted again from the archived records by its detector's module (`recount`, `numbers`), its p by
`again`, decibans, score, p and tier from those. Then the seals of the incident's rows, of the archive's files and of
the whole are checked: they find an edit that changed everything alike. What has expired, or has no detector that
counts again, is said to be not verifiable.
"""

from pathlib import Path
from types import ModuleType

import msgspec

from sensor import registry
from sensor.errors import ConfigError
from sensor.incidents import sequence, surge
from sensor.incidents.verify import Again, Check, evidence_checks, incident_checks
from sensor.model.archive import Archive
from sensor.model.evidence import Evidence
from sensor.model.incident import Incident
from sensor.model.times import parse, rfc3339
from sensor.store.archive_reader import ArchiveReader
from sensor.store.manifest import ArchiveFile, digest_of, folder_of
from sensor.store.state import State

READ_BYTES = 4 << 30
"""Of the archive whose seals one verification checks, what is nearest to the incident first: some ten seconds."""
_PACKAGE = "sensor.detectors"
_SPOILED = (KeyError, IndexError, ValueError, TypeError, ArithmeticError, msgspec.MsgspecError)
"""What a detector's module raises where the numbers it is given were never its own."""


class Verification(msgspec.Struct, frozen=True, kw_only=True):
    """What was compared, and how many of it differ or cannot be compared."""

    incident: str
    checks: tuple[Check, ...]
    differences: int
    not_verifiable: int


def verify_incident(state: State, folder: Path, incident: Incident) -> Verification:
    """Recompute everything that is stored of an incident.

    Args:
        state: Opened read-only.
        folder: Where it lies.
        incident: As the state shows it.
    """
    rows = state.evidence_rows(incident.id)
    row = state.incident_row(incident.id)
    checks: list[Check] = []
    with ArchiveReader(state, folder) as archive:
        for one in incident.evidence:
            checks += evidence_checks(one, rows.get(one.id, {}), again(one, archive, state))
    checks += incident_checks(incident, row)
    checks += seal_checks(state, folder, incident)
    judged = tuple(one.judged() for one in checks)
    return Verification(
        incident=incident.id, checks=judged, differences=sum(one.verdict == "differs" for one in judged),
        not_verifiable=sum(one.verdict == "not verifiable" for one in judged),
    )  # fmt: skip


def again(evidence: Evidence, archive: Archive, state: State) -> Again:
    """Ask an evidence's detector for its numbers again."""
    if evidence.family == "sequence":
        return Again(1.0, _float(_asked(sequence, "again", evidence)))
    if evidence.family == "surge":
        return Again(None, _float(_asked(surge, "again", evidence)), None, "incidents that did not open are not kept")
    module = _module(evidence.detector)
    p = _asked(module, "again", evidence)
    if "reported" in evidence.marks:
        return Again(None, _float(p), None, f"its records are at {evidence.site}: verify it there")
    numbers = _asked(module, "numbers", evidence, archive)
    observed = _asked(module, "recount", evidence, archive)
    held = evidence.observed
    if parse(evidence.ts) <= int(state.meta("erased_ns") or 0) and (observed != held or not _same(numbers, evidence)):
        return Again(None, _float(p), None, "somebody was erased since: its records may be theirs")
    if observed is not None and observed != held and (reason := _excuse(evidence, archive, state)):
        return Again(None, _float(p), None, reason)
    why = "its detector cannot count again" if not hasattr(module, "recount") else _expired(archive)
    return Again(_float(observed), _float(p), numbers if isinstance(numbers, dict) else None, why)


def seal_checks(state: State, folder: Path, incident: Incident) -> list[Check]:
    """Check the seals of an incident's rows, of the archive's files, and of the whole."""
    try:
        fault = state.seals.chain_fault()
    except ValueError as error:
        return [Check(evidence="state", what="seals", stored="as committed", again=str(error))]
    checks = [Check(evidence="state", what="seals", stored="as committed", again=fault or "as committed")]
    sealed = [("incident", incident.id), *(("evidence", one.id) for one in incident.evidence)]
    for kind, name in sealed:
        held, content = state.seals.held(kind, name), state.seals.row(kind, name)
        made: str | None = "no such row"
        if content is not None:
            made = None if held is None else state.seals.digest(kind, name, content).hex()
        checks.append(
            Check(
                evidence=name,
                what="seal",
                stored="" if held is None else held.hex(),
                again=made,
                why="it was written by a release without seals" if held is None else "",
            )
        )
    return checks + _file_checks(state, folder, incident)


def _file_checks(state: State, folder: Path, incident: Incident) -> list[Check]:
    """Check the files of the archive, those of the incident's time first, up to READ_BYTES."""
    begin, end = parse(incident.opened), parse(incident.last_activity)
    files = sorted(state.manifest.files(), key=lambda one: (max(0, begin - one.last_ns, one.first_ns - end), one.path))
    faults, good, left, unread = [], 0, READ_BYTES, 0
    for one in files:
        if left < one.size_bytes and good:
            unread += 1
            continue
        left -= one.size_bytes
        fault = _file_fault(state, folder_of(folder), one)
        good += fault is None
        if fault is not None:
            faults.append(Check(evidence="archive", what=one.path, stored="as committed", again=fault))
    checks = [Check(evidence="archive", what="files as committed", stored=float(good), again=float(good)), *faults]
    if unread:
        why = f"more than {READ_BYTES >> 30} GiB: the files farthest from the incident's time are not read"
        checks.append(Check(evidence="archive", what="files not read", stored=float(unread), again=None, why=why))
    return checks


def _file_fault(state: State, folder: Path, file: ArchiveFile) -> str | None:
    held = state.seals.held("file", file.path)
    try:
        content = (folder / file.path).read_bytes()
    except OSError as error:
        return f"cannot be read: {error.strerror}"
    if held != state.manifest.seal(file, digest_of(content)):
        return "changed since its commit"
    return None


def _module(detector: str) -> ModuleType | None:
    try:
        return registry.load(_PACKAGE, detector)
    except ConfigError:
        return None


def _asked(module: ModuleType | None, name: str, *given: object) -> object:
    """Call what a module offers; NaN, which agrees with nothing, where the numbers make no sense to it."""
    function = getattr(module, name, None)
    if function is None:
        return None
    try:
        found: object = function(*given)
    except _SPOILED:
        return float("nan")
    return found


def _float(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) else None


def _excuse(evidence: Evidence, archive: Archive, state: State) -> str:
    """Say why records may be missing of which the evidence was made; empty where none may."""
    device = (
        state.device(evidence.entity.id.partition(":")[0]) if evidence.entity.kind in {"device", "service"} else None
    )
    if device is not None and device.aliases:
        return "its device was known as several: their records stand under each"
    return _expired(archive) if _may_have_expired(evidence, archive) else ""


def _same(numbers: object, evidence: Evidence) -> bool:
    """Tell whether numbers that were had again are the evidence's."""
    held = numbers.items() if isinstance(numbers, dict) else ()
    return all(evidence.basis.get(name) == value for name, value in held)


def _may_have_expired(evidence: Evidence, archive: Archive) -> bool:
    return archive.since_ns > 0 and parse(evidence.ts) < archive.since_ns


def _expired(archive: Archive) -> str:
    if archive.since_ns:
        return f"records of before {rfc3339(archive.since_ns)} are not in the archive"
    return "the records that it names do not tell it"
