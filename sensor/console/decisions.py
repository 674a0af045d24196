"""The seam between the console and what carries out what people decide: the console itself writes nothing.

Implemented by `sensor.pipeline.consoling`, which does as the command line does. Whether a person may decide is judged
before, here in the console; who it was goes with every decision.
"""

from typing import Protocol

import msgspec

from sensor.model.mute import Mute


class MuteWanted(msgspec.Struct, frozen=True, kw_only=True):
    """A suppression that is asked for; at least one of the first four is given."""

    entity: str = ""
    detector: str = ""
    key: str = ""
    site: str = ""
    days: int = 30
    reason: str = ""


class WouldHide(msgspec.Struct, frozen=True):
    """What a suppression takes out of one incident; `closes`: nothing else is left of it."""

    incident: str
    title: str
    tier: str
    state: str
    sites: tuple[str, ...]
    evidence: int
    closes: bool


class Decisions(Protocol):
    """What people decide. A text that is returned says why it could not be done, None that it was.

    Attributes:
        readonly: Nothing can be decided here, and why; empty where it can.
    """

    readonly: str

    def close(self, incident: str, verdict: str, reason: str, by: str) -> str | None:
        """Close an incident with a verdict."""

    def preview(self, wanted: MuteWanted) -> list[WouldHide]:
        """Return what a suppression would hide of what is stored; nothing is changed."""

    def mute(self, wanted: MuteWanted, by: str) -> Mute:
        """Put a suppression in force."""

    def unmute(self, mute: str) -> str | None:
        """Take a suppression back."""

    def decide(self, action: str, state: str, by: str, reason: str) -> str | None:
        """Approve or deny a proposed action: `state` is approved or denied."""

    def ask_back(self, action: str, by: str, reason: str) -> str | None:
        """Have an executed action taken back by whoever executes."""

    def reveal(self, pseudonym: str, reason: str, by: str) -> tuple[str, ...] | str:
        """Return the names that a pseudonym stands for, after the audit log has the question."""

    def stop(self, *, stopped: bool) -> None:
        """Throw or release the kill switch of every response."""
