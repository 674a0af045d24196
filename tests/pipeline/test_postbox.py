"""What a hub gives a site, over HTTPS: every thing once into its state, in order, whatever happens to either."""

import contextlib
import random
import shutil
import time

import pytest

from sensor.errors import Malformed
from sensor.model.given import Place, decode
from sensor.pipeline import pushing
from sensor.pipeline.postbox import Outgoing, Postbox
from sensor.store import returned
from sensor.store.backup import backup
from sensor.store.restore import restore
from sensor.store.state import State
from sensor.wire import site_return
from tests.pipeline.fleet_ends import Line, fleet
from tests.pipeline.test_pushing import until, url
from tests.responses.orders import order
from tests.store.test_returned import COMMIT


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Wait for nothing."""
    for name, value in {"BACKOFF_S": 0.01, "BACKOFF_MAX_S": 0.05, "LOOK_S": 0.02, "ASK_S": 0.05}.items():
        monkeypatch.setattr(pushing, name, value)


def give(hub, site, *names):
    """Commit something for a site, as the hub's core does."""
    with hub.state._connection:
        for name in names:
            hub.state.returns.put(site, f"order:{name}", order(name))


class Core:
    """What a site's core would be: it notes what it took, and commits that."""

    def __init__(self, site):
        self.site, self.got = site, []

    def has(self, *names):
        """Take what came; tell whether these are all that ever did, in order."""
        taken = [decode(body).wanted.id for _, body in self.site.state.returned.take()]
        if taken:
            self.got += taken
            self.site.state.commit(**COMMIT)
        return list(names) == self.got


def test_what_is_given_reaches_the_state_of_its_site(tmp_path):
    """Two sites, each its own, in order; what comes later too."""
    with fleet(tmp_path, "SYD", "PER") as (hub, syd, per):
        at_syd, at_per = Core(syd), Core(per)
        give(hub, "SYD", "a", "b")
        give(hub, "PER", "x")
        for site in (syd, per):
            site.push(url(hub))
        until(at_syd.has, "a", "b")
        until(at_per.has, "x")
        give(hub, "SYD", "c")
        until(at_syd.has, "a", "b", "c")
        assert (Place(), "") == (Place() if at_per.has("x") else None, syd.pusher.problem)


def test_more_than_a_message_comes_at_once(tmp_path, monkeypatch):
    """The site asks until it has all, without waiting between."""
    monkeypatch.setattr(pushing, "ASK_S", 60.0)
    with fleet(tmp_path, "SYD") as (hub, syd):
        names = [f"{k:03}" for k in range(400)]
        give(hub, "SYD", *names)
        syd.push(url(hub))
        until(Core(syd).has, *names)


def test_nothing_is_lost_or_doubled_while_the_line_is_cut(tmp_path):
    """At random, in either direction: in order, each once."""
    rng = random.Random(5)
    with fleet(tmp_path, "SYD") as (hub, syd), Line(hub.port, rng) as line:
        core, names = Core(syd), [f"{k:02}" for k in range(60)]
        syd.push(f"https://127.0.0.1:{line.port}")
        for k in range(0, 60, 4):
            give(hub, "SYD", *names[k : k + 4])
            time.sleep(0.01)
            core.has()
        line.is_whole = True
        until(core.has, *names)


def test_a_process_that_ends_at_either_end_changes_nothing(tmp_path):
    """What was given and not committed at the site is taken again; what the hub committed is given by the next."""
    with fleet(tmp_path, "SYD") as (hub, syd):
        give(hub, "SYD", "a")
        syd.push(url(hub))
        until(lambda: syd.state.returned.place.sequence == 1)
        syd.state.returned.take()  # and is killed before the commit
        syd.close()
        syd.open()
        hub.close()
        hub.open()
        give(hub, "SYD", "b")
        syd.push(url(hub))
        until(Core(syd).has, "a", "b")


def test_a_site_that_is_put_back_is_given_again_what_it_lost(tmp_path):
    """It says what it has; the hub has kept it."""
    with fleet(tmp_path, "SYD") as (hub, syd):
        give(hub, "SYD", "a")
        syd.push(url(hub))
        until(Core(syd).has, "a")
        syd.stop()
        backup(syd.folder, tmp_path / "backup")
        give(hub, "SYD", "b")
        syd.push(url(hub))
        until(Core(syd).has, "b")
        syd.close()
        shutil.rmtree(syd.folder)
        restore(tmp_path / "backup", syd.folder)
        syd.open()
        syd.push(url(hub))
        until(Core(syd).has, "b")


def test_a_hub_that_is_put_back_gives_what_it_gives_then(tmp_path):
    """Though it uses numbers again that it had used for something else."""
    with fleet(tmp_path, "SYD") as (hub, syd):
        core = Core(syd)
        give(hub, "SYD", "a")
        syd.push(url(hub))
        until(core.has, "a")
        backup(hub.folder, tmp_path / "backup")
        give(hub, "SYD", "b")
        until(core.has, "a", "b")
        syd.stop()
        hub.close()
        shutil.rmtree(hub.folder)
        restore(tmp_path / "backup", hub.folder)
        hub.open()
        give(hub, "SYD", "c")
        syd.push(url(hub))
        until(lambda: core.has() or core.got[-1] == "c")
        assert "c" == [one for one in core.got if one not in {"a", "b"}][-1]


def test_what_cannot_be_stored_is_counted_and_comes_again(tmp_path, monkeypatch):
    """For want of room, or because it is none of ours."""
    State(tmp_path).close()
    content = site_return.encode("SYD", [site_return.Letter(7, 1, "a", b"x")])
    with contextlib.closing(Postbox(tmp_path, "SYD")) as box:
        assert not box.take(content[:-1])
        assert not box.take(site_return.encode("PER", [site_return.Letter(7, 1, "a", b"x")]))
        monkeypatch.setattr(returned, "HELD_MAX", 0)
        assert not box.take(content)
        monkeypatch.undo()
        assert (True, Place(7, 1)) == (box.take(content), box.place())
        assert {"malformed": 2, "not_now": 1} == box.failures
    with pytest.raises(Malformed):
        site_return.decode(content, "PER")


def test_a_hub_without_a_state_gives_nothing(tmp_path):
    """It asks again each time: the state is made a moment later."""
    with contextlib.closing(Outgoing(tmp_path)) as outgoing:
        assert (b"", Place()) == (outgoing.give("SYD", Place()), outgoing.newest("SYD"))
        with State(tmp_path) as state:
            with state._connection:
                state.returns.put("SYD", "order:a", order("a"))
            found = site_return.decode(outgoing.give("SYD", Place()), "SYD")
            assert (["order:a"], 1) == ([one.key for one in found], outgoing.newest("SYD").sequence)
