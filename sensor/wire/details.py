"""An event's `detail`: what a record says beyond the common columns, without what it does not say.

Does not check names: `sensor.model.event` lists them.
"""

from typing import Any


def present(**values: object) -> dict[str, Any]:
    """Return the values that are there: no None, no empty list, text or object."""
    return {name: value for name, value in values.items() if value is not None and value not in ("", [], {}, ())}
