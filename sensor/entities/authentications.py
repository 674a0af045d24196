"""Who authenticated from where: messages and events become sightings of accounts, and links to devices and addresses.

Each kind of evidence and what it is worth is FORMATS' table of links: a Kerberos ticket that was given, an NTLM
exchange that was not refused, RADIUS and VPN leases, the identity provider's device id, an endpoint agent's user, a
Windows host's own log. A refused authentication proves nothing about who was there, and a machine's account names its
device, not a person. An address that stands for many devices gets no link of its own.
"""

import msgspec

from sensor.model.accounts import fold, is_machine, is_nobody
from sensor.model.event import SIGNIN_SOURCES, Event
from sensor.model.metadata import Kerberos, Ntlm
from sensor.model.protocols import AnyMessage, Ldap, Radius, Rdp

_INTERACTIVE = frozenset({"2", "7", "10", "11", "13"})
"""Windows logon types of somebody at the device itself (Microsoft, event 4624): console, unlock, remote, cached."""
_FROM_AFAR = frozenset({"3", "8", "9", "10"})
"""Types whose address is where the account came from."""
_TICKETS = frozenset({"4768", "4769", "4770", "4776"})
"""A domain controller's own: the address is the client's."""
_COOKIE_CHARS = 9
"""Old clients cut the name in an RDP cookie here (MS-RDPBCGR §2.2.1.1)."""


class Sighting(msgspec.Struct, frozen=True):
    """One account seen; `link` is its kind of link, None where it only exists. `address` is where it acted from."""

    account: str
    source: str
    link: str | None = None
    address: str | None = None
    host: str | None = None
    """Name of the device it was on."""
    identity: str | None = None
    is_service: bool = False
    mac: str | None = None
    is_proven: bool = True
    """It authenticated, or its provider knows it by an id."""


def of_message(message: AnyMessage) -> Sighting | None:
    """Return the account that a network message shows; None where it shows none, or was refused."""
    if isinstance(message, Kerberos):
        account = fold(message.client) if message.success else None
        if account is None:
            return None
        kind = "kerberos_tgs" if message.request_type == "TGS" else "kerberos_as"
        return Sighting(account, "kerberos", kind, message.orig_h)
    if isinstance(message, Ntlm):
        account = fold(message.username, message.domainname) if message.success is not False else None
        kind = "ntlm" if message.success else "ntlm_claim"
        return (
            None
            if account is None or is_nobody(account)
            else Sighting(account, "ntlm", kind, message.orig_h, message.hostname)
        )
    if isinstance(message, Radius):
        account = fold(message.username) if message.result == "success" else None
        return None if account is None else Sighting(account, "radius", "radius", message.framed_addr, mac=message.mac)
    if isinstance(message, Ldap):
        return _of_bind(message)
    return None


def cookie_of(message: AnyMessage) -> str | None:
    """Return the name in an RDP cookie, folded; it may be cut, so it makes no account."""
    return fold(message.cookie) if isinstance(message, Rdp) else None


def fits_cookie(account: str, cookie: str) -> bool:
    """Tell whether an account may be the one that an RDP cookie names."""
    local = account.partition("@")[0]
    return local == cookie.partition("@")[0] or (len(cookie) >= _COOKIE_CHARS and local.startswith(cookie))


def of_event(event: Event) -> Sighting | None:
    """Return the account of an event, and what the event proves about where it is."""
    if event.account is None or is_nobody(event.account):
        return None
    sighting = Sighting(
        event.account, event.source, identity=event.account_id,
        is_service=event.detail.get("event_category") in {"service_principal", "managed_identity"},
        is_proven=event.outcome == "success" or event.account_id is not None or event.kind not in {"signin", "logon"},
    )  # fmt: skip
    if event.kind == "signin" and event.source in SIGNIN_SOURCES:
        known = event.outcome == "success" and (event.device_id or event.device_name)
        return msgspec.structs.replace(sighting, link="idp_device", host=event.device_name) if known else sighting
    if event.kind == "lease":
        return _of_lease(event, sighting)
    if event.kind == "logon":
        return _of_logon(event, sighting)
    if event.kind in {"process", "connection"} and (event.device_id or event.device_name):
        return msgspec.structs.replace(sighting, link="agent", host=event.device_name)
    return sighting


def _of_bind(message: Ldap) -> Sighting | None:
    """A simple bind by account name; a distinguished name's CN is a display name, which may be anybody's."""
    name = message.object or ""
    if not (message.opcode or "").startswith("bind") or ("@" not in name and "\\" not in name):
        return None
    account = fold(name) if message.result in {None, "success"} else None
    return None if account is None else Sighting(account, "ldap", "ldap_bind", message.orig_h)


def _of_lease(event: Event, sighting: Sighting) -> Sighting:
    if event.outcome == "failure" or event.detail.get("ended"):
        return sighting
    address = event.detail.get("assigned_addr") or event.ip
    kind = "radius" if event.detail.get("mac") and not event.detail.get("public_addr") else "vpn"
    mac = event.detail.get("mac")
    return msgspec.structs.replace(
        sighting, link=kind, address=str(address) if address else None, host=event.device_name,
        mac=str(mac) if mac else None,
    )  # fmt: skip


def _of_logon(event: Event, sighting: Sighting) -> Sighting:
    """A host's own log: from afar the account was where the address is, else at the host."""
    if event.outcome != "success":
        return sighting
    if is_machine(sighting.account) and not event.ip:
        return sighting
    kind = str(event.detail.get("logon_type") or "")
    code = event.action.partition(" ")[0]
    if event.ip and (kind in _FROM_AFAR or code in _TICKETS or not kind):
        workstation = event.detail.get("workstation")
        host = str(workstation) if workstation else None
        return msgspec.structs.replace(sighting, link="windows_logon", address=event.ip, host=host)
    if kind in _INTERACTIVE and event.device_name:
        return msgspec.structs.replace(sighting, link="windows_logon", host=event.device_name)
    return sighting
