"""Addresses behind which there are several people or machines: a NAT, a terminal server, a proxy.

Told by what is said from one address within a day: hostnames, accounts of people, operating systems of user agents. The
numbers are what one person's host does not reach: an administrator has two or three accounts, a host one name, one
system and perhaps a virtual machine. A shared address never gives a strong link. Not here: who they are.
"""

import re
from typing import Any

from sensor.entities.touched import Touched
from sensor.model.times import DAY_NS

HOSTNAMES, ACCOUNTS, SYSTEMS = "hostnames", "accounts", "operating systems"
SHARED_AT = {HOSTNAMES: 3, ACCOUNTS: 5, SYSTEMS: 3}
"""Distinct values in WINDOW_NS that make an address shared: one more than a renamed host, an administrator with four
accounts, a host with one virtual machine."""
WINDOW_NS = DAY_NS
VALUES_MAX = 16
VALUE_MAX = 255
"""Characters kept of each, as of a hostname."""
ADDRESSES_MAX = 65_536
"""Addresses watched; the one spoken from longest ago goes. About 300 bytes each."""

_SYSTEM = re.compile(
    r"(Windows NT [\d.]+|Mac OS X [\d_.]+|Android [\d.]+|iPhone OS [\d_]+|CPU OS [\d_]+|CrOS|X11; Linux|Ubuntu)"
)

Where = tuple[int, int, int]


def system_of(user_agent: str | None) -> str | None:
    """Return the operating system a user agent names, with its version; None where it names none."""
    found = _SYSTEM.search(user_agent[:512]) if user_agent else None
    return found.group(1) if found else None


class Sharing:
    """(site, address) → what was said from it, with the last time."""

    def __init__(self, touched: Touched | None = None) -> None:
        """Begin with none; `touched` hears of which addresses other things are said."""
        self._touched = touched
        self._said: dict[Where, dict[str, dict[str, int]]] = {}
        self._shared: dict[Where, str] = {}

    def hear(self, where: Where, kind: str, value: str, ts: int) -> None:
        """Take in what one address said of itself."""
        before = self.systems(where) if kind == SYSTEMS else None
        said = self._said.pop(where, {})
        self._said[where] = said
        if len(self._said) > ADDRESSES_MAX:
            oldest = next(iter(self._said))
            del self._said[oldest]
            self._shared.pop(oldest, None)
            self._mark(oldest)
        values = said.setdefault(kind, {})
        values[value[:VALUE_MAX]] = ts
        if len(values) > VALUES_MAX:
            del values[min(values, key=lambda one: (values[one], one))]
        recent = sum(at > ts - WINDOW_NS for at in values.values())
        if recent >= SHARED_AT[kind]:
            self._shared[where] = f"{recent} {kind} within a day"
        if recent >= SHARED_AT[kind] or (before is not None and self.systems(where) != before):
            self._mark(where)

    def mark(self, where: Where, why: str) -> None:
        """Call an address shared for a reason known otherwise."""
        self._shared[where] = why
        self._mark(where)
        if len(self._shared) > ADDRESSES_MAX:
            oldest = next(iter(self._shared))
            del self._shared[oldest]
            self._mark(oldest)

    def why(self, where: Where) -> str | None:
        """Return why an address is shared, None where nothing says so."""
        return self._shared.get(where)

    def systems(self, where: Where) -> list[str]:
        """Return the operating systems that user agents from an address named, the latest first."""
        said = self._said.get(where, {}).get(SYSTEMS, {})
        return sorted(said, key=lambda one: (-said[one], one))

    def _mark(self, where: Where) -> None:
        if self._touched is not None:
            self._touched.mark_place(where)

    def save(self) -> dict[str, Any]:
        """Return the state as plain values."""
        return {
            "said": [[*key, said] for key, said in self._said.items()],
            "shared": [[*key, why] for key, why in self._shared.items()],
        }

    def load(self, held: dict[str, Any]) -> None:
        """Restore what `save` returned."""
        self._said = {(site, hi, lo): said for site, hi, lo, said in held["said"]}
        self._shared = {(site, hi, lo): why for site, hi, lo, why in held["shared"]}
