"""Login attempts and their results, whatever protocol or log tells of them.

Kerberos AS exchanges, NTLM, SMB, FTP, LDAP binds, SMTP's reply to AUTH, RADIUS, HTTP's 401, and logon events of hosts
(Windows 4625, 4771, 4776; sshd and the like). What says nothing of the secret is no failure: a ticket asked without
pre-authentication, an expired password, an interrupt.

Not here: sessions whose result nobody saw (sensor/detectors/guessing_sessions.py); sign-ins to a tenant.
"""

import ipaddress
from collections.abc import Iterator

import msgspec

from sensor.detectors.parties import message_record
from sensor.model.accounts import fold
from sensor.model.event import Event
from sensor.model.evidence import Record
from sensor.model.metadata import Http, Kerberos, Ntlm
from sensor.model.protocols import AnyMessage, Ftp, Ldap, Radius, Smb, Smtp
from sensor.model.tick import Names, Tick

WRONG_SECRET = frozenset({6, 24})
"""Kerberos errors that a guess meets (RFC 4120 §7.5.9): no such principal, pre-authentication failed."""
ACCEPTED_REPLIES = {"ftp": 230, "smtp": 235}
REFUSED_REPLIES = {"ftp": 530, "smtp": 535}
"""RFC 959 §4.2.2; RFC 4954 §6."""
NTSTATUS_REFUSED = ("LOGON_FAILURE", "WRONG_PASSWORD", "NO_SUCH_USER")

_EXAMPLES = tuple(ipaddress.ip_network(text) for text in ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24"))
"""Python calls addresses for documentation private (RFC 5737); nobody has them inside."""


class Login(msgspec.Struct, frozen=True):
    """One attempt. `source` is the address it came from, else the machine's name; `device` its row, −1 unknown."""

    ts: int
    site: int
    source: str
    device: int
    target: str
    service: str
    account: str | None
    success: bool
    record: Record


def logins(tick: Tick, names: Names) -> Iterator[Login]:
    """Yield the attempts of a tick whose result was seen, messages before events."""
    sites = tick.message_site or [0] * len(tick.messages)
    for message, device, site in zip(tick.messages, tick.message_device.tolist(), sites, strict=True):
        judged = result_of(message)
        if judged is not None:
            service, account, success = judged
            yield Login(
                message.ts, site, message.orig_h, device, message.resp_h, service, account, success,
                message_record(names, message),
            )  # fmt: skip
    for event, device, site in zip(tick.events, tick.event_device.tolist(), tick.event_site, strict=True):
        source = event.ip or event.device_name
        if (
            event.kind == "logon"
            and event.outcome in {"success", "failure"}
            and source
            and not event.detail.get("ended")
        ):
            yield _of_event(event, device, site, source, names)


def is_address(text: str) -> bool:
    """Tell whether a text is an IP address."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def is_public(text: str) -> bool:
    """Tell whether a text is an address that is not for private use, link-local or the host's own."""
    if not is_address(text):
        return False
    address = ipaddress.ip_address(text)
    return not (address.is_private or address.is_link_local or address.is_loopback) or any(
        address in network for network in _EXAMPLES if network.version == address.version
    )


def _of_event(event: Event, device: int, site: int, source: str, names: Names) -> Login:
    service = str(event.detail.get("package") or event.detail.get("logon_type") or event.source).lower()
    return Login(
        event.ts, site, source, device, str(event.detail.get("target") or event.resource or ""), service, event.account,
        event.outcome == "success", Record(input=names.input_path(event.input), row=event.row),
    )  # fmt: skip


def result_of(message: AnyMessage) -> tuple[str, str | None, bool] | None:
    """Return service, account and whether it was accepted; None where a message tells of no result."""
    if isinstance(message, Kerberos):
        return _kerberos(message)
    if isinstance(message, Ntlm):
        return (
            None if message.success is None else ("ntlm", fold(message.username, message.domainname), message.success)
        )
    if isinstance(message, Radius):
        done = {"success": True, "failed": False}.get(message.result or "")
        return None if done is None else ("radius", fold(message.username), done)
    if isinstance(message, Ldap):
        return _ldap(message)
    if isinstance(message, Ftp):
        return _reply("ftp", message.reply_code, fold(message.user))
    if isinstance(message, Smtp):
        digits = (message.last_reply or "")[:3]
        return _reply("smtp", int(digits) if digits.isdigit() else None, None)
    if isinstance(message, Smb):
        refused = any(word in (message.status or "") for word in NTSTATUS_REFUSED)
        return ("smb", fold(message.username), False) if refused else None
    if isinstance(message, Http):
        return _http(message)
    return None


def _kerberos(message: Kerberos) -> tuple[str, str | None, bool] | None:
    if message.success and message.request_type == "AS":
        return "kerberos", fold(message.client), True
    # An error of a capture does not say what it answers: these codes answer an AS request alone (RFC 4120 §7.5.9).
    wrong = not message.success and message.error_code in WRONG_SECRET and message.request_type in {"AS", None}
    return ("kerberos", fold(message.client), False) if wrong else None


def _ldap(message: Ldap) -> tuple[str, str | None, bool] | None:
    if not (message.opcode or "").startswith("bind") or not message.object:
        return None
    said = (message.result or "").replace(" ", "").lower()
    return {"invalidcredentials": ("ldap", message.object, False), "success": ("ldap", message.object, True)}.get(said)


def _reply(service: str, code: int | None, account: str | None) -> tuple[str, str | None, bool] | None:
    if code == REFUSED_REPLIES[service]:
        return service, account, False
    return (service, account, True) if code == ACCEPTED_REPLIES[service] else None


def _http(message: Http) -> tuple[str, str | None, bool] | None:
    """Take a 401 as refused and what is served as accepted: browsers are served after their 401."""
    if message.status_code == 401:
        return "http", None, False
    served = message.status_code is not None and 200 <= message.status_code < 400
    return ("http", None, True) if served else None
