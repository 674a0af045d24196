"""What a core has at its ends towards a fleet: what gathers for its hub, and what gives back to its sites."""

from collections.abc import Sequence
from typing import Any, Protocol

from numpy.typing import NDArray

from sensor.model.report import AnyReport
from sensor.model.site_packet import Packet
from sensor.store.returns import Given


class Forwards(Protocol):
    """What gathers for a hub (`forwarding`)."""

    def after(self, end_ns: int) -> None:
        """Look at what a step changed."""

    def packets(self) -> list[Packet]:
        """Return what goes into the spool with this commit."""

    def save(self) -> dict[str, NDArray[Any]]:
        """Return what is gathered and not sent, as named arrays."""


class Gives(Protocol):
    """What a hub gives back to its sites (`fleet_giving`)."""

    def hear(self, reports: Sequence[AnyReport]) -> None:
        """Take in what sites told in a step."""

    def due(self, now_ns: int) -> Sequence[Given]:
        """Return what sites are given with this commit."""

    def save(self) -> dict[str, NDArray[Any]]:
        """Return what a restart needs, as named arrays."""
