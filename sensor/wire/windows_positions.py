"""Names for the values of Security events that a shipper passed on as a bare list.

Fluent Bit (`StringInserts`), PowerShell (`Properties`, `ReplacementStrings`) and Kinesis Agent (a list as `EventData`)
write an event's values in the order of its definition, which only grows at the end from one Windows to the next. Here
are the orders of the logon, Kerberos, account and process events, as each event's page lists them below
https://learn.microsoft.com/en-us/previous-versions/windows/it-pro/windows-10/security/threat-protection/auditing/

Other events' lists stay unnamed.
"""

from collections.abc import Sequence

_SUBJECT = ("SubjectUserSid", "SubjectUserName", "SubjectDomainName", "SubjectLogonId")
_TARGET = ("TargetUserSid", "TargetUserName", "TargetDomainName")
_CHANGED = ("TargetUserName", "TargetDomainName", "TargetSid", *_SUBJECT)
_MEMBER = ("MemberName", "MemberSid", *_CHANGED)
_FROM = ("ProcessId", "ProcessName", "IpAddress", "IpPort")
_HOW = ("LogonType", "LogonProcessName", "AuthenticationPackageName", "WorkstationName")
_PACKAGE = ("TransmittedServices", "LmPackageName", "KeyLength")
_TICKET = ("TargetUserName", "TargetDomainName", "ServiceName", "ServiceSid", "TicketOptions", "TicketEncryptionType")
_SESSION = ("AccountName", "AccountDomain", "LogonID", "SessionName", "ClientName", "ClientAddress")

_NAMES: dict[int, tuple[str, ...]] = {
    4624: (*_SUBJECT, *_TARGET, "TargetLogonId", *_HOW, "LogonGuid", *_PACKAGE, *_FROM),
    4625: (*_SUBJECT, *_TARGET, "Status", "FailureReason", "SubStatus", *_HOW, *_PACKAGE, *_FROM),
    4634: (*_TARGET, "TargetLogonId", "LogonType"),
    4647: (*_TARGET, "TargetLogonId"),
    4648: (
        *(*_SUBJECT, "LogonGuid", "TargetUserName", "TargetDomainName", "TargetLogonGuid", "TargetServerName"),
        *("TargetInfo", *_FROM),
    ),
    4672: (*_SUBJECT, "PrivilegeList"),
    4688: (
        *(*_SUBJECT, "NewProcessId", "NewProcessName", "TokenElevationType", "ProcessId", "CommandLine"),
        *(*_TARGET, "TargetLogonId", "ParentProcessName"),
    ),
    4768: (
        *("TargetUserName", "TargetDomainName", "TargetSid", "ServiceName", "ServiceSid", "TicketOptions", "Status"),
        *("TicketEncryptionType", "PreAuthType", "IpAddress", "IpPort"),
    ),
    4769: (*_TICKET, "IpAddress", "IpPort", "Status", "LogonGuid", "TransmittedServices"),
    4770: (*_TICKET, "IpAddress", "IpPort"),
    4771: (
        *("TargetUserName", "TargetSid", "ServiceName", "TicketOptions", "Status", "PreAuthType"),
        *("IpAddress", "IpPort"),
    ),
    4776: ("PackageName", "TargetUserName", "Workstation", "Status"),
    **dict.fromkeys((4720, 4722, 4723, 4724, 4725, 4726, 4740, 4767), _CHANGED),
    **dict.fromkeys((4728, 4729, 4732, 4733, 4756, 4757), _MEMBER),
    **dict.fromkeys((4778, 4779), _SESSION),
    5140: (*_SUBJECT, "ObjectType", "IpAddress", "IpPort", "ShareName", "ShareLocalPath"),
}


def named(event_id: int, values: Sequence[object]) -> dict[str, object]:
    """Put the values of a Security event under their names; those of an unknown event get none."""
    return dict(zip(_NAMES.get(event_id, ()), values, strict=False))
