"""What a configuration says of bundles: at a site its folder and its key, at a hub whose signature is taken.

A key is read where it is needed, from a file that others cannot read, or from the environment.
"""

import contextlib
import os
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from sensor.config import Component, Config, Secret
from sensor.errors import ConfigError, Permanent
from sensor.model.sink import SecretPlace
from sensor.pipeline.bundle_carrier import BundleCarrier
from sensor.pipeline.bundling import Bundler
from sensor.pipeline.unbundling import Trust
from sensor.sinks.site import Settings
from sensor.wire import bundle_files, bundle_keys
from sensor.wire.clock import SystemClock

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PublicKey


BUSY_TRIES, BUSY_S = 25, 0.2
"""A round of a running sensor writes a few bundles: seconds at most."""


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
    settings = msgspec.convert(one.options, Settings)
    settings = msgspec.structs.replace(
        settings,
        folder=str(out) if out is not None else settings.folder,
        sign_key=SecretPlace(file=str(key)) if key is not None else settings.sign_key,
        encrypt_to=encrypt_to if encrypt_to is not None else settings.encrypt_to,
    )
    try:
        return _export(settings)
    except ConfigError as error:
        raise ConfigError(f"[sinks.{one.name}] {error}") from error


def open_bundler(config: Config, state: Path, how: Export) -> Bundler:
    """Open a site's spool for export; a sensor that is exporting is waited for. Raises ValueError: in vain."""
    clock = SystemClock(threading.Event())
    for _ in range(BUSY_TRIES):
        with contextlib.suppress(ValueError):
            return _opened(how, config.site, state)
        clock.sleep(BUSY_S)
    return _opened(how, config.site, state)


def carrier(settings: Settings, site: str, state: Path) -> BundleCarrier:
    """Make what exports while a sensor runs, by its sink's options. Raises ConfigError where its key is none.

    The key is read for each round, so that one that is replaced is in force with the next bundle.
    """
    _export(settings)
    return BundleCarrier(lambda: _opened(_export(settings), site, state), settings.every_s, settings.repeat)


def probe(settings: Settings) -> str:
    """Look whether bundles can be written and signed. Raises OSError, Permanent."""
    try:
        _export(settings)
    except ConfigError as error:
        raise Permanent(str(error)) from error
    return f"{settings.folder} holds {_usable(Path(settings.folder)):,} bytes of bundles; nothing comes back over them"


def look(config: Config, folder: Path) -> str:
    """Look whether bundles can be taken out of a hub's folder. Raises OSError, Permanent."""
    try:
        trust = trust_of(config)
    except ConfigError as error:
        raise Permanent(str(error)) from error
    if not trust.site_keys:
        raise Permanent("no site has a key: [sites.NAME] bundle_keys")
    held = _usable(folder)
    keys = f"keys of {len(trust.site_keys)} of {len(config.sites)} sites"
    return f"{folder} holds {held:,} bytes of bundles; {keys}; nothing goes back to whoever sends these"


def _usable(folder: Path) -> int:
    """Return the bytes of bundles in a folder that can be written. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    if not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        raise OSError(f"{folder} cannot be read and written")
    return bundle_files.room_taken(folder)


def make_key(path: Path, *, opens: bool) -> str:
    """Make a key's file, and return its public key. Raises FileExistsError, OSError."""
    return bundle_keys.make(path, bundle_keys.OPEN if opens else bundle_keys.SIGN)


def public_key(path: Path) -> str:
    """Return the public key of a key's file. Raises OSError, ValueError."""
    return bundle_keys.public_of(bundle_keys.read_file(path), str(path))


def trust_of(config: Config) -> Trust:
    """Return whose bundles a hub takes, and what opens them. Raises ConfigError."""
    one = _of_type(config.sources)
    places = msgspec.convert(one.options.get("open_keys", []), list[SecretPlace]) if one is not None else []
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


def secret_text(place: SecretPlace) -> tuple[str, str]:
    """Return a key's text and where it is. Raises ValueError, of which ConfigError is one."""
    if place.file is None:
        return Secret(env=place.env).read(), f"the environment's {place.env}"
    path = Path(place.file)
    try:
        return bundle_keys.read_file(path), str(path)
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror}") from error


def _export(settings: Settings) -> Export:
    if not settings.folder:
        raise ConfigError('has no folder = "…": say --out FOLDER')
    if settings.sign_key is None:
        raise ConfigError('has no sign_key = { file = "…" }: make one with `spanline bundle keys FILE`, or say --key')
    try:
        return Export(
            Path(settings.folder),
            bundle_keys.signing_key(*secret_text(settings.sign_key)),
            bundle_keys.sealing_key(settings.encrypt_to) if settings.encrypt_to else None,
            not (settings.url or settings.nats),
            settings.bundle_bytes,
            settings.folder_bytes,
        )
    except ValueError as error:
        raise ConfigError(str(error)) from error


def _opened(how: Export, site: str, state: Path) -> Bundler:
    clock = SystemClock(threading.Event())
    return Bundler(
        state, site, how.out, how.sign, how.seal_to, clock.now_ns,
        bundle_bytes=how.bundle_bytes, folder_bytes=how.folder_bytes, advances=how.advances,
    )  # fmt: skip


def _of_type(components: Mapping[str, Component]) -> Component | None:
    return next((one for one in components.values() if one.type == "site"), None)
