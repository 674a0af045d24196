"""What a protocol record of Suricata's EVE log says, as the message a capture or Zeek's log would give.

Fields: https://docs.suricata.io/en/latest/output/eve/eve-json-format.html; DNS in its versions 1 (an answer a record),
2 (`answers`, `grouped`) and 3 (`queries`, `answers`). Some records are written in the direction of the packet that
completed them, so an answer's `src_ip` is the server: the originator is who is not at the protocol's port. Modbus and
DNP3 are not read: Suricata's names of their functions are not Zeek's.
"""

from collections.abc import Callable
from itertools import islice
from typing import Any

from sensor.model.metadata import Dhcp, Dns, Http, Kerberos, Ntlm, Ssh, Tls
from sensor.model.protocols import AnyMessage, DceRpc, File, Ftp, Ldap, Notice, Quic, Rdp, Smb, Smtp
from sensor.wire.fields import Fields, read_address
from sensor.wire.macs import read_mac
from sensor.wire.suricata_flow import endpoints, protocol, uid
from sensor.wire.suricata_names import DISPOSITIONS, QTYPES, RCODES, TLS_VERSIONS
from sensor.wire.zeek_names import DHCP_TYPES, KERBEROS_ERRORS

SERVER_PORTS = {"dns": (53,), "dhcp": (67, 547), "krb5": (88,)}
"""IANA's ports of the protocols that Suricata logs in a packet's direction."""
ANSWERS_MAX = 256
"""Answers read of one record: a full 64 KiB message of A records would have about 4,000, real ones under 30."""
NO_ADDRESSES = frozenset({"0.0.0.0", "::"})  # noqa: S104 - what RFC 2131 §2 fills an absent address with


def _flipped(record: Fields, kind: str) -> bool:
    """Tell whether `src_ip` is the responder."""
    own = record.part("flow")
    if own.value("src_ip") is not None:
        same = own.address("src_ip")[0] == record.address("src_ip")[0]
        return not (same and own.number("src_port") == record.number("src_port"))
    if record.text("direction") == "to_client":
        return True
    ports = SERVER_PORTS.get(kind, ())
    if record.number("dest_port") in ports:
        return False
    if record.number("src_port") in ports:
        return True
    return kind == "dns" and record.text("dns.type") == "answer"


def _shared(record: Fields, kind: str) -> dict[str, Any]:
    orig_h, orig_p, resp_h, resp_p = endpoints(record, flipped=_flipped(record, kind))
    return {
        "ts": record.time("timestamp"), "uid": uid(record), "proto": protocol(record),
        "orig_h": orig_h, "orig_p": orig_p, "resp_h": resp_h, "resp_p": resp_p,
    }  # fmt: skip


def dns(record: Fields) -> list[AnyMessage]:
    """Read a query or a response."""
    part = record.part("dns")
    asked = next(iter(part.each("queries")[:1]), part)
    answers = part.each("answers")[:ANSWERS_MAX]
    if not answers and part.value("rdata") is not None:
        answers = [part]
    found: list[tuple[str, str, int | None]] = [
        (one.text("rrtype") or "", one.text("rdata", "srv.name", "soa.mname") or "", one.number("ttl"))
        for one in answers
    ]
    if not answers:
        grouped = part.part("grouped")
        given = ((str(kind), text, None) for kind in grouped.raw for text in grouped.texts(str(kind)))
        found = list(islice(given, ANSWERS_MAX))
    found = [one for one in found if one[1]]
    number = [(kind, read_address(text)[0]) for kind, text, _ in found]
    rcode = part.text("rcode")
    qtype = asked.text("rrtype")
    return [
        Dns(
            **_shared(record, "dns"),
            query=(asked.text("rrname") or "").rstrip(".") or None,
            qtype=QTYPES.get(qtype.upper()) if qtype else None,
            rcode=RCODES.get(rcode.upper()) if rcode else None,
            is_response=part.text("type") in {"answer", "response"},
            trans_id=part.number("id"),
            addresses=tuple(address for kind, address in number if address and kind in {"A", "AAAA"}),
            names=tuple(text.rstrip(".") for kind, text, _ in found if kind not in {"A", "AAAA", "TXT", "SPF"}),
            texts=tuple(text for kind, text, _ in found if kind in {"TXT", "SPF"}),
            ttls=tuple(ttl for *_, ttl in found if ttl is not None),
        )
    ]


def tls(record: Fields) -> list[AnyMessage]:
    """Read a handshake: both hellos."""
    part = record.part("tls")
    version = (part.text("version") or "").lower()
    server, client = part.texts("server_alpns"), part.texts("client_alpns")
    return [
        Tls(
            **_shared(record, "tls"),
            version=TLS_VERSIONS.get(version) or ("TLSv13" if version.startswith("tls 1.3") else None),
            server_name=(part.text("sni") or "").rstrip(".") or None,
            alpn=tuple(server or client),
            ja3=part.text("ja3.hash"),
            ja3s=part.text("ja3s.hash"),
            ja4=part.text("ja4"),
        )
    ]


def http(record: Fields) -> list[AnyMessage]:
    """Read a request and its response."""
    part = record.part("http")
    mime = part.text("http_content_type")
    return [
        Http(
            **_shared(record, "http"),
            method=part.text("http_method"),
            host=part.text("hostname"),
            uri=part.text("url"),
            user_agent=part.text("http_user_agent"),
            referrer=part.text("http_refer"),
            status_code=part.number("status"),
            mime_type=mime.partition(";")[0].strip().lower() if mime else None,
        )
    ]


def dhcp(record: Fields) -> list[AnyMessage]:
    """Read a DHCP message."""
    part = record.part("dhcp")
    kind = part.text("dhcp_type")
    shared = _shared(record, "dhcp")
    is_reply = part.text("type") == "reply"
    return [
        Dhcp(
            **shared,
            mac=read_mac(part.text("client_mac")),
            host_name=part.text("hostname"),
            requested_addr=_given(part, "requested_ip"),
            assigned_addr=_given(part, "assigned_ip"),
            client_addr=_given(part, "client_ip"),
            server_addr=_given(part, "server_ip") or (shared["resp_h"] if is_reply else None),
            lease_time_s=part.number("lease_time"),
            msg_type=DHCP_TYPES.get(kind.upper()) if kind else None,
            vendor_class=part.text("vendor_class_identifier", "vendor_class"),
        )
    ]


def _given(part: Fields, path: str) -> str | None:
    address = part.address(path)[0]
    return None if address in NO_ADDRESSES else address


def krb5(record: Fields) -> list[AnyMessage]:
    """Read a Kerberos reply or error."""
    part = record.part("krb5")
    kind = part.text("msg_type") or ""
    asked = part.text("failed_request") or kind
    client, realm = _named(part, "cname"), _named(part, "realm")
    error = part.text("error_code")
    return [
        Kerberos(
            **_shared(record, "krb5"),
            request_type=next((name for name in ("AS", "TGS") if f"_{name}_" in asked), None),
            client=f"{client}/{realm}" if client and realm else client,
            service=_named(part, "sname"),
            success=True if kind.endswith("_REP") else False if kind == "KRB_ERROR" else None,
            error_code=KERBEROS_ERRORS.get(error) if error else None,
        )
    ]


def _named(part: Fields, path: str) -> str | None:
    """Return a name; Suricata writes `<empty>` for none."""
    text = part.text(path)
    return None if text == "<empty>" else text


def smb(record: Fields) -> list[AnyMessage]:
    """Read an SMB exchange: a share, a file, and the account and procedure call it carried."""
    part, shared = record.part("smb"), _shared(record, "smb")
    command, share = part.text("command"), part.text("share")
    action = DISPOSITIONS.get(part.text("disposition") or "", command)
    is_mapping = command is not None and command.endswith("TREE_CONNECT")
    found: list[AnyMessage] = [
        Smb(
            **shared,
            action="mapping" if is_mapping else action,
            path=share,
            name=part.text("filename", "rename.from"),
            size=part.number("size"),
            share_type=part.text("share_type"),
        )
    ]
    login = part.part("ntlmssp")
    if login:
        status = part.text("status")
        success = None if status in {None, "STATUS_MORE_PROCESSING_REQUIRED"} else status == "STATUS_SUCCESS"
        user, host, domain = login.text("user"), login.text("host"), login.text("domain")
        found.append(Ntlm(**shared, username=user, hostname=host, domainname=domain, success=success))
    call = part.part("dcerpc")
    if call.value("opnum") is not None:
        found.append(_call(shared, call, part.text("filename")))
    return found


def dcerpc(record: Fields) -> list[AnyMessage]:
    """Read a remote procedure call outside SMB."""
    return [_call(_shared(record, "dcerpc"), record.part("dcerpc"), None)]


def _call(shared: dict[str, Any], call: Fields, pipe: str | None) -> DceRpc:
    interface = call.text("interface.uuid") or next((one.text("uuid") for one in call.each("interfaces")), None)
    return DceRpc(**shared, named_pipe=pipe, endpoint=interface, operation=call.text("opnum"))


def ssh(record: Fields) -> list[AnyMessage]:
    """Read both identification strings."""
    part = record.part("ssh")
    return [Ssh(**_shared(record, "ssh"), client=_banner(part.part("client")), server=_banner(part.part("server")))]


def _banner(part: Fields) -> str | None:
    software = part.text("software_version")
    return f"SSH-{part.text('proto_version') or '2.0'}-{software}" if software else None


def rdp(record: Fields) -> list[AnyMessage]:
    """Read a step of a remote desktop connection."""
    part = record.part("rdp")
    return [
        Rdp(
            **_shared(record, "rdp"),
            cookie=part.text("cookie"),
            result=part.text("event_type"),
            security_protocol=part.text("protocol"),
            client_name=part.text("client.client_name"),
            client_build=part.text("client.build"),
            keyboard_layout=part.text("client.keyboard_layout"),
        )
    ]


def smtp(record: Fields) -> list[AnyMessage]:
    """Read a mail's envelope and headers."""
    part, mail = record.part("smtp"), record.part("email")
    return [
        Smtp(
            **_shared(record, "smtp"),
            helo=part.text("helo"),
            mailfrom=(part.text("mail_from") or "").strip("<>") or None,
            rcptto=tuple(one.strip("<>") for one in part.texts("rcpt_to")[:ANSWERS_MAX]),
            sender=mail.text("from"),
            subject=mail.text("subject"),
            msg_id=mail.text("message_id"),
            user_agent=mail.text("x_mailer"),
        )
    ]


def ftp(record: Fields) -> list[AnyMessage]:
    """Read a command and its reply."""
    part = record.part("ftp")
    command, argument = part.text("command"), part.text("command_data")
    reply = next(iter(part.texts("reply")), None)
    code = next(iter(part.texts("completion_code")), "")
    return [
        Ftp(
            **_shared(record, "ftp"),
            user=argument if command == "USER" else None,
            command=command,
            argument=None if command == "PASS" else argument,
            reply_code=int(code) if code.isascii() and code.isdigit() and len(code) == 3 else None,
            reply_msg=reply,
        )
    ]


def ldap(record: Fields) -> list[AnyMessage]:
    """Read a directory operation."""
    asked = record.part("ldap.request")
    kind = asked.text("operation")
    body = asked.part(kind) if kind else asked
    answered = record.part("ldap").each("responses")[:1]
    result = next((one.text(f"{one.text('operation')}.result_code") for one in answered), None)
    object_name = body.text("name", "base_object", "entry")
    return [Ldap(**_shared(record, "ldap"), opcode=kind, object=object_name, result=result)]


def quic(record: Fields) -> list[AnyMessage]:
    """Read an Initial's ClientHello."""
    part = record.part("quic")
    name = (part.text("sni") or "").rstrip(".") or None
    return [Quic(**_shared(record, "quic"), version=part.text("version"), server_name=name, ja4=part.text("ja4"))]


def fileinfo(record: Fields) -> list[AnyMessage]:
    """Read a file that was carried; nothing where the record does not say who sent it."""
    part = record.part("fileinfo")
    method, direction = record.text("http.http_method"), record.text("direction")
    if method is None and direction is None:
        return []
    by_server = direction == "to_client" if direction else method not in {"POST", "PUT"}
    shared = _shared(record, "fileinfo")
    if by_server and direction is None:
        ends = endpoints(record, flipped=True)
        shared.update(zip(("orig_h", "orig_p", "resp_h", "resp_p"), ends, strict=True))
    return [
        File(
            **shared,
            source=(record.text("app_proto") or "").upper() or None,
            filename=part.text("filename"),
            mime_type=part.text("mimetype"),
            size=part.number("size"),
            md5=part.text("md5"),
            sha1=part.text("sha1"),
            sha256=part.text("sha256"),
            is_orig=not by_server,
        )
    ]


def alert(record: Fields) -> list[AnyMessage]:
    """Read a rule's match."""
    part = record.part("alert")
    return [
        Notice(
            **_shared(record, "alert"),
            kind="alert",
            note=part.text("category"),
            msg=part.text("signature"),
            sub=part.text("action"),
            severity=part.number("severity"),
            signature_id=part.number("signature_id"),
        )
    ]


READERS: dict[str, Callable[[Fields], list[AnyMessage]]] = {
    "dns": dns, "tls": tls, "http": http, "dhcp": dhcp, "krb5": krb5, "smb": smb, "dcerpc": dcerpc, "ssh": ssh,
    "rdp": rdp, "smtp": smtp, "ftp": ftp, "ldap": ldap, "quic": quic, "fileinfo": fileinfo, "alert": alert,
}  # fmt: skip
"""What reads a record, by its `event_type`. Each raises Malformed with the reason."""
