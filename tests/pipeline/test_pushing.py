"""A site's spool to its hub: everything once and in order, whatever happens to either, or to the line between."""

import random
import shutil
import time

import pytest

from sensor.pipeline import pushing
from sensor.store.backup import backup
from sensor.store.restore import restore
from tests.pipeline.fleet_ends import Line, fleet


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Wait for nothing."""
    monkeypatch.setattr(pushing, "BACKOFF_S", 0.01)
    monkeypatch.setattr(pushing, "BACKOFF_MAX_S", 0.05)
    monkeypatch.setattr(pushing, "LOOK_S", 0.02)
    monkeypatch.setattr(pushing, "ASK_S", 0.2)
    monkeypatch.setattr(pushing, "RETRY_S", 0.05)


def until(what, *args):
    """Wait until something is true."""
    for _ in range(2000):
        if what(*args):
            return
        time.sleep(0.01)
    raise AssertionError("it did not come to pass")


def has(hub, site, texts):
    """Let the hub take what came; tell whether a site's texts are all there."""
    hub.step()
    return hub.said(site.name) == texts


def url(hub):
    return f"https://127.0.0.1:{hub.port}"


def test_what_is_committed_reaches_the_state_of_the_hub(tmp_path):
    """Two sites, each in its own order, and their spools know what the hub has."""
    with fleet(tmp_path, "SYD", "PER") as (hub, syd, per):
        syd.tell("a", "b")
        for site in (syd, per):
            site.push(url(hub))
        per.tell("x")
        per.pusher.wake()
        until(has, hub, syd, ["a", "b"])
        syd.tell("c")
        syd.pusher.wake()
        until(has, hub, syd, ["a", "b", "c"])
        until(has, hub, per, ["x"])
        until(lambda: (syd.pusher.sent, per.pusher.sent) == (3, 1))
        assert ("", "") == (syd.pusher.problem, per.pusher.problem)


def test_a_hub_that_is_away_is_told_when_it_comes_back(tmp_path):
    """Nothing is lost while it is down, killed before it committed, or cut off in the middle."""
    with fleet(tmp_path, "SYD") as (hub, syd):
        syd.push(url(hub))
        wanted = []
        for turn in range(4):
            wanted += [f"{turn} {k}" for k in range(5)]
            syd.tell(*wanted[-5:])
            syd.pusher.wake()
            time.sleep(0.02 * turn)
            if turn % 2:
                hub.step(commit=False)
            else:
                hub.step(acknowledge=False)
            hub.close()
            time.sleep(0.05)
            hub.open()
        until(has, hub, syd, wanted)
        assert syd.pusher.failures["away"] > 0
        until(lambda: not syd.pusher.problem)


def test_a_hub_that_is_put_back_from_a_backup_catches_up(tmp_path):
    """What it had is told again out of the spool, without a restart of the site; what the state holds is known."""
    with fleet(tmp_path, "SYD") as (hub, syd):
        syd.push(url(hub))
        syd.tell("a", "b")
        syd.pusher.wake()
        until(has, hub, syd, ["a", "b"])
        backup(hub.folder, tmp_path / "backup")
        syd.tell("c", "d")
        syd.pusher.wake()
        until(has, hub, syd, ["a", "b", "c", "d"])
        hub.close()
        assert (hub.folder / "inbox.sqlite").exists()  # it forgot what the state of the backup does not know
        restore(tmp_path / "backup", hub.folder, force=True)
        hub.open()
        assert ["a", "b"] == hub.said("SYD")
        until(has, hub, syd, ["a", "b", "c", "d"])
        hub.close()
        shutil.rmtree(hub.folder)
        restore(tmp_path / "backup", hub.folder)
        hub.open()
        until(has, hub, syd, ["a", "b", "c", "d"])
        syd.tell("e")
        syd.pusher.wake()
        until(has, hub, syd, ["a", "b", "c", "d", "e"])


def test_a_hub_that_begins_afresh_is_told_everything_that_is_kept(tmp_path):
    """State and inbox are gone: what the site still holds comes again."""
    with fleet(tmp_path, "SYD") as (hub, syd):
        syd.push(url(hub))
        syd.tell("a", "b")
        syd.pusher.wake()
        until(has, hub, syd, ["a", "b"])
        hub.close()
        shutil.rmtree(tmp_path / "hub")
        hub.open()
        until(has, hub, syd, ["a", "b"])


def test_a_site_that_is_put_back_tells_what_is_new_and_nothing_twice(tmp_path):
    """Its numbers run again with other content: the epoch tells them apart."""
    with fleet(tmp_path, "SYD") as (hub, syd):
        syd.push(url(hub))
        syd.tell("a", "b")
        syd.pusher.wake()
        until(has, hub, syd, ["a", "b"])
        backup(syd.folder, tmp_path / "backup")
        syd.tell("c", "d")
        syd.pusher.wake()
        until(has, hub, syd, ["a", "b", "c", "d"])
        syd.close()
        restore(tmp_path / "backup", syd.folder, force=True)
        syd.open()
        syd.tell("C")
        syd.push(url(hub))
        until(has, hub, syd, ["a", "b", "c", "d", "C"])
        syd.tell("D", "E")
        syd.pusher.wake()
        until(has, hub, syd, ["a", "b", "c", "d", "C", "D", "E"])


def test_a_line_that_is_cut_at_random_loses_and_doubles_nothing(tmp_path):
    """In the middle of requests, of answers, and between: what the hub stored and could not say is known again."""
    rng = random.Random(5)
    with fleet(tmp_path, "SYD", "PER") as (hub, syd, per), Line(hub.port, rng) as line:
        wanted = {"SYD": [], "PER": []}
        for site in (syd, per):
            site.push(f"https://127.0.0.1:{line.port}")
        for turn in range(30):
            for site in (syd, per):
                texts = [f"{turn} {k} " + "x" * rng.randint(0, 3000) for k in range(rng.randint(0, 3))]
                site.tell(*texts)
                wanted[site.name] += texts
                site.pusher.wake()
            hub.step(acknowledge=rng.random() < 0.7)
            time.sleep(rng.uniform(0, 0.03))
        line.is_whole = True
        for site in (syd, per):
            until(has, hub, site, wanted[site.name])
            assert (0, ()) == ((link := hub.feed.links()[site.name]).lost, link.missing)
        assert line.cuts > 3


def test_a_full_hub_is_told_later(tmp_path):
    """It says that it has no room; when its core goes on, the rest follows."""
    with fleet(tmp_path, "SYD", limit_bytes=8 * 700) as (hub, syd):
        wanted = [f"{k} " + "x" * 20 for k in range(30)]
        syd.tell(*wanted)
        syd.push(url(hub))
        until(lambda: "no room" in syd.pusher.problem)
        assert syd.pusher.failures["away"] > 0
        until(has, hub, syd, wanted)
        until(lambda: not syd.pusher.problem)


def test_what_a_full_spool_dropped_is_not_awaited(tmp_path):
    """The hub goes on behind it, and counts what will never come."""
    with fleet(tmp_path, "SYD") as (hub, syd):
        syd.tell("a")
        syd.state.spool.limit_bytes = 400
        syd.tell(*("flow" * 50 + str(k) for k in range(20)), kind="flows")
        syd.tell("b")
        syd.push(url(hub))
        until(lambda: has(hub, syd, hub.said("SYD")) and hub.said("SYD")[-1:] == ["b"])
        assert "a" == hub.said("SYD")[0]
        link = hub.feed.links()["SYD"]
        assert (22, link.lost) == (link.have, 22 - len(hub.said("SYD")))
        assert 0 < link.lost < 21


def test_a_site_whose_certificate_is_of_another_tells_nothing(tmp_path):
    """With A's key its spool cannot be told as B's, nor does A's record suffer; what was meant for the hub stays."""
    with fleet(tmp_path, "SYD", "PER") as (hub, syd, per):
        per.tell("p")
        per.push(url(hub))
        until(has, hub, per, ["p"])
        per.stop()
        per.tell("q")
        syd.tell("s", "forged")
        syd.pair = per.pair
        syd.push(url(hub))
        until(lambda: syd.pusher.failures["permanent"] > 0)
        assert "another site" in syd.pusher.problem
        assert [] == hub.said("SYD")
        syd.stop()
        per.push(url(hub))
        until(has, hub, per, ["p", "q"])
        assert ["p", "q"] == hub.said("PER")
