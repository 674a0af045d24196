"""What kind of event a record of Microsoft 365's unified audit log is, by its record type and operation.

Record types: https://learn.microsoft.com/en-us/office/office-365-management-api/office-365-management-activity-api-schema
(AuditLogRecordType). The Management Activity API writes their numbers, Log Analytics' `OfficeActivity` and the portal
their names. Operations that are not known here are of kind `other`.
"""

from sensor.wire.entra_audits import is_consent

_NAMES = {
    "exchangeadmin": 1,
    "exchangeitem": 2,
    "exchangeitemgroup": 3,
    "sharepointfileoperation": 6,
    "azureactivedirectory": 8,
    "azureactivedirectoryaccountlogon": 9,
    "datacentersecuritycmdlet": 10,
    "sharepointsharingoperation": 14,
    "azureactivedirectorystslogon": 15,
    "securitycompliancecentereopcmdlet": 18,
    "threatintelligence": 28,
    "mailsubmission": 29,
    "threatintelligenceurl": 41,
    "threatintelligenceatpcontent": 47,
    "exchangeitemaggregated": 50,
    "hygieneevent": 51,
    "microsoftteamsadmin": 57,
    "quarantine": 65,
}
"""Names of the record types that decide a kind, folded."""
FAILED = frozenset({"failed", "failure", "false", "error"})
"""What `ResultStatus` says of things that were not done, folded."""
_LOGONS = frozenset({9, 15})
_MAILBOX = frozenset({2, 3, 50})
_FILES = frozenset({6, 14})
_EMAIL = frozenset({28, 29, 41, 47, 51, 65})
_ADMIN = frozenset({1, 8, 10, 18, 57})
RULES = frozenset(
    {
        *("new-inboxrule", "set-inboxrule", "remove-inboxrule", "enable-inboxrule", "disable-inboxrule"),
        *("updateinboxrules", "new-transportrule", "set-transportrule", "remove-transportrule"),
        *("enable-transportrule", "disable-transportrule", "new-sweeprule", "set-sweeprule"),
    }
)
"""Operations on rules that move, delete or send on mail, folded; Outlook's own write `UpdateInboxRules`."""
_FORWARDS = frozenset({"set-mailbox", "new-mailbox", "enable-mailbox"})
"""Operations that forward a whole mailbox if they set one of `FORWARDING`, folded."""
FORWARDING = ("forwardingsmtpaddress", "forwardingaddress")
"""Parameters of Set-Mailbox that send all mail on, folded."""
_FILE_OPERATIONS = ("file", "folder", "sharing", "anonymouslink", "companylink", "securelink", "sharedlink")
"""Beginnings of SharePoint's and OneDrive's operations on files, folded."""


def record_type(text: str | None) -> int | None:
    """Return a record type's number from its number or name; None for one that decides nothing here."""
    if text is None:
        return None
    return int(text) if text.isdecimal() and len(text) < 6 else _NAMES.get(text.lower())


def kind_of(number: int | None, operation: str, parameters: dict[str, object]) -> str:
    """Return an event's kind.

    Args:
        number: The record type, None where it is not known.
        operation: The record's `Operation`.
        parameters: Its `Parameters`, by folded name.
    """
    folded = operation.lower()
    if number in _LOGONS or folded in {"userloggedin", "userloginfailed"}:
        return "signin"
    if folded in RULES or (folded in _FORWARDS and any(parameters.get(name) for name in FORWARDING)):
        return "mail_rule"
    if is_consent(operation):
        return "consent"
    if number in _MAILBOX:
        return "mailbox"
    if number in _EMAIL:
        return "email"
    if number in _FILES or (number is None and folded.startswith(_FILE_OPERATIONS)):
        return "file"
    return "admin" if number in _ADMIN else "other"
