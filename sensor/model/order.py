"""A response that is decided at one place and executed at another: what is asked for, and what became of it.

Between a hub and its sites, either way. The one who decides gives an order under the id of his action; the one who has
the connector judges anew, by his own guard, whether it happens, and says so. The same id is the same action: it may
come more than once.
"""

from collections.abc import Mapping
from typing import Protocol

import msgspec

from sensor.errors import Permanent, Transient

HUB = ""
"""In the place of a site's name."""
NAMES_MAX = 64
"""Names, and addresses, of one target."""
TEXT_MAX = 1000
"""Characters of any text of an order, or of what is said of it."""
UNDECIDED = frozenset({"proposed", "approved", "executing"})
"""States of an action that are followed by another."""


class Wanted(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """An order. A later one of the same id takes the place of an earlier, to take it back."""

    id: str
    verb: str
    kind: str
    """Of the target."""
    target: str
    names: tuple[str, ...] = ()
    """Others of the target: what a device is called differs from place to place, its MACs do not."""
    addresses: tuple[str, ...] = ()
    incident: str
    reason: str
    by: str
    """Who decided."""
    ts_ns: int
    expires_ns: int
    """Time of day from which on it is not begun any more."""
    back: bool = False
    """It is to be taken back, or not to be begun."""


class Outcome(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """What became of an order so far."""

    id: str
    state: str
    """Of the action that carries it out (`sensor.model.response.STATES`); empty: nothing was heard."""
    detail: str
    by: str
    ts_ns: int


def problem(wanted: Wanted) -> str | None:
    """Say why an order is not taken as it is written; None where it is."""
    texts = (wanted.id, wanted.target, wanted.incident, wanted.reason, wanted.by, *wanted.names, *wanted.addresses)
    if max(len(wanted.names), len(wanted.addresses)) > NAMES_MAX or any(len(text) > TEXT_MAX for text in texts):
        return "it is longer than any order"
    return None if all(text.isprintable() for text in texts) and wanted.id else "it is not written as orders are"


def cleaned(outcome: Outcome) -> Outcome:
    """Return an outcome as it may be shown, whoever wrote it."""
    detail, by = (
        "".join(letter if letter.isprintable() else " " for letter in text[:TEXT_MAX])
        for text in (outcome.detail, outcome.by)
    )
    return msgspec.structs.replace(outcome, detail=detail, by=by)


class Pending(Transient):
    """It was asked for, and is not decided or done yet."""


class NotDone(Permanent):
    """It was asked for, and will not be done."""


class Elsewhere(Protocol):
    """The way to those who have a connector."""

    @property
    def places(self) -> Mapping[str, str]:
        """Say of each place, a site's name or HUB, why nothing comes back from there; empty where it does."""

    def give(self, place: str, wanted: Wanted) -> None:
        """Have an order brought there; on disk when this returns, and the same one twice is one."""

    def outcome(self, place: str, key: str) -> Outcome | None:
        """Return what is known of an order; None where none was given."""
