"""What a configuration says of bundles: at a site its folder and its key, at a hub whose signature is taken.

A key is read where it is needed, from a file that others cannot read, or from the environment.
"""

import threading
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from sensor.config import Component, Config, Secret
from sensor.errors import ConfigError
from sensor.pipeline.bundling import BUNDLE_BYTES, FOLDER_BYTES, Bundler
from sensor.pipeline.unbundling import Trust
from sensor.wire import bundle_keys
from sensor.wire.clock import SystemClock

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PublicKey


class Export(msgspec.Struct, frozen=True):
    """How a site's spool is exported."""

    out: Path
    sign: "Ed25519PrivateKey"
    seal_to: "X25519PublicKey | None"
    advances: bool
    """What is exported counts as what the hub has: no other link to it answers."""
    bundle_bytes: int
    folder_bytes: int


def export_of(
    config: Config, *, out: Path | None = None, key: Path | None = None, encrypt_to: str | None = None
) -> Export:
    """Return how a site exports, by its sink of type `site` and what is said instead of it.

    Args:
        config: The site's.
        out: Another folder.
        key: Another key's file.
        encrypt_to: The hub's public key.

    Raises:
        ConfigError: Something is not said anywhere, or a key is none.
    """
    one = _of_type(config.sinks)
    if one is None:
        raise ConfigError('no hub is configured: [sinks.hub] with type = "site" has a spool kept for it')
    place, options = f"sinks.{one.name}", one.options
    folder = out or (Path(str(options["folder"])) if options.get("folder") else None)
    if folder is None:
        raise ConfigError(f'[{place}] has no folder = "…": say --out FOLDER')
    text = str(encrypt_to if encrypt_to is not None else options.get("encrypt_to", ""))
    try:
        return Export(
            folder,
            bundle_keys.signing_key(*_key_text(place, key, options.get("sign_key"))),
            bundle_keys.sealing_key(text) if text else None,
            not (options.get("url") or options.get("nats")),
            _whole(options.get("bundle_bytes"), BUNDLE_BYTES),
            _whole(options.get("folder_bytes"), FOLDER_BYTES),
        )
    except ValueError as error:
        raise ConfigError(f"[{place}] {error}") from error


def open_bundler(config: Config, state: Path, how: Export) -> Bundler:
    """Open a site's spool for export. Raises ValueError where another process exports."""
    clock = SystemClock(threading.Event())
    return Bundler(
        state, config.site, how.out, how.sign, how.seal_to, clock.now_ns,
        bundle_bytes=how.bundle_bytes, folder_bytes=how.folder_bytes, advances=how.advances,
    )  # fmt: skip


def make_key(path: Path, *, opens: bool) -> str:
    """Make a key's file, and return its public key. Raises FileExistsError, OSError."""
    return bundle_keys.make(path, bundle_keys.OPEN if opens else bundle_keys.SIGN)


def public_key(path: Path) -> str:
    """Return the public key of a key's file. Raises OSError, ValueError."""
    return bundle_keys.public_of(bundle_keys.read_file(path), str(path))


def trust_of(config: Config) -> Trust:
    """Return whose bundles a hub takes, and what opens them. Raises ConfigError."""
    one = _of_type(config.sources)
    places = msgspec.convert(one.options.get("open_keys", []), list[Secret]) if one is not None else []
    try:
        site_keys = {
            site: [bundle_keys.verifying_key(key) for key in told.bundle_keys]
            for site, told in config.sites.items()
            if told.bundle_keys
        }
        hub_keys = [bundle_keys.opening_key(*secret_text(place)) for place in places]
    except (ValueError, OSError) as error:
        raise ConfigError(f"bundles: {error}") from error
    return Trust(site_keys, hub_keys)


def secret_text(place: Secret) -> tuple[str, str]:
    """Return a key's text and where it is. Raises ValueError, of which ConfigError is one."""
    if place.file is None:
        return place.read(), f"the environment's {place.env}"
    path = Path(place.file)
    try:
        return bundle_keys.read_file(path), str(path)
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror}") from error


def _key_text(place: str, path: Path | None, told: object) -> tuple[str, str]:
    if path is not None:
        return secret_text(Secret(file=str(path)))
    if told is None:
        raise ConfigError(
            f'[{place}] has no sign_key = {{ file = "…" }}: make a key with `spanline bundle keys FILE`, or say --key'
        )
    return secret_text(msgspec.convert(told, Secret, from_attributes=True))


def _of_type(components: Mapping[str, Component]) -> Component | None:
    return next((one for one in components.values() if one.type == "site"), None)


def _whole(told: object, default: int) -> int:
    return told if isinstance(told, int) else default
