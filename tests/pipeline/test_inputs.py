"""Inputs become sources by their content."""

from sensor import config
from sensor.pipeline.core import Core
from sensor.pipeline.inputs import Options, open_sources
from sensor.pipeline.replaying import Run
from sensor.store.state import State


def test_what_no_source_reads_is_told_by_name(tmp_path):
    """A text file and a missing one become inputs with an error; nothing is raised."""
    (tmp_path / "x.txt").write_text("hello\n")
    with State(tmp_path / "s", exclusive=True) as state:
        inputs = [(str(tmp_path / "x.txt"), "local"), (str(tmp_path / "none"), "local")]
        core = Core(config.default(), state)
        run = Run(core, open_sources(inputs, state.ledger, Options(), core.config.networks()))
        run.go()
        result = run.result()

    assert "not recognised" in result.inputs[0].error
    assert "cannot be read" in result.inputs[1].error
    assert 0 == result.flows
