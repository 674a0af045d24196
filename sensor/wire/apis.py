"""Which sources can be polled, and how one is opened: a source's name leads to its product's API.

A source that has no `path` and is named here is polled. Does not import an HTTP library before one is opened.
"""

from collections.abc import Callable, Mapping
from pathlib import Path

from sensor.errors import ConfigError
from sensor.wire import google_api, graph_api, management_api, okta_api
from sensor.wire.api_offer import Asked, Offer
from sensor.wire.checkpoint import Checkpoint
from sensor.wire.clock import Clock
from sensor.wire.http_client import Limits
from sensor.wire.polling import Poller

APIS: dict[str, Offer] = {
    "entra": graph_api.OFFER,
    "google": google_api.OFFER,
    "m365": management_api.OFFER,
    "okta": okta_api.OFFER,
}


def open_poller(
    source: str,
    options: Mapping[str, object],
    secret: Callable[[], str],
    clock: Clock,
    folder: Path,
    *,
    limits: Limits | None = None,
    jitter: Callable[[], float] | None = None,
) -> Poller:
    """Make a source's poller; nothing is asked yet.

    Args:
        source: The source's type.
        options: Its table, without its secret and what every source has.
        secret: Gives the text of its secret.
        clock: Time of day, and waiting.
        folder: Where its checkpoints are, for this source alone.
        limits: What a request may cost, if not the usual.
        jitter: Gives numbers from 0 to 1 for waits.

    Raises:
        ConfigError: The source is not polled, or an option is missing or will not do.
    """
    offer = APIS.get(source)
    if offer is None:
        raise ConfigError(f"source type {source!r} is not polled: {', '.join(APIS)} are; name a path")
    missing = [name for name in offer.needs if not options.get(name)]
    if missing:
        raise ConfigError(f"{source}: to be polled it needs {', '.join(missing)} and {offer.held_in}")
    asked = Asked(options=options, secret=secret, clock=clock, limits=limits, jitter=jitter)
    return Poller(offer.build(asked), Checkpoint(folder), clock)
