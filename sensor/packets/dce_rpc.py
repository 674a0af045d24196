"""Remote procedure calls: which operation of which interface (C706 §12.6, MS-RPCE §2.2.2), over TCP and named pipes.

A bind gives contexts their interfaces, a request names a context and an operation; both are in the clear even where the
arguments are sealed. A request whose bind was not seen gives nothing. Results and arguments are not read.
"""

import uuid
from collections.abc import Iterator

from sensor.errors import Malformed
from sensor.model.protocols import AnyMessage, DceRpc
from sensor.packets.octets import Octets, until_damage
from sensor.packets.payload import Payload
from sensor.packets.rpc_names import endpoint_of, operation_of

REQUEST, BIND, ALTER = 0, 11, 14
"""PDU types (C706 §12.6.4)."""
HEADER = 16
PDUS_MAX = 8
"""PDUs of one payload."""
CONTEXTS_MAX = 32
"""Contexts of one association; Windows offers up to three at a time."""
LITTLE_ENDIAN = 0x10


class Association:
    """The contexts of one connection or one open pipe."""

    def __init__(self, pipe: str | None = None) -> None:
        """Begin without contexts.

        Args:
            pipe: Name of the pipe it goes through; over TCP the responder's port stands in its place, as in Zeek.
        """
        self._pipe = pipe
        self._contexts: dict[int, str] = {}

    def read(self, payload: Payload) -> list[AnyMessage]:
        """Take a payload that begins with a PDU."""
        return until_damage(self._calls(payload))

    def flush(self) -> list[AnyMessage]:
        """Nothing waits."""
        return []

    def _calls(self, payload: Payload) -> Iterator[AnyMessage]:
        data, at = payload.data, 0
        for _ in range(PDUS_MAX):
            if len(data) - at < HEADER or data[at] != 5:
                return
            order = "little" if data[at + 4] & LITTLE_ENDIAN else "big"
            size = int.from_bytes(data[at + 8 : at + 10], order)  # type: ignore[arg-type]
            if size < HEADER:
                raise Malformed("not_rpc")
            body = Octets(data[at : at + size], HEADER)
            if data[at + 2] in (BIND, ALTER):
                self._bind(body, order)
            elif data[at + 2] == REQUEST:
                yield from self._request(payload, body, order)
            at += size

    def _bind(self, at: Octets, order: str) -> None:
        number = at.little if order == "little" else at.big
        at.skip(8)
        count = at.little(1)
        at.skip(3)
        for _ in range(min(count, CONTEXTS_MAX)):
            context, transfers = number(2), at.little(1)
            at.skip(1)
            raw = at.take(16)
            interface = uuid.UUID(bytes_le=raw) if order == "little" else uuid.UUID(bytes=raw)
            if len(self._contexts) < CONTEXTS_MAX:
                self._contexts[context] = endpoint_of(str(interface))
            at.skip(4)
            if at.left < 20 * transfers:
                break
            at.skip(20 * transfers)

    def _request(self, payload: Payload, at: Octets, order: str) -> list[AnyMessage]:
        number = at.little if order == "little" else at.big
        at.skip(4)
        context, operation = number(2), number(2)
        endpoint = self._contexts.get(context)
        if endpoint is None or not payload.is_orig:
            return []
        pipe = self._pipe or str(payload.common["resp_p"])
        named = operation_of(endpoint, operation)
        likes = payload.likes
        return [DceRpc(**payload.common, named_pipe=pipe, endpoint=endpoint, operation=named, count=likes)]  # type: ignore[arg-type]
