"""Sightings of addresses and MACs become devices, each valid for a span of time.

A row is keyed by its MAC where that stands in front of its own addresses only (from Ethernet, ARP, NDP or a lease),
else by site and address, or by what an agent calls it. Rows that turn out to be one device are joined (`joins`): `find`
gives the row that stands for it; the map and the keys hold the rows as they were met, so that a join can be undone.

The map (site, address) → row is a keyed table asked for whole columns; only sightings that change it are looked at
one by one. Identities age: an address or a weak key unused for AGE_NS is nobody's, one that lived for less than an hour
after a day (containers). Not here: which rows are one device, and what says so (`recognition`).
"""

import hashlib
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from baselines.distinct import repeated, values_of
from baselines.keyed import KeyedTable
from baselines.table import Table
from sensor.entities import macs as mac_rules
from sensor.entities.joins import Joins
from sensor.entities.macs import LOCAL_BIT, Macs, key_of
from sensor.entities.naming import Naming
from sensor.entities.spans import ELSEWHERE, Spans
from sensor.entities.touched import Touched
from sensor.entities.versions import of_version_1
from sensor.model import addresses
from sensor.model.times import DAY_NS, HOUR_NS

VERSION = 2
DEVICES_MAX = 1_000_000
UNCONFIRMED_MAX = 65_536
"""Addresses that were only seen sending: a spoofer cannot fill the table with them."""
AGE_NS = 45 * DAY_NS
"""As long as presence is kept (METHOD, state)."""
SHORT_LIFE_NS, SHORT_AGE_NS = HOUR_NS, DAY_NS
"""What lived less than the first and has no name is gone after the second: a container's address comes once."""
ON_SITE, REMOTE = 1, 2
"""Bits of `place`."""
IDLE, SHORT_LIVED = 1, 2
"""Values of `aged`."""

SPEC: dict[str, Any] = {
    "mac": (np.uint64, (), 0),
    "hi": (np.uint64, (), 0),
    "lo": (np.uint64, (), 0),
    "site": (np.int32, (), 0),
    "first": (np.int64, (), 0),
    "last": (np.int64, (), 0),
    "flows": (np.int64, (), 0),
    "confirmed": (np.uint8, (), 0),
    "router": (np.uint8, (), 0),
    "kept": (np.int32, (), 0),
    "place": (np.uint8, (), 0),
    "aged": (np.uint8, (), 0),
}
MAP_SPEC: dict[str, Any] = {
    "device": (np.int32, (), -1),
    "mac": (np.uint64, (), 0),
    "own": (np.uint8, (), 0),  # the MAC's own address by ARP, NDP or link-local scope, not one behind it
    "tunnel": (np.uint8, (), 0),
}

Words = NDArray[np.uint64]


class Devices:
    """All devices, and the map of addresses to them.

    Attributes:
        table: One row an identity that was met, columns of SPEC.
        ids: Stable id by row.
        naming: Hostnames.
        joins: Which rows are one device.
        refused: Sightings that got no row, by reason.
        aged: Rows that aged out, by reason.
        fresh: Rows that were given a MAC since the last `settle` of recognition.
        touched: What of them changed since the inventory was written.
    """

    def __init__(self, secret: int) -> None:
        self.table = Table(SPEC, DEVICES_MAX)
        self.map = KeyedTable(MAP_SPEC, 2 * DEVICES_MAX, secret)
        self.ids: list[str] = []
        self.touched, self.macs = Touched(DEVICES_MAX), Macs()
        self.naming, self.joins, self.spans = Naming(self.touched), Joins(self.touched), Spans(self.touched)
        self.refused = {"unconfirmed": 0, "table_full": 0, "joins_full": 0}
        self.aged = {"idle": 0, "short_lived": 0}
        self.fresh: list[int] = []
        self.by_mac: dict[tuple[int, int], int] = {}
        self.more_macs: dict[int, list[int]] = {}
        self.claims: dict[tuple[int, int], str] = {}
        self._unconfirmed = 0

    def __len__(self) -> int:
        """Count the rows, also those that another stands for."""
        return self.table.rows

    def kept(self, row: int) -> int:
        """Return the row that stands for a row's device."""
        return int(self.table.columns["kept"][row]) if row >= 0 else -1

    def members(self, row: int) -> list[int]:
        """Return all rows of the device of a row."""
        return self.joins.members(self.kept(row))

    def is_live(self, row: int) -> bool:
        """Tell whether a row is shown: it stands for itself, and is no address that came and went."""
        columns = self.table.columns
        return int(columns["kept"][row]) == row and int(columns["aged"][row]) != SHORT_LIVED

    def count(self, site: int | None = None) -> int:
        """Count the devices, of one site or of all."""
        rows = len(self)
        columns = self.table.columns
        live = (columns["kept"][:rows] == np.arange(rows)) & (columns["aged"][:rows] != SHORT_LIVED)
        return int((live if site is None else live & (columns["site"][:rows] == site)).sum())

    def find(self, site: NDArray[np.int32], hi: Words, lo: Words) -> NDArray[np.int32]:
        """Return the device row of each address now, −1 where it is none's; int32, shape (n,)."""
        rows = self.map.find(site.astype(np.uint64), hi, lo)
        found = np.where(rows >= 0, self.map.columns["device"][rows], -1).astype(np.int32)
        if self.joins.any:
            found = np.where(found >= 0, self.table.columns["kept"][found], -1).astype(np.int32)
        return found

    def raw(self, site: int, hi: int, lo: int) -> int:
        """Return the row an address is bound to, −1 for none; another may stand for it."""
        row = int(self.map.find(*_words(site, hi, lo))[0])
        return int(self.map.columns["device"][row]) if row >= 0 else -1

    def mark_routers(self, site: NDArray[np.int32], hi: Words, lo: Words, mac: Words) -> None:
        """Learn from outside addresses which MACs are routers'. Columns as for `Macs.outside`."""
        for number, value in self.macs.outside(site, hi, lo, mac):
            self.make_router(number, value)

    def sight(
        self,
        site: NDArray[np.int32],
        hi: Words,
        lo: Words,
        mac: Words,
        ts: NDArray[np.int64],
        *,
        confirmed: NDArray[np.bool_],
        linked: bool = False,
    ) -> None:
        """Take in that local addresses were seen sending, in order of time.

        Args:
            site: Site numbers, int32, shape (n,).
            hi: Address, high words, uint64, shape (n,); `lo` the low ones.
            mac: Link-layer addresses, uint64, shape (n,); 0 = not known.
            ts: ns, int64, shape (n,).
            confirmed: Life is certain (it was answered, or spoke ARP), bool, shape (n,).
            linked: The MAC says itself that the address is its own (ARP, NDP).
        """
        if not len(site):
            return
        mac = self.macs.own(site, hi, mac, linked=linked)
        rows = self.map.find(site.astype(np.uint64), hi, lo)
        known = rows >= 0
        known &= np.where(known, self.map.columns["device"][rows] >= 0, False)
        known &= (mac == 0) | (self.map.columns["mac"][rows] == mac)
        if not known.all():
            new = np.nonzero(~known)[0]
            for i in new[~repeated(site[new], hi[new], lo[new], mac[new])].tolist():
                where = int(site[i]), int(hi[i]), int(lo[i])
                self.place(where, int(mac[i]), int(ts[i]), confirmed=bool(confirmed[i]), linked=linked)
            rows = self.map.find(site.astype(np.uint64), hi, lo)
        held = rows >= 0
        if not held.all():
            rows, ts, confirmed = rows[held], ts[held], confirmed[held]
        self.map.columns["last"][rows] = ts
        devices = self.map.columns["device"][rows]
        on = devices >= 0
        if not on.all():
            rows, devices, ts, confirmed = rows[on], devices[on], ts[on], confirmed[on]
        self.touch(devices, ts, confirmed)
        self._put_places(devices, self.map.columns["tunnel"][rows] == 1)
        if not linked:
            for row in self.joins.watch(self.table.columns["kept"], devices[confirmed], ts[confirmed]):
                self.part(row)

    def lease(self, site: int, address: str, mac: int, ts: int) -> int:
        """Bind an address to the device of a MAC from now on (a DHCP acknowledgement); return its row, or −1."""
        hi, lo = addresses.parse(address)
        if not mac_rules.identifies(mac):
            return -1
        self.place((site, hi, lo), mac, ts, confirmed=True, leased=True)
        row = self.by_mac.get(key_of(site, mac), -1)
        if row >= 0:
            self.touch(np.array([row]), np.array([ts]), np.array([True]))
            self.table.columns["place"][row] |= ON_SITE
        return row

    def bind(self, where: tuple[int, int, int], row: int, ts: int, *, tunnel: bool = False) -> None:
        """Bind an address to a row from now on."""
        at = int(self.map.insert(*_words(*where))[0])
        self._leave(at, where)
        columns = self.map.columns
        columns["device"][at], columns["mac"][at], columns["last"][at] = row, 0, ts
        columns["tunnel"][at], columns["own"][at] = tunnel, 0
        self.spans.see(row, where, ts)
        self.touch(np.array([row]), np.array([ts]), np.array([True]))

    def release(self, site: int, address: str, ts: int) -> None:
        """Let an address be nobody's from now on: its lease ended."""
        where = (site, *addresses.parse(address))
        at = int(self.map.find(*_words(*where))[0])
        if at >= 0 and int(self.map.columns["device"][at]) >= 0:
            self.spans.stretch(int(self.map.columns["device"][at]), where, ts)
            self.map.columns["device"][at], self.map.columns["mac"][at] = -1, 0

    def claim(self, site: int, mac: int, name: str) -> None:
        """Give the device of a MAC its hostname, now or when it appears."""
        key = key_of(site, mac)
        if len(self.claims) < DEVICES_MAX:
            self.claims[key] = name
        if key in self.by_mac:
            row = self.by_mac[key]
            self.naming.put(row, site, name, "dhcp", int(self.table.columns["last"][row]))

    def name(self, row: int, name: str, source: str) -> None:
        """Give a row a hostname, unless a better source gave it one."""
        self.naming.put(row, int(self.table.columns["site"][row]), name, source, int(self.table.columns["last"][row]))

    def join(self, a: int, b: int, why: str, *, watch: bool = False) -> bool:
        """Make the devices of two rows one; False where they stay apart: a router is no host, or there is no room."""
        columns = self.table.columns
        one, other = self.kept(a), self.kept(b)
        if one == other:
            return True
        if columns["router"][one] != columns["router"][other]:
            return False
        if self.joins.is_full or (watch and not self.joins.has_room):
            self.refused["joins_full"] += 1
            return False
        kept = self.joins.join(columns["kept"], columns["first"], a, b, why, watch=watch)
        gone = other if kept == one else one
        columns["first"][kept] = min(columns["first"][one], columns["first"][other])
        columns["flows"][kept] += columns["flows"][gone]
        columns["flows"][gone] = 0
        return True

    def part(self, row: int) -> None:
        """Take a row out of its device again; their common name joins nothing any more."""
        if self.joins.part(self.table.columns["kept"], row):
            self.naming.clash(row, int(self.table.columns["site"][row]))

    def add_flows(self, devices: NDArray[np.int32]) -> None:
        """Count one flow for each listed row (−1 is left out)."""
        np.add.at(self.table.columns["flows"], devices[devices >= 0], 1)

    def last(self, row: int) -> int:
        """Return when a row's device was last seen, ns."""
        return int(self.table.columns["last"][self.members(row)].max())

    def places_of(self, row: int) -> list[tuple[int, int, int, int, int]]:
        """Return (site, hi, lo, first ns, last ns) of a device's addresses, latest first; site ELSEWHERE is none."""
        found = []
        for member in self.members(row):
            for (site, hi, lo), (first, until) in self.spans.of(member).items():
                at = -1 if site == ELSEWHERE else int(self.map.find(*_words(site, hi, lo))[0])
                now = at >= 0 and int(self.map.columns["device"][at]) == member
                found.append((site, hi, lo, first, max(until, int(self.map.columns["last"][at])) if now else until))
        return sorted(found, key=lambda span: (-span[4], span[1], span[2]))

    def macs_of(self, row: int) -> list[int]:
        """Return a device's MACs, its own rows' first."""
        members = self.members(row)
        own = [int(self.table.columns["mac"][member]) for member in members]
        return [
            mac for mac in dict.fromkeys([*own, *(m for one in members for m in self.more_macs.get(one, ()))]) if mac
        ]

    def sites_of(self, row: int) -> list[int]:
        """Return the site numbers a device was seen at."""
        sites = {int(self.table.columns["site"][self.kept(row)])}
        sites |= {site for member in self.members(row) for site, *_ in self.spans.of(member) if site != ELSEWHERE}
        return sorted(sites)

    def age(self, now_ns: int) -> None:
        """Let go of what was not seen for too long. Called once a day; O(rows)."""
        rows, used = len(self), len(self.map)
        columns = {name: column[:rows] for name, column in self.table.columns.items()}
        gone, state = self.map.columns["device"][:used], self.map.columns
        old = state["last"][:used] < now_ns - AGE_NS
        self.touched.mark_rows(gone[old])
        gone[old] = -1
        idle = (columns["last"] < now_ns - AGE_NS) & (columns["aged"] == 0)
        brief = (columns["last"] < now_ns - SHORT_AGE_NS) & (columns["last"] - columns["first"] < SHORT_LIFE_NS)
        brief &= ((columns["mac"] == 0) | (columns["mac"] & np.uint64(LOCAL_BIT) != 0)) & (columns["aged"] == 0)
        for row in np.nonzero(idle | brief)[0].tolist():
            short = bool(brief[row]) and not self.naming.rank(row) and len(self.members(row)) == 1
            if not (short or idle[row]) or columns["router"][row]:
                continue
            columns["aged"][row] = SHORT_LIVED if short else IDLE
            self.aged["short_lived" if short else "idle"] += 1
            self.naming.forget(row, int(columns["site"][row]))
            mac = int(columns["mac"][row])
            if mac & LOCAL_BIT:
                self.by_mac.pop(key_of(int(columns["site"][row]), mac), None)
        brief = (gone >= 0) & (columns["aged"][gone] == SHORT_LIVED)
        self.touched.mark_rows(gone[brief])
        gone[brief] = -1

    def touch(self, rows: NDArray[Any], ts: NDArray[np.int64], confirmed: NDArray[np.bool_]) -> None:
        """Take in that rows were seen. Rows, ns and whether life is certain, shape (n,)."""
        columns = self.table.columns
        self.touched.mark_rows(rows)
        np.maximum.at(columns["last"], rows, ts)
        np.minimum.at(columns["first"], rows, ts)
        columns["aged"][rows] = 0
        sure = rows[confirmed]
        newly = values_of(sure[columns["confirmed"][sure] == 0])
        self._unconfirmed -= len(newly)
        columns["confirmed"][newly] = 1

    def save(self) -> dict[str, NDArray[Any]]:
        """Return the whole state as named arrays."""
        held = {
            "version": VERSION, "ids": self.ids, "refused": self.refused, "aged": self.aged,
            "naming": self.naming.save(), "joins": self.joins.save(), "macs": self.macs.save(),
            "spans": self.spans.save(), "by_mac": [[*key, row] for key, row in self.by_mac.items()],
            "more_macs": list(self.more_macs.items()), "claims": [[*key, name] for key, name in self.claims.items()],
            "unconfirmed": self._unconfirmed, "fresh": self.fresh,
        }  # fmt: skip
        return {
            **{f"table.{name}": column for name, column in self.table.save().items()},
            **{f"map.{name}": column for name, column in self.map.save().items()},
            "held": np.frombuffer(msgspec.json.encode(held), np.uint8),
        }

    def load(self, state: dict[str, NDArray[Any]]) -> None:
        """Restore what `save` returned, or what the release before did. Raises ValueError for another version."""
        held = msgspec.json.decode(state["held"].tobytes())
        version = held.get("version", 1)
        if version not in {1, VERSION}:
            raise ValueError(f"device state of version {version}; this release reads 1 and {VERSION}")
        self.table.load({name[6:]: column for name, column in state.items() if name.startswith("table.")})
        self.map.load({name[4:]: column for name, column in state.items() if name.startswith("map.")})
        if version == 1:
            self.table.columns["kept"][: len(self)] = np.arange(len(self))
            self.table.columns["place"][: len(self)] = ON_SITE
            held = of_version_1(held, state)
        self.ids, self.refused, self._unconfirmed = held["ids"], held["refused"], held["unconfirmed"]
        self.aged, self.fresh = held["aged"], held["fresh"]
        self.naming.load(held["naming"])
        self.joins.load(held["joins"])
        self.macs.load(held["macs"])
        self.spans.load(held["spans"])
        self.by_mac = {(site, mac): row for site, mac, row in held["by_mac"]}
        self.more_macs = {row: list(macs) for row, macs in held["more_macs"]}
        self.claims = {(site, mac): name for site, mac, name in held["claims"]}
        self.touched.whole = True

    def place(
        self, where: tuple[int, int, int], mac: int, ts: int, *, confirmed: bool, linked: bool = False,
        leased: bool = False,
    ) -> None:  # fmt: skip
        """Decide whose an address is after a sighting that the map did not expect."""
        site, hi, lo = where
        is_router = (site, mac) in self.macs.routers
        if mac and not is_router and addresses.is_v4(hi, lo) and self.macs.shows(site, mac, lo):
            self.make_router(site, mac)
            mac = mac if linked or leased else 0
        if mac and not (linked or leased or is_router):
            mac = self._unless_flips(where, mac, ts)
        if is_router and linked and not self._is_few(site, mac, where):
            mac = 0
        at = int(self.map.insert(*_words(site, hi, lo))[0])
        held = int(self.map.columns["device"][at])
        row = self.by_mac.get(key_of(site, mac), -1) if mac else held
        if mac and row < 0 and held >= 0 and self._may_adopt(held, key_of(site, mac)):
            row = held
            self.give_mac(row, site, mac)
        elif row < 0:
            row = self.new(where, mac, ts, confirmed=confirmed)
        if held != row:
            self._leave(at, where)
        columns = self.map.columns
        columns["device"][at], columns["last"][at] = row, ts
        columns["mac"][at] = mac or columns["mac"][at]
        if linked or leased or (hi >> 54 == 0x3FA):
            columns["own"][at] = 1
        if leased:
            columns["tunnel"][at] = 0
        if row >= 0:
            self._remember(row, where, ts)

    def new(self, where: tuple[int, int, int], mac: int, ts: int, *, confirmed: bool, key: str = "") -> int:
        """Start a row; −1 where there is no room. `key` is what its id is made of, if neither MAC nor address."""
        site, hi, lo = where
        if not confirmed and self._unconfirmed >= UNCONFIRMED_MAX:
            self.refused["unconfirmed"] += 1
            return -1
        row = self.table.add()
        if row < 0:
            self.refused["table_full"] += 1
            return -1
        columns = self.table.columns
        columns["hi"][row], columns["lo"][row], columns["site"][row], columns["kept"][row] = hi, lo, site, row
        columns["first"][row] = columns["last"][row] = ts
        columns["confirmed"][row] = confirmed
        self._unconfirmed += not confirmed
        mac_key = f"mac {key_of(site, mac)}" if mac else f"address {site} {hi:x} {lo:x} {ts}"
        self.ids.append(_identity(key or mac_key))
        if mac:
            self.give_mac(row, site, mac)
        return row

    def give_mac(self, row: int, site: int, mac: int) -> None:
        """Let a MAC identify a row from now on."""
        columns, key = self.table.columns, key_of(site, mac)
        if columns["mac"][row] == 0:
            columns["mac"][row] = mac
        elif int(columns["mac"][row]) != mac and mac not in self.more_macs.setdefault(row, []):
            self.more_macs[row] = [*self.more_macs[row], mac][-16:]
        self.by_mac[key] = row
        self.fresh.append(row)
        self.touched.mark(row)
        if (site, mac) in self.macs.routers:
            columns["router"][row] = 1
        if key in self.claims:
            self.naming.put(row, site, self.claims[key], "dhcp", int(columns["last"][row]))

    def make_router(self, site: int, mac: int) -> None:
        """Withdraw a MAC from what is behind it: its row keeps the router's own addresses, others start anew."""
        if mac:
            self.macs.make_router((site, mac))
        row = self.by_mac.get(key_of(site, mac), -1)
        if row < 0:
            return
        columns, used = self.table.columns, len(self.map)
        columns["router"][row] = 1
        self.touched.mark(row)
        state = {name: column[:used] for name, column in self.map.columns.items()}
        mine = state["device"] == row
        own = mine & (state["own"] == 1)
        if not own[state["keys"][:, 1] >> np.uint64(54) != np.uint64(0x3FA)].any():
            own |= mine & (state["keys"][:, 1] == columns["hi"][row]) & (state["keys"][:, 2] == columns["lo"][row])
        state["device"][mine & ~own] = -1
        state["mac"][mine & ~own] = 0
        if own.any():
            keys = state["keys"][own]
            shown = keys[np.argsort(keys[:, 1], kind="stable")[0]]  # IPv4 first
            columns["hi"][row], columns["lo"][row] = shown[1], shown[2]

    def _may_adopt(self, held: int, key: tuple[int, int]) -> bool:
        """Tell whether the row of a bare address may be the one of a MAC that shows up there: no other name, no MAC."""
        if int(self.table.columns["mac"][held]) or self.table.columns["aged"][held]:
            return False
        name = self.claims.get(key)
        return not (name and self.naming.rank(held) and not self.naming.bears(held, name))

    def _unless_flips(self, where: tuple[int, int, int], mac: int, ts: int) -> int:
        """Return the MAC of a sighting, 0 where it is the router's of two that the address goes to and fro between."""
        at = int(self.map.find(*_words(*where))[0])
        before = int(self.map.columns["mac"][at]) if at >= 0 else 0
        found = self.macs.flip(where, before, mac, ts) if before not in {0, mac} else 0
        self.make_router(where[0], found)
        return 0 if found == mac else mac

    def _is_few(self, site: int, mac: int, where: tuple[int, int, int]) -> bool:
        """Tell whether an address may be a router's own: one that answers ARP for a whole network is a proxy of it."""
        spans = self.spans.of(self.by_mac.get(key_of(site, mac), -1))
        return where in spans or sum(addresses.is_v4(hi, lo) for _, hi, lo in spans) < mac_rules.ROUTER_ADDRESSES

    def _leave(self, at: int, where: tuple[int, int, int]) -> None:
        """End the span of whoever has an address now."""
        held = int(self.map.columns["device"][at])
        if held >= 0:
            self.spans.stretch(held, where, int(self.map.columns["last"][at]))

    def _put_places(self, rows: NDArray[Any], tunnel: NDArray[np.bool_]) -> None:
        """Remember that rows were seen on site, or through a tunnel."""
        place = self.table.columns["place"]
        if tunnel.any():
            place[rows[tunnel]] |= REMOTE
            rows = rows[~tunnel]
        place[rows] |= ON_SITE

    def _remember(self, row: int, where: tuple[int, int, int], ts: int) -> None:
        """Keep a span; an IPv4 address is shown rather than an IPv6 one."""
        self.spans.see(row, where, ts)
        columns = self.table.columns
        if not addresses.is_v4(int(columns["hi"][row]), int(columns["lo"][row])) and addresses.is_v4(*where[1:]):
            columns["hi"][row], columns["lo"][row] = where[1:]


def _identity(key: str) -> str:
    return "dev-" + hashlib.blake2b(key.encode(), digest_size=6).hexdigest()


def _words(*values: int) -> tuple[Words, ...]:
    return tuple(np.array([value], np.uint64) for value in values)
