"""What an account has used before: networks, agents, devices; and networks that several accounts came to together.

A network is the provider's AS number, else the address's surroundings (/24, /48). What was used is kept as keyed 32-bit
digests, in a few bytes an account; a clash makes something new look known, never the other way. Only what a sign-in
proved is taken in: a success, and none that the network contradicts.
"""

import hashlib
from array import array
from collections import OrderedDict
from functools import lru_cache
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from sensor.entities.networks import words_of
from sensor.model import addresses
from sensor.model.times import DAY_NS

VALUES_MAX = 48
"""Digests an account; of one that used more nothing is new: it goes everywhere."""
TOGETHER = 2
"""Other accounts beside this one that make an egress several accounts'."""
TOGETHER_NS = DAY_NS
"""Who comes to a network within a day of each other, comes together: a failover, a carrier's new addresses, a relay."""
OFFICE = 3
"""Other accounts that succeeded at one address: a gateway of the organisation, wherever it is placed."""
ADDRESSES_MAX = NETWORKS_MAX = 65_536
"""Addresses and networks with their accounts; the one used longest ago goes (some 200 bytes each)."""


class Used:
    """Digests by account, and accounts by network and address."""

    def __init__(self, secret: int) -> None:
        """Take the key of the digests."""
        self._key = secret.to_bytes(8, "little")
        self._held: dict[int, array[int]] = {}
        self._came: OrderedDict[str, list[tuple[int, int]]] = OrderedDict()
        self._at: OrderedDict[str, list[int]] = OrderedDict()

    def knows(self, account: int, kind: str, value: str) -> bool:
        """Tell whether an account may have used a value before."""
        held = self._held.get(account)
        return held is not None and (len(held) >= VALUES_MAX or _digest(self._key, kind, value) in held)

    def knows_any(self, account: int) -> bool:
        """Tell whether anything is known of an account: of one that was never seen everything would be new."""
        return account in self._held

    def add(self, account: int, kind: str, value: str, ts: int) -> None:
        """Take in that an account used a value."""
        held = self._held.get(account)
        if held is None:
            held = self._held[account] = array("I")
        digest = _digest(self._key, kind, value)
        if digest in held or len(held) >= VALUES_MAX:
            return
        held.append(digest)
        if kind == "network":
            came = self._came.pop(value, [])
            self._came[value] = [*came, (ts, account)][-2 * TOGETHER - 2 :]
            if len(self._came) > NETWORKS_MAX:
                self._came.popitem(last=False)

    def add_address(self, account: int, address: str) -> None:
        """Take in that an account succeeded at an address."""
        at = self._at.get(address)
        if at is None:
            self._at[address] = [account]
            if len(self._at) > ADDRESSES_MAX:
                self._at.popitem(last=False)
        elif len(at) <= OFFICE and account not in at:
            at.append(account)

    def is_shared(self, account: int, network: str, address: str | None, ts: int) -> bool:
        """Tell whether several other accounts came to a network at the same time, or are at home at an address."""
        came = {other for when, other in self._came.get(network, ()) if abs(when - ts) <= TOGETHER_NS}
        at = self._at.get(address or "", ())
        return len(came - {account}) >= TOGETHER or sum(other != account for other in at) >= OFFICE

    def save(self) -> dict[str, NDArray[Any]]:
        """Return the state as named arrays."""
        rows = list(self._held)
        lengths = [len(self._held[row]) for row in rows]
        values = array("I")
        for row in rows:
            values.extend(self._held[row])
        others = msgspec.json.encode(_Others(dict(self._came), dict(self._at)))
        return {
            "used/rows": np.array(rows, np.int64), "used/lengths": np.array(lengths, np.int64),
            "used/values": np.array(values, np.uint32), "used/others": np.frombuffer(others, np.uint8),
        }  # fmt: skip

    def load(self, state: dict[str, NDArray[Any]]) -> None:
        """Restore what `save` returned; a state of before has none of it."""
        if "used/rows" not in state:
            return
        ends = np.cumsum(state["used/lengths"]).tolist()
        rows, values = state["used/rows"].tolist(), state["used/values"]
        self._held = {
            row: array("I", values[begin:end].tolist()) for row, begin, end in zip(rows, [0, *ends], ends, strict=False)
        }
        others = msgspec.json.decode(state["used/others"].tobytes(), type=_Others)
        self._came, self._at = OrderedDict(others.came), OrderedDict(others.at)


class _Others(msgspec.Struct):
    came: dict[str, list[tuple[int, int]]]
    at: dict[str, list[int]]


@lru_cache(maxsize=1 << 16)
def _digest(key: bytes, kind: str, value: str) -> int:
    text = f"{kind}\0{value}".encode("utf-8", "replace")
    return int.from_bytes(hashlib.blake2b(text, digest_size=4, key=key).digest(), "little")


@lru_cache(maxsize=1 << 16)
def network_of(address: str | None, asn: int | None, country: str | None) -> str | None:
    """Return the network of an address: its AS and country, else its /24 or /48; None where it has none."""
    if asn:
        return f"AS{asn} {country or ''}".strip()
    hi, lo = words_of(address)
    if not (hi or lo):
        return None
    if addresses.is_v4(hi, lo):
        return addresses.text(hi, lo & ~0xFF)
    return addresses.text(hi & ~0xFFFF, 0)
