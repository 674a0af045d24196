"""Limits of responses."""

import pytest

from sensor.model.guard import Group, Guard, problem


@pytest.mark.parametrize(
    "fields",
    [{"per_hour": 4}, {"per_day": -1}, {"account_share": 0.5}, {"expire_s": 7200}, {"groups": {"a": Group((), "yes")}}],
)
def test_limits_can_only_be_tightened(fields):
    """A configuration that raises one is refused."""
    assert problem(Guard(**fields)) is not None
    assert problem(Guard(per_hour=0, per_day=1, account_share=0.001, expire_s=60)) is None
