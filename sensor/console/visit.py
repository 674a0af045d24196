"""What a page is given: the desk, which is the console's own, and the visit, which is one request of somebody.

A page is a plain function of the two that returns a response; it runs on a thread of its own, and opens what it reads.
Who may ask for it, and that a form is the console's own, was checked before (`sensor.console.gate`).
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from threading import Semaphore
from typing import TYPE_CHECKING, NamedTuple, Protocol

import msgspec

from sensor.console.decisions import Decisions
from sensor.console.sessions import Forms, Session, Sessions, Throttle
from sensor.model.person import Person
from sensor.store.listing import Listing
from sensor.store.state import State
from sensor.store.users import Users

if TYPE_CHECKING:
    from jinja2 import Environment
    from starlette.responses import Response

HUNTS_AT_ONCE = 2
"""As many as the processors of a small sensor: each may take a gigabyte."""
CHECKS_AT_ONCE = 2
"""Passwords checked at a time: each takes 64 MiB and a third of a second, and whoever asks is not signed in yet."""


class Vital(NamedTuple):
    """One number of the running process, for the page of its health."""

    group: str
    name: str
    value: float
    unit: str


class Provider(Protocol):
    """An OpenID provider, as the sign-in page asks it."""

    title: str

    def begin(self, back: str) -> tuple[str, str]:
        """Return where to send the browser, and what to keep in a cookie until it comes back."""

    def finish(self, kept: str, query: Mapping[str, str], back: str) -> Person:
        """Return who it is. Raises PermissionError, saying why nobody is signed in."""


class Refused(Exception):  # noqa: N818 - it is an answer, not an error of ours
    """A request that is answered with why not."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status, self.text = status, text


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """How the console can be reached."""

    secure: bool = False
    """It serves TLS, or stands behind what does."""
    url: str = ""
    """Its address as browsers see it, `https://console.example`; empty: as each request says."""


class Desk:
    """The console: what it reads, who is signed in, and what carries out decisions."""

    def __init__(
        self, folder: Path, decisions: Decisions, environment: "Environment", clock_s: Callable[[], float],
        place: Place | None = None, provider: Provider | None = None,
        vitals: Callable[[], Sequence[Vital]] | None = None, today_ns: Callable[[], int] | None = None,
    ) -> None:  # fmt: skip
        """Take everything.

        Args:
            folder: The state's.
            decisions: What carries out what people decide.
            environment: Templates.
            clock_s: A clock that only goes on, s.
            place: How it can be reached.
            provider: Signs people in from elsewhere; None where only local users do.
            vitals: Numbers of the running process; None where none runs here.
            today_ns: Time of day, likewise.
        """
        self.folder, self.decisions, self.environment, self.clock_s = folder, decisions, environment, clock_s
        self.place, self.provider, self.vitals, self.today_ns = place or Place(), provider, vitals, today_ns
        self.users, self.sessions, self.throttle, self.forms = (
            Users(folder), Sessions(clock_s), Throttle(clock_s), Forms(),
        )  # fmt: skip
        self.hunts, self.checks = Semaphore(HUNTS_AT_ONCE), Semaphore(CHECKS_AT_ONCE)
        self.link = ""
        """A token that signs its bearer in once, where the command line printed it."""

    def state(self) -> State:
        """Open the state for reading, for one request."""
        return State(self.folder, readonly=True)

    def listing(self) -> Listing:
        """Open the state's lists for one request."""
        return Listing(self.folder)


class Visit(msgspec.Struct, frozen=True, kw_only=True):
    """One request. Of a parameter that is given twice the last counts."""

    path: str
    part: str
    """The part of the path that names what is asked for; empty where none does."""
    query: Mapping[str, str]
    form: Mapping[str, str]
    cookies: Mapping[str, str]
    address: str
    """Of whoever asks, as the connection has it."""
    host: str
    session: Session | None

    @property
    def person(self) -> Person:
        """Who asks. Raises Refused where nobody is signed in."""
        if self.session is None:
            raise Refused(401, "Sign in first.")
        return self.session.person

    @property
    def within(self) -> tuple[str, ...] | None:
        """The sites that whoever asks may see, None for all."""
        return self.person.sites()

    def number(self, name: str, least: int, most: int) -> int:
        """Return a number of the query within bounds, the least where it is none."""
        text = self.query.get(name, "")
        return min(max(int(text), least), most) if text.isascii() and text.isdecimal() and len(text) < 10 else least


Page = Callable[[Desk, Visit], "Response"]
