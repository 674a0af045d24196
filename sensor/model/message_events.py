"""Network messages and flows in the form of events, for showing what a parser made of a log (`spanline events`).

Kerberos, NTLM, RDP and LDAP binds are logons; DHCP and RADIUS are leases; SMTP is email; a flow is a connection; what
else there is, is `other`, with its fields in `detail`.
"""

from typing import Any

import msgspec

from sensor.model.accounts import fold
from sensor.model.event import Event
from sensor.model.metadata import Dhcp, Kerberos, Message, Ntlm, Ssh
from sensor.model.protocols import AnyMessage, Ldap, Radius, Rdp, Smtp

_OUTCOME = {True: "success", False: "failure", None: "unknown"}
SOURCE = "network"
_PLACE = frozenset({"ts", "input", "offset"})


def event_of(message: AnyMessage) -> Event:
    """Return the message as an event."""
    made = _special(message)
    if made is None:
        made = Event(ts=message.ts, source=SOURCE, kind="other", action=_tag(message), detail=_fields(message))
    return msgspec.structs.replace(made, ip=made.ip or message.orig_h or None, input=message.input, row=message.offset)


def _special(message: AnyMessage) -> Event | None:
    shared: dict[str, Any] = {"ts": message.ts, "source": SOURCE, "detail": _fields(message)}
    if isinstance(message, Kerberos):
        return Event(
            **shared, kind="logon", action=message.request_type or "kerberos", outcome=_OUTCOME[message.success],
            reason_code=None if message.error_code is None else str(message.error_code), account=fold(message.client),
            object=message.service,
        )  # fmt: skip
    if isinstance(message, Ntlm):
        return Event(
            **shared, kind="logon", action="ntlm", outcome=_OUTCOME[message.success], device_name=message.hostname,
            account=fold(message.username, message.domainname),
        )  # fmt: skip
    if isinstance(message, Dhcp):
        return Event(
            **shared, kind="lease", action="dhcp", device_name=message.host_name or message.client_fqdn,
            ip=message.assigned_addr or message.client_addr,
        )  # fmt: skip
    if isinstance(message, Radius):
        done = {"success": "success", "failed": "failure"}.get(message.result or "", "unknown")
        kind = "logon" if done == "failure" else "lease"
        account = fold(message.username)
        return Event(**shared, kind=kind, action="radius", outcome=done, account=account, ip=message.framed_addr)
    if isinstance(message, Smtp):
        return Event(**shared, kind="email", action="smtp", account=fold(message.mailfrom), object=message.subject)
    if isinstance(message, Rdp):
        return Event(
            **shared, kind="logon", action="rdp", account=fold(message.cookie), device_name=message.client_name
        )
    if isinstance(message, Ldap) and message.opcode is not None and message.opcode.startswith("bind"):
        return Event(**shared, kind="logon", action=message.opcode, object=message.object, reason=message.result)
    if isinstance(message, Ssh):
        return Event(**shared, kind="other", action="ssh", user_agent=message.client)
    return None


def _fields(message: Message) -> dict[str, object]:
    """Return what the message says, without what it does not."""
    said = msgspec.structs.asdict(message)
    return {name: value for name, value in said.items() if name not in _PLACE and value not in (None, "", ())}


def _tag(message: Message) -> str:
    return str(message.__struct_config__.tag)
