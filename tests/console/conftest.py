"""Every server and client of a console's test ends with the test."""

import pytest

from sensor.console.server import Served
from tests.console.desks import OPEN, desk, filled


@pytest.fixture(autouse=True)
def _all_closed():
    yield
    while OPEN:
        one = OPEN.pop()
        if isinstance(one, Served):
            one.close(1.0)
        else:
            one.close()


@pytest.fixture
def made(tmp_path):
    """A console over a small state with everything on it."""
    return desk(filled(tmp_path))
