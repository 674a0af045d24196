"""Replays of small cases into throw-away states: every detector must tell of what is its own, and nothing else.

Cases are data (`pcaps/selftest/cases.toml`): inputs, what was learned before, and how far each detector must come. A
case fails where a detector that is expected stays below that, and where one that is not named reaches an incident or
the digest; a case that expects nothing is clean traffic, in which nothing may.

Not here: how the captures were made (`pcaps/make_selftest.py`, `pcaps/selftest/make.py`); whether rates are right.
"""

import shutil
import tempfile
import time
import tomllib
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import msgspec

from sensor.config import build
from sensor.errors import ConfigError, Malformed
from sensor.model.evidence import Evidence
from sensor.model.result import ReplayResult
from sensor.pipeline.core import Core
from sensor.pipeline.inputs import Options, open_sources
from sensor.pipeline.replaying import Run
from sensor.store.state import State

MANIFEST = "cases.toml"
LEVELS = ("", "listed", "digest", "incident")
"""How far evidence came: not told, listed or context, a row of the digest, part of an incident."""
MADE = ("captured", "crafted")
_NEVER_NS = 1 << 62
"""Nothing opens an incident while the history is learned."""


class Case(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One case. Paths are relative to the folder of samples; `settings` is a configuration."""

    name: str
    shows: str
    kind: str
    """captured: of real programs; crafted: written by a script"""
    made: str
    """By what, and with which program."""
    inputs: tuple[str, ...]
    history: tuple[str, ...] = ()
    """Learned before, without any incident."""
    expect: dict[str, str] = {}
    """How far each detector must come, of LEVELS."""
    may: tuple[str, ...] = ()
    """Detectors that may tell of it, too."""
    settings: dict[str, Any] = {}


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What came of one case."""

    case: str
    ok: bool
    found: dict[str, str]
    """How far each detector came, without those that stayed silent."""
    missing: tuple[str, ...] = ()
    """Detectors that came less far than expected."""
    unexpected: tuple[str, ...] = ()
    """Detectors that were not named and came to the digest or an incident."""
    error: str | None = None
    elapsed_s: float = 0.0


def load_cases(samples: Path) -> list[Case]:
    """Read the manifest. Raises ConfigError where it, or a file that it names, is damaged or missing."""
    path = samples / "selftest" / MANIFEST
    try:
        cases = msgspec.convert(tomllib.loads(path.read_text())["case"], list[Case])
    except (OSError, tomllib.TOMLDecodeError, KeyError, msgspec.ValidationError) as error:
        raise ConfigError(f"{path}: {error}: reinstall spanline") from error
    for case in cases:
        wrong = [level for level in case.expect.values() if level not in LEVELS[1:]]
        gone = [name for name in (*case.inputs, *case.history) if not (samples / name).exists()]
        if wrong or gone or case.kind not in MADE:
            raise ConfigError(
                f"{path}: case {case.name}: {', '.join([*wrong, *gone]) or case.kind}: reinstall spanline"
            )
    return cases


def run_cases(cases: Iterable[Case], samples: Path, told: Callable[[Outcome], None] | None = None) -> list[Outcome]:
    """Run cases one after the other, each into a state of its own; what several learn first is learned once."""
    outcomes = []
    with tempfile.TemporaryDirectory(prefix="spanline-selftest-") as folder:
        learned: dict[bytes, Path] = {}
        for number, case in enumerate(cases):
            begin = time.monotonic()
            state = Path(folder) / f"case-{number}"
            try:
                _prepare(case, samples, state, learned)
                outcome = run_case(case, samples, state, begin)
            except (OSError, ValueError) as error:
                outcome = judge(case, {}, str(error), time.monotonic() - begin)
            shutil.rmtree(state, ignore_errors=True)
            outcomes.append(outcome)
            if told is not None:
                told(outcome)
    return outcomes


def _prepare(case: Case, samples: Path, state: Path, learned: dict[bytes, Path]) -> None:
    """Make a case's state: a copy of one that has learned its history, if it has one."""
    if not case.history:
        return
    key = msgspec.json.encode([case.history, case.settings])
    if key not in learned:
        learned[key] = state.with_name(f"learned-{len(learned)}")
        _replay(case, case.history, samples, learned[key], learn_until_ns=_NEVER_NS)
    shutil.copytree(learned[key], state)


def run_case(case: Case, samples: Path, state: Path, begin: float) -> Outcome:
    """Replay a case's inputs into its state, and hold what was told against what is expected."""
    found = _replay(case, case.inputs, samples, state, learn_until_ns=0)
    return judge(case, found, None, time.monotonic() - begin)


def _replay(case: Case, inputs: Sequence[str], samples: Path, state: Path, *, learn_until_ns: int) -> dict[str, str]:
    """Replay inputs and return how far each detector came. Raises Malformed where one was not read whole."""
    config = build({"archive": {"enabled": False}, **case.settings})
    with State(state, exclusive=True) as opened:
        core = Core(config, opened, learn_until_ns=learn_until_ns)
        paths = [(str(samples / name), config.site) for name in inputs]
        run = Run(core, open_sources(paths, opened.ledger, Options(), config.networks()))
        run.go()
        answer = run.result()
        found = levels(answer, core.incidents.context.values())
    unread = [
        f"{Path(one.path).name}: {one.error or f'{one.accepted} of {one.records} records read'}"
        for one in answer.inputs
        if one.error or one.accepted != one.records or not one.accepted
    ]
    if unread:  # a test of nothing passes too easily
        raise Malformed("; ".join(unread))
    return found


def judge(case: Case, found: dict[str, str], error: str | None, elapsed_s: float) -> Outcome:
    """Compare how far detectors came with what a case expects."""
    missing = tuple(
        name for name, level in sorted(case.expect.items()) if LEVELS.index(found.get(name, "")) < LEVELS.index(level)
    )
    unexpected = tuple(
        name
        for name, level in sorted(found.items())
        if name not in case.expect and name not in case.may and LEVELS.index(level) >= LEVELS.index("digest")
    )
    return Outcome(
        case=case.name, ok=not missing and not unexpected and error is None, found=dict(sorted(found.items())),
        missing=missing, unexpected=unexpected, error=error, elapsed_s=round(elapsed_s, 3),
    )  # fmt: skip


def levels(answer: ReplayResult, context: Iterable[Evidence]) -> dict[str, str]:
    """Return how far each detector's evidence came in a run."""
    found: dict[str, str] = {}
    for level, rows in (
        ("listed", [*answer.unusual, *context]),
        ("digest", [one for incident in answer.digest for one in incident.evidence]),
        ("incident", [one for incident in answer.incidents for one in incident.evidence]),
    ):
        found.update(dict.fromkeys((one.detector for one in rows), level))
    return found
