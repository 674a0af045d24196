"""Sign-ins that wait."""

from sensor.entities import waitlist as module
from sensor.entities.distance import Spot
from sensor.entities.signins import Held
from sensor.entities.waitlist import SETTLE_NS, Pending, Waitlist
from sensor.model.account import SignIn
from sensor.model.times import HOUR_NS


def pending(key, ts=0, due=10, until=HOUR_NS):
    row = SignIn(
        ts="", account="a", source="entra", ip=None, country=None, asn=None, app=None, result="success",
        reason_code=None, reason=None, mfa="none", device=None, id=key,
    )  # fmt: skip
    return Pending(Held(row, ts, ts, 0, -1, 0), "microsoft", None, None, False, None, Spot(), until, due)


def keys(found):
    return [one.held.row.id for one in found]


def test_each_is_due_once_and_again_where_it_is_put_off():
    """In order of time."""
    held = Waitlist()
    for key, due in (("b", 20), ("a", 10), ("c", 0)):
        held.hold(pending(key, due=due))
    assert ["a", "b"] == keys(held.due(30))
    assert [] == keys(held.due(30))
    held.put_off(held.get("a"), 50)
    held.put_off(held.get("a"), 60)
    assert [[], ["a"]] == [keys(held.due(55)), keys(held.due(60))]


def test_late_records_have_the_settled_judged_again():
    """Those of about that time, and those of that device, also when it is another by now."""
    held = Waitlist()
    for key, ts in (("a", 0), ("b", 3 * HOUR_NS), ("c", 3 * HOUR_NS)):
        held.hold(pending(key, ts=ts, due=0, until=9 * HOUR_NS))
        held.get(key).settled = key != "c"
    held.watch(held.get("b"), 4)
    held.follow({4: 5})
    held.look_again([1], [], 100)
    held.look_again([], [4], 200)
    held.look_again([], [5], 300)

    assert ["a", "b"] == keys(held.due(300 + SETTLE_NS))
    assert [5] == held.watched()


def test_nothing_is_held_for_ever(monkeypatch):
    """What is over goes, and beyond the cap the oldest, counted."""
    held = Waitlist()
    for k in range(4):
        held.hold(pending(str(k), until=10 + k))
    held.watch(held.get("0"), 4)
    assert ["0", "1"] == keys(held.over(11))
    assert (2, 0, []) == (len(held), held.dropped, held.watched())
    monkeypatch.setattr(module, "HELD_MAX", 1)
    assert ["2"] == keys(held.over(0))
    assert 1 == held.dropped
    assert ["3"] == keys(held.every())
