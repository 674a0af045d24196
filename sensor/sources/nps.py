r"""Microsoft's Network Policy Server (IAS before 2008), its RADIUS log: who was let in, from where.

Read: the three formats of IN*.log (`sensor.wire.nps_records`), and a database format's log that was given a header.
A success or an accounting record that names a device or an address is a lease, other answers are logons, and what is
only asked (`Access-Request`, `Access-Challenge`) is `other`: an answer of NPS repeats neither the name as typed nor the
Calling-Station-Id, and `correlation_id`, the `Class` attribute, is what it has in common with its request.

The time is the server's local one, month first, without a zone: it is read as UTC. The account is the name as typed
where that is a UPN, else `DOMAIN\user` as NPS found it. Packet types: RFC 2865 §3, RFC 2866 §4; reasons: Microsoft
Learn, "NPS Reason Codes" (https://learn.microsoft.com/en-us/previous-versions/windows/it-pro/windows-server-2008-R2-and-2008/dd197464(v=ws.10)).
"""

from sensor.errors import Malformed
from sensor.model.accounts import fold
from sensor.model.event import Event
from sensor.wire.details import present
from sensor.wire.fields import Fields
from sensor.wire.macs import read_mac
from sensor.wire.nps_records import attributes, is_record, named

SOURCE = "nps"
ACCEPT, REJECT, ACCOUNTING, CHALLENGE = 2, 3, 4, 11
PACKETS = {
    1: "Access-Request", ACCEPT: "Access-Accept", REJECT: "Access-Reject", ACCOUNTING: "Accounting-Request",
    5: "Accounting-Response", CHALLENGE: "Access-Challenge",
}  # fmt: skip
START, STOP, INTERIM = 1, 2, 3
STATES = {
    START: "Accounting-Start",
    STOP: "Accounting-Stop",
    INTERIM: "Accounting-Interim",
    7: "Accounting-On",
    8: "Accounting-Off",
}
"""Acct-Status-Type (RFC 2866 §5.1), in the words of Microsoft's page about the IAS format."""
_STATE_WORDS = {"start": START, "stop": STOP, "interim-update": INTERIM}
AUTHENTICATIONS = {
    1: "PAP", 2: "CHAP", 3: "MS-CHAP", 4: "MS-CHAP v2", 5: "EAP", 7: "None", 8: "Custom", 9: "MS-CHAP CPW",
    10: "MS-CHAP v2 CPW", 11: "PEAP",
}  # fmt: skip
"""Authentication-Type, of the page about the database format."""
ANY_ADDRESS = frozenset({"255.255.255.255", "255.255.255.254", "0.0.0.0"})  # noqa: S104 - nothing is bound
"""Framed-IP-Address where user or server choose (RFC 2865 §5.8), and where there is none yet."""
REASONS = {
    1: "internal error", 2: "access denied", 3: "malformed request", 4: "global catalog unavailable",
    5: "domain unavailable", 6: "server unavailable", 7: "no such domain", 8: "no such user",
    16: "authentication failed: credentials", 17: "password change failed", 18: "unsupported authentication type",
    19: "no reversibly encrypted password", 20: "LAN Manager authentication not supported",
    21: "rejected by an extension", 22: "EAP type cannot be processed", 23: "EAP error", 32: "local users only",
    33: "password must be changed", 34: "account disabled", 35: "account expired", 36: "account locked out",
    37: "outside logon hours", 38: "account restriction", 48: "no network policy matched",
    49: "no connection request policy matched", 64: "remote access locked out", 65: "dial-in permission denied",
    66: "authentication method not allowed", 67: "calling station not allowed", 68: "outside dial-in hours",
    69: "called station not allowed", 70: "port type not allowed", 258: "revocation list not available",
    259: "revocation authority not available", 260: "EAP message altered", 262: "incomplete message",
    263: "incomplete credentials", 264: "clocks not synchronised", 265: "certificate authority not trusted",
    283: "certificate not for client authentication", 286: "certificate authority not trusted",
    289: "certificate revoked",
}  # fmt: skip
"""The commoner of NPS's reason codes, in short."""


def claims(record: Fields) -> bool:
    """Tell whether a record is NPS's."""
    if record.has("Record-Date", "Record-Time", "Packet-Type") and record.has("User-Name", "Reason-Code"):
        return True
    text = record.text("message")
    return text is not None and is_record(text)


def read(record: Fields) -> list[Event]:
    """Read one record. Raises Malformed: `missing_time`, `bad_time`, `bad_event`, `not_a_record`, `record_too_long`."""
    text = record.text("message")
    given = Fields(attributes(text) if text is not None and is_record(text) else named(dict(record.raw)))
    packet, state = given.number("Packet-Type"), _state(given)
    if packet is None and state is not None:
        packet = ACCOUNTING
    if packet is None:
        raise Malformed("bad_event")
    return [_event(given, packet, state if packet == ACCOUNTING else None)]


def _event(given: Fields, packet: int, state: int | None) -> Event:
    calling = given.text("Calling-Station-Id")
    mac = read_mac(calling)
    public = given.address("Calling-Station-Id")[0] or given.address("Tunnel-Client-Endpt")[0]
    framed = given.address("Framed-IP-Address", "Framed-IPv6-Address")[0]
    assigned = None if framed in ANY_ADDRESS else framed
    host, reason = _host(given), given.number("Reason-Code")
    kind, outcome = _kind(packet, state, is_placed=any((mac, public, assigned)))
    method = given.number("Authentication-Type")
    return Event(
        ts=given.time("Timestamp"),
        source=SOURCE,
        kind=kind,
        action=STATES.get(state, f"Accounting {state}") if state is not None else PACKETS.get(packet, str(packet)),
        outcome=outcome,
        reason_code=None if reason is None else str(reason),
        reason=None if reason is None else REASONS.get(reason),
        account=_account(given),
        ip=public or assigned,
        resource=given.text("Client-Friendly-Name", "NAS-Identifier", "NAS-IP-Address", "Client-IP-Address"),
        device_name=host,
        session_id=given.text("Acct-Session-Id"),
        correlation_id=given.text("Class"),
        detail=present(
            mac=mac,
            host_name=host,
            assigned_addr=assigned,
            public_addr=public,
            ended=True if state == STOP else None,
            package=given.text("EAP-Friendly-Name") or AUTHENTICATIONS.get(method or 0),
        ),
    )


def _kind(packet: int, state: int | None, *, is_placed: bool) -> tuple[str, str]:
    """Return kind and outcome; a lease needs something that it is a lease of."""
    if packet == REJECT:
        return "logon", "failure"
    if packet == ACCEPT:
        return ("lease" if is_placed else "logon"), "success"
    if state in {START, STOP, INTERIM} and is_placed:
        return "lease", "success"
    return "other", "interrupt" if packet == CHALLENGE else "unknown"


def _state(given: Fields) -> int | None:
    word = given.text("Acct-Status-Type")
    return None if word is None else _STATE_WORDS.get(word.lower(), given.number("Acct-Status-Type"))


def _account(given: Fields) -> str | None:
    typed, found = given.text("User-Name"), given.text("SAM-Account-Name")
    if typed is not None and "@" in typed and not typed.lower().startswith(("anonymous@", "@")):
        return fold(typed)
    if found is None:
        whole = given.text("Fully-Qualified-User-Name")
        # The other form of it, domain/unit/Common Name, ends with a name for people, not for logging on.
        found = whole if whole is not None and "\\" in whole else typed
    if found is None or not found.lower().startswith("host/"):
        return fold(found)
    return fold(found[len("host/") :].partition(".")[0] + "$", found.partition(".")[2])


def _host(given: Fields) -> str | None:
    r"""Return the computer that signed on as itself: `host/name.domain` as typed, `DOMAIN\NAME$` as found."""
    for name in given.texts("User-Name") + given.texts("SAM-Account-Name"):
        if name.lower().startswith("host/"):
            return name[len("host/") :] or None
        if name.endswith("$"):
            return name.rpartition("\\")[2][:-1] or None
    return None
