"""DNS tunnels: bytes of information that a device asks one registered domain for in a day.

Whatever record type carries it, a tunnel's names are as many bytes of new information as it sends; people and programs
ask for a few hundred a day below one domain. Held against real device-days, with no history: see `OPENS_BYTES`. A
domain with half as much from an unflagged device on an earlier day, or as much from several devices today, is a
product's look-up service; reputation services and mail blocklists are known by name. A device that answers questions
itself only passes on what others ask, and is not counted.

Also here: text records asked for a name of one label, which nobody can have registered. Queries that leave by another
way (encrypted DNS) cannot be seen. Multicast and reverse names are no questions to a domain.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from baselines.keyed import KeyedTable
from baselines.parts import packed, unpack
from baselines.table import Table
from sensor.detectors.dns_information import REPUTATION, information, labels
from sensor.detectors.dns_tunnel_text import Asked, again, label_finding, recount, tunnel_finding
from sensor.detectors.places import words
from sensor.detectors.registered import registered
from sensor.model.evidence import Finding
from sensor.model.metadata import Dns
from sensor.model.result import Coverage
from sensor.model.tick import Names, Tick
from sensor.model.times import DAY_NS, MINUTE_NS

PAIRS_MAX = 1 << 16
LABELS_MAX = 1 << 18
"""Labels remembered; the half asked for longest ago goes, and says something again."""
DOMAINS_MAX = 1 << 16
SHOWN_BYTES = 1000.0
"""A day; twice the most of the benign device-days at hand."""
OPENS_BYTES = 4000.0
"""A day: seven minutes of a tunnel of 10 B/s."""
BURST_BYTES, BURST_NAME_BYTES, BURST_NS = 1000.0, 12.0, 10 * MINUTE_NS
"""As loud as that within ten minutes by labels of that much each: a page's names say 3 to 6 bytes each."""
USERS_MIN, USERS_SHARE = 3, 0.02
"""Devices that say as much to a domain on one day make it a service: as the beacons' peers, but never two alone."""
GROWS = 1.2
"""Told again where it grew by as much."""
RESOLVER_ANSWERS = 20
"""Questions from others that make a device a resolver."""
_DNS = 53
_OTHER_DNS = frozenset({137, 5353, 5355})
"""NetBIOS, multicast DNS, LLMNR."""
_TEXT_TYPES = frozenset({10, 16, 65399})
"""NULL and TXT (RFC 1035 §3.2.2), and iodine's private type."""

_PAIR: dict[str, Any] = {
    "day": (np.int64, (), -1), "info": (np.float64, (), 0.0), "names": (np.int64, (), 0), "queries": (np.int64, (), 0),
    "first": (np.int64, (), 0), "since": (np.int64, (), 0), "recent": (np.float64, (), 0.0),
    "recent_names": (np.int64, (), 0), "told": (np.float64, (), 0.0), "label": ("S64", (), b""),
}  # fmt: skip
_DOMAIN: dict[str, Any] = {"peak": (np.float64, (), 0.0)}


def detector(names: Names, secret: int) -> "DnsTunnel":
    """Make the detector of this module."""
    return DnsTunnel(names, secret)


class DnsTunnel:
    """Information by (device, registered domain) and day."""

    name = "dns_tunnel"
    family = "dns"
    techniques: tuple[str, ...] = ("T1071.004", "T1048.003")
    needs = "nothing"
    unit = "bytes of information asked of one domain a day"
    citation = "Ozery, Nadler, Shabtai 2024 (NDSS), section 4"

    def __init__(self, names: Names, secret: int) -> None:
        self._names = names
        self._pairs = KeyedTable(_PAIR, PAIRS_MAX, secret)
        self._labels = KeyedTable({}, LABELS_MAX, secret)
        self._domains = KeyedTable(_DOMAIN, DOMAINS_MAX, secret)
        self._resolvers = Table({"answers": (np.int64, (), 0)}, 1_000_000)
        self._day = -1
        self._seen = 0

    @property
    def saturation(self) -> dict[str, float]:
        """Share of the cap in use, by table."""
        return {"dns_labels": self._labels.saturation, "dns_domains": self._pairs.saturation}

    def score(self, tick: Tick) -> list[Finding]:
        """Count what the tick's questions say, and judge the domains that grew."""
        self._follow(tick)
        self._resolvers.cover(self._names.count())
        answers = self._resolvers.columns["answers"]
        np.add.at(answers, tick.resp_device[(tick.resp_device >= 0) & (tick.flows["resp_p"] == _DNS)], 1)
        asked: list[Asked] = []
        findings: list[Finding] = []
        for message, device, site in zip(tick.messages, tick.message_device.tolist(), tick.message_site, strict=True):
            if not isinstance(message, Dns) or device < 0 or message.resp_p in _OTHER_DNS or not message.query:
                continue
            if answers[device] >= RESOLVER_ANSWERS:
                continue
            self._seen += 1
            domain = registered(message.query)
            if domain is None:
                if message.qtype in _TEXT_TYPES and "." not in message.query.strip("."):
                    findings.append(label_finding(self._names, tick, message, device))
            elif domain not in REPUTATION and len(message.query) > len(domain) + 4:
                asked.append(Asked(message, device, site, domain))
        return findings + (self._count(tick, asked) if asked else [])

    def learn(self, tick: Tick, flagged: NDArray[np.bool_]) -> None:
        """At the end of a day, remember how much each domain was told by devices that are not flagged."""
        day = (tick.end_ns - 1) // DAY_NS
        if day == self._day:
            return
        self._day = day
        columns, n = self._pairs.columns, len(self._pairs)
        device = columns["keys"][:n, 0] & np.uint64(0xFFFF_FFFF)
        past = np.nonzero((columns["day"][:n] < day) & (columns["info"][:n] >= SHOWN_BYTES / 4))[0]
        past = past[~flagged[device[past].astype(np.int64)]]
        for start in range(0, len(past), DOMAINS_MAX // 4):
            piece = past[start : start + DOMAINS_MAX // 4]
            keys = columns["keys"][piece]
            rows = self._domains.insert(keys[:, 0] >> np.uint64(32), keys[:, 1].copy(), keys[:, 2].copy())
            np.maximum.at(self._domains.columns["peak"], rows, columns["info"][piece])
            self._domains.columns["last"][rows] = tick.end_ns

    def coverage(self) -> Coverage:
        """Say whether questions were seen."""
        if not self._seen:
            return Coverage(detector=self.name, state="no_input", why="no DNS question of a local device")
        return Coverage(detector=self.name, state="judged", why=f"{self._seen:,} DNS messages of local devices")

    def save(self) -> dict[str, NDArray[Any]]:
        """Return its state as named arrays."""
        state = packed(self._parts())
        return state | {"counters": np.array([self._day, self._seen], np.int64)}

    def load(self, state: dict[str, NDArray[Any]]) -> None:
        """Restore what `save` returned. Raises ValueError for a version it cannot read."""
        unpack(state, self._parts())
        self._day, self._seen = (int(value) for value in state["counters"])

    def _parts(self) -> list[tuple[str, Table | KeyedTable]]:
        return [
            ("pairs", self._pairs), ("labels", self._labels), ("domains", self._domains),
            ("resolvers", self._resolvers),
        ]  # fmt: skip

    def _follow(self, tick: Tick) -> None:
        """Give what was asked by rows that turned out to be another device to the row that stands for it."""
        kept = dict(tick.merged)
        for table in (self._pairs, self._labels) if kept else ():
            every = np.unique(table.columns["keys"][: len(table), 0]).tolist()
            moved = {word: word >> 32 << 32 | kept[word & 0xFFFF_FFFF] for word in every if word & 0xFFFF_FFFF in kept}
            if moved:
                table.rename(moved)

    def _count(self, tick: Tick, asked: list[Asked]) -> list[Finding]:
        """Add what is new to each (device, domain); judge those that grew."""
        keys = np.array([(one.site << 32 | one.device, *words(one.domain)) for one in asked], np.uint64)
        rows = self._pairs.insert(*(keys[:, word].copy() for word in range(3))).tolist()
        said = [(k, label) for k, one in enumerate(asked) for label in labels(one.message.query or "", one.domain)]
        known = self._known(keys, said, tick.end_ns)
        columns = self._pairs.columns
        touched: dict[int, Asked] = {}
        for row, one in zip(rows, asked, strict=True):
            self._begin(row, one, tick.end_ns)
        for (k, label), seen in zip(said, known, strict=True):
            if seen:
                continue
            row, one = rows[k], asked[k]
            amount = information(label, columns["label"][row].decode("ascii", "replace"))
            columns["label"][row] = label.encode("ascii", "replace")[:63]
            columns["info"][row] += amount
            columns["recent"][row] += amount
            columns["names"][row] += 1
            columns["recent_names"][row] += 1
            touched[row] = one
        return [finding for row, one in touched.items() if (finding := self._judge(tick, row, one)) is not None]

    def _known(self, keys: NDArray[np.uint64], said: list[tuple[int, str]], end_ns: int) -> list[bool]:
        """Tell which labels a device has asked of a domain before, earlier in the tick included; remember them all."""
        if not said:
            return []
        at = np.array([k for k, _ in said], np.int64)
        digests = np.array([words(label) for _, label in said], np.uint64)
        a, b, c = keys[at, 0].copy(), keys[at, 1] ^ digests[:, 0], keys[at, 2] ^ digests[:, 1]
        before = self._labels.find(a, b, c) >= 0
        found = self._labels.insert(a, b, c)
        self._labels.columns["last"][found] = end_ns
        _, first = np.unique(found, return_index=True)
        again = np.ones(len(found), np.bool_)
        again[first] = False
        return [bool(flag) for flag in before | again]

    def _begin(self, row: int, one: Asked, end_ns: int) -> None:
        """Start a pair's day, and its ten minutes, where they are over."""
        columns, day = self._pairs.columns, one.message.ts // DAY_NS
        columns["last"][row] = end_ns
        if columns["day"][row] != day:
            columns["day"][row], columns["first"][row] = day, one.message.ts
            for name in ("info", "names", "queries", "told"):
                columns[name][row] = 0
        if one.message.ts - columns["since"][row] > BURST_NS:
            columns["since"][row], columns["recent"][row], columns["recent_names"][row] = one.message.ts, 0.0, 0
        columns["queries"][row] += not one.message.is_response

    def _judge(self, tick: Tick, row: int, one: Asked) -> Finding | None:
        columns = self._pairs.columns
        info, recent = float(columns["info"][row]), float(columns["recent"][row])
        burst = recent >= BURST_BYTES and recent >= BURST_NAME_BYTES * float(columns["recent_names"][row])
        if (info < SHOWN_BYTES and not burst) or info < GROWS * columns["told"][row]:
            return None
        columns["told"][row] = info
        service = self._is_service(row, info, one)
        counts = {name: float(columns[name][row]) for name in ("info", "names", "queries", "recent", "recent_names")}
        since = int(columns["first"][row])
        opens = not service and (info >= OPENS_BYTES or burst)
        return tunnel_finding(self._names, tick, one, counts | {"service": float(service)}, since, opens=opens)

    def _is_service(self, row: int, info: float, one: Asked) -> bool:
        """Tell whether others say as much to the domain, or somebody did on an earlier day."""
        columns, n = self._pairs.columns, len(self._pairs)
        keys = columns["keys"]
        known = self._domains.find(
            np.array([one.site], np.uint64), keys[row : row + 1, 1].copy(), keys[row : row + 1, 2].copy()
        )[0]
        if known >= 0 and self._domains.columns["peak"][known] >= info / 2:
            return True
        same = (
            (keys[:n, 1] == keys[row, 1]) & (keys[:n, 2] == keys[row, 2]) & (columns["day"][:n] == columns["day"][row])
        )
        users = int((same & (columns["info"][:n] >= min(info, SHOWN_BYTES) / 2)).sum())
        return users >= max(USERS_MIN, USERS_SHARE * self._names.site_devices(one.site))


__all__ = ["DnsTunnel", "again", "detector", "recount"]
