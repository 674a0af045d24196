"""How often garbage is looked for."""

import gc

from sensor.pipeline.collecting import NEW_OBJECTS, look_rarely


def test_only_the_youngest_are_looked_at_more_rarely() -> None:
    """The older generations keep Python's own rhythm."""
    before = gc.get_threshold()
    try:
        look_rarely()
        assert gc.get_threshold() == (NEW_OBJECTS, *before[1:])
    finally:
        gc.set_threshold(*before)
