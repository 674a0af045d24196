"""What stands beside the core of a running sensor: deliveries to sinks, the console, the listener of the metrics.

Each works on threads of its own, reads the committed state by itself and never holds up the core: it is told when
there is something new, when the configuration changes, and when to end. Opened in the order of `OPENERS`, closed in
reverse.
"""

import logging
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

from sensor.config import Config
from sensor.errors import ConfigError
from sensor.metrics import Metrics
from sensor.pipeline.consoling import open_console
from sensor.pipeline.delivering import Deliveries
from sensor.pipeline.exposing import open_metrics
from sensor.pipeline.receiving import Receiving
from sensor.pipeline.uplink import Uplink

_LOG = logging.getLogger(__name__)


class Beside(Protocol):
    """One of them."""

    def wake(self) -> None:
        """Hear that a commit was made; returns at once."""

    def reload(self, config: Config) -> None:
        """Go on under another configuration. Raises ConfigError, and then goes on as before."""

    def close(self, drain_s: float) -> None:
        """End within a time, after what is committed has been handed on, as far as the time allows."""


class Around:
    """All of them."""

    def __init__(
        self, config: Config, folder: Path, metrics: Metrics, openers: "Sequence[Opener] | None" = None
    ) -> None:
        """Open what the configuration asks for. Raises ConfigError; what was open by then is closed."""
        self._open: list[Beside] = []
        try:
            for opener in OPENERS if openers is None else openers:
                one = opener(config, folder, metrics)
                if one is not None:
                    self._open.append(one)
        except ConfigError:
            self.close(0.0)
            raise

    def said(self) -> tuple[str, ...]:
        """Return what each says of itself to whoever starts the sensor: the attribute `said`, where it has one."""
        return tuple(str(one.said) for one in self._open if hasattr(one, "said"))

    def wake(self) -> None:
        """Tell each that a commit was made."""
        for one in self._open:
            one.wake()

    def reload(self, config: Config) -> None:
        """Have each go on under another configuration; one that cannot says so and keeps its own."""
        for one in self._open:
            try:
                one.reload(config)
            except ConfigError as error:
                _LOG.error("kept as it was component=%s: %s", type(one).__name__, error)

    def close(self, drain_s: float) -> None:
        """End all of them within a time."""
        end_s = time.monotonic() + drain_s
        for one in reversed(self._open):
            one.close(max(0.0, end_s - time.monotonic()))
        self._open.clear()


Opener = Callable[[Config, Path, Metrics], Beside | None]
"""Opens one for a configuration, the state's folder and the metrics; None where nothing of it is configured."""
OPENERS: tuple[Opener, ...] = (open_metrics, Deliveries, Uplink, Receiving, open_console)
"""Whoever adds one adds its opener here."""
