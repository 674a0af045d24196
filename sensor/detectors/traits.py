"""What of a sign-in is compared from day to day: its network, its country, its client, as small keys and as words.

A network is the autonomous system where the record names it, else an IPv4 /16 or an IPv6 /32: the least that a
registry hands to one operator (RFC 6177 §2 for sites below it). A client is a browser's family and its system, not its
version, which changes monthly. Nothing here knows what is usual.
"""

import hashlib
import ipaddress
import re
from collections.abc import Callable
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from sensor.model.account import SignIn
from sensor.model.addresses import parse

_K = TypeVar("_K")
_V = TypeVar("_V")
KEPT_MAX = 1 << 16
"""Texts whose keys are remembered; beyond it all are forgotten and made anew."""
_ASN, _V4, _V6, _TEXT = 1 << 56, 2 << 56, 3 << 56, 4 << 56
_BROWSERS = (
    ("Edge", re.compile(r"\b(?:Edg|EdgA|EdgiOS|Edge)/")),
    ("Opera", re.compile(r"\bOPR/|\bOpera\b")),
    ("Samsung Internet", re.compile(r"\bSamsungBrowser/")),
    ("Firefox", re.compile(r"\b(?:Firefox|FxiOS)/")),
    ("Chrome", re.compile(r"\b(?:Chrome|CriOS)/")),
    ("Safari", re.compile(r"\bSafari/")),
    ("Internet Explorer", re.compile(r"\bMSIE |\bTrident/")),
)
"""Families in the order in which their tokens exclude each other: Edge also says Chrome, Chrome says Safari."""
_SYSTEMS = (
    ("iOS", re.compile(r"\biPhone|\biPad|\biPod|\biOS\b")),
    ("Android", re.compile(r"\bAndroid\b")),
    ("Windows", re.compile(r"\bWindows\b|\bWin(?:32|64)\b")),
    ("macOS", re.compile(r"\bMac ?OS\b|\bMacintosh\b|\bmacOS\b|\bDarwin\b")),
    ("ChromeOS", re.compile(r"\bCrOS\b")),
    ("Linux", re.compile(r"\bLinux\b|\bX11\b")),
)
_PRODUCT = re.compile(r"[A-Za-z][\w.+-]*(?: [A-Za-z][\w.+-]*){0,2}")


class Traits:
    """Keys of texts and addresses under the installation's secret, remembered up to a cap."""

    def __init__(self, secret: int) -> None:
        self._secret = (secret & (1 << 64) - 1).to_bytes(8, "little")
        self._keys: dict[str, int] = {}
        self._networks: dict[str, int] = {}
        self._agents: dict[str, tuple[int, str]] = {}

    def key(self, text: str) -> int:
        """Return 60 bits for a text, never 0."""
        found = self._keys.get(text)
        if found is None:
            digest = hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=8, key=self._secret).digest()
            found = _TEXT | int.from_bytes(digest, "little") >> 8 | 1
            _keep(self._keys, text, found)
        return found

    def network(self, address: str | None, asn: int | None) -> int:
        """Return the key of the network an address is in, 0 where there is none."""
        if address is None:
            return 0
        if asn:
            return _ASN | (asn & 0xFFFF_FFFF)
        if ":" in address:
            text = address
        else:
            # Of four numbers two are the network: its addresses share one text.
            text, *rest = address.rsplit(".", 2)
            if len(rest) < 2:
                return 0
        found = self._networks.get(text)
        if found is None:
            found = _network(address)
            _keep(self._networks, text, found)
        return found

    def agent(self, text: str | None) -> int:
        """Return the key of a client's family and system, 0 where there is none."""
        if not text:
            return 0
        found = self._agents.get(text)
        if found is None:
            name = agent_name(text)
            found = (self.key(name), name)
            _keep(self._agents, text, found)
        return found[0]


def values_of(rows: list[SignIn], traits: Traits) -> dict[str, NDArray[np.uint64]]:
    """Return the key of each trait's value, 0 where a sign-in names none; shape (n,) each."""
    network, key = traits.network, traits.key
    found = {
        "network": [network(row.ip, row.asn) for row in rows],
        "country": _keys([row.country for row in rows], key),
        "agent": _keys([row.user_agent for row in rows], traits.agent),
        "device": _keys([row.device for row in rows], key),
        "app": _keys([row.app for row in rows], key),
    }
    return {trait: np.array(keys, np.uint64) for trait, keys in found.items()}


def _keys(texts: list[str | None], key: Callable[[str], int]) -> list[int]:
    """Return the key of each text, asked for once each; 0 where there is none."""
    known = {text: key(text) if text else 0 for text in dict.fromkeys(texts)}
    return [known[text] for text in texts]


def _keep(held: dict[_K, _V], key: _K, value: _V) -> None:
    if len(held) >= KEPT_MAX:
        held.clear()
    held[key] = value


def _network(address: str) -> int:
    parts = address.split(".")
    if len(parts) == 4 and parts[0].isdecimal() and parts[1].isdecimal():
        # The common form, five times faster than `ipaddress`; a record's address was read as one before.
        return _V4 | (int(parts[0]) << 8 | int(parts[1])) & 0xFFFF | 1 << 32
    try:
        hi, lo = parse(address)
    except ValueError:
        return 0
    if hi == 0 and lo >> 32 == 0xFFFF:
        return _V4 | (lo >> 16 & 0xFFFF) | 1 << 32
    return _V6 | hi >> 32


def network_name(address: str | None, asn: int | None) -> str:
    """Write a network as a person reads it: `AS64500`, `203.0.0.0/16`, `2001:db8::/32`."""
    if asn:
        return f"AS{asn}"
    try:
        return str(ipaddress.ip_network(f"{address}/{32 if ':' in str(address) else 16}", strict=False))
    except ValueError:
        return "an unknown network"


def agent_name(text: str) -> str:
    """Write a client's family and system: `Chrome on Windows`, `python-requests`, `BAV2ROPC`."""
    text = text[:512]
    family = next((name for name, pattern in _BROWSERS if pattern.search(text)), None)
    system = next((name for name, pattern in _SYSTEMS if pattern.search(text)), None)
    if family is None:
        product = _PRODUCT.match(text)
        family = product[0] if product else "unnamed client"
    return f"{family} on {system}" if system else family
