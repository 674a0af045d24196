"""The seam between what delivers incidents and the products that take them.

A sink sends what it is given and returns when the other side has it; it keeps no queue and does not try again by
itself beyond one request's own repeats. What was delivered to whom is the delivery's to remember
(`sensor.pipeline.delivering`).
"""

from collections.abc import Callable, Sequence
from typing import Literal, Protocol

import msgspec

from sensor.model.incident import Incident


class SecretPlace(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where a secret is: the environment's name for it, or a file."""

    env: str | None = None
    file: str | None = None


class Options(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What every sink can be told."""

    min_tier: Literal["page", "triage", "digest"] = "triage"
    """Least urgent tier that is sent; what was sent once is followed down, too."""
    sites: tuple[str, ...] = ()
    """Only incidents of these; empty: of any."""
    console_url: str = ""
    """Where the console is, for links to an incident; else `[console] url`."""
    real_names: bool = False
    """It is of the site itself: it gets names as they are, also where `[privacy]` has pseudonyms leave."""


class Delivery(msgspec.Struct, frozen=True):
    """One version of an incident for one sink. The same `id` is the same version: it may come twice."""

    id: str
    number: int
    incident: Incident
    before: str | None
    """What the sink noted when it sent the incident the last time; None: it never did."""


class Sink(Protocol):
    """One product. Calls may raise OSError (try later), Permanent (look at it), Malformed (it will not take this)."""

    most: int
    """Deliveries a call. What a call acknowledged in part is sent again whole, so 1 where each is a request."""
    repeat_s: float
    """How often everything that is open is sent again; 0: never."""

    def send(self, deliveries: Sequence[Delivery], now_ns: int) -> list[str]:
        """Send; return what to note of each, once the other side has them."""

    def probe(self) -> str:
        """Try to reach the other side without sending an incident; say what it was."""

    def close(self) -> None:
        """Close connections and files."""


Secret = Callable[[SecretPlace], str]
"""Reads a secret. Raises Transient where it is not there."""


class Fit(msgspec.Struct, frozen=True):
    """What a sink is made with beside its options."""

    secret: Secret
    now_ns: Callable[[], int]
    sleep: Callable[[float], bool]
    """Waits; False where the program ends."""


def page_of(console_url: str, incident: str) -> str:
    """Return the address of an incident's page on the console, empty where it is not known."""
    return f"{console_url.rstrip('/')}/incidents/{incident}" if console_url else ""
