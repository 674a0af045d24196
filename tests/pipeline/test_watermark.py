"""For whom the others wait, and for how long."""

from sensor.model.times import SECOND_NS
from sensor.pipeline.watermark import LAG_NS, LOOK_S, QUIET_S, STALL_S, Watermark

START = 1_700_000_000 * SECOND_NS


def test_the_slowest_of_those_that_keep_up_is_waited_for_while_it_gives():
    """Silent for a moment, it is waited for no longer; where all are, nobody is."""
    mark = Watermark()
    mark.heard(0, START + 5 * SECOND_NS, 0.0)
    mark.heard(1, START, 0.0)
    mark.heard(0, START + 9 * SECOND_NS, QUIET_S)

    assert START + 9 * SECOND_NS == mark.newest_ns()
    assert 9 * SECOND_NS == mark.lag_ns(1)
    assert START == mark.bound(QUIET_S / 2)
    assert START + 9 * SECOND_NS == mark.bound(QUIET_S)
    assert mark.bound(3 * QUIET_S) is None


def test_one_that_stays_behind_holds_up_nobody():
    """An hour behind and no faster than the clock: it is given a moment, then left to come late."""
    mark = Watermark()
    bounds = []
    for second in range(20):
        mark.heard(0, START + second * SECOND_NS, float(second))
        mark.heard(1, START + (second - 3600) * SECOND_NS, float(second))
        bounds.append(mark.bound(float(second)))

    assert START - 3600 * SECOND_NS == bounds[0]
    assert [START + second * SECOND_NS for second in range(10, 20)] == bounds[10:]


def test_one_that_reads_through_a_backlog_is_waited_for():
    """A day of log in a minute beside a source of now: the log is learned from in order."""
    mark = Watermark()
    bounds = []
    for second in range(60):
        mark.heard(0, START + second * SECOND_NS, float(second))
        mark.heard(1, START - (60 - second) * 1440 * SECOND_NS, float(second))
        bounds.append(mark.bound(float(second)))

    assert [START - (60 - second) * 1440 * SECOND_NS for second in range(60)] == bounds


def test_a_source_that_is_closed_is_waited_for_no_more():
    """Its last record is no bound."""
    mark = Watermark()
    mark.heard(0, START, 0.0)
    mark.heard(1, START + LAG_NS, LOOK_S / 10)
    mark.forget(0)

    assert START + LAG_NS == mark.bound(LOOK_S / 10)


def test_one_that_has_more_is_waited_for_though_its_next_part_takes_long():
    """On a busy machine a poll takes many seconds; what stalls for a minute holds up nobody."""
    mark = Watermark()
    mark.heard(0, START, 0.0, has_more=True)
    mark.heard(1, START + LAG_NS, 0.0)

    assert START == mark.bound(10 * QUIET_S)
    assert mark.bound(STALL_S) is None


def test_the_beginning_of_a_source_is_waited_for_until_it_has_been_looked_at():
    """It may have days to tell; one that has nothing is waited for no longer."""
    mark = Watermark()
    mark.expect(0, 0.0)
    mark.expect(1, 0.0)
    mark.heard(1, START, 1.0)
    assert (0, 0) == (mark.bound(1.0), mark.lag_ns(0))
    mark.heard(0, START - LAG_NS, 1.0, has_more=True)
    assert START - LAG_NS == mark.bound(1.0)
    mark.expect(2, 1.0)
    mark.looked(2)
    mark.looked(0)

    assert START - LAG_NS == mark.bound(1.0)


def test_what_has_told_least_is_furthest_behind():
    """A source that was only expected above all."""
    mark = Watermark()
    assert mark.furthest_behind() is None
    mark.heard(0, START, 0.0)
    mark.heard(1, START - 1, 0.0)
    assert 1 == mark.furthest_behind()
    mark.expect(2, 0.0)
    assert 2 == mark.furthest_behind()
