"""What stands for names outside, as it is configured: the key found or made, and the names that the state knows.

Whatever hands something on takes it through one of these. What it knows of names is the state's inventory as it was
last committed, read anew each minute, and whatever it is told beside.
"""

import threading
import time
from pathlib import Path

from sensor.config import Config, Secret
from sensor.errors import ConfigError
from sensor.model.incident import Incident
from sensor.model.privacy import Privacy
from sensor.model.pseudonyms import Pseudonyms
from sensor.model.times import rfc3339
from sensor.store import pseudonym_key, revealing
from sensor.store.state import DATABASE, State
from sensor.wire.clock import SystemClock

REFRESH_S = 60.0
"""How old the view of the inventory may be."""


def pseudonyms_of(config: Config, folder: Path) -> Pseudonyms | None:
    """Return what stands for names outside, None where they leave as they are. Raises ConfigError."""
    return under(config, key_of(config.privacy, folder)) if config.privacy.pseudonyms else None


def under(config: Config, key: bytes) -> Pseudonyms:
    """Return what stands for names under a key."""
    privacy = config.privacy
    networks = [one for found in config.networks().values() for one in found]
    return Pseudonyms(key, privacy.pseudonyms, networks, keep_domains=privacy.keep_domains, sentences=privacy.sentences)


def key_of(privacy: Privacy, folder: Path) -> bytes:
    """Return the configured key, else the state's own. Raises ConfigError."""
    try:
        if privacy.key is None:
            return pseudonym_key.own(folder)
        return pseudonym_key.read(Secret(env=privacy.key.env, file=privacy.key.file).read(), "[privacy] key")
    except (ValueError, OSError) as error:
        raise ConfigError(str(error)) from error


def tell_names(pseudonyms: Pseudonyms, state: State) -> None:
    """Make the names of a state's inventory known."""
    pseudonyms.know(
        (form for one in state.accounts() for form in (one.name, *one.names)),
        (name for one in state.devices() for name in (one.name, *(span.value for span in one.names))),
    )


def reveal(config: Config, folder: Path, pseudonym: str, *, reason: str, by: str) -> tuple[str, ...]:
    """Return the names that a pseudonym stands for, after the question is in the audit log.

    Raises:
        ConfigError: The key cannot be had.
        ValueError: It is no pseudonym, there is no reason, or the log cannot be written.
        FileNotFoundError: There is no state.
    """
    ts = rfc3339(SystemClock(threading.Event()).now_ns())
    if not (folder / DATABASE).is_file():
        raise FileNotFoundError(f"no state in {folder}")
    return revealing.reveal(folder, key_of(config.privacy, folder), pseudonym, reason=reason, by=by, ts=ts)


class Outgoing:
    """Incidents on their way out of one state folder."""

    def __init__(self, pseudonyms: Pseudonyms, folder: Path) -> None:
        self._pseudonyms, self._folder = pseudonyms, folder
        self._read_at_s = -REFRESH_S

    def incident(self, incident: Incident) -> Incident:
        """Return an incident as it is told outside."""
        if time.monotonic() - self._read_at_s >= REFRESH_S:
            with State(self._folder, readonly=True) as state:
                tell_names(self._pseudonyms, state)
            self._read_at_s = time.monotonic()
        return self._pseudonyms.incident(incident)
