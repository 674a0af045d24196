"""The inbox: each envelope once, in order, bounded, and beside a state that may have been put back."""

import contextlib
import sqlite3
import threading

import pytest

from sensor.errors import Transient
from sensor.store.bundle_window import BundleWindow
from sensor.store.inbox import FILE, Have, Inbox, Position, Receipt, shift_of, write_position
from sensor.store.site_order import Order
from sensor.store.state import State
from tests.store.test_state import commit
from tests.wire.envelopes import envelope


def held(inbox, site="SYD"):
    """Return the sequences that are held of a site."""
    return [one.head.sequence for one in inbox.waiting(site, 0, 1000)]


def order_of(*sequences):
    """Return the order behind envelopes."""
    order = Order()
    for sequence in sequences:
        order.take(envelope(sequence))
    return order


def say(folder, inbox, **sites):
    """Commit a state that is made of (handed, order) of sites."""
    position = Position(inbox, sites)
    with State(folder) as state:
        commit(state)
        state._connection.execute(
            "INSERT OR REPLACE INTO meta VALUES ('position:sites', ?)", (write_position(position),)
        )
        state._connection.commit()


def test_what_is_taken_is_held_once_and_in_order(tmp_path):
    """Duplicates and what is ahead are told apart; bodies come back; another connection sees it at once."""
    inbox, other = Inbox(tmp_path), Inbox(tmp_path)
    first = inbox.take("SYD", [envelope(1), envelope(2), envelope(4)], 77)

    assert Receipt(Have(7, 2), stored=2, ahead=1) == first
    assert Receipt(Have(7, 3), stored=1, duplicates=2) == other.take("SYD", [envelope(n) for n in (1, 2, 3)], 78)
    assert ([1, 2, 3], {"SYD": 3}, Have(7, 3)) == (held(inbox), inbox.newest(), inbox.have("SYD"))
    assert envelope(3).body == inbox.body(inbox.waiting("SYD", 2, 1)[0].number)
    assert [77, 77, 78] == [one.received_ns for one in other.waiting("SYD", 0, 9)]
    assert (Have(0, 0), {}) == (inbox.have("PER"), Inbox(tmp_path / "new").newest())
    assert 2 == other.links()["SYD"].duplicates
    assert 0o600 == (tmp_path / FILE).stat().st_mode & 0o777


def test_sites_are_apart(tmp_path):
    """Each has its own numbers; an envelope of one is not taken from another."""
    inbox = Inbox(tmp_path)
    inbox.take("SYD", [envelope(1)], 1)

    with pytest.raises(ValueError, match="another site"):
        inbox.take("PER", [envelope(1, site="PER"), envelope(2)], 1)
    assert Have(0, 0) == inbox.have("PER")
    inbox.take("PER", [envelope(1, site="PER")], 1)
    assert ([1], [1]) == (held(inbox), held(inbox, "PER"))


def test_what_cannot_be_asked_for_again_is_skipped(tmp_path):
    """Bundles: what is ahead is held, what is missing is named, and taken later."""
    inbox = Inbox(tmp_path)
    inbox.take("SYD", [envelope(1), envelope(4)], 1, may_skip=True)
    assert ((2, 3),) == inbox.links()["SYD"].missing
    again = inbox.take("SYD", [envelope(n) for n in (2, 3, 4)], 2, may_skip=True)

    assert (2, 1, Have(7, 4)) == (again.stored, again.duplicates, again.have)
    assert [1, 4, 2, 3] == held(inbox)
    inbox.take("SYD", [envelope(7)], 3, may_skip=True)
    inbox.give_up("SYD", 5, 5)
    assert (((6, 6),), 1) == ((link := inbox.links()["SYD"]).missing, link.lost)


def test_a_full_inbox_says_later_and_a_site_has_its_share(tmp_path):
    """What fits is taken; when room is made, the rest follows."""
    size = len(envelope().body)
    inbox = Inbox(tmp_path, limit_bytes=8 * 3 * size + 7)
    full = inbox.take("SYD", [envelope(n) for n in range(1, 6)], 1)

    assert (3, True, Have(7, 3)) == (full.stored, full.is_full, full.have)
    assert inbox.has_room("PER")
    assert not inbox.has_room("SYD") or inbox.take("SYD", [envelope(4)], 1).is_full
    inbox.forget("SYD", [1, 2], 2)
    assert (2, False) == (inbox.take("SYD", [envelope(4), envelope(5)], 1).stored, False)
    for name in "ABCDEFGH":
        inbox.take(name, [envelope(n, site=name) for n in (1, 2, 3)], 1)
    assert 0.9 < inbox.fill() <= 1.0
    assert inbox.take("LAST", [envelope(1, site="LAST")], 1).is_full


def test_what_is_forgotten_stays_known(tmp_path):
    """It is not taken again, after a restart either."""
    inbox = Inbox(tmp_path)
    inbox.take("SYD", [envelope(1), envelope(2)], 1)
    say(tmp_path, inbox.name, SYD=(1, order_of(1)))
    inbox.forget("SYD", [1, 99], 1)
    inbox.close()
    inbox = Inbox(tmp_path)

    assert ([2], Have(7, 2)) == (held(inbox), inbox.have("SYD"))
    assert 2 == inbox.take("SYD", [envelope(1), envelope(2)], 1).duplicates
    assert 1 == inbox.links()["SYD"].waiting


def test_beside_a_state_that_was_put_back_it_begins_again_from_there(tmp_path):
    """It forgot more than the state knows: what is held goes, and what the sites still have is asked for."""
    inbox = Inbox(tmp_path)
    inbox.take("SYD", [envelope(n) for n in range(1, 7)], 1)
    inbox.take("PER", [envelope(1, site="PER")], 1)
    inbox.forget("SYD", [1, 2, 3, 4], 4)
    say(tmp_path, inbox.name, SYD=(2, order_of(1, 2)))
    inbox.close()
    inbox = Inbox(tmp_path)

    assert (Have(7, 2), [], [1]) == (inbox.have("SYD"), held(inbox), held(inbox, "PER"))
    assert 4 == inbox.take("SYD", [envelope(n) for n in range(1, 7)], 1).stored
    assert 0 < inbox.fill() < 1


def test_a_new_inbox_takes_over_what_the_state_is_made_of(tmp_path):
    """A backup has none; nothing that is in the state is taken again, whichever inbox it was of."""
    say(tmp_path, "of-another-disk", SYD=(3, order_of(1, 2, 3)))
    inbox = Inbox(tmp_path)

    assert ("of-another-disk", Have(7, 3)) == (inbox.name, inbox.have("SYD"))
    assert (1, 1) == (
        (took := inbox.take("SYD", [envelope(3), envelope(4)], 1)).stored,
        took.duplicates,
    )
    inbox.close()
    assert [4] == held(Inbox(tmp_path))


def test_without_a_state_what_was_forgotten_is_asked_for(tmp_path):
    """The hub begins afresh: an inbox of before does not keep the sites from telling all again."""
    inbox = Inbox(tmp_path)
    inbox.take("SYD", [envelope(1), envelope(2)], 1)
    inbox.forget("SYD", [1], 1)
    inbox.close()
    assert Have(0, 0) == Inbox(tmp_path).have("SYD")


def test_several_writers_lose_nothing(tmp_path):
    """Two connections take while a third forgets."""
    size = 60
    reader = Inbox(tmp_path, durable=False)
    done = threading.Event()

    opened = {site: Inbox(tmp_path) for site in ("SYD", "PER")}  # one that is opened without a state begins afresh

    def write(site):
        inbox = opened[site]
        for sequence in range(1, size + 1):
            assert 1 == inbox.take(site, [envelope(sequence, site=site)], 1).stored
        inbox.close()

    def forget():
        handed = {"SYD": 0, "PER": 0}
        while not done.is_set() or reader.newest():
            for site in tuple(handed):
                numbers = [one.number for one in reader.waiting(site, 0, 7)]
                handed[site] += len(numbers)
                reader.forget(site, numbers, handed[site])
        assert {"SYD": size, "PER": size} == handed

    threads = [threading.Thread(target=write, args=(site,)) for site in ("SYD", "PER")]
    last = threading.Thread(target=forget)
    for thread in (*threads, last):
        thread.start()
    for thread in threads:
        thread.join()
    done.set()
    last.join()
    assert ({}, 0.0) == (reader.newest(), reader.fill())


def test_what_another_holds_is_tried_later(tmp_path):
    """A writer that waits too long says so, and the inbox is as it was; no database, or a newer one, is refused."""
    inbox = Inbox(tmp_path)
    inbox._connection.execute("PRAGMA busy_timeout = 1")
    holder = sqlite3.connect(tmp_path / FILE)
    holder.execute("BEGIN IMMEDIATE")
    with pytest.raises(Transient, match="locked"):
        inbox.take("SYD", [envelope(1)], 1)
    holder.rollback()
    assert 1 == inbox.take("SYD", [envelope(1)], 1).stored
    holder.execute("PRAGMA user_version = 99")
    with pytest.raises(ValueError, match="newer"):
        Inbox(tmp_path)
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / FILE).write_text("not a database at all, and longer than its head is" * 20)
    with pytest.raises(ValueError, match="database"):
        Inbox(tmp_path / "x")


def test_a_site_that_sends_bundles_is_heard_one_way(tmp_path):
    """Until it sends otherwise for a day."""
    hour_ns = 3_600 * 10**9
    with contextlib.closing(Inbox(tmp_path)) as inbox, contextlib.closing(BundleWindow(tmp_path)) as window:
        inbox.take("SYD", [envelope(1)], 100 * hour_ns)
        assert not inbox.links()["SYD"].one_way
        window.take("SYD", b"k", 99 * hour_ns)
        assert inbox.links()["SYD"].one_way
        inbox.take("SYD", [envelope(2)], 124 * hour_ns)
        assert not inbox.links()["SYD"].one_way


def test_the_shift_of_a_sites_times_is_stored_with_each_envelope(tmp_path):
    """As the estimate was then; by what it errs, and a second, it may move; without one it stays as it was."""
    inbox, four_min = Inbox(tmp_path), 240 * 10**9
    for number, skew in enumerate((None, (four_min, 10**8), (four_min + 10**9, 10**8), None, (0, 10**8)), start=1):
        inbox.take("SYD", [envelope(number)], 77, skew=skew)

    assert [0, -four_min, -four_min, -four_min, 0] == [one.shift_ns for one in Inbox(tmp_path).waiting("SYD", 0, 9)]
    assert 0 == inbox.links()["SYD"].shift_ns


@pytest.mark.parametrize(
    ("before", "skew", "expected"),
    [(0, (2, 3), 0), (0, (-90, 0), 90), (5, None, 5), (-240, (0, 0), 0)],
)
def test_times_are_shifted_where_the_estimate_is_larger_than_its_error(before, skew, expected):
    """A clock that was set right is shifted no more."""
    known = None if skew is None else (skew[0] * 10**9, skew[1] * 10**9)
    assert expected * 10**9 == shift_of(before * 10**9, known)


def test_an_inbox_of_the_release_before_is_read_on(tmp_path):
    """What it holds is shifted by nothing."""
    Inbox(tmp_path).take("SYD", [envelope(1)], 77)
    with contextlib.closing(sqlite3.connect(tmp_path / FILE)) as old:
        old.executescript(
            "ALTER TABLE envelopes DROP COLUMN shift_ns; ALTER TABLE sites DROP COLUMN shift_ns;"
            "PRAGMA user_version = 1;"
        )
    inbox = Inbox(tmp_path)
    inbox.take("SYD", [envelope(2)], 78, skew=(60 * 10**9, 0))

    assert [0, -60 * 10**9] == [one.shift_ns for one in inbox.waiting("SYD", 0, 9)]
