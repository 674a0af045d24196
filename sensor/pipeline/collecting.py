"""How often Python looks for garbage that refers to itself.

Everything else is freed the moment nothing refers to it. Nearly all that a tick makes is of that kind, or stays: rows,
sign-ins, incidents. Looking through them after every 700 new objects, as Python does by default, took a quarter of the
time of resolving sign-ins (18,000 a second became 23,000). Not here: when anything is let go.
"""

import gc

NEW_OBJECTS = 50_000
"""Containers made and not freed between two looks at the youngest: 10,000 gave 22,000 sign-ins a second; what may lie
about in between is some 10 MB, and replays of the samples took no more memory than before."""


def look_rarely() -> None:
    """Set it for this process."""
    gc.set_threshold(NEW_OBJECTS, *gc.get_threshold()[1:])
