"""What Windows' status codes and Kerberos' result codes say, and the names of logon types.

The codes are those that a refused logon carries; https://learn.microsoft.com/en-us/openspecs/windows_protocols/ms-erref
§2.3.1 (NTSTATUS) and RFC 4120 §7.5.9, RFC 4556 §3.1.3 (Kerberos). A code that is not listed has no text.
"""

NTSTATUS = {
    0xC000005E: "no logon servers available",
    0xC0000064: "no such user",
    0xC000006A: "wrong password",
    0xC000006C: "password restriction",
    0xC000006D: "bad user name or authentication information",
    0xC000006E: "account restriction",
    0xC000006F: "outside permitted hours",
    0xC0000070: "not from this workstation",
    0xC0000071: "password expired",
    0xC0000072: "account disabled",
    0xC00000DC: "server in the wrong state",
    0xC0000133: "clocks too far apart",
    0xC000015B: "logon type not granted",
    0xC000018C: "trust relationship failed",
    0xC000018D: "workstation not trusted",
    0xC0000192: "netlogon service not started",
    0xC0000193: "account expired",
    0xC0000199: "account is an interdomain trust",
    0xC0000224: "password must change",
    0xC0000225: "not found",
    0xC0000234: "account locked out",
    0xC00002EE: "secure package failed",
    0xC0000371: "no local copy of the password",
    0xC0000413: "authentication firewall",
}
"""NTSTATUS values (MS-ERREF §2.3.1) of 4625 and 4776."""

KERBEROS = {
    0x1: "client's entry expired",
    0x2: "server's entry expired",
    0x3: "protocol version not supported",
    0x6: "no such client",
    0x7: "no such server",
    0x8: "several entries for the principal",
    0x9: "no key",
    0xC: "policy rejects the request",
    0xD: "option not possible",
    0xE: "encryption type not supported",
    0xF: "checksum type not supported",
    0x10: "pre-authentication type not supported",
    0x12: "client's credentials revoked",
    0x13: "server's credentials revoked",
    0x14: "ticket revoked",
    0x15: "client not yet valid",
    0x16: "service not yet valid",
    0x17: "password expired",
    0x18: "wrong password",
    0x19: "pre-authentication required",
    0x1A: "server and ticket differ",
    0x1B: "user to user only",
    0x1D: "service not available",
    0x1F: "integrity check failed",
    0x20: "ticket expired",
    0x21: "ticket not yet valid",
    0x22: "request replayed",
    0x23: "ticket for another server",
    0x25: "clocks too far apart",
    0x29: "message modified",
    0x3C: "generic error",
    0x3E: "client not trusted",
    0x42: "certificate mismatch",
}
"""KDC and application errors (RFC 4120 §7.5.9) of 4768, 4769 and 4771."""

LOGON_TYPES = {
    0: "System",
    2: "Interactive",
    3: "Network",
    4: "Batch",
    5: "Service",
    7: "Unlock",
    8: "NetworkCleartext",
    9: "NewCredentials",
    10: "RemoteInteractive",
    11: "CachedInteractive",
    12: "CachedRemoteInteractive",
    13: "CachedUnlock",
}
"""https://learn.microsoft.com/en-us/previous-versions/windows/it-pro/windows-10/security/threat-protection/auditing/event-4624"""


def code_text(code: int) -> str:
    """Write a code as Windows' documentation does: `0xc000006a`, `0x18`."""
    return f"0x{code & 0xFFFFFFFF:x}"


def status_reason(status: int | None, sub_status: int | None) -> tuple[str | None, str | None]:
    """Return code and text of a refused logon: the sub-status says more where there is one."""
    code = next((one & 0xFFFFFFFF for one in (sub_status, status) if one), None)
    return (None, None) if code is None else (code_text(code), NTSTATUS.get(code))


def kerberos_reason(status: int | None) -> tuple[str | None, str | None]:
    """Return code and text of a Kerberos error; nothing for 0, which is no error."""
    return (None, None) if not status else (code_text(status), KERBEROS.get(status & 0xFFFFFFFF))
