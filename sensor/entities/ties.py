"""Which devices an account is tied to: any link for what supports a sign-in, a strong one for what contradicts it.

A strong tie says that whoever uses the device is most likely this account's owner: an identity provider's or agent's
device id, or Kerberos or NTLM as this account on DAYS_MIN days; half of all that is known of persons on the device must
be this account's, nobody else's may be of the last hours, and the device is no server and stands for nobody else.
"""

from typing import Protocol

from sensor.entities.links import NOWHERE, Held, Links
from sensor.model import addresses
from sensor.model.account import LINK_KINDS
from sensor.model.times import HOUR_NS

DAYS_MIN = 3
SHARE_MIN = 0.5
OTHERS_NS = 12 * HOUR_NS
"""Somebody else who was on the device within a working day may be on it now."""
TIED_MAX = 8
"""Devices of one account that are looked at, the strongest and latest: more than a person has."""
_OWN = frozenset({"idp_device", "agent"})
_PROVEN = frozenset({"kerberos_as", "ntlm", "windows_logon"})
"""Kerberos and NTLM, seen on the wire or in the log of the host or domain controller that they passed."""
_PERSONAL = frozenset({None, "workstation"})
"""Roles of a device that one person sits at."""


class Who(Protocol):
    """What is asked of devices and accounts."""

    def locate(self, site: int, address: str) -> int:
        """Return the device that has an address now, −1 where none has."""

    def stands_for_many(self, device: int) -> bool:
        """Tell whether many devices or people stand behind it."""

    def role(self, device: int) -> str | None:
        """Return what a device is, None where that is unclear."""

    def account_kind(self, account: int) -> str:
        """Return user, machine or service."""


def tied(links: Links, account: int, ts: int, who: Who) -> list[int]:
    """Return the devices an account is linked to, more than weakly, the strongest first; those it shares included."""
    found: dict[int, None] = {}
    for link in links.of(account, ts):
        if LINK_KINDS[link.kind] == "weak":
            continue
        device = link.device
        if device < 0 and link.place != NOWHERE:
            device = who.locate(link.place[0], addresses.text(*link.place[1:]))
        if device >= 0:
            found[device] = None
    return list(found)[:TIED_MAX]


def own(links: Links, account: int, ts: int, who: Who) -> list[int]:
    """Return the devices that are strongly tied to an account."""
    devices = dict.fromkeys(link.device for link in links.of(account, ts) if link.device >= 0)
    return [
        device for device in list(devices)[:TIED_MAX] if _is_own(links.through(device, ts), account, device, ts, who)
    ]


def _is_own(links: list[Held], account: int, device: int, ts: int, who: Who) -> bool:
    if who.stands_for_many(device) or who.role(device) not in _PERSONAL:
        return False
    strong = [link for link in links if LINK_KINDS[link.kind] == "strong" and who.account_kind(link.account) == "user"]
    mine = [link for link in strong if link.account == account]
    others = [link for link in strong if link.account != account]
    if any(link.last_ns > ts - OTHERS_NS for link in others):
        return False
    count, total = sum(link.count for link in mine), sum(link.count for link in strong)
    if not mine or count < SHARE_MIN * total:
        return False
    if any(link.kind in _OWN for link in mine):
        return True
    proven = [link for link in mine if link.kind in _PROVEN]
    # The days of links through different addresses may be the same days.
    days = max((link.days for link in proven), default=0)
    return max(days, len({link.last_day for link in proven})) >= DAYS_MIN
