"""Sources that are sent records: what a server received goes through the same dispatch as the records of files.

Nothing received is kept across a restart, and nothing is asked for again: what is dropped, for want of room or because
it is no message, is counted in the account as refused.
"""

import logging

from sensor.config import Component, listen_address
from sensor.errors import ConfigError
from sensor.model.source import Batch, Ledger
from sensor.sources.records import RecordsSource
from sensor.wire.clock import Clock
from sensor.wire.envelopes import from_line
from sensor.wire.record_lines import Item
from sensor.wire.syslog_server import PROTOCOLS, SyslogServer, server_context

POLL_RECORDS = 16_384
"""Messages a poll: a second's work, and what bounds a batch."""
_LOG = logging.getLogger(__name__)


class SyslogListener:
    """One syslog server, as a source that goes on.

    Attributes:
        account: What became of what was received.
    """

    problem = ""

    def __init__(self, server: SyslogServer, name: str, site: str, number: int, ledger: Ledger, clock: Clock) -> None:
        """Take a server that receives.

        Args:
            server: The server; closed with this.
            name: What the account calls it.
            site: Whose records these are.
            number: The input's place.
            ledger: Which records are known.
            clock: Time of receipt, for times without a year.
        """
        self._server, self._clock = server, clock
        self._records = RecordsSource(name, site, number, ledger)
        self.account = self._records.account

    def poll(self) -> Batch:
        """Hand out what was made of the messages that came."""
        account = self.account
        for reason, count in self._server.refused().items():
            if reason not in account.rejected:
                _LOG.warning("messages refused source=%s reason=%s", account.path, reason)
            account.records += count
            account.reject(reason, count)
        messages = self._server.take(POLL_RECORDS)
        received_ns = self._clock.now_ns() if messages else 0
        for message in messages:
            account.bytes += len(message)
            self._records.take(Item(from_line(message, received_ns)))
        return self._records.given()

    def position(self) -> None:
        """Return None: there is nothing to go back to."""

    def acknowledge(self) -> None:
        """Do nothing: a message is not sent again."""

    def close(self) -> None:
        """Stop receiving."""
        self._server.close()


def open_syslog(name: str, one: Component, site: str, number: int, ledger: Ledger, clock: Clock) -> SyslogListener:
    """Start a configured server.

    Raises:
        ConfigError: The address cannot be bound, or a certificate or key cannot be read.
    """
    options = {key: str(value) for key, value in one.options.items()}
    place, listen, protocol = f"sources.{name}", options["listen"], options.get("protocol", PROTOCOLS[0])
    context = None
    if protocol == "tls":
        try:
            context = server_context(options["cert"], options["key"], options.get("ca"))
        except OSError as error:
            raise ConfigError(f"[{place}] cert, key or ca cannot be used: {error}") from error
    host, port = listen_address(place, listen)
    try:
        server = SyslogServer(host, port, protocol, context)
    except OSError as error:
        raise ConfigError(f"[{place}] listen = {listen!r}: {error.strerror}") from error
    return SyslogListener(server, f"syslog:{protocol}:{host}:{server.port}", site, number, ledger, clock)
