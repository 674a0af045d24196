"""Indicators of compromise: addresses, names and files that someone else says are bad, and how sure they are."""

import msgspec

KINDS = ("address", "network", "domain", "url", "fingerprint", "hash", "sender")
"""What an indicator can be of. A domain stands for the names below it; a fingerprint is a JA3 or JA4."""


class Indicator(msgspec.Struct, frozen=True, kw_only=True):
    """One entry of a list. `value` is as records have it: addresses and names folded, nothing defanged."""

    kind: str
    """One of KINDS."""
    value: str
    about: str = ""
    """What the list says of it."""
    confidence: float | None = None
    """0 to 100, as STIX has it; None where the list does not say."""
    since_ns: int | None = None
    until_ns: int | None = None
    """When it is valid, ns; None is unbounded."""
    origin: str = ""
    """File and row it was read from."""


class IndicatorList(msgspec.Struct, frozen=True, kw_only=True):
    """What a file held: entries = len(indicators) + duplicates + sum(refused), exactly."""

    path: str
    entries: int
    indicators: tuple[Indicator, ...]
    duplicates: int
    refused: dict[str, int]


class IndicatorResult(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a list: how much of it was used, and what of it was met."""

    path: str
    entries: int
    used: int
    duplicates: int
    refused: dict[str, int]
    met: int
    """Indicators of it that some device or account met."""
