"""Room on the disk as a sensor runs: what is done where it is short."""

import sensor
from sensor.config import build
from sensor.metrics import Metrics
from sensor.pipeline import keeping
from sensor.pipeline.core import Core
from sensor.pipeline.keeping import Keeping
from sensor.pipeline.replaying import Run
from sensor.store.room import Room
from sensor.store.state import State
from tests.scenes import Given, flows, office


class Short(Room):
    """A disk that has too little until so many bytes of the archive went."""

    left, tight = 0, False

    def lacking(self):
        return self.left

    def is_tight(self):
        return self.tight


def opened(tmp_path, state, monkeypatch):
    """A core that has learned an hour, its metrics, and what keeps room for it."""
    monkeypatch.setattr(keeping, "Room", Short)
    monkeypatch.setattr(keeping, "LOOK_S", 0.0)
    core, metrics = Core(build({"state": str(tmp_path)}), state), Metrics(sensor.__version__)
    Run(core, [Given(flows(*office(minutes=60)))]).go()
    return core, metrics, Keeping(core, metrics)


def test_the_archive_gives_way_and_says_so(tmp_path, monkeypatch):
    """Counted, in the metrics, and a row of the digest; incidents and devices are whole."""
    with State(tmp_path) as state:
        core, metrics, kept = opened(tmp_path, state, monkeypatch)
        devices = core.entities.devices.count()
        assert kept.has_room()
        core.room.left = 1
        core.commit(())
        kept.committed()
        rows = [one for one in state.incidents(digest=True) if one.evidence[0].detector == "disk"]
        gone = metrics.registry.get_sample_value("spanline_archive_gone_bytes_total")
        assert [("digest", gone)] == [(one.tier, one.evidence[0].observed) for one in rows]
        assert gone == core.gone_bytes > 0
        assert devices == core.entities.devices.count() == len(state.devices())


def test_without_room_nothing_is_read_until_there_is(tmp_path, monkeypatch):
    """What can give way does so before; the metrics tell."""
    with State(tmp_path) as state:
        core, metrics, kept = opened(tmp_path, state, monkeypatch)
        core.room.left, core.room.tight = 1, True
        assert not kept.has_room()
        assert 1 == metrics.registry.get_sample_value("spanline_disk_full")
        assert core.gone_bytes == metrics.registry.get_sample_value("spanline_archive_gone_bytes_total") > 0
        core.room.tight = False
        assert kept.has_room()
        assert 0 == metrics.registry.get_sample_value("spanline_disk_full")
