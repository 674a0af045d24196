"""Whose port a port is: what may be spoken on well-known ports, and what says nothing there.

After IANA's registry and what Zeek names services. A port that is in nobody's way (8080, 8443, 2222, a registered or
ephemeral port) is no other protocol's.

Not here: judging (sensor/detectors/wrong_port.py).
"""

TLS = "ssl"
OWN: dict[int, frozenset[str]] = {
    21: frozenset({"ftp", "ftp-data", TLS}),
    22: frozenset({"ssh"}),
    23: frozenset({"telnet"}),
    25: frozenset({"smtp", TLS}),
    53: frozenset({"dns"}),
    80: frozenset({"http", "websocket", "ocsp"}),
    88: frozenset({"krb", "krb_tcp"}),
    110: frozenset({"pop3", TLS}),
    123: frozenset({"ntp"}),
    135: frozenset({"dce_rpc", "ntlm", "gssapi"}),
    139: frozenset({"smb", "netbios", "ntlm", "gssapi", "dce_rpc"}),
    143: frozenset({"imap", TLS}),
    389: frozenset({"ldap_tcp", "ldap_udp", "ldap", TLS, "gssapi", "ntlm", "krb", "spnego"}),
    443: frozenset({TLS, "quic", "http", "websocket", "dtls"}),
    445: frozenset({"smb", "ntlm", "gssapi", "dce_rpc", "krb", "spnego", "quic"}),
    465: frozenset({"smtp", TLS}),
    587: frozenset({"smtp", TLS}),
    636: frozenset({TLS, "ldap", "ldap_tcp"}),
    853: frozenset({TLS, "quic", "dns"}),
    993: frozenset({TLS, "imap"}),
    995: frozenset({TLS, "pop3"}),
    3306: frozenset({"mysql", TLS}),
    3389: frozenset({"rdp", "rdpeudp", TLS, "dtls", "ntlm", "gssapi", "credssp"}),
    5432: frozenset({"postgresql", TLS}),
}
"""Port → services that are at home there. STARTTLS makes TLS at home where mail and directories are."""
TITLES = {
    21: "FTP", 22: "SSH", 23: "Telnet", 25: "SMTP", 53: "DNS", 80: "HTTP", 88: "Kerberos", 110: "POP3", 123: "NTP",
    135: "RPC", 139: "NetBIOS", 143: "IMAP", 389: "LDAP", 443: "TLS", 445: "SMB", 465: "SMTP", 587: "SMTP", 636: "LDAP",
    853: "DNS over TLS", 993: "IMAP", 995: "POP3", 3306: "MySQL", 3389: "remote desktop", 5432: "PostgreSQL",
}  # fmt: skip
HOMES: dict[str, frozenset[int]] = {
    "ssh": frozenset({22, 2222, 22222, 830}),
    "http": frozenset(),
    TLS: frozenset(),
    "quic": frozenset(),
    "dns": frozenset({53, 137, 853, 5353, 5355}),
    "ftp": frozenset({21, 990, 2121}),
    "smtp": frozenset({25, 465, 587, 2525}),
    "smb": frozenset({139, 445}),
    "rdp": frozenset({3389}),
    "krb_tcp": frozenset({88, 464}),
    "krb": frozenset({88, 464}),
    "ldap_tcp": frozenset({389, 636, 3268, 3269}),
    "dce_rpc": frozenset({135, 139, 445}),
    "telnet": frozenset({23}),
}
"""Services that are judged, and their usual ports; none: any port that is not another's (RPC is on ephemeral ports)."""
ANYWHERE = frozenset({"http", TLS, "quic", "dce_rpc"})
GREETING_220 = frozenset({"ftp", "smtp"})
"""Both greet with 220: by a greeting alone one is taken for the other."""
COMMON = frozenset({(TLS, 80)})
"""Seen often for no reason: TLS on 80 where a proxy or an app tries whatever port is open."""


def stranger(services: str, port: int) -> tuple[str, bool] | None:
    """Return the service that is not at home on a port, and whether the port is another's; None where all is well.

    Args:
        services: As Zeek writes them, comma-separated.
        port: The responder's.
    """
    said = [one for one in services.split(",") if one and not one.startswith("-")]
    judged = [one for one in said if one in HOMES]
    own = OWN.get(port)
    if not judged or any(port in HOMES[one] for one in judged):
        return None
    if own is None:
        return None if set(judged) & ANYWHERE else (judged[0], False)
    at_home = own | GREETING_220 if own & GREETING_220 else own
    if at_home & set(said):
        return None
    return judged[0], (judged[0], port) not in COMMON
