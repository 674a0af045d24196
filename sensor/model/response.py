"""The seam between what proposes a response, what guards it, and the products that carry it out.

A connector does one thing at a time when it is told to, and says what became of it. It holds no list of what may not be
touched and no limit: those are the executor's (`sensor.responses.executor`).
"""

from typing import Protocol

import msgspec

MODES = ("recommend", "approve", "auto")
"""From the least to the most it may do by itself."""
STATES = ("proposed", "approved", "executing", "verified", "failed", "denied", "expired", "undone", "unknown")


class Verb(msgspec.Struct, frozen=True):
    """What an action does: to what, and whether it can be taken back."""

    target: str
    """Kind of its target."""
    reversible: bool
    text: str


VERBS: dict[str, Verb] = {
    "revoke_sessions": Verb("account", False, "end every session of the account; its owner signs in anew"),
    "disable_account": Verb("account", True, "block the account's sign-in"),
    "remove_mail_rule": Verb("mail_rule", True, "remove the rule from the mailbox"),
    "quarantine_message": Verb("message", True, "take the message out of the mailbox"),
    "block_address": Verb("address", True, "drop traffic with the address"),
    "isolate_device": Verb("device", True, "cut the device off the network"),
}
"""Every verb, what ends a takeover first: in this order what waits is begun. A target's id is an account's name,
`mailbox/rule`, `message/recipient`, an address, a device's id."""


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """One action as a connector gets it. The same `id` is the same action: it may be asked for twice."""

    id: str
    verb: str
    target: str
    incident: str
    reason: str
    addresses: tuple[str, ...] = ()
    """Of a device: what a firewall can act on."""
    names: tuple[str, ...] = ()
    """Others of the target."""
    sites: tuple[str, ...] = ()
    """Where the target is."""
    origin: str = ""
    """Who ordered it; empty: it was decided here."""
    by: str = ""
    """Who approved it."""
    begun_ns: int = 0
    before: dict[str, str] = {}
    """How things were before it was begun, as `before` said: what `verify` and `undo` need."""


class Connector(Protocol):
    """One product. Its calls may raise Transient (try later) or Permanent (it will not work)."""

    verbs: tuple[str, ...]

    def serves(self, request: Request) -> bool:
        """Tell whether the target is of this product: an account of its domains, an address of its network."""

    def blast_radius(self, request: Request) -> str | None:
        """Say who else would be touched, from the product itself; None where it cannot tell."""

    def before(self, request: Request) -> dict[str, str]:
        """Return how things are, without changing any: it is on disk before `act` is called."""

    def act(self, request: Request) -> None:
        """Do it; doing it twice must be as doing it once."""

    def verify(self, request: Request) -> bool | None:
        """Tell whether the effect holds now; None where the product cannot tell."""

    def undo(self, request: Request) -> None:
        """Take it back."""

    def close(self) -> None:
        """Close connections."""
