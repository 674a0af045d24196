"""Sites that send what they know to this hub: over HTTPS or NATS, each with a certificate that names it, or in bundles.

What receives is `sensor.pipeline.receiving`, what hands on `sensor.pipeline.site_feed`; here is what a table may say.
The sites are those of the configuration's `[sites.*]`: nobody else's envelopes are taken. A file of envelopes is read
as any file is (`_site_file`).
"""

import re
from collections.abc import Mapping

import msgspec

from sensor.model.sink import SecretPlace
from sensor.sources._site_file import SiteSource, recognises
from sensor.wire import site_nats

__all__ = ["LIVE", "OPTIONS", "Settings", "SiteSource", "problem", "recognises", "settings_of"]

LIVE = True
"""Needs no path."""


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Options of the source."""

    listen: str = ""
    """Where sites push to over HTTPS, as 0.0.0.0:8478; empty: nobody does."""
    cert: str = ""
    """File of the hub's certificate and what it was signed by, PEM."""
    key: str = ""
    """File of its key, PEM, without a password."""
    ca: str = ""
    """File of the authority whose certificates sites must show, PEM: one for this alone, not a public one."""
    refused: tuple[str, ...] = ()
    """SHA-256 of certificates that are taken no more, as `openssl x509 -fingerprint -sha256` prints it."""
    nats: str = ""
    """The hub's NATS server, `nats://127.0.0.1:4222` (docs/nats), by which sites' leaf nodes deliver. `ca`, `cert` and
    `key` are for one that is on another machine, `tls://…`."""
    user: str = "spanline"
    """Of ours, at that server."""
    password: SecretPlace | None = None
    """Where its password is."""
    folder: str = ""
    """Folder into which signed bundles come over a link that goes one way; `[sites.*] bundle_keys` says whose."""
    open_keys: tuple[SecretPlace, ...] = ()
    """Where the keys are that open encrypted ones; two while one is changed."""
    bundles_kept_bytes: int = 1_000_000_000
    """Of bundles that were taken, in FOLDER/taken, for a hub that is put back from a backup; 0: none."""
    limit_bytes: int = 2_000_000_000
    """Of what was received and is not part of the state yet; beyond, sites are told to send later."""
    gap_wait_s: int = 3600
    """How long what came behind a gap waits for it, where nothing can be asked for again: bundles out of order."""


OPTIONS: dict[str, type] = {
    "listen": str, "cert": str, "key": str, "ca": str, "nats": str, "user": str, "password": dict, "refused": list,
    "folder": str, "open_keys": list, "bundles_kept_bytes": int, "limit_bytes": int, "gap_wait_s": int,
}  # fmt: skip
_DIGEST = re.compile(r"[0-9A-Fa-f]{64}|[0-9A-Fa-f]{2}(:[0-9A-Fa-f]{2}){31}")
LIMIT_MIN = 16 << 20
"""A site may fill an eighth, and one envelope has 256 KiB."""


def settings_of(options: Mapping[str, object]) -> Settings:
    """Return a table's options with their defaults; checked already."""
    return msgspec.convert({key: value for key, value in options.items() if key not in {"site", "type"}}, Settings)


def problem(options: Mapping[str, object]) -> str | None:
    """Say what is wrong with a table's options, beyond their types; None where nothing is."""
    if "path" in options:
        return "has no path: sites send"
    try:
        settings = settings_of(options)
    except msgspec.ValidationError as error:
        return str(error)
    tls = {key: bool(getattr(settings, key)) for key in ("cert", "key", "ca")}
    if not (settings.listen or settings.folder or settings.nats):
        return 'needs listen = "address:port", as 0.0.0.0:8478, nats = "nats://…", or folder = "…" for bundles'
    if settings.nats:
        wrong = site_nats.problem(site_nats.Link(settings.nats, ca=settings.ca, cert=settings.cert, key=settings.key))
        place = settings.password
        if wrong is None and place is not None and (place.env is None) == (place.file is None):
            wrong = 'password: expected { env = "NAME" } or { file = "PATH" }'
        if wrong is not None:
            return wrong
    if settings.listen and not all(tls.values()):
        lacking = ", ".join(key for key, is_there in tls.items() if not is_there)
        return f"needs {lacking}: sites prove by a certificate who they are (docs/fleet.md says how to make them)"
    if not all(_DIGEST.fullmatch(one) for one in settings.refused):
        return "refused: expected the SHA-256 of certificates, 64 hexadecimal digits each"
    if settings.limit_bytes < LIMIT_MIN:
        return f"limit_bytes must be at least {LIMIT_MIN}"
    if any((one.env is None) == (one.file is None) for one in settings.open_keys):
        return 'open_keys: expected [{ file = "PATH" }], or env = "NAME" in the place of file'
    return None if min(settings.gap_wait_s, settings.bundles_kept_bytes) >= 0 else "gap_wait_s must not be below 0"
