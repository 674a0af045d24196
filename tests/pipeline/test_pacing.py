"""How fast a replay goes."""

import pytest

from sensor.model.times import SECOND_NS
from sensor.pipeline.pacing import Paced, speed_of


@pytest.mark.parametrize(("text", "speed"), [("max", None), ("1x", 1.0), ("60x", 60.0), ("0.5x", 0.5)])
def test_speeds_are_multiples_of_the_records_time(text, speed):
    """Or as fast as it can."""
    assert speed == speed_of(text)


@pytest.mark.parametrize("text", ["", "60", "x", "0x", "-1x", "1e3x", "1x "])
def test_what_is_no_speed_is_refused(text):
    """With what is expected."""
    with pytest.raises(ValueError, match="as 1x or 60x"):
        speed_of(text)


def test_each_step_waits_for_its_time():
    """From the first on; a step that is behind is not waited for, and the next makes up for it."""
    now, slept = [100.0], []

    def sleep(seconds):
        slept.append(seconds)
        now[0] += seconds

    paced = Paced(60.0, sleep, lambda: now[0])
    paced.wait(1000 * SECOND_NS)
    paced.wait(1600 * SECOND_NS)
    now[0] += 15.0
    paced.wait(2200 * SECOND_NS)
    paced.wait(2800 * SECOND_NS)

    assert [10.0, 5.0] == slept
