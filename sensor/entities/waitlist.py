"""Sign-ins whose verdict may still change: when each is judged next, and which records would bear on it.

Bounded by number and by time. Not here: the verdict (`corroboration`).
"""

import heapq
from collections import OrderedDict
from collections.abc import Iterable, Iterator

import msgspec

from sensor.entities.distance import Spot
from sensor.entities.presence import RING, SLOT_NS
from sensor.entities.signins import Held
from sensor.model.times import MINUTE_NS

HELD_NS = (RING - 12) * SLOT_NS
"""So late may records still change a verdict, 7 hours: as long as all slots of the hour around a sign-in are known in
detail (`presence`: 3 kB a device, a day would be 9). A site that was cut off for six has its say."""
HELD_MAX = 100_000
"""Sign-ins held, about 1.5 KiB each; beyond it the oldest verdict is final early."""
SETTLE_NS = 3 * MINUTE_NS
"""Late records come in bursts: what they change is judged when they had time to come."""


class Pending(msgspec.Struct):
    """One such sign-in."""

    held: Held
    provider: str
    network: str | None
    agent: str | None
    handheld: bool
    given: str | None
    """The record's own id of the device."""
    spot: Spot
    until: int
    due: int
    """When it is judged next, 0 when only late records can change it."""
    why_not: str | None = None
    """Why it can never be contradicted, as it was known when it came."""
    settled: bool = False
    devices: list[int] = []
    """The account's own, whose late records bear on it."""


class Waitlist:
    """All of them.

    Attributes:
        dropped: Verdicts that became final early, for room.
    """

    def __init__(self) -> None:
        self.dropped = 0
        self._pending: OrderedDict[str, Pending] = OrderedDict()
        self._queue: list[tuple[int, str]] = []
        self._by_slot: dict[int, dict[str, None]] = {}
        self._by_device: dict[int, dict[str, None]] = {}

    def __len__(self) -> int:
        """Count them."""
        return len(self._pending)

    def get(self, key: str) -> Pending | None:
        """Return a sign-in by its id."""
        return self._pending.get(key)

    def every(self) -> list[Pending]:
        """Return all, in the order in which they came."""
        return list(self._pending.values())

    def hold(self, one: Pending) -> None:
        """Take one in."""
        key = one.held.row.id
        self._pending[key] = one
        self._by_slot.setdefault(one.held.ts // SLOT_NS, {})[key] = None
        for device in one.devices:
            self._by_device.setdefault(device, {})[key] = None
        if one.due:
            heapq.heappush(self._queue, (one.due, key))

    def put_off(self, one: Pending, due: int) -> None:
        """Let one be judged at another time."""
        one.due = due
        heapq.heappush(self._queue, (due, one.held.row.id))

    def watch(self, one: Pending, device: int) -> None:
        """Let late records of a device bear on one."""
        self._by_device.setdefault(device, {})[one.held.row.id] = None
        if device not in one.devices:
            one.devices.append(device)

    def follow(self, kept: dict[int, int]) -> None:
        """Watch the devices that others turned out to be."""
        for gone, other in kept.items():
            for key in self._by_device.pop(gone, {}):
                self._pending[key].devices.remove(gone)
                self.watch(self._pending[key], other)

    def watched(self) -> list[int]:
        """Return the devices whose late records bear on any."""
        return list(self._by_device)

    def look_again(self, times: Iterable[int], devices: Iterable[int], now_ns: int) -> None:
        """Have those judged again on which late records bear: of about these times, ns, or of these devices."""
        again: dict[str, None] = {}
        for slot in dict.fromkeys(ts // SLOT_NS for ts in times):
            for at in (slot - 1, slot, slot + 1):
                again |= self._by_slot.get(at, {})
        for device in devices:
            again |= self._by_device.get(device, {})
        for key in again:
            one = self._pending[key]
            if not one.due and one.settled:
                self.put_off(one, now_ns + SETTLE_NS)

    def due(self, now_ns: int) -> Iterator[Pending]:
        """Take those that are due; each is due no more."""
        while self._queue and self._queue[0][0] <= now_ns:
            due, key = heapq.heappop(self._queue)
            one = self._pending.get(key)
            if one is not None and one.due == due:
                one.due = 0
                yield one

    def over(self, now_ns: int) -> Iterator[Pending]:
        """Let those go that nothing changes any more."""
        while self._pending:
            key, one = next(iter(self._pending.items()))
            if one.until > now_ns and len(self._pending) <= HELD_MAX:
                return
            self.dropped += one.until > now_ns
            self._drop(key, one)
            yield one

    def _drop(self, key: str, one: Pending) -> None:
        del self._pending[key]
        for index, at in (
            (self._by_slot, one.held.ts // SLOT_NS), *((self._by_device, device) for device in one.devices)
        ):  # fmt: skip
            held = index.get(at, {})
            held.pop(key, None)
            if not held:
                index.pop(at, None)
