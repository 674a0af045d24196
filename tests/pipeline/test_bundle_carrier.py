"""A spool that is exported while the sensor runs."""

import threading

import pytest

from sensor.pipeline.bundle_carrier import BundleCarrier
from tests.pipeline.test_bundling import bundler, fill


@pytest.fixture
def site(tmp_path):
    """A state with three packets in its spool."""
    fill(tmp_path / "s", 3)
    return tmp_path


def files(site):
    return sorted(one.name.rpartition("-")[0] for one in (site / "out").glob("*.bundle"))


def test_a_round_exports_what_is_new_and_repeats_the_last(site):
    """Nothing new: nothing is written, not even again."""
    one = BundleCarrier(lambda: bundler(site), 60.0, 1)
    one.round()
    fill(site / "s", 2, first=4)
    (site / "out" / next((site / "out").iterdir()).name).unlink()
    one.round()
    assert (["spanline-SYD-000000000001", "spanline-SYD-000000000004"], 5, "") == (files(site), one.sent, one.problem)
    for path in (site / "out").iterdir():
        path.unlink()
    one.round()

    assert [] == files(site)


def test_what_fails_is_said_and_tried_again(site):
    """A folder that nobody empties, or a spool that another process exports."""
    full = BundleCarrier(lambda: bundler(site, folder_bytes=10), 60.0, 0)
    full.round()
    assert (0, True) == (full.sent, "nobody takes them away" in full.problem)
    busy = BundleCarrier(lambda: bundler(site), 60.0, 0)
    other = bundler(site)
    busy.round()
    assert "another process is exporting" in busy.problem
    other.close()
    busy.round()

    assert (3, "") == (busy.sent, busy.problem)


def test_it_runs_until_it_is_told_to_stop(site):
    """The first export is at once; by hand only, there is none."""
    stop = threading.Event()
    one = BundleCarrier(lambda: bundler(site), 3600.0, 0)
    thread = threading.Thread(target=one.run, args=(stop,))
    thread.start()
    while not one.sent:
        stop.wait(0.01)
    stop.set()
    thread.join()
    idle = BundleCarrier(lambda: bundler(site), 0.0, 0)
    idle.run(stop)

    assert (3, 0, ["spanline-SYD-000000000001"]) == (one.sent, idle.sent, files(site))
