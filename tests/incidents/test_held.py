"""What a restart needs."""

import numpy as np
import pytest

from sensor.incidents.held import unpack
from tests.incidents.hands import START, incidents, run, seen


def test_what_is_no_state_of_ours_is_refused():
    """Another version's, or damaged: said, not guessed at."""
    linked = incidents()
    run(linked, (START, seen("scan", "scan", 1e-5, START)))
    column = linked.save()["held"]

    assert 1 == len(unpack(column).cases)
    for wrong in (column[:-3], np.zeros(4, np.uint8)):
        with pytest.raises(ValueError, match=r"."):
            unpack(wrong)
