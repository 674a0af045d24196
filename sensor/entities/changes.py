"""What of the inventory has to be written again: the devices and accounts of which something changed since.

Written whole, the inventory of 10,000 devices takes a second of each commit; most of them are as they were. A device is
looked at again where its row of the table differs from the copy of then, where somebody left a mark (`touched`), where
its history or its risk moved, where time made it stale, and where a link of it ended. Too many are no harm. What was
taken and not committed is taken again, whole. Does not write anything.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from sensor.entities import inventory
from sensor.entities.devices import AGE_NS, SHORT_LIVED
from sensor.entities.entities import Entities
from sensor.entities.inventory_accounts import account_of, crowded
from sensor.model.account import Account
from sensor.model.device import Device

Flags = NDArray[np.bool_]


class Changed(NamedTuple):
    """What is to be written."""

    devices: list[Device]
    accounts: list[Account]
    gone_devices: list[str]
    """Ids that are no device's any more."""
    gone_accounts: list[str]
    whole: bool
    """Nothing but these is there."""


class Listed(msgspec.Struct, frozen=True):
    """What is counted over all devices."""

    id: str
    site: str
    name: str
    location: str
    learning: str
    risk_db: float


class Changes:
    """The inventory as it was last written, as far as a change has to be seen.

    Attributes:
        listed: Every device by its id, as last written.
    """

    def __init__(self, entities: Entities) -> None:
        """Begin with nothing written."""
        self._entities = entities
        self._before: dict[str, NDArray[np.int64]] = {}
        self._progress: NDArray[np.float64] = np.zeros(0)
        self._stale: Flags = np.zeros(0, np.bool_)
        self._risk: dict[str, float] = {}
        self._crowds: dict[tuple[str, object], int] = {}
        self._names: dict[int, str] = {}
        self._now_ns, self._is_open = 0, True
        self.listed: dict[str, Listed] = {}

    def take(self, progress: NDArray[np.float64], risk_db: Mapping[str, float]) -> Changed:
        """Return what changed since it was last taken.

        Args:
            progress: How far each device row's 24 h of history are, 0 to 1, float64, shape (rows,).
            risk_db: Decibans of open incidents by device id.
        """
        whole = self._is_open or self._entities.devices.touched.whole
        self._is_open = True
        rows = self._rows(progress, risk_db, whole=whole)
        accounts, gone_accounts = self._accounts(rows, whole=whole)
        devices, gone = self._devices(rows, progress, risk_db)
        if whole:
            self.listed = {}
        for name in gone:
            self.listed.pop(name, None)
        self.listed.update((one.id, listed(one)) for one in devices)
        self._keep(progress, risk_db)
        return Changed(devices, accounts, [] if whole else gone, [] if whole else gone_accounts, whole)

    def committed(self) -> None:
        """Hear that what was taken last is on disk."""
        self._is_open = False

    def _rows(self, progress: NDArray[np.float64], risk_db: Mapping[str, float], *, whole: bool) -> Flags:
        """Tell which device rows may be part of a device that changed, shape (rows,)."""
        entities, count = self._entities, self._entities.count()
        devices, links = entities.devices, entities.identity.links
        if whole:
            return np.ones(count, np.bool_)
        links.lapse(self._now_ns, entities.now_ns)
        dirty, known = devices.touched.rows[:count].copy(), len(self._progress)
        dirty[known:] = True
        for name, column in devices.table.columns.items():
            dirty[:known] |= column[:known] != self._before[name]
        dirty[:known] |= (progress[:known] != self._progress) | (self._stale_now()[:known] != self._stale)
        renamed = [row for one in entities.identity.accounts.renamed for row in links.to_rows(one)]
        self._mark(dirty, [*links.changed[1], *renamed, *self._risen(risk_db), *self._met()])
        kept = devices.table.columns["kept"][:count]
        groups = np.zeros(count, np.bool_)
        groups[kept[dirty]] = True
        groups[self._before["kept"][dirty[:known]]] = True
        found: Flags = dirty | groups[kept]
        return found

    @staticmethod
    def _mark(dirty: Flags, rows: Iterable[int]) -> None:
        for row in rows:
            if row >= 0:
                dirty[row] = True

    def _met(self) -> list[int]:
        """Return the rows of places and MACs that were marked."""
        devices = self._entities.devices
        touched, found = devices.touched, list[int]()
        if touched.places:
            found += devices.spans.had(touched.places)
        if touched.macs:
            mac = devices.table.columns["mac"][: len(devices)]
            found += np.nonzero(np.isin(mac, np.array(sorted(touched.macs), np.uint64)))[0].tolist()
            found += [row for row, more in devices.more_macs.items() if not touched.macs.isdisjoint(more)]
        return found

    def _risen(self, risk_db: Mapping[str, float]) -> list[int]:
        """Return the rows whose risk is another."""
        changed = {key for key in {*risk_db, *self._risk} if risk_db.get(key) != self._risk.get(key)}
        return [row for row, one in enumerate(self._entities.devices.ids) if one in changed] if changed else []

    def _stale_now(self) -> Flags:
        """Tell which rows stand for a device that was not seen for too long; of others it means nothing."""
        columns, count = self._entities.devices.table.columns, self._entities.count()
        last = columns["last"][:count].copy()
        if self._entities.devices.joins.any:
            np.maximum.at(last, columns["kept"][:count], columns["last"][:count])
        stale: Flags = self._entities.now_ns - last > AGE_NS
        return stale

    def _devices(
        self, rows: Flags, progress: NDArray[np.float64], risk_db: Mapping[str, float]
    ) -> tuple[list[Device], list[str]]:
        known = self._entities.devices
        ids, columns, count = known.ids, known.table.columns, len(known)
        affected = {ids[row] for row in np.nonzero(rows)[0].tolist()}
        live = (columns["kept"][:count] == np.arange(count)) & (columns["aged"][:count] != SHORT_LIVED)
        # An id may come again, as a random MAC that had aged out does; the row that is newer is shown.
        shown = {ids[row]: row for row in np.nonzero(live)[0].tolist() if ids[row] in affected}
        made = [inventory.device(self._entities, row, float(progress[row]), risk_db) for row in sorted(shown.values())]
        return made, sorted(affected - shown.keys())

    def _accounts(self, rows: Flags, *, whole: bool) -> tuple[list[Account], list[str]]:
        """Return the accounts that changed, and names that are nobody's any more."""
        entities, now_ns = self._entities, self._entities.now_ns
        accounts, links = entities.identity.accounts, entities.identity.links
        changed = {*accounts.changed, *accounts.renamed, *links.changed[0]}
        if whole or links.regrouped or accounts.renamed:
            before, self._crowds = self._crowds, crowded(entities)
            moved = {key for key in {*before, *self._crowds} if before.get(key) != self._crowds.get(key)}
            changed |= links.carried(moved) if moved else set()
        for row in np.nonzero(rows)[0].tolist():
            held = links.of_row(row)
            name = entities.device_name(row) if held else ""
            if held and self._names.get(row) != name:
                self._names[row] = name
                changed |= held
        names = accounts.left | {accounts.rows[row].name for row in changed}
        shown: dict[str, int] = {}
        for number, one in enumerate(accounts.rows):
            if one.sightings and (whole or one.name in names):  # none: somebody who was erased
                shown[one.name] = number
        made = [account_of(entities, shown[name], self._crowds, now_ns) for name in sorted(shown)]
        return made, sorted(names - shown.keys())

    def _keep(self, progress: NDArray[np.float64], risk_db: Mapping[str, float]) -> None:
        """Remember how it is now, and take the marks away."""
        entities, count = self._entities, self._entities.count()
        self._before = {name: column[:count].copy() for name, column in entities.devices.table.columns.items()}
        self._progress, self._stale = progress.copy(), self._stale_now()
        self._risk, self._now_ns = dict(risk_db), entities.now_ns
        entities.devices.touched.clear()
        accounts, links = entities.identity.accounts, entities.identity.links
        for marks in (accounts.changed, accounts.renamed, accounts.left, *links.changed):
            marks.clear()
        links.regrouped = False


def listed(one: Device) -> Listed:
    """Return of a device what is counted."""
    return Listed(one.id, one.site, one.name, one.location, one.learning.state, one.risk_db)
