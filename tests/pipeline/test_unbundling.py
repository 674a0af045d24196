"""Bundles into the inbox: verified whole, each envelope once, in the order that was signed."""

import os

import pytest

from sensor.pipeline import unbundling
from sensor.pipeline.unbundling import check, how_to_fill, in_order, look, missing
from sensor.store import bundle_window
from sensor.store.inbox import Inbox
from tests.pipeline.bundle_post import Hub, Post
from tests.wire.bundles_made import hub as hub_key
from tests.wire.bundles_made import signer


@pytest.fixture
def hub(tmp_path):
    """A hub that knows SYD and PER."""
    one = Hub(tmp_path / "hub")
    yield one
    one.close()


@pytest.fixture
def post(tmp_path):
    """What SYD sends."""
    return Post(tmp_path / "in")


def numbers(first, last, epoch=7):
    return [(epoch, sequence) for sequence in range(first, last + 1)]


def test_a_bundle_is_taken_once(hub, post):
    """The second time it is known by its time; made anew it is known by its envelopes."""
    path = post.send(1, 3)
    first, second, anew = hub.take(path), hub.take(path), hub.take(post.send(1, 3))

    assert ("taken", "SYD", 1, 3, 3, 3) == (
        first.outcome, first.site, first.first, first.last, first.envelopes, first.fresh,
    )  # fmt: skip
    assert ["known", "known"] == [second.outcome, anew.outcome]
    assert ("it was taken before", "all of it was here") == (second.why, anew.why)
    assert numbers(1, 3) == hub.held()


def test_encrypted_ones_are_taken_by_the_hub_they_are_for(hub, post, tmp_path):
    """Another hub says which key is wanted."""
    path = post.send(1, 3, seal_to=hub_key().public_key())
    other = Hub(tmp_path / "other", hub_keys=[])

    assert "taken" == hub.take(path).outcome
    assert ("refused", True) == ((said := other.take(path)).outcome, "not configured here" in said.why)
    assert [] == other.held()


def test_what_is_missing_is_awaited_reported_and_taken_later(hub, post):
    """The command that fills it is named by its numbers."""
    hub.take(post.send(1, 3))
    assert "taken" == hub.take(post.send(8, 9)).outcome
    assert {"SYD": ((4, 7),)} == missing(hub.inbox)
    assert "spanline bundle export --config site.toml --from 4 --to 7" == how_to_fill(4, 7)
    assert "taken" == hub.take(post.send(4, 7)).outcome

    assert ({}, numbers(1, 3) + numbers(8, 9) + numbers(4, 7)) == (missing(hub.inbox), hub.held())


def test_what_a_site_has_no_more_is_not_missing(hub, post):
    """It says so by a bundle that speaks of the range and does not hold it."""
    hub.take(post.send(1, 3))
    hub.take(post.send(8, 9))
    partly = {k: v for k, v in post.envelopes(4, 7).items() if k == 5}
    assert "taken" == hub.take(post.send(4, 6, contents=partly)).outcome
    assert {"SYD": ((7, 7),)} == missing(hub.inbox)
    assert "known" == hub.take(post.send(7, 7, contents={}, epoch=0)).outcome

    assert {} == missing(hub.inbox)
    assert 3 == hub.inbox.links()["SYD"].lost


def test_files_are_taken_in_the_order_that_was_signed(hub, post, tmp_path):
    """Whatever they are called; others are told apart first."""
    paths = [post.put("c", post.bytes(1, 3)), post.put("b", post.bytes(4, 5)), post.put("a", post.bytes(6, 6))]
    bad = post.put("0", b"SPANBNDL")
    paths_in_order, others = in_order(hub.trust, [bad, *reversed(paths)])

    assert [("SYD", path) for path in paths] == paths_in_order
    assert [(str(bad), "incomplete")] == [(one.path, one.outcome) for one in others]


def test_an_envelope_of_another_site_is_refused(hub, post):
    """A site's key signs bundles of that site; what is in them must be of it too, or nothing is taken."""
    mixed = post.envelopes(1, 2) | post.envelopes(3, 3, site="PER")
    said = hub.take(post.send(1, 3, contents=mixed))

    assert ("refused", [], []) == (said.outcome, hub.held(), hub.held("PER"))
    assert "envelope 3 is of 'PER', in a bundle that 'SYD' signed" == said.why


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda held: {**held, 3: held[2]}, "envelope 3 says that it is 2"),
        (lambda held: {**held, 3: b"no envelope"}, "cut short"),
        (lambda held: {**held, 3: held[3][:-1] + bytes([held[3][-1] ^ 1])}, "digest"),
    ],
    ids=["another number", "no envelope", "a damaged one"],
)
def test_what_a_site_signed_wrongly_is_refused_whole(hub, post, change, why):
    """Though its signature is right; nothing of the bundle is stored."""
    said = hub.take(post.send(1, 3, contents=change(post.envelopes(1, 3))))

    assert ("refused", True, []) == (said.outcome, why in said.why, hub.held())


def test_a_check_takes_nothing(hub, post):
    """It reads the whole file."""
    path = post.send(1, 3)
    damaged = post.put("damaged", path.read_bytes()[:-1] + b"\0")

    assert ["known", "refused"] == [check(hub.trust, path).outcome, check(hub.trust, damaged).outcome]
    assert [] == hub.held()


def test_one_too_old_to_know_is_refused_with_what_to_do(hub, post, monkeypatch):
    """Behind the window nobody can tell a late bundle from a recorded one: made anew, it is taken."""
    monkeypatch.setattr(bundle_window, "WINDOW", 2)
    late = post.send(1, 3)
    for first in (4, 5, 6):
        hub.take(post.send(first, first))
    said = hub.take(late)

    assert ("refused", True) == (said.outcome, "--from 1 --to 3" in said.why)
    assert "taken" == hub.take(post.send(1, 3)).outcome
    assert numbers(4, 6) + numbers(1, 3) == hub.held()


def test_a_recorded_bundle_of_a_forgotten_life_is_not_taken_again(hub, post):
    """The inbox remembers the last lives of a site's program; the window remembers the bundle."""
    recorded = post.send(1, 3)
    hub.take(recorded)
    for life in range(100, 200):
        post.epoch = life
        first = 4 + life - 100
        hub.take(post.send(first, first, contents=post.envelopes(first, first, began=first - 1)))
    held = hub.held()

    assert 103 == len(held)
    assert "known" == hub.take(recorded).outcome
    assert held == hub.held()


def test_a_full_inbox_stops_and_goes_on(tmp_path, post, monkeypatch):
    """What was stored stays; when there is room, the same file goes on."""
    monkeypatch.setattr(unbundling, "CHUNK_BYTES", 1)
    one = Hub(tmp_path / "hub")
    size = len(one.inbox.body(one.inbox.waiting("SYD", 0, 1)[0].number)) if one.take(post.send(1, 1)).fresh else 0
    one.inbox._limit = 8 * (3 * size + 1)
    path = post.send(2, 6)
    said = one.take(path)
    assert ("full", True) == (said.outcome, "start the hub" in said.why)
    assert numbers(1, 3) == one.held()
    one.inbox._limit *= 10

    assert ("taken", 3) == ((said := one.take(path)).outcome, said.fresh)
    assert numbers(1, 6) == one.held()
    one.close()


def test_keys_are_changed_without_a_gap(tmp_path, post):
    """Bundles of the old key and of the new one are taken while both are configured."""
    both = {"SYD": [signer("new").public_key(), signer("SYD").public_key()]}
    one = Hub(tmp_path / "hub", site_keys=both)
    said = [one.take(post.send(1, 2)), one.take(post.send(3, 4, sign=signer("new")))]

    assert ["taken", "taken"] == [it.outcome for it in said]
    one.close()


def test_what_is_no_file_is_refused(hub, post):
    """A link to a genuine bundle, a pipe."""
    path = post.send(1, 1)
    (post.folder / "link").symlink_to(path)
    os.mkfifo(post.folder / "pipe")

    assert ["refused", "refused"] == [hub.take(post.folder / name).outcome for name in ("link", "pipe")]
    assert "it cannot be read: No such file or directory" == hub.take(post.folder / "none").why
    assert (None, 1) == ((said := look(hub.trust, post.folder / "link"))[0], len([said[1]]))


def test_a_hub_that_was_put_back_takes_kept_bundles_again(hub, post):
    """Its inbox begins again where its state does, and so does the window."""
    path = post.send(1, 3)
    hub.take(path)
    hub.inbox.forget("SYD", [1, 2, 3], 3)
    Inbox(hub.folder).close()  # no state that holds them is there

    assert [] == hub.held()
    assert "taken" == hub.take(path).outcome
    assert numbers(1, 3) == hub.held()
