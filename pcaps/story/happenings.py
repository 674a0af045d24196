"""What happens in the story before any product has written it down: an attempt to sign in."""

from dataclasses import dataclass
from datetime import UTC, datetime

from story.cast import Device, Person
from story.places import Place


def iso(ts: float) -> str:
    """Write a time as the products do, with seven digits."""
    return datetime.fromtimestamp(ts, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f") + "0Z"


@dataclass(frozen=True)
class Attempt:
    """One row of one sign-in."""

    ts: float
    person: Person
    device: Device
    place: Place
    app: str
    code: int
    """Entra's result; 0 is a success."""
    mfa: str
    """denied, timed_out, satisfied, previously, none."""
    flow: str
    raw_id: str
    is_interactive: bool
