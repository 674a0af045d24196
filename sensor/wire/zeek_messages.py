"""Turn one record of any log but conn into what it says; here dns, ssl, http, dhcp, kerberos, ntlm and ssh.

Zeek writes one record for a request and its answer; so these are one message each. What Zeek's log does not say is
None: which transport carried a Kerberos message (`proto` 0), whether a client hid its server name. A DHCP record covers
a whole exchange; `msg_type` is its last message.
"""

from collections.abc import Callable

from sensor.model import addresses, metadata
from sensor.model.flow import TCP, UDP
from sensor.model.protocols import AnyMessage
from sensor.wire import zeek_values as values
from sensor.wire.zeek_columns import NAMES_KEPT, connection, port, text, texts
from sensor.wire.zeek_industrial import INDUSTRIAL
from sensor.wire.zeek_inventory import INVENTORY
from sensor.wire.zeek_names import CIPHERS, DHCP_TYPES, KERBEROS_ERRORS
from sensor.wire.zeek_protocols import PROTOCOLS
from sensor.wire.zeek_rows import Get, need, protocol, uid

NO_ADDRESS, BROADCAST = "0.0.0.0", "255.255.255.255"  # noqa: S104 - what RFC 2131 §4.1 puts on the wire
DHCP_CLIENT, DHCP_SERVER = 68, 67
_TXT_QTYPES = (16, 99)
"""TXT and SPF (RFC 1035 §3.2.2, RFC 7208 §3.1), whose answers are free text."""


def dns(get: Get, input: int, offset: int) -> metadata.Dns:
    """Read a record of dns.log: a query and what answered it."""
    shared = connection(get, protocol(get, v4=True))
    qtype = port(get, "qtype")
    rcode = port(get, "rcode")
    answers = texts(get, "answers")
    numbers: list[str] = []
    names: list[str] = []
    free: list[str] = []
    for answer in answers:
        found = values.known_address(answer)
        if found is not None:
            numbers.append(found[2])
        else:
            (free if qtype in _TXT_QTYPES or answer.startswith("TXT ") else names).append(answer)
    ttls = get("TTLs")
    lengths = ttls[:NAMES_KEPT] if isinstance(ttls, list) else texts(get, "TTLs")
    return metadata.Dns(
        **shared,
        query=text(get, "query"),
        qtype=qtype,
        rcode=rcode,
        is_response=rcode is not None or bool(answers),
        trans_id=port(get, "trans_id"),
        addresses=tuple(numbers),
        names=tuple(names),
        texts=tuple(free),
        ttls=tuple(ttl for ttl in (values.seconds(item, "TTLs") for item in lengths) if ttl is not None),
        input=input,
        offset=offset,
    )


def ssl(get: Get, input: int, offset: int) -> metadata.Tls:
    """Read a record of ssl.log: both hellos of a handshake."""
    version = text(get, "version")
    cipher = text(get, "cipher")
    chosen = text(get, "next_protocol")
    return metadata.Tls(
        **connection(get, UDP if (version or "").startswith("DTLS") else TCP),
        version=version,
        cipher=CIPHERS.get(cipher) if cipher else None,
        server_name=text(get, "server_name"),
        alpn=(chosen,) if chosen else (),
        ja3=text(get, "ja3"),
        ja3s=text(get, "ja3s"),
        ja4=text(get, "ja4"),
        input=input,
        offset=offset,
    )


def http(get: Get, input: int, offset: int) -> metadata.Http:
    """Read a record of http.log: a request and its response."""
    types = values.texts(get("resp_mime_types"), "resp_mime_types") or values.texts(get("mime_type"), "mime_type")
    return metadata.Http(
        **connection(get, TCP),
        method=text(get, "method"),
        host=text(get, "host"),
        uri=text(get, "uri"),
        user_agent=text(get, "user_agent"),
        referrer=text(get, "referrer"),
        status_code=port(get, "status_code"),
        status_msg=text(get, "status_msg"),
        mime_type=types[0] if types else None,
        server=text(get, "server"),
        input=input,
        offset=offset,
    )


def dhcp(get: Get, input: int, offset: int) -> metadata.Dhcp:
    """Read a record of dhcp.log: an exchange (since Zeek 2.6), or a lease (before, with a connection's columns)."""
    client = values.address_text(get("client_addr"), "client_addr")
    server = values.address_text(get("server_addr"), "server_addr")
    uids = values.texts(get("uids"), "uids")
    if get("id.orig_h") is not None:
        shared = connection(get, UDP)
    else:
        shared = {
            "ts": need(values.time_ns(get("ts"), "ts"), "ts"),
            "uid": uid(get("uid")) or uid(uids[0] if uids else None),
            "orig_h": client or NO_ADDRESS,
            "orig_p": DHCP_CLIENT,
            "resp_h": server or BROADCAST,
            "resp_p": DHCP_SERVER,
            "proto": UDP,
        }
    messages = [DHCP_TYPES[name] for name in values.texts(get("msg_types"), "msg_types") if name in DHCP_TYPES]
    assigned = get("assigned_addr")
    return metadata.Dhcp(
        **shared,
        mac=_mac(get),
        host_name=text(get, "host_name"),
        client_fqdn=text(get, "client_fqdn"),
        domain=text(get, "domain"),
        requested_addr=values.address_text(get("requested_addr"), "requested_addr"),
        assigned_addr=values.address_text(get("assigned_ip") if assigned is None else assigned, "assigned_addr"),
        client_addr=client,
        server_addr=server,
        lease_time_s=values.seconds(get("lease_time"), "lease_time"),
        msg_type=messages[-1] if messages else None,
        input=input,
        offset=offset,
    )


def _mac(get: Get) -> str | None:
    number = values.mac(get("mac"), "mac")
    return None if number is None else addresses.mac(number)


def kerberos(get: Get, input: int, offset: int) -> metadata.Kerberos:
    """Read a record of kerberos.log: a ticket asked for and what came of it."""
    error = text(get, "error_msg")
    return metadata.Kerberos(
        **connection(get, 0),
        request_type=text(get, "request_type"),
        client=text(get, "client"),
        service=text(get, "service"),
        success=values.boolean(get("success"), "success"),
        error_code=KERBEROS_ERRORS.get(error) if error else None,
        input=input,
        offset=offset,
    )


def ntlm(get: Get, input: int, offset: int) -> metadata.Ntlm:
    """Read a record of ntlm.log: who authenticated from which host."""
    return metadata.Ntlm(
        **connection(get, TCP),
        username=text(get, "username"),
        hostname=text(get, "hostname"),
        domainname=text(get, "domainname"),
        server_nb_computer_name=text(get, "server_nb_computer_name"),
        server_dns_computer_name=text(get, "server_dns_computer_name"),
        server_tree_name=text(get, "server_tree_name"),
        success=values.boolean(get("success"), "success"),
        input=input,
        offset=offset,
    )


def ssh(get: Get, input: int, offset: int) -> metadata.Ssh:
    """Read a record of ssh.log: both banners."""
    return metadata.Ssh(
        **connection(get, TCP), client=text(get, "client"), server=text(get, "server"), input=input, offset=offset
    )


READERS: dict[str, Callable[[Get, int, int], AnyMessage]] = {
    "dns": dns, "ssl": ssl, "http": http, "dhcp": dhcp, "kerberos": kerberos, "ntlm": ntlm, "ssh": ssh,
    **PROTOCOLS, **INVENTORY, **INDUSTRIAL,
}  # fmt: skip
"""What reads a record of each log but conn: (record, input, row) to the message. Raises Malformed with the reason."""
