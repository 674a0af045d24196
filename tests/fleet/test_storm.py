"""Three sites and a hub in network namespaces, under a storm: nothing lost, nothing doubled, nobody mixed up."""

import pytest

from tests.fleet.storm import LASTS_S, storm

pytestmark = [
    pytest.mark.needs_root,
    pytest.mark.needs_tool("nats-server", "ip", "nft"),
]


def weather(folder, seconds, seed):
    """Let a storm rage; return what the hub knows then, and the strokes."""
    with storm(folder) as made:
        made.rage(seconds, seed)
        made.finish()
        return made.outcome(), made.strokes


def test_a_short_storm(tmp_path) -> None:
    """Each kind of stroke once or twice: all that was told is known at the hub, once, of the right devices."""
    found, strokes = weather(tmp_path, 15.0, 1)
    assert found["exact"], (found, strokes)
    assert min(one["steps"] for one in found["sites"].values()) > 0


@pytest.mark.slow
def test_a_storm(tmp_path) -> None:
    """A minute and a half of it; `python -m tests.bench.fleet --minutes 30` is the long one."""
    found, strokes = weather(tmp_path, 90.0, 2)
    assert found["exact"], (found, strokes)
    assert all(strokes[kind] for kind in LASTS_S), strokes
