"""What a sensor tells when the archive gave way to a full disk."""

from sensor.detectors import disk
from sensor.model.times import DAY_NS, SECOND_NS


def test_one_row_a_day_that_grows():
    """The same evidence all day long, with everything that went; another the next day."""
    told, now_ns = disk.Disk("SYD"), 20_000 * DAY_NS
    first = told.gave_way(100, 7, now_ns - SECOND_NS, now_ns)
    second = told.gave_way(50, 3, now_ns, now_ns + SECOND_NS)
    third = told.gave_way(1, 1, now_ns, now_ns + DAY_NS)

    assert first.evidence.id == second.evidence.id != third.evidence.id
    assert [100.0, 150.0, 1.0] == [one.evidence.observed for one in (first, second, third)]
    assert "150 bytes of the archive went, the oldest first, with 10 records up to 2024" in second.evidence.text
    assert (True, False, "SYD") == (second.digest, second.opens, second.name)


def test_it_is_not_counted_again_and_its_rate_is_the_assumed_one():
    """What went is gone; p is what the method assumes of such days."""
    one = disk.Disk("SYD").gave_way(100, 7, 0, DAY_NS).evidence

    assert disk.recount(one, None) is None
    assert one.p == disk.again(one)
