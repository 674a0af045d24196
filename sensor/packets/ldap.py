"""LDAP: who binds as whom, and what is searched below which entry (RFC 4511), over TCP and UDP.

A bind is written with its answer; other requests at once, since their answers are often beyond what is looked at.
Opcodes, results and scopes are spelled as in Zeek's ldap.log. Passwords are never kept: a simple bind's `object` is its
name, a SASL bind's `argument` its mechanism. Messages that a SASL layer signs or seals are not read.
"""

from collections.abc import Iterator

from sensor.errors import Malformed
from sensor.model.protocols import AnyMessage, Ldap
from sensor.packets.ber import Element, element, elements
from sensor.packets.bounded import remember
from sensor.packets.octets import plain, until_damage
from sensor.packets.payload import Payload

BIND, BIND_ANSWER, SEARCH, EXTENDED = 0x60, 0x61, 0x63, 0x77
"""Tags of operations (RFC 4511 §4.2 to §4.12)."""
OPERATIONS = {0x66: "modify", 0x68: "add", 0x4A: "delete", 0x6C: "modify", 0x6E: "compare"}
SCOPES = {0: "base", 1: "single", 2: "tree"}
EXTENSIONS = {"1.3.6.1.4.1.1466.20037": "StartTLS", "1.3.6.1.4.1.4203.1.11.3": "whoami"}
"""RFC 4511 §4.14.1, RFC 4532 §2."""
SIMPLE, SASL = 0x80, 0xA3
SICILY = frozenset({0x89, 0x8A, 0x8B})
"""Microsoft's NTLM choices (MS-ADTS §5.1.1.1.3)."""
RESULTS = {
    0: "success",
    1: "operations error",
    2: "protocol error",
    3: "time limit exceeded",
    4: "size limit exceeded",
    7: "auth method not supported",
    8: "stronger auth required",
    10: "referral",
    11: "admin limit exceeded",
    13: "confidentiality required",
    14: "SASL bind in progress",
    32: "no such object",
    34: "invalid DN syntax",
    48: "inappropriate authentication",
    49: "invalid credentials",
    50: "insufficient access rights",
    51: "busy",
    52: "unavailable",
    53: "unwilling to perform",
    80: "other",
}
MESSAGES_MAX = 16
"""Messages of one payload."""
WAITING_MAX = 16
"""Binds of one connection that wait; there is hardly ever more than one."""


class Session:
    """One connection to a directory."""

    def __init__(self) -> None:
        """Begin with nothing asked."""
        self._waiting: dict[int, tuple[Payload, dict[str, str | None]]] = {}

    def read(self, payload: Payload) -> list[AnyMessage]:
        """Take a payload that begins with a message."""
        return until_damage(self._messages(payload))

    def flush(self) -> list[AnyMessage]:
        """Write the binds that nobody answered."""
        found = [_message(payload, said) for payload, said in self._waiting.values()]
        self._waiting.clear()
        return found

    def _messages(self, payload: Payload) -> Iterator[AnyMessage]:
        for message in elements(payload.data, MESSAGES_MAX):
            if message.tag != 0x30:
                return
            parts = elements(message.value, 3)
            if len(parts) < 2 or parts[0].tag != 2:
                raise Malformed("not_ldap")
            yield from self._operation(payload, parts[0].number, parts[1])

    def _operation(self, payload: Payload, number: int, operation: Element) -> list[AnyMessage]:
        value = operation.value
        if operation.tag == BIND:
            remember(self._waiting, number, (payload, _bind(value)), WAITING_MAX)
            return []
        if operation.tag == BIND_ANSWER:
            code = element(value).number  # damaged, it answers nothing: the bind still waits
            asked = self._waiting.pop(number, None)
            return [_message(asked[0], asked[1] | {"result": RESULTS.get(code, "unknown")})] if asked else []
        if operation.tag == SEARCH:
            parts = elements(value, 2)
            scope = SCOPES.get(parts[1].number, "unknown") if len(parts) > 1 else None
            return [_message(payload, {"opcode": "search", "object": _text(parts), "argument": scope})]
        if operation.tag == EXTENDED:
            name = _text(elements(value, 1))
            return [_message(payload, {"opcode": "extended", "object": name, "argument": EXTENSIONS.get(name or "")})]
        if operation.tag in OPERATIONS:
            name = plain(value) if operation.tag == 0x4A else _text(elements(value, 1))
            return [_message(payload, {"opcode": OPERATIONS[operation.tag], "object": name})]
        return []


def _message(payload: Payload, said: dict[str, str | None]) -> AnyMessage:
    return Ldap(**payload.common, **said)  # type: ignore[arg-type]


def _text(parts: list[Element]) -> str | None:
    return (plain(parts[0].value) or None) if parts and parts[0].whole else None


def _bind(value: bytes) -> dict[str, str | None]:
    """Read a BindRequest: version, name, choice of authentication."""
    parts = elements(value, 3)
    name = _text(parts[1:2])
    if len(parts) < 3:
        return {"opcode": "bind", "object": name}
    choice = parts[2]
    if choice.tag == SASL:
        return {"opcode": "bind SASL", "object": name, "argument": _text(elements(choice.value, 1))}
    if choice.tag in SICILY:
        return {"opcode": "bind SICILY", "object": name, "argument": "NTLM"}
    return {"opcode": "bind simple" if choice.tag == SIMPLE else "bind", "object": name}
