"""Peer groups of devices: those of one site and one kind of role, kept stable.

A kind is a role in one of four classes: with finer ones the groups of most sites would be too small to say anything. A
device is asked for its role once it has a day of history and once a week after that; it changes its group only where
two answers in a row agree. Not here: roles themselves.
"""

from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from baselines.common_mode import MEMBERS_MIN
from sensor.detectors.volume_state import DAY, READY, Cells
from sensor.model.tick import Names

KINDS = ("devices", "servers", "workstations", "things")
"""By number; the first stands for devices whose role is not known."""
SERVES, _PEOPLE, _THINGS = 1, 2, 3
_KIND_OF = {
    "server": SERVES, "domain controller": SERVES, "DNS resolver": SERVES, "DHCP server": SERVES,
    "proxy": SERVES, "router": SERVES, "NAS": SERVES,
    "workstation": _PEOPLE, "phone": _PEOPLE,
    "printer": _THINGS, "camera": _THINGS, "IoT": _THINGS, "PLC": _THINGS, "HMI": _THINGS,
}  # fmt: skip
GROUPS_MAX = 1_024
"""Further groups are judged with the first; a site has four at most."""
WEEK = 7


MAJORITY = 0.5
"""A group is told of where more than half of it acts as one: a fifth does so at the turn of many an hour."""


class Groups:
    """Which group a device is of, and on how many days each acted as one.

    Attributes:
        known: (site, kind) by group number.
        days: Days that a group was judged, days on which its majority acted as one, and whether it did today, int64,
            shape (GROUPS_MAX, 3).
    """

    def __init__(self, names: Names) -> None:
        self._names = names
        self.days = np.zeros((GROUPS_MAX, 3), np.int64)
        self.known: list[tuple[str, int]] = [("", 0)]
        self._numbers: dict[tuple[str, int], int] = {("", 0): 0}

    def number(self, site: str, kind: int) -> int:
        """Return the number of a group, a new one where there is room."""
        key = (site, kind)
        if key not in self._numbers and len(self.known) < GROUPS_MAX:
            self._numbers[key] = len(self.known)
            self.known.append(key)
        return self._numbers.get(key, 0)

    def place(self, columns: Cells, rows: NDArray[np.int64]) -> None:
        """Put new rows with their site's devices of no known role."""
        for row in rows.tolist():
            columns["group"][row] = self.number(self._names.device_site(row), int(columns["kind"][row]))

    def refresh(self, columns: Cells, bucket: int) -> None:
        """Ask for the roles of those whose turn it is; once a day."""
        day, seen = bucket // DAY, columns["seen"]
        rows = np.arange(len(seen))
        turn = (seen >= READY) & (columns["joined"] == 0) & ((columns["asked"] < 0) | (rows % WEEK == day % WEEK))
        for row in np.nonzero(turn)[0].tolist():
            kind = _KIND_OF.get(self._names.role(row) or "", 0)
            first, agrees = columns["asked"][row] < 0, columns["asked"][row] == kind
            columns["asked"][row] = kind
            if kind != columns["kind"][row] and (first or agrees):
                columns["kind"][row] = kind
                columns["group"][row] = self.number(self._names.device_site(row), kind)

    def close_day(self, judged: NDArray[np.int32]) -> None:
        """Count a day for the groups of these devices, int32, shape (n,)."""
        there = np.bincount(judged, minlength=GROUPS_MAX) >= MEMBERS_MIN
        self.days[:, 0] += there
        self.days[:, 1] += there & (self.days[:, 2] > 0)
        self.days[:, 2] = 0

    def save(self) -> dict[str, NDArray[Any]]:
        """Return the groups as named arrays."""
        return {"known": np.frombuffer(msgspec.json.encode(self.known), np.uint8), "days": self.days.copy()}

    def load(self, state: dict[str, NDArray[Any]]) -> None:
        """Restore what `save` returned."""
        self.known = [(str(site), int(kind)) for site, kind in msgspec.json.decode(state["known"].tobytes())]
        self._numbers = {key: number for number, key in enumerate(self.known)}
        self.days[:] = state["days"]
