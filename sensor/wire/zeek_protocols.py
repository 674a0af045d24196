"""Read records of Zeek's smb, dce_rpc, rdp, radius, ldap, quic, smtp, ftp and tunnel logs.

Columns as in https://docs.zeek.org/en/master/script-reference/log-files.html, of today's Zeek and of older ones where
they differ (ldap's sets of before 6.1). One message a record. Which transport carried LDAP is not in today's log: 0.
"""

from collections.abc import Callable

from sensor.model import addresses, protocols
from sensor.model.flow import TCP, UDP
from sensor.model.protocols import AnyMessage
from sensor.wire import zeek_values as values
from sensor.wire.zeek_columns import connection, count, first_text, hosts, port, text, texts, transport
from sensor.wire.zeek_rows import Get


def smb_mapping(get: Get, input: int, offset: int) -> protocols.Smb:
    """Read a share that a client connected to."""
    return protocols.Smb(
        **connection(get, TCP), action="mapping", path=text(get, "path"), service=text(get, "service"),
        share_type=text(get, "share_type"), input=input, offset=offset,
    )  # fmt: skip


def smb_files(get: Get, input: int, offset: int) -> protocols.Smb:
    """Read what was done with a file of a share."""
    return protocols.Smb(
        **connection(get, TCP), action=text(get, "action"), path=text(get, "path"), name=text(get, "name"),
        prev_name=text(get, "prev_name"), size=count(get, "size"), input=input, offset=offset,
    )  # fmt: skip


def smb_cmd(get: Get, input: int, offset: int) -> protocols.Smb:
    """Read a command of the protocol: `action` is its name, `name` its argument."""
    return protocols.Smb(
        **connection(get, TCP), action=text(get, "command"), path=text(get, "tree"), name=text(get, "argument"),
        service=text(get, "tree_service"), status=text(get, "status"), username=text(get, "username"), input=input,
        offset=offset,
    )  # fmt: skip


def dce_rpc(get: Get, input: int, offset: int) -> protocols.DceRpc:
    """Read a procedure that was called."""
    return protocols.DceRpc(
        **connection(get, TCP), named_pipe=text(get, "named_pipe"), endpoint=text(get, "endpoint"),
        operation=text(get, "operation"), input=input, offset=offset,
    )  # fmt: skip


def rdp(get: Get, input: int, offset: int) -> protocols.Rdp:
    """Read a remote desktop session."""
    return protocols.Rdp(
        **connection(get, TCP), cookie=text(get, "cookie"), result=text(get, "result"),
        security_protocol=text(get, "security_protocol"), client_name=text(get, "client_name"),
        client_build=text(get, "client_build"), keyboard_layout=text(get, "keyboard_layout"), input=input,
        offset=offset,
    )  # fmt: skip


def radius(get: Get, input: int, offset: int) -> protocols.Radius:
    """Read an authentication; its `mac` is the Calling-Station-Id, which need not be one."""
    return protocols.Radius(
        **connection(get, UDP), username=text(get, "username"), mac=_station(text(get, "mac")),
        framed_addr=values.address_text(get("framed_addr"), "framed_addr"), tunnel_client=text(get, "tunnel_client"),
        connect_info=text(get, "connect_info"), reply_msg=text(get, "reply_msg"), result=text(get, "result"),
        input=input, offset=offset,
    )  # fmt: skip


def _station(name: str | None) -> str | None:
    """Write a link-layer address in one form; another name (a telephone number, an address) stays what it is."""
    if name is None:
        return None
    try:
        return addresses.mac(addresses.parse_mac(name))
    except ValueError:
        return name


def ldap(get: Get, input: int, offset: int) -> protocols.Ldap:
    """Read an operation and its result."""
    return protocols.Ldap(
        **connection(get, transport(get)), opcode=first_text(get, "opcode", "opcodes"),
        object=first_text(get, "object", "objects"), argument=first_text(get, "argument", "arguments"),
        result=first_text(get, "result", "results"), input=input, offset=offset,
    )  # fmt: skip


def ldap_search(get: Get, input: int, offset: int) -> protocols.Ldap:
    """Read a search: its base is the object, its filter the argument."""
    return protocols.Ldap(
        **connection(get, transport(get)), opcode="search", object=first_text(get, "base_object", "base_objects"),
        argument=text(get, "filter"), result=first_text(get, "result", "results"), input=input, offset=offset,
    )  # fmt: skip


def quic(get: Get, input: int, offset: int) -> protocols.Quic:
    """Read what the first packets of a QUIC connection say."""
    chosen = text(get, "client_protocol")
    return protocols.Quic(
        **connection(get, UDP), version=text(get, "version"), server_name=text(get, "server_name"),
        alpn=(chosen,) if chosen else (), ja4=text(get, "ja4"), input=input, offset=offset,
    )  # fmt: skip


def smtp(get: Get, input: int, offset: int) -> protocols.Smtp:
    """Read a mail's envelope and headers."""
    return protocols.Smtp(
        **connection(get, TCP), helo=text(get, "helo"), mailfrom=text(get, "mailfrom"), rcptto=texts(get, "rcptto"),
        sender=text(get, "from"), subject=text(get, "subject"), msg_id=text(get, "msg_id"),
        user_agent=text(get, "user_agent"), last_reply=text(get, "last_reply"), tls=values.boolean(get("tls"), "tls"),
        input=input, offset=offset,
    )  # fmt: skip


def ftp(get: Get, input: int, offset: int) -> protocols.Ftp:
    """Read a command and its reply. The password column is not read."""
    return protocols.Ftp(
        **connection(get, TCP), user=text(get, "user"), command=text(get, "command"), argument=text(get, "arg"),
        mime_type=text(get, "mime_type"), file_size=count(get, "file_size"), reply_code=port(get, "reply_code"),
        reply_msg=text(get, "reply_msg"), input=input, offset=offset,
    )  # fmt: skip


def tunnel(get: Get, input: int, offset: int) -> protocols.Tunnel:
    """Read a tunnel that was found, has expired or was closed."""
    return protocols.Tunnel(
        **hosts(get, 0), tunnel_type=text(get, "tunnel_type"), action=text(get, "action"), input=input, offset=offset
    )


PROTOCOLS: dict[str, Callable[[Get, int, int], AnyMessage]] = {
    "smb_mapping": smb_mapping, "smb_files": smb_files, "smb_cmd": smb_cmd, "dce_rpc": dce_rpc, "rdp": rdp,
    "radius": radius, "ldap": ldap, "ldap_search": ldap_search, "quic": quic, "smtp": smtp, "ftp": ftp,
    "tunnel": tunnel,
}  # fmt: skip
"""What reads a record of each log: (record, input, row) to the message. Raises Malformed with the reason."""
