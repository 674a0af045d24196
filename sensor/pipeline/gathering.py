"""Records of sources that go on, held until their time has come, and cut into steps at event time.

A tick that is over is a step, as in a replay; of the one that goes on, what is older than the watermark is stepped in
parts of PART_NS with the tick's own end, so that what needs no history is told within seconds. A tick is closed
DISORDER_NS behind the watermark. After that, an event (products deliver theirs up to hours late) and a flow that was
reported when its timeout had passed are taken in with what comes now; a flow that is older is late, and stepped for
itself.

A record whose time has not come yet is taken in now too, and moves no time on: one wrong clock would make everything
after it late. What is held is part of every commit (`save`), for the positions of the sources are behind it.
"""

import hashlib
import logging
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from sensor.model.capture import ARP
from sensor.model.event import Event
from sensor.model.flow import FLOW
from sensor.model.protocols import AnyMessage
from sensor.model.records import copied, joined, picked
from sensor.model.report import AnyReport
from sensor.model.source import Batch
from sensor.model.times import HOUR_NS, SECOND_NS, TICK_NS
from sensor.store.sorting import Step

PART_NS = 2 * SECOND_NS
"""Event time between two steps of a tick that goes on: with a look at a log each second, told in three."""
DISORDER_NS = 2 * SECOND_NS
"""Zeek writes its logs side by side, and each at most a second behind (threading heartbeat interval, 1 s)."""
TIMEOUT_NS = 330 * SECOND_NS
"""A flow is reported when it has been silent for a minute (UDP) or five (TCP), here as in Zeek, and is not late for
that: it is taken in, and learned from, with what comes now. Else no UDP flow of a live port would be learned from."""
AHEAD_NS = HOUR_NS
"""Of clocks: a wrong time zone of one hour is common, and harmless."""
_ARP = np.dtype([("input", np.int32), ("row", ARP)])
_LOG = logging.getLogger(__name__)
T = TypeVar("T")
_Kept = tuple[NDArray[np.int64], NDArray[Any]]


class Gathering:
    """What was read and not stepped yet.

    Attributes:
        closed_ns: End of the last tick that is over; what is older is late.
    """

    def __init__(self, closed_ns: int = 0) -> None:
        """Begin, or go on behind a tick."""
        self.closed_ns = closed_ns
        self._newest_ns = closed_ns
        self._flows: list[_Kept] = []
        self._arp: list[_Kept] = []
        self._messages: list[tuple[int, AnyMessage]] = []
        self._events: list[tuple[int, Event]] = []
        self._reports: list[tuple[int, AnyReport]] = []

    def __len__(self) -> int:
        """Count the records that are held."""
        said = len(self._messages) + len(self._events) + len(self._reports)
        return said + sum(len(keys) for keys, _ in (*self._flows, *self._arp))

    def add(self, number: int, batch: Batch, now_ns: int) -> int:
        """Take a batch in.

        Args:
            number: Its input.
            batch: What it gave.
            now_ns: Time of day, against which a record's may be too far ahead.

        Returns:
            Event time of its newest record that is not ahead; 0 where there is none.
        """
        limit = now_ns + AHEAD_NS
        newest = [0]
        if len(batch.flows):
            rows = copied(batch.flows)
            rows["input"] = number
            keys = self._keys(rows["ts"] + np.maximum(rows["duration"], 0), limit, newest)
            self._flows.append((self._awaited(keys), rows))
        if len(batch.arp):
            asked = np.zeros(len(batch.arp), _ARP)
            asked["input"], asked["row"] = number, batch.arp
            self._arp.append((self._keys(batch.arp["ts"].copy(), limit, newest), asked))
        self._messages += self._keyed(batch.messages, number, limit, newest)
        # A late event is taken in with what comes now: its product delivers it late each time; so a site its reports.
        events = self._keyed(batch.events, number, limit, newest)
        self._events += [(max(key, self.closed_ns), one) for key, one in events]
        reports = self._keyed(batch.reports, number, limit, newest)
        self._reports += [(max(key, self.closed_ns), one) for key, one in reports]
        self._newest_ns = max(self._newest_ns, *newest)
        return max(newest)

    def steps(self, bound_ns: int | None, limit: int) -> Iterator[tuple[Step, bool]]:
        """Give what lies below a watermark, in order, and close the ticks that are over.

        Args:
            bound_ns: The watermark; None for everything that there is, where nobody is waited for.
            limit: Flows a step at most.

        Yields:
            A step, and whether it is late.
        """
        yield from ((step, True) for step in self._cut(self.closed_ns, limit))
        if bound_ns is None:
            yield from ((step, False) for step in self._cut(self._newest_ns + 1, limit))
            self.closed_ns = max(self.closed_ns, (self._newest_ns - DISORDER_NS) // TICK_NS * TICK_NS)
            return
        over = (bound_ns - DISORDER_NS) // TICK_NS * TICK_NS
        if over > self.closed_ns:
            for step in self._cut(over, limit):
                yield step, False
            self.closed_ns = over
        part = min(bound_ns // PART_NS * PART_NS, self.closed_ns + TICK_NS) if self.closed_ns else 0
        yield from ((step, False) for step in self._cut(part, limit))

    def save(self, names: Mapping[int, str]) -> dict[str, NDArray[Any]]:
        """Return what is held as named arrays.

        Args:
            names: What each input's records shall be known by, for `load`.
        """
        flows = joined([np.empty(0, FLOW), *(rows for _, rows in self._flows)])
        asked = joined([np.empty(0, _ARP), *(rows for _, rows in self._arp)])
        said = [one for _, one in self._messages], [one for _, one in self._events]
        return {
            "layout": np.frombuffer(_layout(), np.uint8), "closed_ns": np.array([self.closed_ns], np.int64),
            "flows": flows.view(np.uint8), "arp": asked.view(np.uint8),
            "said": np.frombuffer(msgspec.msgpack.encode(said), np.uint8),
            "reports": np.frombuffer(msgspec.msgpack.encode([one for _, one in self._reports]), np.uint8),
            "inputs": np.frombuffer(msgspec.json.encode(names), np.uint8),
        }  # fmt: skip

    def load(self, held: Mapping[str, NDArray[Any]], number_of: Callable[[str], int], now_ns: int) -> None:
        """Take in again what was held; what another release held in another form is lost, and said.

        Args:
            held: What `save` returned.
            number_of: Gives the number that an input has now.
            now_ns: Time of day.
        """
        if held["layout"].tobytes() != _layout():
            _LOG.error("records held by another release cannot be read flows=%d bytes", len(held["flows"]))
            return
        self.closed_ns = int(held["closed_ns"][0])
        names = msgspec.json.decode(held["inputs"].tobytes(), type=dict[int, str])
        messages, events = msgspec.msgpack.decode(held["said"].tobytes(), type=tuple[list[AnyMessage], list[Event]])
        reports = msgspec.msgpack.decode(held["reports"].tobytes(), type=list[AnyReport]) if "reports" in held else []
        flows, asked = held["flows"].copy().view(FLOW), held["arp"].copy().view(_ARP)
        for number, name in names.items():
            batch = Batch(
                flows=picked(flows, flows["input"] == number), arp=asked["row"][asked["input"] == number].copy(),
                messages=[one for one in messages if one.input == number],
                events=[one for one in events if one.input == number],
                reports=[one for one in reports if one.input == number],
            )  # fmt: skip
            self.add(number_of(name), batch, now_ns)

    def _keys(self, keys: NDArray[np.int64], limit: int, newest: list[int]) -> NDArray[np.int64]:
        """Return keys with those that are ahead of time moved to now; note the newest of the others."""
        fair = keys <= limit
        if fair.any():
            newest.append(int(keys[fair].max()))
        return keys if fair.all() else np.where(fair, keys, max(self._newest_ns, *newest))

    def _awaited(self, keys: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return keys with those of flows that could not be told of earlier moved to the tick that goes on."""
        return np.where(keys >= self.closed_ns - TIMEOUT_NS, np.maximum(keys, self.closed_ns), keys)

    def _keyed(self, said: list[T], number: int, limit: int, newest: list[int]) -> list[tuple[int, T]]:
        """Return messages or events with their keys and the number of their input."""
        if not said:
            return []
        keys = self._keys(np.array([one.ts for one in said], np.int64), limit, newest)  # type: ignore[attr-defined]
        return [
            (key, msgspec.structs.replace(one, input=number))  # type: ignore[type-var]
            for key, one in zip(keys.tolist(), said, strict=True)
        ]

    def _cut(self, end_ns: int, limit: int) -> Iterator[Step]:
        """Take away what is older than a time, tick by tick."""
        flow_keys, flows = _taken(self._flows, end_ns, np.dtype(FLOW))
        arp_keys, asked = _taken(self._arp, end_ns, _ARP)
        order = np.lexsort((flows["offset"], flows["input"], flow_keys))
        flow_keys, flows = flow_keys[order], picked(flows, order)
        order = np.lexsort((asked["row"]["offset"], asked["input"], arp_keys))
        arp_keys, asked = arp_keys[order], picked(asked, order)
        messages = _said(self._messages, end_ns, "offset")
        events = _said(self._events, end_ns, "row")
        reports = _said(self._reports, end_ns, "offset")
        at = [0, 0, 0, 0, 0]
        said_keys = [np.array([key for key, _ in some], np.int64) for some in (messages, events, reports)]
        columns = flow_keys, arp_keys, *said_keys
        while any(begin < len(keys) for begin, keys in zip(at, columns, strict=True)):
            first = min(int(keys[begin]) for begin, keys in zip(at, columns, strict=True) if begin < len(keys))
            end = (first // TICK_NS + 1) * TICK_NS
            until = min(int(np.searchsorted(flow_keys, end)), at[0] + limit)
            whole = until >= len(flow_keys) or flow_keys[until] >= end
            cut = end if whole else int(flow_keys[until - 1]) + 1
            to = [until, *(int(np.searchsorted(keys, cut)) for keys in columns[1:])]
            some = asked[at[1] : to[1]]
            yield Step(
                end, flows[at[0] : to[0]], [one for _, one in messages[at[2] : to[2]]], some["row"].copy(),
                some["input"].copy(), [one for _, one in events[at[3] : to[3]]],
                [one for _, one in reports[at[4] : to[4]]],
            )  # fmt: skip
            at = to


def _taken(kept: list[_Kept], end_ns: int, dtype: np.dtype[Any]) -> _Kept:
    """Take the rows whose key is below a time out of what is kept."""
    keys = np.concatenate([np.empty(0, np.int64), *(some for some, _ in kept)])
    rows = joined([np.empty(0, dtype), *(some for _, some in kept)])
    below = keys < end_ns
    left = ~below
    kept[:] = [(keys[left], picked(rows, left))] if left.any() else []
    return keys[below], picked(rows, below)


def _said(kept: list[tuple[int, T]], end_ns: int, place: str) -> list[tuple[int, T]]:
    """Take the messages or events whose key is below a time out of what is kept, in order."""
    taken = [item for item in kept if item[0] < end_ns]
    kept[:] = [item for item in kept if item[0] >= end_ns]
    return sorted(taken, key=lambda item: (item[0], item[1].input, getattr(item[1], place)))  # type: ignore[attr-defined]


def _layout() -> bytes:
    """Name the form in which rows are held."""
    return hashlib.blake2b(repr((FLOW.descr, _ARP.descr)).encode(), digest_size=16).digest()
