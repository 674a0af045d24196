"""The order of a site's envelopes, against a hub that remembers everything."""

import random

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from sensor.store.site_order import EPOCHS_MAX, MISSING_MAX, Order
from tests.wire.envelopes import envelope


def came(order, *found):
    """Take envelopes that are new; return what each was."""
    judged = []
    for one in found:
        judged.append(order.judge(one))
        if judged[-1] == "new":
            order.take(one)
    return judged


def test_envelopes_in_order_are_new_once():
    """Each is a duplicate from then on; what is ahead waits."""
    order = Order()
    assert ["new", "new", "duplicate", "ahead", "new"] == came(order, *(envelope(n) for n in (1, 2, 1, 4, 3)))
    assert (7, 3, 0) == (order.epoch, order.have, order.lost)


def test_what_the_site_dropped_is_not_awaited():
    """It is lost, and counted; nothing older than the first that is held is awaited either."""
    order = Order()
    assert ["new", "new"] == came(order, envelope(5, previous=0), envelope(9, previous=5))
    assert 4 + 3 == order.lost
    assert ["new"] == came(order, envelope(20, epoch=8, began=12, previous=9))
    assert 7 + 10 == order.lost


def test_a_restarted_site_goes_on_in_another_epoch():
    """What it sent before must have come first."""
    order = Order()
    later = envelope(4, epoch=8, began=3)
    assert ["new", "new", "ahead", "new", "new"] == came(
        order, envelope(1), envelope(2), later, envelope(3), later
    )  # fmt: skip
    assert ["ahead", "new"] == came(order, envelope(6, epoch=8, began=3), envelope(5, epoch=8, began=3))


def test_a_site_that_was_put_back_is_not_taken_for_what_it_was():
    """The same numbers of another epoch are new; what the backup held is known."""
    order = Order()
    came(order, *(envelope(n) for n in range(1, 10)))
    again = [envelope(n) for n in (4, 5)] + [envelope(n, epoch=99, began=5) for n in (6, 7, 6)]
    assert ["duplicate", "duplicate", "new", "new", "duplicate"] == came(order, *again)
    assert (99, 7, 0) == (order.epoch, order.have, order.lost)
    assert ["ahead"] == came(order, envelope(9, epoch=99, began=5))
    assert ["ahead"] == came(Order(), envelope(9, epoch=99, began=5))


def test_what_cannot_be_asked_for_is_skipped_and_taken_later():
    """Over a diode: what is missing is named, and new when it comes after all."""
    order = Order()
    came(order, envelope(1))
    order.take(envelope(5))
    assert [(7, 2, 4)] == order.missing
    assert ["new", "duplicate", "new", "new"] == came(order, *(envelope(n) for n in (3, 3, 2, 4)))
    assert ([], 5) == (order.missing, order.have)

    order.take(envelope(9, epoch=8, began=7))
    assert [(0, 6, 7), (8, 8, 8)] == order.missing
    later = [envelope(7), envelope(6), envelope(7), envelope(8, epoch=8, began=7), envelope(8)]
    assert ["new", "new", "duplicate", "new", "new"] == came(order, *later)
    assert ([], 0) == (order.missing, order.lost)


def test_of_what_is_awaited_the_oldest_is_given_up():
    """Ranges are bounded, and so are epochs; what is given up counts as lost."""
    order = Order()
    for number in range(MISSING_MAX + 2):
        order.take(envelope(3 * number + 3))
    assert (MISSING_MAX, 4) == (len(order.missing), order.lost)
    for epoch in range(1000, 1000 + 2 * EPOCHS_MAX):
        came(order, envelope(order.have + 1, epoch=epoch, began=order.have))
    assert EPOCHS_MAX == len(order.lasts)


def test_what_the_site_says_it_has_no_more_is_given_up():
    """Of what is missing the rest is still awaited."""
    order = Order()
    for number in (10, 20):
        order.take(envelope(number))
    order.give_up(4, 12)
    assert ([(7, 1, 3), (7, 13, 19)], 6 + 2) == (order.missing, order.lost)
    assert ["duplicate", "new"] == came(order, envelope(11), envelope(13))
    order.give_up(30, 40)
    assert [(7, 1, 3), (7, 14, 19)] == order.missing


def test_an_order_is_kept_as_json():
    """And is the same when it is read."""
    order = Order()
    came(order, envelope(1))
    order.take(envelope(5))
    assert order == msgspec.json.decode(msgspec.json.encode(order), type=Order)


@given(st.integers(0, 10**6), st.integers(1, 40), st.booleans())
@settings(deadline=None, max_examples=200)
def test_each_comes_once_and_in_order_whatever_the_way_does(seed, count, may_skip):
    """Envelopes of several epochs, doubled, reordered and cut off, with a hub that says what it has.

    Where nothing is skipped, what was taken is a beginning of what was written, in order. Where it is, everything that
    came was taken, and taken once.
    """
    rng = random.Random(seed)
    written, began, epoch = [], 0, 1
    for sequence in range(1, count + 1):
        if rng.random() < 0.2:
            began, epoch = sequence - 1, epoch + 1
        written.append(envelope(sequence, epoch=epoch, began=began))
    order, taken, arrived = Order(), [], set()
    for _ in range(8):
        begin = rng.randint(0, count)
        way = written[begin : begin + rng.randint(0, count)]
        if rng.random() < 0.3:
            rng.shuffle(way)
        arrived.update(one.sequence for one in way)
        for one in way:
            judged = order.judge(one)
            if judged == "new" or (may_skip and judged == "ahead"):
                order.take(one)
                taken.append(one)
    if may_skip:
        assert sorted(arrived) == sorted(one.sequence for one in taken)
    else:
        assert written[: len(taken)] == taken
        assert (len(taken), 0) == (order.have, order.lost)
