"""What the readiness report is made of."""

import pytest

from sensor.model.readiness import CONTROLS, amount


def test_no_control_is_named_twice_for_the_same():
    """A control may be answered by several capabilities, each once."""
    assert len(CONTROLS) == len({(one.framework, one.id, one.capability) for one in CONTROLS})


@pytest.mark.parametrize(("size", "expected"), [(0, "0 B"), (999, "999 B"), (2_500_000, "2.5 MB"), (4e13, "40 TB")])
def test_amounts(size, expected):
    """Three digits and a prefix."""
    assert expected == amount(size)
