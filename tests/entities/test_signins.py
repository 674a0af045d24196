"""Sign-ins from one log and from several."""

import msgspec

from sensor.entities.signins import SignIns
from sensor.model.event import Event
from sensor.model.times import MINUTE_NS


def event(at_s, source="entra", **fields):
    given = {"outcome": "success", "account": "ann@ex.com", "ip": "203.0.113.1", "raw_id": f"{source}-{at_s}", **fields}
    return Event(ts=at_s * 10**9, source=source, kind="signin", action="Sign-in activity", **given)


def taken(*events):
    """Return the sign-ins that events make, by time."""
    signins = SignIns()
    for one in events:
        signins.take(one, one.account, one.device_id, None)
    return [seen.row for seen in signins.drain()]


def test_rows_of_one_flow_are_one_sign_in_and_the_decisive_one_is_the_result():
    """A prompt for a second factor, then the success: a success, its factor satisfied."""
    (row,) = taken(
        event(0, outcome="interrupt", reason_code="50074", mfa="unknown", correlation_id="c1"),
        event(20, mfa="satisfied", correlation_id="c1", device_id="d1"),
    )

    assert ("success", None, "satisfied", "d1") == (row.result, row.reason_code, row.mfa, row.device)
    assert ("entra-0", ("entra-0", "entra-20")) == (row.raw_id, row.raw_ids)


def test_two_products_tell_of_one_sign_in():
    """By the correlation id, or by account, address and nearness; what one lacks the other gives."""
    rows = taken(
        event(0, correlation_id="c1", app="Office", country="AU"), event(5, source="m365", correlation_id="c1"),
        event(300, country="AU"), event(310, source="m365"),
        event(900), event(990, source="m365"),
    )  # fmt: skip

    assert [("entra", "m365"), ("entra", "m365"), ("entra",), ("m365",)] == [row.sources for row in rows]
    assert ("AU", "Office") == (rows[0].country, rows[0].app)


def test_different_sign_ins_stay_apart():
    """Other accounts, addresses, flows of one product, and the same flow after a quarter of an hour."""
    rows = taken(
        event(0, correlation_id="c1"), event(1, correlation_id="c2"), event(2, account="bob@x.y", correlation_id="c1"),
        event(3, source="m365", ip="198.51.100.1"), event(2000, correlation_id="c1"),
    )  # fmt: skip

    assert 5 == len(rows)
    assert 5 == len({row.id for row in rows})


def test_a_failure_after_the_success_does_not_undo_it():
    """Rows of one flow may come late."""
    (row,) = taken(event(5, correlation_id="c"), event(6, outcome="failure", reason_code="50126", correlation_id="c"))

    assert ("success", None) == (row.result, row.reason_code)


def test_a_changed_sign_in_is_given_again_under_its_id():
    """What is stored is replaced."""
    signins = SignIns()
    signins.take(event(0, outcome="failure", correlation_id="c"), "ann@ex.com", None, "SYD")
    (first,) = (seen.row for seen in signins.drain())
    signins.take(event(9, correlation_id="c"), "ann@ex.com", None, "SYD")
    (second,) = (seen.row for seen in signins.drain())

    assert (first.id, "failure", "success", "SYD") == (second.id, first.result, second.result, second.site)
    assert [] == signins.drain()
    assert 1 == signins.count
    assert "unknown" == msgspec.to_builtins(second)["corroboration"]


def test_old_ones_are_closed():
    """Only those that rows can still join are held."""
    signins = SignIns()
    for k in range(100):
        signins.take(event(k * 60, correlation_id=str(k)), "ann@ex.com", None, None)
    last = event(200 * 60)
    signins.take(last, "ann@ex.com", None, None)

    assert 1 == len(signins._open)
    assert last.ts > 100 * MINUTE_NS


def test_a_sign_in_from_ever_other_addresses_takes_no_more_room():
    """Rows with one correlation id are held under the first address."""
    signins = SignIns()
    for k in range(50):
        signins.take(event(k, ip=f"203.0.113.{k}", correlation_id="c1"), "ann@ex.com", None, None)

    assert 1 == len(signins.drain()) == len(signins._by_place)
