"""Accounts as the network shows them: who authenticated by Kerberos or NTLM, from which device.

Thin: existence, links to devices and counts. Not here yet: what is usual for an account.
"""

from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from sensor.model.metadata import Kerberos, Ntlm
from sensor.model.protocols import AnyMessage

LIMIT = 100_000
"""Accounts held; further ones are counted, not stored."""
_DEVICES_MAX = 16
"""Devices remembered an account."""


class Seen(msgspec.Struct):
    """One account: its devices with their last time (ns), first and last time, sightings."""

    devices: dict[int, int]
    first_ns: int
    last_ns: int
    sightings: int


def account_of(message: AnyMessage) -> str | None:
    """Return the account a message authenticates, folded to lower case user@realm; None for machines and others."""
    if isinstance(message, Kerberos):
        if not message.client or message.success is False:
            return None
        user, _, realm = message.client.partition("/")
    elif isinstance(message, Ntlm):
        if not message.username or message.success is False:
            return None
        user, realm = message.username, message.domainname or ""
    else:
        return None
    if user.endswith("$") or not user:
        return None
    return f"{user}@{realm}".lower() if realm else user.lower()


class Accounts:
    """All accounts by name.

    Attributes:
        refused: Sightings of accounts beyond LIMIT.
    """

    def __init__(self) -> None:
        self.by_name: dict[str, Seen] = {}
        self.refused = 0

    def observe(self, message: AnyMessage, device: int) -> None:
        """Take one message in; `device` is the row of the client's device, −1 if it is none."""
        name = account_of(message)
        if name is None:
            return
        seen = self.by_name.get(name)
        if seen is None:
            if len(self.by_name) >= LIMIT:
                self.refused += 1
                return
            seen = self.by_name[name] = Seen({}, message.ts, message.ts, 0)
        seen.last_ns = max(seen.last_ns, message.ts)
        seen.first_ns = min(seen.first_ns, message.ts)
        seen.sightings += 1
        if device >= 0:
            seen.devices[device] = message.ts
            if len(seen.devices) > _DEVICES_MAX:
                del seen.devices[min(seen.devices, key=lambda row: (seen.devices[row], row))]

    def save(self) -> dict[str, NDArray[Any]]:
        """Return the accounts as one JSON array of bytes."""
        return {"accounts": np.frombuffer(msgspec.json.encode(self.by_name), np.uint8)}

    def load(self, state: dict[str, NDArray[Any]]) -> None:
        """Restore what `save` returned."""
        self.by_name = msgspec.json.decode(state["accounts"].tobytes(), type=dict[str, Seen])
