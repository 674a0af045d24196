"""The page of a replay, from its state and archive."""

from sensor import config
from sensor.pipeline.core import Core
from sensor.pipeline.inputs import Options, open_sources
from sensor.pipeline.replaying import Run
from sensor.pipeline.reporting import write_report
from sensor.store.state import State
from tests.cli.runs import conn_log


def replayed(folder, settings):
    """Replay a log with a scan and write its page."""
    log = conn_log(folder / "conn.log", hosts=20)
    with State(folder / "s", exclusive=True) as state:
        core = Core(settings, state)
        run = Run(core, open_sources([(str(log), "SYD")], state.ledger, Options(), {}))
        run.go()
        write_report(folder / "r.html", run.result(), state)
    return (folder / "r.html").read_text()


def test_the_page_holds_incident_device_and_input(tmp_path):
    """Of the state and of the run."""
    text = replayed(tmp_path, config.default())
    assert "scans the network" in text
    assert "10.0.0.66" in text
    assert str(tmp_path / "conn.log") in text


def test_without_an_archive_there_is_no_traffic(tmp_path):
    """The rest is there."""
    text = replayed(tmp_path, config.build({"archive": {"enabled": False}}))
    assert "Traffic of" not in text
    assert "scans the network" in text
