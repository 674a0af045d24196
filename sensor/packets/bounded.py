"""Tables of a conversation that hold so many entries and no more: what the parsers in plain Python remember."""

from typing import TypeVar

K = TypeVar("K")
V = TypeVar("V")


def remember(table: dict[K, V], key: K, value: V, most: int) -> None:
    """Keep a value, the oldest giving way where there is no room for another."""
    if key not in table and len(table) >= most:
        del table[next(iter(table))]
    table[key] = value
