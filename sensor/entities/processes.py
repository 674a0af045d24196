"""Which process and user a flow was, as an endpoint's own records say: Sysmon, Defender, osquery, ECS.

An endpoint writes a record of a connection when it begins, with the same five numbers as the flow; the flow is known
when it ends. A record explains a flow of its site and its ends whose time holds the record's, give or take NEAR_NS and
what the endpoint's clock is found to be off. That is found from how far apart records and flows of the same ends begin,
as the median of the last of them, per source. Behind a NAT the ends differ, and nothing is explained; neither is a flow
that was over before an endpoint whose clock is ahead told of it, though its clock is measured by it.

Bounded: ROWS_MAX records, the half unused longest goes; NAMES_MAX different processes with their users.
"""

from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from baselines.keyed import KeyedTable
from sensor.entities.networks import words_of
from sensor.model.event import Event
from sensor.model.flow import TCP, UDP
from sensor.model.times import MINUTE_NS, SECOND_NS

ROWS_MAX = 1 << 18
NAMES_MAX = 1 << 16
NEAR_NS = 5 * SECOND_NS
"""An agent's record is written within seconds; osquery's of sockets that are open, while they are."""
APART_NS = 15 * MINUTE_NS
"""Records further from a flow of the same ends than any clock should be off are of an earlier flow."""
OFFSETS = 255
"""Of a source, the last: their median is its clock's error."""
OFFSETS_MIN = 8
_PROTO = {"tcp": TCP, "udp": UDP}
_MIX = np.uint64(0x9E3779B97F4A7C15)
"""2^64 over the golden ratio (Knuth, volume 3, section 6.4)."""

Words = NDArray[np.uint64]


class _Saved(msgspec.Struct):
    names: list[tuple[str | None, str | None, str]]
    offsets: dict[str, list[int]]
    unnamed: int


class Processes:
    """Connections as endpoints told of them.

    Attributes:
        unnamed: Records of processes beyond NAMES_MAX.
    """

    def __init__(self, secret: int) -> None:
        self._rows = KeyedTable({"ts": (np.int64, (), 0), "name": (np.int32, (), -1)}, ROWS_MAX, secret)
        self._flows = KeyedTable({"ts": (np.int64, (), 0)}, ROWS_MAX, secret)
        self._names: list[tuple[str | None, str | None, str]] = []
        self._number: dict[tuple[str | None, str | None, str], int] = {}
        self._offsets: dict[str, list[int]] = {}
        self.unnamed = 0

    @property
    def saturation(self) -> float:
        """Share of the records' cap in use."""
        return self._rows.saturation

    def tell(self, events: Sequence[Event], sites: Sequence[int]) -> None:
        """Take what endpoints said of connections.

        Args:
            events: Events of a tick.
            sites: Site number of each.
        """
        told = [(event, site, ends) for event, site in zip(events, sites, strict=True) if (ends := _ends(event))]
        if not told:
            return
        columns = [_key(site, *ends) for _, site, ends in told]
        a, b, c = (np.array(words, np.uint64) for words in zip(*columns, strict=True))
        rows, seen = self._rows.insert(a, b, c), self._flows.find(a, b, c)
        held, flow_ts = self._rows.columns, self._flows.columns["ts"]
        for row, flow, (event, _, _) in zip(rows.tolist(), seen.tolist(), told, strict=True):
            held["ts"][row] = held["last"][row] = event.ts
            held["name"][row] = self._number_of(event)
            if flow >= 0 and abs(event.ts - int(flow_ts[flow])) <= APART_NS:
                self._note(event.source, event.ts - int(flow_ts[flow]))

    def explain(self, flows: NDArray[np.void], sites: NDArray[np.int32]) -> dict[int, tuple[str | None, str | None]]:
        """Return (process, user) of those flows of a tick that a record explains, by their place.

        Args:
            flows: dtype FLOW, shape (n,).
            sites: Site number, int32, shape (n,).
        """
        if not len(self._rows) or not len(flows):
            return {}
        keys = _keys(flows, sites)
        rows = self._rows.find(*keys)
        for start in range(0, len(flows), ROWS_MAX // 4):
            piece = slice(start, start + ROWS_MAX // 4)
            kept = self._flows.insert(*(words[piece] for words in keys))
            self._flows.columns["ts"][kept] = self._flows.columns["last"][kept] = flows["ts"][piece]
        held = self._rows.columns
        found: dict[int, tuple[str | None, str | None]] = {}
        for i in np.nonzero(rows >= 0)[0].tolist():
            row = int(rows[i])
            number = int(held["name"][row])
            if number < 0:
                continue
            process, user, source = self._names[number]
            begin, told = int(flows["ts"][i]), int(held["ts"][row])
            end = begin + max(int(flows["duration"][i]), 0)
            if abs(told - begin) <= APART_NS:
                self._note(source, told - begin)
            at = told - self.skew_ns(source)
            if begin - NEAR_NS <= at <= end + NEAR_NS:
                found[i] = (process, user)
                held["last"][row] = max(held["last"][row], end)
        return found

    def skew_ns(self, source: str) -> int:
        """Return by how much a source's clock is ahead of the network's, ns; 0 while that is not known."""
        offsets = self._offsets.get(source, [])
        if len(offsets) < OFFSETS_MIN:
            return 0
        middle = int(np.median(offsets))
        return middle if abs(middle) > NEAR_NS else 0

    def skews(self) -> dict[str, tuple[float, int]]:
        """Return (seconds ahead, connections it was measured on) of every source that is known well enough."""
        return {
            source: (round(float(np.median(offsets)) / SECOND_NS, 1), len(offsets))
            for source, offsets in sorted(self._offsets.items())
            if len(offsets) >= OFFSETS_MIN
        }

    def save(self) -> dict[str, NDArray[Any]]:
        """Return the state as named arrays."""
        blob = msgspec.json.encode(_Saved(self._names, self._offsets, self.unnamed))
        parts = {"rows": self._rows.save(), "flows": self._flows.save()}
        state = {f"{part}/{name}": column for part, held in parts.items() for name, column in held.items()}
        return {**state, "names": np.frombuffer(blob, np.uint8)}

    def load(self, state: dict[str, NDArray[Any]]) -> None:
        """Restore what `save` returned. Raises ValueError for a version it cannot read."""
        held = msgspec.json.decode(state["names"].tobytes(), type=_Saved)
        self._names, self._offsets, self.unnamed = held.names, held.offsets, held.unnamed
        self._number = {name: number for number, name in enumerate(self._names)}
        for part, table in (("rows/", self._rows), ("flows/", self._flows)):
            table.load({name[len(part) :]: column for name, column in state.items() if name.startswith(part)})

    def _number_of(self, event: Event) -> int:
        process = event.detail.get("process")
        name = (str(process) if process else None, event.account, event.source)
        number = self._number.get(name)
        if number is None:
            if len(self._names) >= NAMES_MAX:
                self.unnamed += 1
                return -1
            number = self._number[name] = len(self._names)
            self._names.append(name)
        return number

    def _note(self, source: str, offset_ns: int) -> None:
        offsets = self._offsets.setdefault(source, [])
        offsets.append(offset_ns)
        if len(offsets) > OFFSETS:
            del offsets[0]


def _ends(event: Event) -> tuple[int, str, int, str, int] | None:
    """Return protocol and ends of a connection that an endpoint told of, None for anything else."""
    detail = event.detail
    if event.kind != "connection" or detail.get("ended"):
        return None
    proto = _PROTO.get(str(detail.get("proto")))
    orig, resp = detail.get("orig_h"), detail.get("resp_h")
    orig_p, resp_p = detail.get("orig_p"), detail.get("resp_p")
    if proto is None or not (orig and resp) or not isinstance(orig_p, int) or not isinstance(resp_p, int):
        return None
    if not (detail.get("process") or event.account) or not (0 <= orig_p < 1 << 16 and 0 <= resp_p < 1 << 16):
        return None
    return proto, str(orig), orig_p, str(resp), resp_p


def _key(site: int, proto: int, orig: str, orig_p: int, resp: str, resp_p: int) -> tuple[int, int, int]:
    (a_hi, a_lo), (b_hi, b_lo) = words_of(orig), words_of(resp)
    low = (1 << 64) - 1
    mixed = [((hi * int(_MIX)) ^ lo) & low for hi, lo in ((a_hi, a_lo), (b_hi, b_lo))]
    return mixed[0], mixed[1], (site << 40 | proto << 32 | orig_p << 16 | resp_p) & low


def _keys(flows: NDArray[np.void], sites: NDArray[np.int32]) -> tuple[Words, Words, Words]:
    ends = [flows[f"{end}_hi"] * _MIX ^ flows[f"{end}_lo"] for end in ("orig", "resp")]
    shifted = [
        sites.astype(np.uint64) << np.uint64(40), flows["proto"].astype(np.uint64) << np.uint64(32),
        flows["orig_p"].astype(np.uint64) << np.uint64(16), flows["resp_p"].astype(np.uint64),
    ]  # fmt: skip
    return ends[0], ends[1], shifted[0] | shifted[1] | shifted[2] | shifted[3]
