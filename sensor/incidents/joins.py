"""What joins a finding to an incident that is about somebody else: strong links, sources, sessions, destinations.

A graph of devices, accounts, sources and destinations with links of a few kinds, each of which expires; an incident may
have at most NODES_MAX nodes. A hub (by its role, or in the top .5 % by degree) never joins: behind a proxy, everybody
would be one incident. Who is linked to whom is asked of the entities when a finding comes, never kept here.
"""

import numpy as np

from sensor.incidents.case import node_of
from sensor.model.evidence import Evidence, Finding
from sensor.model.tick import Names
from sensor.model.times import DAY_NS

HUB_ROLES = frozenset({"proxy", "domain controller", "DNS resolver", "DHCP server", "mail server", "router"})
HUB_SHARE = 0.005
HUB_DEGREE = 8
"""A device with fewer accounts is no hub: in a small site somebody is always the top .5 %."""
SHARED_ACCOUNTS = 3
"""Accounts linked strongly to one device from which on it says nothing about whose act something was: family and
hand-over computers have as many (sensor/entities/links.py)."""
DEGREES_MIN = 200
"""Devices that make a share of .5 % one device."""
EXPIRE_NS = {
    "source": DAY_NS,
    "session": 14 * DAY_NS,
    "message": 14 * DAY_NS,
    "destination": 3 * DAY_NS,
    "fingerprint": 3 * DAY_NS,
}
"""How long a tie holds after it was last seen: a guessing source a day (the method in force), the others as long as an
incident of their kind stays open."""
GUESSING = frozenset({"spray", "pressure", "guessing"})
"""Families whose parts at one source within a day are one incident."""
REACHING = frozenset({"beacon", "exfiltration", "dns", "tunnel"})
"""Families whose unnamed or new destination joins the devices of one site."""


class Joins:
    """Asks who belongs together.

    Attributes:
        degrees: (day, degree from which on a device is among the top .5 %), counted once a day.
    """

    def __init__(self, names: Names) -> None:
        self._names = names
        self.degrees = (-1, HUB_DEGREE)

    def is_hub(self, device: int, end_ns: int) -> bool:
        """Tell whether a device stands for too many to join anything."""
        if self._names.is_router(device) or self._names.role(device) in HUB_ROLES:
            return True
        degree = len(self._names.accounts_of(device))
        return degree >= HUB_DEGREE and degree >= self._cut(end_ns)

    def neighbours(self, finding: Finding, end_ns: int) -> list[str]:
        """Return the nodes that are strongly linked to a finding's subject: an account's devices, a device's accounts.

        The device that a sign-in came from counts among the account's.
        """
        names = self._names
        if finding.account >= 0 and finding.evidence.entity.kind == "account":
            rows = [row for row, strength in names.devices_of(finding.account) if strength == "strong"]
            if finding.device >= 0 and finding.device not in rows:
                rows.append(finding.device)
            return [node_of("device", names.device_id(row)) for row in rows if self._is_own(row, end_ns)]
        if finding.device >= 0 and finding.evidence.entity.kind == "device":
            if not self._is_own(finding.device, end_ns):
                return []
            rows = [row for row, strength in names.accounts_of(finding.device) if strength == "strong"]
            return [node_of("account", names.account_name(row)) for row in rows if self.is_person(row)]
        return []

    def ties(self, evidence: Evidence) -> list[str]:
        """Return the keys by which an evidence is part of another entity's incident."""
        found = []
        for key in evidence.keys:
            kind, _, value = key.partition(":")
            if kind in {"session", "message"} or (kind == "source" and evidence.family in GUESSING):
                found.append(key)
            elif kind == "address" and "sprayed_success" in evidence.marks:
                found.append(f"source:{value}")
            elif (kind == "destination" and evidence.family in REACHING) or kind == "fingerprint":
                found.append(key)
        return list(dict.fromkeys(found))

    def is_person(self, account: int) -> bool:
        """Tell whether an account is a person's: a machine's or a service's ties too many together."""
        return self._names.account_kind(account) == "user"

    def _is_own(self, device: int, end_ns: int) -> bool:
        """Tell whether a device is few people's, so that what it does is theirs."""
        strong = sum(strength == "strong" for _, strength in self._people(device))
        return strong <= SHARED_ACCOUNTS and not self.is_hub(device, end_ns)

    def _people(self, device: int) -> list[tuple[int, str]]:
        return [(row, strength) for row, strength in self._names.accounts_of(device) if self.is_person(row)]

    def _cut(self, end_ns: int) -> int:
        """Return the degree of the top .5 % of devices, counted once a day."""
        day = end_ns // DAY_NS
        if day != self.degrees[0]:
            count, cut = self._names.count(), HUB_DEGREE
            if count >= DEGREES_MIN:
                found = np.array([len(self._names.accounts_of(row)) for row in range(count)], np.int64)
                cut = max(HUB_DEGREE, int(np.quantile(found, 1.0 - HUB_SHARE, method="higher")))
            self.degrees = (day, cut)
        return self.degrees[1]


def holds(key: str, seen_ns: int, end_ns: int) -> bool:
    """Tell whether a tie that was last seen at a time still joins."""
    return end_ns - seen_ns <= EXPIRE_NS.get(key.partition(":")[0], DAY_NS)
