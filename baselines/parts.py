"""The state of what has several parts as one: named arrays under `part/name`, and back."""

from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from numpy.typing import NDArray

State = dict[str, NDArray[Any]]


class Part(Protocol):
    """What saves and loads itself."""

    def save(self) -> State:
        """Return its state as named arrays."""

    def load(self, state: State) -> None:
        """Restore what `save` returned. Raises ValueError for a version it cannot read."""


def packed(parts: Iterable[tuple[str, Part]]) -> State:
    """Return the arrays of all parts.

    Args:
        parts: (name, part); no name holds a slash.
    """
    return {f"{name}/{array}": column for name, part in parts for array, column in part.save().items()}


def unpack(state: Mapping[str, NDArray[Any]], parts: Iterable[tuple[str, Part]], *, optional: bool = False) -> None:
    """Restore every part.

    Args:
        state: What `packed` returned; other arrays beside it are passed over.
        parts: As they were given to it.
        optional: Leave a part as it is that an older release had nothing of.

    Raises:
        ValueError: A part is of a version that it cannot read.
    """
    for name, part in parts:
        own = part_of(state, name)
        if own or not optional:
            part.load(own)


def part_of(state: Mapping[str, NDArray[Any]], name: str) -> State:
    """Return the arrays of one part under their own names."""
    cut = len(name) + 1
    return {array[cut:]: column for array, column in state.items() if array.startswith(f"{name}/")}
