"""What further protocols say about a flow, named as in Zeek's logs; and the union of every message there is.

The Structs of `sensor.model.metadata` come from kernels and from logs; these come from logs and from parsers that read
a bounded number of payloads. A field whose bytes were missing is None.
"""

from sensor.model.metadata import Address, Dhcp, Dns, Http, Kerberos, Message, Ntlm, Ssh, Tls


class Quic(Message, frozen=True, kw_only=True, tag="quic"):
    """A QUIC Initial's ClientHello (RFC 9001 §5)."""

    version: str | None = None
    server_name: str | None = None
    alpn: tuple[str, ...] = ()
    ja4: str | None = None


class Smb(Message, frozen=True, kw_only=True, tag="smb"):
    """A share that was mapped or a file that was acted on. `action` is Zeek's (SMB::FILE_OPEN …), or `mapping`."""

    action: str | None = None
    path: str | None = None
    """The share, \\\\server\\share."""
    name: str | None = None
    prev_name: str | None = None
    """The name before a file was renamed."""
    size: int | None = None
    share_type: str | None = None
    service: str | None = None
    username: str | None = None
    status: str | None = None
    """The command's result (SUCCESS, ACCESS_DENIED …), where a log has it."""


class DceRpc(Message, frozen=True, kw_only=True, tag="dce_rpc"):
    """A call of a remote procedure."""

    named_pipe: str | None = None
    endpoint: str | None = None
    operation: str | None = None
    count: int = 1
    """How many like it were seen since the last message of this kind, itself included."""


class Rdp(Message, frozen=True, kw_only=True, tag="rdp"):
    """A remote desktop connection (MS-RDPBCGR). `cookie` is the account's name, often cut."""

    cookie: str | None = None
    result: str | None = None
    security_protocol: str | None = None
    client_name: str | None = None
    client_build: str | None = None
    keyboard_layout: str | None = None


class Radius(Message, frozen=True, kw_only=True, tag="radius"):
    """A RADIUS exchange (RFC 2865). `result`: success, failed or None."""

    username: str | None = None
    mac: str | None = None
    framed_addr: Address | None = None
    tunnel_client: str | None = None
    connect_info: str | None = None
    reply_msg: str | None = None
    result: str | None = None
    accounting: str | None = None
    """start, stop or interim, of an accounting request (RFC 2866)"""


class Ldap(Message, frozen=True, kw_only=True, tag="ldap"):
    """A directory operation (RFC 4511); `object` is the name of a simple bind, or the search's base."""

    opcode: str | None = None
    object: str | None = None
    argument: str | None = None
    result: str | None = None


class Smtp(Message, frozen=True, kw_only=True, tag="smtp"):
    """A mail's envelope (RFC 5321), and headers where they were in the clear."""

    helo: str | None = None
    mailfrom: str | None = None
    rcptto: tuple[str, ...] = ()
    sender: str | None = None
    """The From header."""
    subject: str | None = None
    msg_id: str | None = None
    user_agent: str | None = None
    last_reply: str | None = None
    tls: bool | None = None


class Ftp(Message, frozen=True, kw_only=True, tag="ftp"):
    """A command of an FTP session and its reply (RFC 959)."""

    user: str | None = None
    command: str | None = None
    argument: str | None = None
    mime_type: str | None = None
    file_size: int | None = None
    reply_code: int | None = None
    reply_msg: str | None = None


class Tunnel(Message, frozen=True, kw_only=True, tag="tunnel"):
    """A tunnel found, changed or closed."""

    tunnel_type: str | None = None
    action: str | None = None


class Industrial(Message, frozen=True, kw_only=True, tag="industrial"):
    """A request to a controller or its answer: Modbus, DNP3, S7comm, EtherNet/IP and CIP, BACnet.

    `function` is the protocol's own name of it, in Zeek's spelling. `writes` tells that it changes the controller.
    """

    protocol: str
    function: str | None = None
    code: int | None = None
    writes: bool | None = None
    unit: int | None = None
    address: int | None = None
    quantity: int | None = None
    exception: str | None = None
    is_response: bool = False
    is_orig: bool = True
    """Whether the flow's originator sent it: of a flow whose beginning was not seen that may be the controller."""
    count: int = 1
    """How many like it were seen since the last message of this kind, itself included."""


class Name(Message, frozen=True, kw_only=True, tag="name"):
    """A host's own name, as it announced it: mDNS (RFC 6762), NetBIOS name service (RFC 1002), LLMNR (RFC 4795)."""

    protocol: str
    name: str | None = None
    addresses: tuple[Address, ...] = ()
    services: tuple[str, ...] = ()


class Neighbor(Message, frozen=True, kw_only=True, tag="neighbor"):
    """IPv6 neighbour discovery (RFC 4861): who has an address, and which prefixes a router says are on the link."""

    kind: str
    """ns, na, rs or ra"""
    target: Address | None = None
    mac: str | None = None
    prefixes: tuple[str, ...] = ()
    """On-link prefixes of a router advertisement, as 2001:db8::/64."""


class Stratum(Message, frozen=True, kw_only=True, tag="stratum"):
    """What a miner and its pool say to each other in the clear, a JSON-RPC object a line (Stratum V1 and its kin)."""

    method: str
    """mining.subscribe, mining.notify, eth_submitLogin, login …"""
    agent: str | None = None
    """The program, as it names itself."""
    worker: str | None = None
    """Whom it mines for: an account, or a wallet's address."""


class X509(Message, frozen=True, kw_only=True, tag="x509"):
    """A certificate."""

    fingerprint: str | None = None
    fuid: str | None = None
    """The file that it was, in logs older than the fingerprint."""
    subject: str | None = None
    issuer: str | None = None
    serial: str | None = None
    not_before: int | None = None
    """ns"""
    not_after: int | None = None
    """ns"""
    dns: tuple[str, ...] = ()


class File(Message, frozen=True, kw_only=True, tag="files"):
    """A file that was carried."""

    fuid: str | None = None
    source: str | None = None
    filename: str | None = None
    mime_type: str | None = None
    size: int | None = None
    md5: str | None = None
    sha1: str | None = None
    sha256: str | None = None
    is_orig: bool | None = None


class Notice(Message, frozen=True, kw_only=True, tag="notice"):
    """Another sensor's finding: Zeek's notice or weird, Suricata's alert."""

    kind: str
    """notice, weird or alert"""
    note: str | None = None
    msg: str | None = None
    sub: str | None = None
    severity: int | None = None
    signature_id: int | None = None


class Known(Message, frozen=True, kw_only=True, tag="known"):
    """Inventory another sensor keeps: known_hosts, known_services, known_certs, known_devices, software."""

    kind: str
    mac: str | None = None
    name: str | None = None
    """The host's own name, where the inventory has it."""
    service: str | None = None
    software: str | None = None
    version: str | None = None
    subject: str | None = None


AnyMessage = (
    Dns | Tls | Http | Dhcp | Kerberos | Ntlm | Ssh | Quic | Smb | DceRpc | Rdp | Radius | Ldap | Smtp | Ftp | Tunnel
    | Industrial | Name | Neighbor | Stratum | X509 | File | Notice | Known
)  # fmt: skip
"""Every message. A record that is about a host and not about a flow has its address in `orig_h`, the rest empty."""
