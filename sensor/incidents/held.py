"""What a restart needs of the incidents, as one value: written with the snapshot, read back exactly."""

import msgspec
import numpy as np
from numpy.typing import NDArray

from sensor.incidents.case import Case
from sensor.incidents.recent import Entry
from sensor.model.evidence import Evidence
from sensor.model.mute import Mute


class OpeningHeld(msgspec.Struct, kw_only=True):
    """The day's budget so far."""

    day: int = -1
    best: list[dict[str, float]]
    opened: dict[str, int]
    wanted: dict[str, list[int]]
    surged: dict[str, int]
    users: int = 0
    counted: int = 0


class BlocksHeld(msgspec.Struct, kw_only=True):
    """Reasons not to learn, by node, and when quarantines end."""

    reasons: dict[str, int]
    until: list[tuple[int, str]]


class Held(msgspec.Struct, kw_only=True):
    """Everything but the budget's columns."""

    cases: list[Case]
    recent: dict[str, list[Entry]]
    recent_dropped: int
    spent: dict[str, str]
    dropped: int
    opening: OpeningHeld
    blocks: BlocksHeld
    degrees: tuple[int, int]
    context: list[Evidence]
    counts: dict[str, int]
    today: list[str]
    now_ns: int
    verdicts_read: int
    mutes: list[Mute]


def pack(held: Held) -> NDArray[np.uint8]:
    """Return it as bytes, uint8, shape (n,)."""
    return np.frombuffer(msgspec.msgpack.encode(held), np.uint8)


def unpack(column: NDArray[np.generic]) -> Held:
    """Return what `pack` was given. Raises ValueError where it is no such thing."""
    return msgspec.msgpack.decode(column.tobytes(), type=Held)
