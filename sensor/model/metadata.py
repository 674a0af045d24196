"""What the first payloads of a flow say about it: one record a message, named as in Zeek's logs.

Two forms of the same thing. Kernels write `META` rows whose fields lie as type-length-value in a byte arena, so that
nothing is turned into Python objects on the packet path. `decode` turns a row into one of the Structs below, which is
also what log readers produce. A field whose bytes were missing is None, never a guess.

Type-length-value: one byte field id (F_*), two bytes length (little endian), then the bytes. Text is raw bytes as on
the wire (decoded here, undecodable bytes escaped); integers are little endian of any width up to 8; addresses are 4 or
16 bytes in network order; a list is the same field id repeated.
"""

from collections.abc import Iterator

import msgspec
import numpy as np

META = np.dtype(
    [
        ("ts", np.int64),  # of the packet that completed the message, ns
        ("uid", np.uint64),  # flow number, as in the flow table
        ("orig_hi", np.uint64),
        ("orig_lo", np.uint64),
        ("resp_hi", np.uint64),
        ("resp_lo", np.uint64),
        ("key", np.uint64),  # keyed hash of the main name (query, server name, host, account), 0 = none
        ("print", np.uint64),  # keyed hash of the client fingerprint's text (JA4), 0 = none
        ("offset", np.int64),  # ordinal of the frame in its input
        ("at", np.uint32),  # first byte in the arena
        ("len", np.uint32),  # bytes in the arena
        ("orig_p", np.uint16),
        ("resp_p", np.uint16),
        ("proto", np.uint8),
        ("kind", np.uint8),  # K_*
        ("is_orig", np.uint8),  # 1: the originator sent it
        ("whole", np.uint8),  # 0: bytes were missing, some fields are null
    ],
    align=True,
)
"""One message, 88 bytes."""

NOT_THIS = -1
"""A parser's answer: these bytes cannot be my protocol, or are damaged."""
NEED_MORE = -2
"""A parser's answer: so far so good, but the message goes on in a later segment."""
META_MAX_BYTES = 8192
"""A parser writes at most this much for one message; what would not fit is left out."""

K_NONE, K_DNS, K_TLS_CLIENT, K_TLS_SERVER, K_HTTP_REQUEST, K_HTTP_RESPONSE = 0, 1, 2, 3, 4, 5
K_DHCP, K_KERBEROS, K_NTLM, K_SSH = 6, 7, 8, 9
K_QUIC, K_SMB, K_DCE_RPC, K_LDAP, K_CLDAP, K_RADIUS, K_SMTP, K_FTP, K_RDP = range(10, 19)
K_MODBUS, K_DNP3, K_DNP3_UDP, K_S7, K_ENIP, K_ENIP_UDP, K_BACNET = range(19, 26)
K_NAME, K_DATAGRAM, K_NEIGHBOR, K_CARRIED, K_STRATUM = range(26, 31)
"""From K_QUIC on, rows hold the beginning of a payload (F_PAYLOAD), read by `sensor.packets.conversations`. K_NAME is a
host that says its own name (over DNS messages), K_DATAGRAM NetBIOS' datagrams, K_NEIGHBOR IPv6 neighbour discovery,
K_CARRIED echo in which another protocol begins, K_STRATUM what miners say to their pools."""
SERVICES = (
    *("", "dns", "ssl", "ssl", "http", "http", "dhcp", "krb", "ntlm", "ssh"),
    *("quic,ssl", "smb", "dce_rpc", "ldap_tcp", "ldap_udp", "radius", "smtp", "ftp", "rdp"),
    *("modbus", "dnp3_tcp", "dnp3_udp", "s7comm_tcp", "enip_tcp", "enip_udp", "bacnet", "dns", "", "", "", ""),
)
"""Zeek's `service` by kind (Kerberos over TCP is `krb_tcp`); of S7comm, EtherNet/IP and BACnet that of ICSNPP."""

# Field ids. One number space for all kinds.
F_QUERY, F_QTYPE, F_QCLASS, F_RCODE, F_TRANS_ID, F_FLAGS, F_ANSWER_A, F_ANSWER_NAME, F_ANSWER_TEXT, F_TTL = range(1, 11)
F_VERSION, F_CIPHER, F_SERVER_NAME, F_ALPN, F_JA3_TEXT, F_JA4_TEXT, F_JA3S_TEXT, F_ECH, F_SUPPORTED_VERSION = range(
    11, 20
)
F_METHOD, F_HOST, F_URI, F_USER_AGENT, F_REFERRER, F_STATUS_CODE, F_STATUS_MSG, F_MIME, F_SERVER = range(20, 29)
F_MAC, F_HOST_NAME, F_FQDN, F_DOMAIN, F_REQUESTED_ADDR, F_ASSIGNED_ADDR, F_LEASE_TIME, F_MSG_TYPE = range(29, 37)
F_SERVER_ADDR, F_CLIENT_ADDR, F_VENDOR_CLASS, F_CLIENT_ID, F_ROUTER, F_DNS_SERVER, F_PARAM_LIST = range(37, 44)
F_CNAME, F_REALM, F_SNAME, F_ERROR_CODE, F_REQUEST_TYPE, F_ETYPE = range(44, 50)
F_USERNAME, F_HOSTNAME, F_DOMAINNAME, F_SERVER_NB_NAME, F_SERVER_DNS_NAME, F_SERVER_TREE_NAME = range(50, 56)
F_BANNER = 56
F_PAYLOAD, F_COUNT = 57, 58
"""The first bytes of a payload; how many payloads like it this row stands for, since the last one, itself included."""

Address = str


class Message(msgspec.Struct, frozen=True, kw_only=True, tag_field="log"):
    """What every record shares; `offset` is the packet's ordinal, or the row, in its input (0-based)."""

    ts: int
    uid: str
    orig_h: Address
    orig_p: int
    resp_h: Address
    resp_p: int
    proto: int
    input: int = 0
    offset: int = 0


class Dns(Message, frozen=True, kw_only=True, tag="dns"):
    """A query, or a response with its answers. From packets one message a record; Zeek's log joins the two."""

    query: str | None = None
    qtype: int | None = None
    rcode: int | None = None
    is_response: bool = False
    trans_id: int | None = None
    addresses: tuple[Address, ...] = ()
    names: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()
    ttls: tuple[int, ...] = ()


class Tls(Message, frozen=True, kw_only=True, tag="ssl"):
    """A ClientHello or a ServerHello; Zeek's log joins the two. `version` is Zeek's text (TLSv12, TLSv13 …)."""

    version: str | None = None
    cipher: int | None = None
    server_name: str | None = None
    alpn: tuple[str, ...] = ()
    ja3: str | None = None
    ja3s: str | None = None
    ja4: str | None = None
    encrypted_client_hello: bool = False
    is_client: bool = True


class Http(Message, frozen=True, kw_only=True, tag="http"):
    """A request or a response; Zeek's log joins the two."""

    method: str | None = None
    host: str | None = None
    uri: str | None = None
    user_agent: str | None = None
    referrer: str | None = None
    status_code: int | None = None
    status_msg: str | None = None
    mime_type: str | None = None
    server: str | None = None


class Dhcp(Message, frozen=True, kw_only=True, tag="dhcp"):
    """A DHCP message (RFC 2131), or Zeek's row over a whole exchange."""

    mac: str | None = None
    host_name: str | None = None
    client_fqdn: str | None = None
    domain: str | None = None
    requested_addr: Address | None = None
    assigned_addr: Address | None = None
    client_addr: Address | None = None
    server_addr: Address | None = None
    lease_time_s: int | None = None
    msg_type: int | None = None
    vendor_class: str | None = None
    client_id: str | None = None
    """Option 61 in hex; type 255 is an identity of the host and no address (RFC 4361 §6.1)."""
    param_list: str | None = None
    """Option 55, the options asked for in their order: much the same for all hosts of one operating system."""


class Kerberos(Message, frozen=True, kw_only=True, tag="kerberos"):
    """A Kerberos message (RFC 4120). `client` is Zeek's form, name/REALM."""

    request_type: str | None = None
    client: str | None = None
    service: str | None = None
    success: bool | None = None
    error_code: int | None = None


class Ntlm(Message, frozen=True, kw_only=True, tag="ntlm"):
    """An NTLM AUTHENTICATE or CHALLENGE message (MS-NLMP), wherever it was carried."""

    username: str | None = None
    hostname: str | None = None
    domainname: str | None = None
    server_nb_computer_name: str | None = None
    server_dns_computer_name: str | None = None
    server_tree_name: str | None = None
    success: bool | None = None


class Ssh(Message, frozen=True, kw_only=True, tag="ssh"):
    """An SSH identification string (RFC 4253 §4.2)."""

    client: str | None = None
    server: str | None = None


def fields(blob: bytes) -> Iterator[tuple[int, bytes]]:
    """Walk the type-length-value fields of one message. Stops at a damaged tail."""
    at = 0
    while at + 3 <= len(blob):
        length = blob[at + 1] | blob[at + 2] << 8
        yield blob[at], blob[at + 3 : at + 3 + length]
        at += 3 + length
