"""The columns that Zeek writes where a piece of a log has lost its header, by version; and which of them fit a line.

Taken from headers of Zeek 2.2, 2.6, 4, 6 and 7 logs. Sites that load further scripts have further columns: such a
piece of log is refused rather than guessed at.
"""

import re
from collections.abc import Callable, Iterator

from sensor.errors import Malformed
from sensor.wire.zeek_header import Schema

LEAD_MAX = 4
"""Columns that a shipper may have put before Zeek's: host, log name, time and site are the most seen."""

_ID = "ts uid id.orig_h id.orig_p id.resp_h id.resp_p "
_CONN = _ID + "proto service duration orig_bytes resp_bytes conn_state "
_COUNTS = "missed_bytes history orig_pkts orig_ip_bytes resp_pkts resp_ip_bytes tunnel_parents"
_DNS_END = "query qclass qclass_name qtype qtype_name rcode rcode_name AA TC RD RA Z answers TTLs rejected"
_HTTP = _ID + "trans_depth method host uri referrer "
_HTTP_BODY = "request_body_len response_body_len status_code status_msg info_code info_msg "
_HTTP_LOGIN = "username password proxied "
_HTTP_FILES = "orig_fuids orig_filenames orig_mime_types resp_fuids resp_filenames resp_mime_types"
_DHCP = "ts uids client_addr server_addr mac host_name client_fqdn domain "
_KERBEROS = _ID + "request_type client service success error_msg from till cipher forwardable renewable "
_NTLM = _ID + "username hostname domainname server_nb_computer_name server_dns_computer_name server_tree_name success"
_SSH = _ID + "version auth_success auth_attempts direction client server cipher_alg mac_alg compression_alg "
_SSL = _ID + "version cipher curve server_name resumed last_alert next_protocol established "

DEFAULTS: tuple[tuple[str, str], ...] = (
    ("conn", _CONN + "local_orig local_resp " + _COUNTS + " ip_proto"),
    ("conn", _CONN + "local_orig local_resp " + _COUNTS),
    ("conn", _CONN + "local_orig " + _COUNTS),
    ("conn", _CONN + _COUNTS + " ip_proto"),
    ("dns", _ID + "proto trans_id rtt " + _DNS_END),
    ("dns", _ID + "proto trans_id " + _DNS_END),
    ("http", _HTTP + "version user_agent origin " + _HTTP_BODY + "tags " + _HTTP_LOGIN + _HTTP_FILES),
    ("http", _HTTP + "version user_agent " + _HTTP_BODY + "tags " + _HTTP_LOGIN + _HTTP_FILES),
    ("http", _HTTP + "user_agent " + _HTTP_BODY + "filename tags " + _HTTP_LOGIN
     + "orig_fuids orig_mime_types resp_fuids resp_mime_types"),
    ("ssl", _SSL + "ssl_history cert_chain_fps client_cert_chain_fps sni_matches_cert"),
    ("ssl", _SSL + "cert_chain_fuids client_cert_chain_fuids subject issuer client_subject client_issuer"),
    ("dhcp", _DHCP + "requested_addr assigned_addr lease_time client_message server_message msg_types duration"),
    ("dhcp", _ID + "mac assigned_ip lease_time trans_id"),
    ("kerberos", _KERBEROS + "client_cert_subject client_cert_fuid server_cert_subject server_cert_fuid"),
    ("ntlm", _NTLM),
    ("ssh", _SSH + "kex_alg host_key_alg host_key"),
)  # fmt: skip
"""(path, columns) of each log that is read."""

_BOOL = re.compile(rb"[TF-]")
_NUMBER = re.compile(rb"\d+|-")
SIGNS: dict[str, tuple[tuple[str, re.Pattern[bytes]], ...]] = {
    "dns": (("AA", _BOOL), ("rejected", _BOOL), ("trans_id", _NUMBER)),
    "http": (("trans_depth", _NUMBER), ("request_body_len", _NUMBER), ("method", re.compile(rb"[!-~]+"))),
    "ssl": (("established", _BOOL), ("resumed", _BOOL)),
    "kerberos": (("success", _BOOL), ("forwardable", _BOOL), ("renewable", _BOOL)),
    "ntlm": (("success", _BOOL),),
    "ssh": (("auth_success", _BOOL), ("auth_attempts", _NUMBER)),
}
"""What a line must show beyond the values that are read from it, so that no two logs can be taken for each other."""


def candidates(n_fields: int) -> Iterator[Schema]:
    """Yield the schemas whose lines have `n_fields` fields, with up to LEAD_MAX columns before Zeek's."""
    for path, columns in DEFAULTS:
        fields = tuple(columns.split())
        lead = n_fields - len(fields)
        if 0 <= lead <= LEAD_MAX:
            yield Schema(fields=fields, path=path, lead=lead)


def guess(line: bytes, read: Callable[[bytes, Schema], object]) -> Schema | None:
    """Return the only default schema under which `read` takes the line without raising Malformed; None for 0 or 2."""
    fitting = []
    for schema in candidates(line.count(b"\t") + 1):
        try:
            read(line, schema)
        except Malformed:
            continue
        if _shows(line.split(b"\t"), schema):
            fitting.append(schema)
    fewest = [schema for schema in fitting if schema.lead == min(other.lead for other in fitting)]
    return fewest[0] if len(fewest) == 1 else None


def _shows(fields: list[bytes], schema: Schema) -> bool:
    signs = SIGNS.get(schema.path, ())
    return all(sign.fullmatch(fields[schema.lead + schema.fields.index(column)]) for column, sign in signs)
