"""The hub of this site: told of incidents, sightings, presence and health, over HTTPS, NATS or in bundles.

What is told is gathered by `sensor.pipeline.forwarding` and kept by `sensor.store.spool`; what carries it is
`sensor.pipeline.uplink`. Here is what a table of this type may say. A configuration has one.
"""

import msgspec

from sensor.model.sink import SecretPlace
from sensor.model.site_packet import PACKET_MAX
from sensor.wire import bundle_keys, site_https_client, site_nats

LIMIT_MIN = 16 * PACKET_MAX
BUNDLE_BYTES_MAX = 256_000_000
REPEAT_MAX = 64
"""As many bundles are remembered (`sensor.pipeline.bundling`)."""


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Options of the hub."""

    url: str = ""
    """Where the hub listens for sites: `https://hub.example:8478`."""
    ca_file: str = ""
    """File of the authority that signed the hub's certificate, PEM; empty: those that the machine trusts."""
    cert: str = ""
    """File of this site's certificate, PEM. It is the certificate that says which site this is."""
    key: str = ""
    """File of its key, PEM, without a password."""
    proxy: str = ""
    """An HTTP proxy through which a tunnel to the hub is asked for: `http://proxy.example:3128`."""
    limit_bytes: int = 1_000_000_000
    """Of what waits for the hub; beyond, the least valuable goes: raw flows, state, signals, and incidents last."""
    nats: str = ""
    """Instead of `url`: this site's leaf node, `nats://127.0.0.1:4222` (docs/nats). `ca_file`, `cert` and `key` are for
    one that is on another machine, `tls://…`."""
    user: str = "spanline"
    """Of ours, at the leaf node."""
    password: SecretPlace | None = None
    """Where its password is."""
    folder: str = ""
    """Instead of `url`: folder for signed bundles, for a link that goes one way (docs/bundles.md)."""
    sign_key: SecretPlace | None = None
    """Where the key is that signs them, as `spanline bundle keys` made it."""
    encrypt_to: str = ""
    """The hub's public key, `x25519:…`; empty: bundles are signed and not encrypted."""
    every_s: float = 60.0
    """How often what is new is written into a bundle; 0: only by `spanline bundle export`."""
    repeat: int = 0
    """How many bundles before are written again with each, where the link loses some."""
    bundle_bytes: int = 16_000_000
    """Of envelopes in a bundle; what is more goes into the next."""
    folder_bytes: int = 1_000_000_000
    """Of bundles that lie in the folder; while nobody takes them away, what is new stays in the spool."""
    fleet_key: SecretPlace | None = None
    """Where a secret is that the fleet's sites share, and its hub need not have: with it they tell the hub what their
    devices use, as digests, and know again what it says is common in the fleet."""
    keep_bytes: int = 128_000_000
    """Of what the hub has already and may ask for again, should it be put back from a backup."""


def problem(settings: Settings) -> str | None:
    """Say what will not do about them; None where nothing."""
    place = settings.fleet_key
    if place is not None and (place.env is None) == (place.file is None):
        return 'fleet_key: expected { env = "NAME" } or { file = "PATH" }'
    if settings.folder:
        return _folder_problem(settings)
    if settings.nats:
        return _nats_problem(settings)
    wrong = site_https_client.problem(settings.url)
    if wrong is not None:
        return wrong
    if not settings.cert or not settings.key:
        return "needs cert and key: the hub knows a site by its certificate (docs/fleet.md says how to make one)"
    return _limits_problem(settings)


def _nats_problem(settings: Settings) -> str | None:
    """Say what will not do about a leaf node."""
    if settings.url:
        return "has one way to its hub: url, nats or folder"
    if settings.password is not None and (settings.password.env is None) == (settings.password.file is None):
        return 'password: expected { env = "NAME" } or { file = "PATH" }'
    link = site_nats.Link(settings.nats, settings.user, None, settings.ca_file, settings.cert, settings.key)
    return site_nats.problem(link) or _limits_problem(settings)


def _limits_problem(settings: Settings) -> str | None:
    if settings.limit_bytes < LIMIT_MIN or settings.keep_bytes < 0:
        return f"limit_bytes must be at least {LIMIT_MIN}, and keep_bytes at least 0"
    return None


def _folder_problem(settings: Settings) -> str | None:
    """Say what will not do about bundles."""
    if settings.url or settings.nats:
        return "has one way to its hub: url, nats or folder"
    if settings.sign_key is None or (settings.sign_key.env is None) == (settings.sign_key.file is None):
        return 'needs sign_key = { file = "…" }, which `spanline bundle keys FILE` makes'
    if settings.encrypt_to:
        try:
            bundle_keys.sealing_key(settings.encrypt_to)
        except ValueError as error:
            return f"encrypt_to: {error}"
    if not settings.every_s >= 0 or min(settings.bundle_bytes, settings.folder_bytes) < PACKET_MAX:
        return f"every_s must not be below 0, bundle_bytes and folder_bytes not below {PACKET_MAX}"
    if not 0 <= settings.repeat <= REPEAT_MAX:
        return f"repeat must be from 0 to {REPEAT_MAX}"
    if settings.bundle_bytes > BUNDLE_BYTES_MAX:
        return f"bundle_bytes must be at most {BUNDLE_BYTES_MAX}: a bundle is in memory while it is made"
    return _limits_problem(settings)
