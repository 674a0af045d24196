"""Names that Suricata's EVE log writes where the wire has a number."""

QTYPES = {
    "A": 1, "NS": 2, "CNAME": 5, "SOA": 6, "NULL": 10, "PTR": 12, "HINFO": 13, "MX": 15, "TXT": 16, "RP": 17,
    "AFSDB": 18, "SIG": 24, "KEY": 25, "AAAA": 28, "LOC": 29, "SRV": 33, "NAPTR": 35, "CERT": 37, "DNAME": 39,
    "OPT": 41, "DS": 43, "SSHFP": 44, "RRSIG": 46, "NSEC": 47, "DNSKEY": 48, "NSEC3": 50, "NSEC3PARAM": 51, "TLSA": 52,
    "SVCB": 64, "HTTPS": 65, "SPF": 99, "TKEY": 249, "TSIG": 250, "AXFR": 252, "ANY": 255, "URI": 256,
}  # fmt: skip
"""DNS types (https://www.iana.org/assignments/dns-parameters)."""

RCODES = {
    "NOERROR": 0, "FORMERR": 1, "SERVFAIL": 2, "NXDOMAIN": 3, "NOTIMP": 4, "REFUSED": 5, "YXDOMAIN": 6, "YXRRSET": 7,
    "NXRRSET": 8, "NOTAUTH": 9, "NOTZONE": 10, "BADVERS": 16, "BADSIG": 16, "BADKEY": 17, "BADTIME": 18, "BADMODE": 19,
    "BADNAME": 20, "BADALG": 21, "BADTRUNC": 22,
}  # fmt: skip
"""DNS response codes (the same)."""

TLS_VERSIONS = {
    "sslv2": "SSLv2", "sslv3": "SSLv3", "tlsv1": "TLSv10", "tls 1.0": "TLSv10", "tls 1.1": "TLSv11",
    "tls 1.2": "TLSv12", "tls 1.3": "TLSv13",
}  # fmt: skip
"""Zeek's name of a version by Suricata's, lower case; `undetermined` has none."""

DISPOSITIONS = {
    "FILE_OPEN": "SMB::FILE_OPEN", "FILE_OPEN_IF": "SMB::FILE_OPEN", "FILE_CREATE": "SMB::FILE_OPEN",
    "FILE_OVERWRITE": "SMB::FILE_OPEN", "FILE_OVERWRITE_IF": "SMB::FILE_OPEN", "FILE_SUPERSEDE": "SMB::FILE_OPEN",
}  # fmt: skip
"""Zeek's action of a file that was opened, by the disposition asked for (MS-SMB2 §2.2.13)."""
