r"""Windows events: who logged on where from which address, changes to accounts and services, processes, shares.

Read are the Security log's logons (4624, 4625, 4634, 4647, 4648, 4672, 4778, 4779, 4800–4803, 4964), Kerberos and NTLM
at a domain controller (4768–4773, 4776), account, group and policy management (4720–4781 and others, 1102), processes
(4688, 4689), shares and files (5140–5145, 4663), connections of the filtering platform (5156, 5157), network access
(6272–6278); of other logs remote desktop sessions and installed services. Any further Windows event is `other`.
https://learn.microsoft.com/en-us/previous-versions/windows/it-pro/windows-10/security/threat-protection/auditing/

`action` is the event's number. `account` is who acted: the one that logs on, else the `Subject`; whom it was done to
is `object`. `ip` is where the logon came from, and `device_name` the machine at that address: the client as it named
itself (`WorkstationName`), and the machine that wrote the event only where the logon came from nowhere else; that
machine is `detail.target`. For a connection both are the machine's own.

Not read: Sysmon and AD FS (their own sources). Not told: whether a logon was a person's.
"""

from sensor.model.accounts import is_machine
from sensor.model.event import Event
from sensor.model.protocols import AnyMessage
from sensor.wire.details import present
from sensor.wire.fields import Fields, read_address
from sensor.wire.macs import read_mac
from sensor.wire.windows_events import Label, WindowsEvent, account, events, label
from sensor.wire.windows_status import LOGON_TYPES, kerberos_reason, status_reason

_KERBEROS = frozenset({4768, 4769, 4770, 4771, 4772, 4773})
_TARGET_ACTS = _KERBEROS | {4624, 4625, 4634, 4647, 4776, 4800, 4801, 4802, 4803, 4964}
"""The account that acts is the event's Target; elsewhere it is the Subject."""
_LOGONS = _TARGET_ACTS | {4648, 4672, 4778, 4779}
_ENDS = frozenset({4634, 4647, 4779})
_FAILURES = frozenset({4625, 4771, 4772, 4773, 5157})
_ACCESS = frozenset({6272, 6273, 6274, 6276, 6278})
"""Network Policy Server: granted, denied, discarded, quarantined, granted after a health check."""
_CHANGES = frozenset(
    {
        *(1102, 4616, 4670, 4697, 4698, 4699, 4700, 4701, 4702, 4704, 4705, 4706, 4707, 4713, 4714, 4715, 4716, 4717),
        *(4718, 4719, *range(4720, 4768), 4780, 4781, 4782, 4794, 4817, 4865, 4866, 4867, 4902, 4904, 4905, 4906, 4907),
        *(4908, 4912, 4946, 4947, 4948, 4950, 4954, 5136, 5137, 5138, 5139, 5141),
    }
)
_FILES = frozenset({4663, 5140, 5142, 5143, 5144, 5145})
_CONNECTIONS = frozenset({5156, 5157})
_PROCESSES = frozenset({4688, 4689})
_RDP = {
    ("microsoft-windows-terminalservices-remoteconnectionmanager", 1149),
    *(("microsoft-windows-terminalservices-localsessionmanager", number) for number in (21, 23, 24, 25)),
}
"""Authenticated; logged on, logged off, disconnected, reconnected."""
_RDP_ENDS = frozenset({23, 24})
_INBOUND = "%%14592"
_PROTOCOLS = {1: "icmp", 6: "tcp", 17: "udp", 58: "icmp"}
"""https://www.iana.org/assignments/protocol-numbers; ICMPv6 is icmp here as in Zeek's conn.log."""
_CHANGED = (
    *("SamAccountName", "DisplayName", "UserPrincipalName", "HomeDirectory", "ScriptPath", "ProfilePath"),
    *("UserWorkstations", "PasswordLastSet", "AccountExpires", "PrimaryGroupId", "AllowedToDelegateTo", "NewUacValue"),
    *("SidHistory", "LogonHours", "DnsHostName", "ServicePrincipalNames", "NewTargetUserName", "ServiceFileName"),
    *("ServiceAccount", "TaskContentNew", "TaskContent", "AuditPolicyChanges", "NewSd", "AttributeValue"),
)
"""Attributes of 4738, 4742 and their like, whose value is `-` where it did not change."""


def claims(record: Fields) -> bool:
    """Tell whether this is a Windows event that no other source reads."""
    what = label(record)
    return what is not None and not _is_foreign(what)


def read(record: Fields) -> list[Event | AnyMessage]:
    """Read a Windows event. Raises Malformed: `no_windows_event`, `missing_time`, `bad_time`."""
    return [_read(event) for event in events(record) if not _is_foreign(event.label)]


def _is_foreign(what: Label) -> bool:
    """Tell whether another source reads it: Elastic's endpoint agent puts some values in `winlog`, too."""
    names = (what.provider.replace(" ", ""), what.channel.replace(" ", ""))
    return any("sysmon" in name or name.startswith(("adfs", "endpoint.")) for name in names)


def _read(event: WindowsEvent) -> Event:
    number, provider = event.label.event_id, event.label.provider
    if (provider, number) in _RDP:
        return _remote_desktop(event)
    if "service control manager" in provider and number == 7045:
        return _change(event, event.text("ServiceName", "param1"))
    if not _is_security(event.label):
        return _event(event, "other", _subject(event) or event.logged_as())
    if number in _LOGONS:
        return _logon(event)
    if number in _ACCESS:
        return _access(event)
    if number in _CHANGES:
        return _change(event, None)
    if number in _PROCESSES:
        return _process(event)
    if number in _FILES:
        return _file(event)
    if number in _CONNECTIONS:
        return _connection(event)
    return _event(event, "other", _subject(event) or _target(event), object=event.text("ObjectName"))


def _is_security(what: Label) -> bool:
    """Numbers have these meanings in the Security log only; rows without any name are Log Analytics' own of it."""
    if what.channel == "security" or "security-auditing" in what.provider:
        return True
    return what.provider in {"", "system.security"} and what.channel in {"", "forwardedevents"}


def _event(event: WindowsEvent, kind: str, who: str | None, **more: object) -> Event:
    values = {"device_name": event.computer, "outcome": _outcome(event), "detail": {}, **more}
    if values["device_name"] == event.computer:
        values["device_id"], known = event.host()
        values["detail"] = {**known, **values["detail"]}  # type: ignore[dict-item] # all details are dicts
    return Event(
        ts=event.ts,
        source="windows",
        kind=kind,
        action=str(event.label.event_id),
        account=who,
        raw_id=event.raw_id,
        **values,  # type: ignore[arg-type] # each caller gives fields of Event
    )


def _outcome(event: WindowsEvent) -> str:
    if event.success is not None:
        return "success" if event.success else "failure"
    if not _is_security(event.label):
        return "unknown"
    if event.label.event_id in _FAILURES or (event.label.event_id in _LOGONS and event.number("Status")):
        return "failure"
    return "success" if event.label.event_id in _LOGONS | _CHANGES | _PROCESSES | _FILES | _CONNECTIONS else "unknown"


def _subject(event: WindowsEvent) -> str | None:
    name = event.text("SubjectUserName", "SubjectAccount")
    return account(name, event.text("SubjectDomainName"), event.text("SubjectUserSid"))


def _target(event: WindowsEvent) -> str | None:
    sid = event.text("TargetUserSid", "TargetSid")
    return account(event.text("TargetUserName", "TargetAccount"), event.text("TargetDomainName"), sid)


def _sid(event: WindowsEvent, *names: str) -> str | None:
    """Return a SID that names one account of a domain, a machine (S-1-5-21) or Entra ID (S-1-12-1)."""
    sid = event.text(*names)
    return sid if sid is not None and sid.startswith(("S-1-5-21-", "S-1-12-1-")) else None


def _logon(event: WindowsEvent) -> Event:
    number = event.label.event_id
    ip = event.address("IpAddress", "ClientAddress")
    client = _machine(event.text("WorkstationName", "Workstation", "ClientName"))
    service = event.text("ServiceName", "ServiceSid") if number in _KERBEROS else None
    is_target = number in _TARGET_ACTS
    who = _acting(event)
    code, reason = _reason(event)
    kind_of_logon = event.number("LogonType")
    return _event(
        event,
        "logon",
        who,
        account_id=_sid(event, "TargetUserSid", "TargetSid") if is_target else _sid(event, "SubjectUserSid"),
        ip=ip,
        port=event.port("IpPort"),
        device_name=_device(event, ip, client),
        session_id=event.text("TargetLogonId", "LogonID") if is_target else event.text("SubjectLogonId", "LogonID"),
        correlation_id=_guid(event.text("LogonGuid")),
        reason_code=code,
        reason=reason or (event.text("FailureReasonText") if code else None),
        resource=service,
        object=_target(event) if number == 4648 else None,
        detail=present(
            logon_type=None if kind_of_logon is None else LOGON_TYPES.get(kind_of_logon, str(kind_of_logon)),
            package=_package(event),
            workstation=client,
            target=_machine(event.text("TargetServerName")) or _served(service) or event.computer,
            process=event.text("ProcessName"),
            ended=number in _ENDS or None,
        ),
    )


def _acting(event: WindowsEvent) -> str | None:
    number = event.label.event_id
    if number in {4778, 4779}:
        return account(event.text("AccountName"), event.text("AccountDomain"))
    return _target(event) if number in _TARGET_ACTS else _subject(event)


def _device(event: WindowsEvent, ip: str | None, client: str | None) -> str | None:
    """Name the machine that the logon came from; the controller that checks NTLM for a client is not it."""
    if event.label.event_id == 4776:
        return client
    is_remote = ip is not None and ip != "::1" and not ip.startswith("127.")
    return client if is_remote else event.computer


def _machine(name: str | None) -> str | None:
    r"""Return a machine's name without `\\`; `localhost` names none."""
    name = (name or "").strip("\\ ")
    return name if name and name.lower() != "localhost" else None


def _served(service: str | None) -> str | None:
    """Return the machine whose ticket was asked for: `HOST$`, `cifs/host.example`."""
    if service is None or service.lower().startswith("krbtgt"):
        return None
    if is_machine(service):
        return service.partition("@")[0].removesuffix("$")
    return _machine(service.split("/")[1]) if "/" in service else None


def _package(event: WindowsEvent) -> str | None:
    if event.label.event_id in _KERBEROS:
        return "Kerberos"
    if event.label.event_id == 4776:
        return "NTLM"
    return event.text("AuthenticationPackageName")


def _guid(text: str | None) -> str | None:
    guid = (text or "").strip("{}").lower()
    return guid if guid.strip("0-") else None


def _reason(event: WindowsEvent) -> tuple[str | None, str | None]:
    if event.label.event_id in _KERBEROS:
        return kerberos_reason(event.number("Status", "FailureCode"))
    if event.label.event_id in {4625, 4776}:
        return status_reason(event.number("Status"), event.number("SubStatus"))
    return None, None


def _access(event: WindowsEvent) -> Event:
    """Read what the Network Policy Server decided: the client is a MAC address at a switch, or an address of a VPN.

    A machine is named `host/pc1.example.com`, by its certificate (MS-PEAP).
    """
    name = event.text("SubjectUserName")
    if name is not None and name.lower().startswith("host/"):
        who = account(f"{name[5:].partition('.')[0]}$", event.text("SubjectDomainName"))
    else:
        who = _subject(event)
    station = event.text("CallingStationID")
    is_granted = event.label.event_id in {6272, 6278}
    mac = read_mac(station)
    reason = event.text("ReasonCode")
    return _event(
        event,
        "lease" if is_granted else "logon",
        who,
        outcome="success" if is_granted else "failure",
        device_name=_machine(event.text("SubjectMachineName")),
        reason_code=None if is_granted or reason == "0" else reason,
        reason=None if is_granted else event.text("Reason"),
        detail=present(mac=mac, public_addr=None if mac else read_address(station)[0], target=event.computer),
    )


def _change(event: WindowsEvent, service: str | None) -> Event:
    """Read a change by an administrator: to an account, a group's members, a policy, a service, a task."""
    changed = {name: text for name in _CHANGED if (text := event.text(name)) is not None}
    target = event.text("OldTargetUserName") or _target(event) or event.text("TargetUserName")
    thing = event.text("ServiceName", "TaskName", "ObjectDN", "ObjectName", "SubcategoryGuid", "DomainName")
    member = _first_name(event.text("MemberName")) or event.text("MemberSid")
    who = event.logged_as() if service else _subject(event)
    return _event(
        event,
        "admin",
        who,
        account_id=_sid(event, "SubjectUserSid"),
        session_id=event.text("SubjectLogonId"),
        object=service or target or thing,
        detail=present(targets=[one for one in (service or target or thing, member) if one], changes=changed),
    )


def _first_name(distinguished: str | None) -> str | None:
    """Return the first value of `CN=Ann Smith,OU=…` (RFC 4514); other texts as they are."""
    if distinguished is None or "=" not in distinguished:
        return distinguished
    value = distinguished.partition("=")[2].replace("\\,", "\0").partition(",")[0]
    return value.replace("\0", ",") or None


def _process(event: WindowsEvent) -> Event:
    return _event(
        event,
        "process",
        _subject(event),
        account_id=_sid(event, "SubjectUserSid"),
        session_id=event.text("SubjectLogonId"),
        detail=present(
            process=event.text("NewProcessName", "ProcessName"),
            command_line=event.text("CommandLine"),
            parent=event.text("ParentProcessName"),
            pid=event.number("NewProcessId") or event.number("ProcessId"),
            ended=event.label.event_id == 4689 or None,
        ),
    )


def _file(event: WindowsEvent) -> Event:
    """Read the use of a share, from `ip`, or of a file at the machine itself."""
    ip = event.address("IpAddress")
    share, file = event.text("ShareName"), event.text("RelativeTargetName", "ObjectName")
    return _event(
        event,
        "file",
        _subject(event),
        account_id=_sid(event, "SubjectUserSid"),
        session_id=event.text("SubjectLogonId"),
        ip=ip,
        port=event.port("IpPort"),
        device_name=_device(event, ip, None),
        object=file or share,
        detail=present(file=file, folder=share, target=event.computer),
    )


def _connection(event: WindowsEvent) -> Event:
    """Read a connection that the filtering platform let through or stopped; Source is who opened it, either way."""
    orig, resp = event.address("SourceAddress"), event.address("DestAddress")
    initiated = event.text("Direction") != _INBOUND
    protocol = event.number("Protocol", "Protocol_string")
    return _event(
        event,
        "connection",
        None,
        ip=orig if initiated else resp,
        detail=present(
            orig_h=orig,
            orig_p=event.port("SourcePort", "SourcePort_string"),
            resp_h=resp,
            resp_p=event.port("DestPort"),
            proto=None if protocol is None else _PROTOCOLS.get(protocol, str(protocol)),
            process=event.text("Application"),
            pid=event.number("ProcessID"),
            initiated=initiated,
        ),
    )


def _remote_desktop(event: WindowsEvent) -> Event:
    """Read a session of a remote desktop: 1149 numbers its values (user, domain, address), the others name them."""
    if event.label.event_id == 1149:
        who, ip = account(event.text("Param1"), event.text("Param2")), event.address("Param3")
    else:
        who, ip = account(event.text("User")), event.address("Address")
    return _event(
        event,
        "logon",
        who,
        outcome="success",
        ip=ip,
        device_name=_device(event, ip, None),
        session_id=event.text("SessionID"),
        detail=present(
            logon_type="RemoteInteractive",
            target=event.computer,
            ended=event.label.event_id in _RDP_ENDS or None,
        ),
    )
