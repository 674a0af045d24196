"""What of the inventory may have changed since it was last written: marks that whoever changes something leaves.

A mark too many costs one device written for nothing; one too few would leave a stale row. So marks are generous, and
where they do not fit any more everything counts as changed. Columns of the devices' table need no marks: they are
compared (`changes`).
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

MARKS_MAX = 65_536
"""Places and MACs marked one by one."""

Where = tuple[int, int, int]


class Touched:
    """Marks of device rows, of places and of MACs.

    Attributes:
        rows: By device row, whether something of it changed, bool, shape (limit,).
        places: Of which it changed what is said from there, or by whom.
        macs: Whose DHCP fingerprint changed.
        whole: All of it counts as changed.
    """

    def __init__(self, limit_rows: int) -> None:
        self.rows: NDArray[np.bool_] = np.zeros(limit_rows, np.bool_)
        self.places: set[Where] = set()
        self.macs: set[int] = set()
        self.whole = False

    def mark(self, row: int) -> None:
        """Mark one row; −1 is none."""
        if row >= 0:
            self.rows[row] = True

    def mark_rows(self, rows: NDArray[Any]) -> None:
        """Mark rows, shape (n,); −1 is none."""
        self.rows[rows[rows >= 0]] = True

    def mark_place(self, where: Where) -> None:
        """Mark whoever has or had an address."""
        if not self.whole:
            self.places.add(where)
            self.whole = len(self.places) > MARKS_MAX

    def mark_mac(self, mac: int) -> None:
        """Mark whoever has a MAC."""
        if not self.whole:
            self.macs.add(mac)
            self.whole = len(self.macs) > MARKS_MAX

    def clear(self) -> None:
        """Take all marks away."""
        self.rows[self.rows] = False
        self.places.clear()
        self.macs.clear()
        self.whole = False
