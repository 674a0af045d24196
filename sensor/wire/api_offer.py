"""What a polled API offers to the configuration, and what it is given: options, secrets, clock.

Does not read a configuration: options come checked for their type, and a secret as a function that gives its text.
"""

import re
from collections.abc import Callable, Mapping, Sequence

import msgspec

from sensor.errors import ConfigError, Permanent
from sensor.model.order import Elsewhere
from sensor.wire.clock import Clock
from sensor.wire.credentials import Secret
from sensor.wire.http_client import Client, Credentials, Limits
from sensor.wire.polling import Api, Timing

COMMON: dict[str, type] = {
    "interval_s": int,
    "overlap_s": int,
    "look_back_s": int,
    "streams": list,
    "api_url": str,
    "login_url": str,
    "proxy": str,
    "ca_file": str,
}
"""Options of every API. `api_url` and `login_url` are for national clouds (and for tests)."""
_ONE_PART = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,253}$")
_SHORTEST_S = 10
"""No API here is to be asked more often; Okta allows 60 requests a minute, Google 2,400."""


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What a site asks of an API."""

    options: Mapping[str, object]
    secret: Secret
    clock: Clock
    limits: Limits | None = None
    jitter: Callable[[], float] | None = None
    elsewhere: Elsewhere | None = None

    def listed(self, name: str) -> Sequence[object]:
        """Return an option that is a list; none where it is not there."""
        found = self.options.get(name)
        return found if isinstance(found, list | tuple) else ()

    def text(self, name: str, default: str = "") -> str:
        """Return an option as text."""
        return str(self.options.get(name, default))

    def part(self, name: str) -> str:
        """Return an option that becomes a part of an address. Raises ConfigError where it cannot be one."""
        found = self.text(name)
        if not _ONE_PART.match(found):
            raise ConfigError(f"{name}: {found!r} is neither a name nor an id")
        return found

    def timing(self, usual: Timing) -> Timing:
        """Return an API's usual timing with the site's changes. Raises ConfigError."""
        changes: dict[str, int] = {}
        for name, least in (("interval_s", _SHORTEST_S), ("overlap_s", 0), ("look_back_s", 0)):
            found = self.options.get(name, getattr(usual, name))
            if not isinstance(found, int) or not least <= found <= usual.oldest_s:
                raise ConfigError(f"{name}: a whole number from {least} to {usual.oldest_s}, not {found!r}")
            changes[name] = found
        return msgspec.structs.replace(usual, **changes)

    def streams(self, known: tuple[str, ...], usual: tuple[str, ...]) -> tuple[str, ...]:
        """Return the streams that are wanted. Raises ConfigError where one is not known."""
        found = self.options.get("streams", usual)
        wanted = tuple(str(one) for one in found) if isinstance(found, list | tuple) else (str(found),)
        wrong = [one for one in wanted if one not in known]
        if wrong or not wanted:
            raise ConfigError(f"streams: {', '.join(wrong) or 'none'} of {', '.join(known)}")
        return tuple(dict.fromkeys(wanted))

    def client(
        self, api_url: str, credentials: Credentials, token_url: str | None = None,
        throttled: Callable[[int, bytes], bool] | None = None,
    ) -> Client:  # fmt: skip
        """Make the client of the API. Raises ConfigError where an address will not do."""
        try:
            return Client(
                api_url, credentials, self.clock, token_url=token_url, limits=self.limits, throttled=throttled,
                proxy=self.text("proxy") or None, ca_file=self.text("ca_file") or None, jitter=self.jitter,
            )  # fmt: skip
        except (Permanent, OSError, ValueError) as error:
            raise ConfigError(f"api_url, login_url, proxy or ca_file: {error}") from error


class Offer(msgspec.Struct, frozen=True, kw_only=True):
    """How a source's API is configured and made."""

    options: dict[str, type]
    """Every option but secrets, with its type."""
    needs: tuple[str, ...]
    """Options without which it cannot be asked."""
    held_in: str
    """The option that holds the secret, `{ env = … }` or `{ file = … }`."""
    build: Callable[[Asked], Api]
