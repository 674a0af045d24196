"""Several processes give the bytes of one: with workers killed, and whatever their number was before."""

import contextlib
from pathlib import Path

import msgspec
import pytest

from sensor import config
from sensor.cli.demo import demo_config, demo_inputs
from sensor.pipeline import crew
from sensor.pipeline.core import Core
from sensor.pipeline.inputs import Options, find_inputs, open_sources
from sensor.pipeline.replaying import Run
from sensor.store.state import State

SAMPLES = Path(__file__).resolve().parents[2] / "pcaps"
SCAN = (SAMPLES / "demo" / "02-office-scan.pcap",)
SIGNINS = (SAMPLES / "selftest" / "people-usual.jsonl.gz", SAMPLES / "selftest" / "new-places.jsonl.gz")


def replay(folder, workers, *inputs, settings=None, fresh=True, kill_at=()):
    """Replay into a state; return what came of it and the state's arrays, as bytes, and how many workers died."""
    settings = settings or config.default()
    with (
        State(folder, fresh=fresh, exclusive=True) as state,
        contextlib.closing(Core(settings, state, workers=workers)) as core,
    ):
        found = find_inputs(tuple(str(one) for one in inputs), settings.site)
        run = Run(core, open_sources(found, state.ledger, Options(), settings.networks()))
        step = 0

        def coming(_end_ns):
            nonlocal step
            step += 1
            if step in kill_at:
                core.crew.members[step % len(core.crew.members)].process.kill()

        run.go(coming=coming)
        result = msgspec.json.encode(msgspec.structs.replace(run.result(), elapsed_s=0.0))
        columns = {name: (one.dtype, one.shape, one.tobytes()) for name, one in state.load_snapshot().items()}
        if core.crew is not None:
            assert [] == core.crew.differing()
        return result, columns, core.crew.deaths if core.crew else 0


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """What one process makes of a capture, and then of sign-ins."""
    folder = tmp_path_factory.mktemp("alone")
    return replay(folder, 1, *SCAN), replay(folder, 1, *SIGNINS, fresh=False)


def test_any_number_of_workers_gives_the_same_bytes_and_goes_on_after_another(tmp_path, alone):
    """Two, then four on the state of the two: incidents and state are those of one process."""
    first, second = replay(tmp_path, 2, *SCAN), replay(tmp_path, 4, *SIGNINS, fresh=False)

    assert b'"tier":"triage"' in first[0]
    assert alone == (first, second)


def test_workers_that_are_killed_lose_and_change_nothing(tmp_path, alone, monkeypatch):
    """Before the first step, between steps, one after the other, and behind a checkpoint."""
    monkeypatch.setattr(crew, "JOURNAL_BYTES", 1 << 16)
    first = replay(tmp_path, 3, *SCAN, kill_at=(1, 10, 20, 21))
    second = replay(tmp_path, 3, *SIGNINS, fresh=False, kill_at=(2,))

    assert first[2] > 0
    assert [one[:2] for one in alone] == [first[:2], second[:2]]


def test_workers_that_cannot_live_end_the_run(tmp_path, monkeypatch):
    """They are not started for ever."""
    started = crew.subprocess.Popen
    monkeypatch.setattr(crew.subprocess, "Popen", lambda words, **rest: started([words[0], "-c", ""], **rest))

    with pytest.raises(crew.WorkersDiedError, match="died"):
        replay(tmp_path, 2, *SCAN)


@pytest.mark.slow
@pytest.mark.parametrize("workers", [2, 4])
def test_the_story_of_a_takeover_is_the_same_to_the_byte(tmp_path, workers):
    """Sixteen days of an office's logs, a tenant's and captures; with workers killed on the way."""
    inputs, settings = demo_inputs(SAMPLES), demo_config(SAMPLES)
    one = replay(tmp_path / "one", 1, *inputs, settings=settings)
    several = replay(tmp_path / "several", workers, *inputs, settings=settings, kill_at=(500, 2500))

    assert several[2] > 0
    assert one[:2] == several[:2]
