"""Tests for sensor/wire/suricata_messages.py: EVE records of protocols."""

from typing import Any

from sensor.model.protocols import AnyMessage
from sensor.model.times import parse
from sensor.wire.fields import Fields
from sensor.wire.suricata_messages import ANSWERS_MAX, READERS

TIME = parse("2019-08-22T23:48:27.924120Z")


def told(kind: str, part: dict[str, object], **over: object) -> list[AnyMessage]:
    """Read a record of one kind, from 192.0.2.15:46686 to 192.0.2.3:53 where nothing else is said."""
    record: dict[str, object] = {
        "timestamp": "2019-08-22T23:48:27.924120+0000",
        "flow_id": 885455453886936,
        "event_type": kind,
        "proto": "UDP",
        "src_ip": "192.0.2.15",
        "src_port": 46686,
        "dest_ip": "192.0.2.3",
        "dest_port": 53,
        kind: part,
        **over,
    }
    return READERS[kind](Fields(record))


def only(kind: str, part: dict[str, object], **over: object) -> Any:
    """The one message of a record."""
    (message,) = told(kind, part, **over)
    return message


BACK = {"src_ip": "192.0.2.3", "src_port": 53, "dest_ip": "192.0.2.15", "dest_port": 46686}


def test_dns_queries_are_read() -> None:
    """Version 1 and 2 write one name, version 3 a list."""
    first = only("dns", {"type": "query", "id": 51803, "rrname": "example.com", "rrtype": "A", "tx_id": 0})
    third = only(
        "dns", {"version": 3, "type": "request", "id": 51803, "queries": [{"rrname": "example.com", "rrtype": "A"}]}
    )
    ends = ("192.0.2.15", 46686, "192.0.2.3", 53)
    assert (TIME, "885455453886936", 17, *ends, "example.com", 1, 51803, False, None) == (
        first.ts,
        first.uid,
        first.proto,
        first.orig_h,
        first.orig_p,
        first.resp_h,
        first.resp_p,
        first.query,
        first.qtype,
        first.trans_id,
        first.is_response,
        first.rcode,
    )
    assert first == third


def test_dns_answers_of_every_version_are_read() -> None:
    """An answer's src_ip is the server in versions 1 and 2: the client is the originator all the same."""
    name, address = "www.example.com", "198.51.100.7"
    first = only(
        "dns",
        {"type": "answer", "id": 9, "rcode": "NOERROR", "rrname": name, "rrtype": "A", "ttl": 9, "rdata": address},
        **BACK,
    )
    answers = [
        {"rrname": name, "rrtype": "CNAME", "ttl": 270, "rdata": "cdn.example.net"},
        {"rrname": "cdn.example.net", "rrtype": "A", "ttl": 29, "rdata": address},
    ]
    second = only(
        "dns",
        {
            "version": 2,
            "type": "answer",
            "id": 9,
            "rcode": "NOERROR",
            "rrname": name,
            "rrtype": "A",
            "answers": answers,
        },
        **BACK,
    )
    third = only(
        "dns",
        {
            "version": 3,
            "type": "response",
            "id": 9,
            "rcode": "NOERROR",
            "queries": [{"rrname": name, "rrtype": "A"}],
            "answers": answers,
        },
    )
    grouped = only(
        "dns",
        {"version": 2, "type": "answer", "rcode": "NXDOMAIN", "grouped": {"A": [address], "TXT": ["v=1"]}},
        **BACK,
    )
    assert ("192.0.2.15", 46686, "192.0.2.3", 53, True, 0, (address,), (9,)) == (
        first.orig_h,
        first.orig_p,
        first.resp_h,
        first.resp_p,
        first.is_response,
        first.rcode,
        first.addresses,
        first.ttls,
    )
    assert (name, (address,), ("cdn.example.net",), (270, 29)) == (
        second.query,
        second.addresses,
        second.names,
        second.ttls,
    )
    assert second == third
    assert ((address,), ("v=1",), 3) == (grouped.addresses, grouped.texts, grouped.rcode)


def test_answers_without_end_are_bounded() -> None:
    """However they are grouped."""
    grouped: dict[str, object] = {f"TYPE{number}": [f"{number}.example.com"] for number in range(ANSWERS_MAX + 1)}
    listed = [{"rrtype": "CNAME", "rdata": "x.example.com"}] * (ANSWERS_MAX + 1)
    parts: list[dict[str, object]] = [{"type": "answer", "grouped": grouped}, {"type": "answer", "answers": listed}]
    assert [ANSWERS_MAX] * 2 == [len(only("dns", part, **BACK).names) for part in parts]


def test_tls_is_read() -> None:
    """Names, prints and version; a server name's closing dot is no part of it."""
    part = {
        "sni": "p33.example.com.",
        "version": "TLS 1.2",
        "ja3": {"hash": "44d5"},
        "ja3s": {},
        "ja4": "t13d",
        "client_alpns": ["h2"],
    }
    message = only("tls", part, proto="TCP")
    assert ("p33.example.com", "TLSv12", "44d5", None, "t13d", ("h2",)) == (
        message.server_name,
        message.version,
        message.ja3,
        message.ja3s,
        message.ja4,
        message.alpn,
    )
    assert None is only("tls", {"version": "UNDETERMINED"}).version


def test_http_is_read() -> None:
    """Request and response in one."""
    part = {
        "hostname": "files.example.com",
        "url": "/dd.xml",
        "http_user_agent": "agent",
        "http_content_type": "text/XML; charset=x",
        "http_method": "GET",
        "status": 200,
        "http_refer": "http://a/",
    }
    message = only("http", part)
    assert ("GET", "files.example.com", "/dd.xml", "agent", "http://a/", 200, "text/xml") == (
        message.method,
        message.host,
        message.uri,
        message.user_agent,
        message.referrer,
        message.status_code,
        message.mime_type,
    )


def test_dhcp_is_read() -> None:
    """The reply's sender is the server; 0.0.0.0 is no address."""
    part = {
        "type": "reply",
        "client_mac": "00:00:5E:00:53:01",
        "assigned_ip": "192.0.2.9",
        "client_ip": "0.0.0.0",  # noqa: S104 - a log's absent address
        "dhcp_type": "ack",
        "hostname": "pc1",
        "lease_time": 1648,
    }
    message = only("dhcp", part, src_ip="192.0.2.1", src_port=67, dest_ip="192.0.2.9", dest_port=68)
    assert ("192.0.2.9", "192.0.2.1", "00:00:5e:00:53:01", "192.0.2.9", None, 5, "pc1", 1648, "192.0.2.1") == (
        message.orig_h,
        message.resp_h,
        message.mac,
        message.assigned_addr,
        message.client_addr,
        message.msg_type,
        message.host_name,
        message.lease_time_s,
        message.server_addr,
    )


def test_kerberos_is_read() -> None:
    """A reply is a success, an error names what was asked for; `<empty>` is no name."""
    good = only(
        "krb5", {"msg_type": "KRB_TGS_REP", "cname": "robin", "realm": "EXAMPLE.LAB", "sname": "ldap/dc01"}, src_port=88
    )
    assert ("TGS", "robin/EXAMPLE.LAB", "ldap/dc01", True, None) == (
        good.request_type,
        good.client,
        good.service,
        good.success,
        good.error_code,
    )
    part = {
        "msg_type": "KRB_ERROR",
        "failed_request": "KRB_AS_REQ",
        "cname": "<empty>",
        "error_code": "KDC_ERR_PREAUTH_REQUIRED",
    }
    bad = only("krb5", part, dest_port=40000, src_port=88)
    assert ("AS", None, False, 25, 40000) == (bad.request_type, bad.client, bad.success, bad.error_code, bad.orig_p)


def test_smb_is_read_with_its_login_and_call() -> None:
    """A share is a mapping; NTLM and a procedure call are messages of their own."""
    share, login = told(
        "smb",
        {
            "command": "SMB2_COMMAND_TREE_CONNECT",
            "share": "\\\\pc\\c$",
            "share_type": "FILE",
            "status": "STATUS_SUCCESS",
            "ntlmssp": {"domain": "EX", "user": "ann", "host": "PC1"},
        },
    )
    assert ("mapping", "\\\\pc\\c$", "ann", "PC1", True) == (
        share.action,
        share.path,
        login.username,
        login.hostname,
        login.success,
    )  # type: ignore[union-attr]
    file, call = told(
        "smb",
        {
            "command": "SMB2_COMMAND_CREATE",
            "filename": "atsvc",
            "disposition": "FILE_OPEN",
            "dcerpc": {"opnum": 3, "interfaces": [{"uuid": "1ff70682"}]},
        },
    )
    assert ("SMB::FILE_OPEN", "atsvc", "1ff70682", "3") == (file.action, file.name, call.endpoint, call.operation)  # type: ignore[union-attr]
    refused = told("smb", {"command": "x", "status": "STATUS_LOGON_FAILURE", "ntlmssp": {"user": "ann"}})[1]
    assert False is refused.success  # type: ignore[union-attr]


def test_other_protocols_are_read() -> None:
    """SSH, RDP, SMTP, FTP, LDAP, QUIC and RPC: the fields that a capture would give."""
    ssh = only("ssh", {"client": {"proto_version": "2.0", "software_version": "OpenSSH_7.6"}, "server": {}})
    rdp = only("rdp", {"event_type": "initial_request", "cookie": "ann"})
    smtp = only(
        "smtp", {"helo": "h", "mail_from": "<a@b.example>", "rcpt_to": ["<c@d.example>"]}, email={"subject": "s"}
    )
    ftp = only("ftp", {"command": "USER", "command_data": "ann", "completion_code": ["331"], "reply": ["pass?"]})
    secret = only("ftp", {"command": "PASS", "command_data": "x"})
    ldap = only(
        "ldap",
        {
            "request": {"operation": "bind_request", "bind_request": {"name": "cn=a"}},
            "responses": [{"operation": "bind_response", "bind_response": {"result_code": "success"}}],
        },
    )
    quic = only("quic", {"sni": "example.com", "version": "1"})
    rpc = only("dcerpc", {"opnum": 4, "interface": {"uuid": "u"}})
    assert ("SSH-2.0-OpenSSH_7.6", None, "ann", "a@b.example", ("c@d.example",), "s", "ann", 331, None) == (
        ssh.client,
        ssh.server,
        rdp.cookie,
        smtp.mailfrom,
        smtp.rcptto,
        smtp.subject,
        ftp.user,
        ftp.reply_code,
        secret.argument,
    )
    assert ("bind_request", "cn=a", "success", "example.com", "u", "4") == (
        ldap.opcode,
        ldap.object,
        ldap.result,
        quic.server_name,
        rpc.endpoint,
        rpc.operation,
    )


def test_an_alert_is_a_notice_about_the_flow() -> None:
    """The flow's own ends win over the packet's."""
    part = {
        "action": "allowed",
        "signature_id": 2024833,
        "signature": "ET POLICY x",
        "category": "Policy",
        "severity": 1,
    }
    own = {"src_ip": "192.0.2.3", "src_port": 53, "dest_ip": "192.0.2.15", "dest_port": 46686}
    message = only("alert", part, flow=own)
    assert ("alert", "Policy", "ET POLICY x", "allowed", 1, 2024833, "192.0.2.3", "192.0.2.15") == (
        message.kind,
        message.note,
        message.msg,
        message.sub,
        message.severity,
        message.signature_id,
        message.orig_h,
        message.resp_h,
    )


def test_a_file_needs_a_sender() -> None:
    """What a GET brought came from the server; without a word about who sent it, nothing is said."""
    part = {"filename": "/a.xml", "md5": "4", "size": 7}
    server = {"src_ip": "192.0.2.3", "src_port": 80, "dest_ip": "192.0.2.15", "dest_port": 40000, "app_proto": "http"}
    message = only("fileinfo", part, http={"http_method": "GET"}, **server)
    assert ("192.0.2.15", 80, False, "/a.xml", "4", 7, "HTTP") == (
        message.orig_h,
        message.resp_p,
        message.is_orig,
        message.filename,
        message.md5,
        message.size,
        message.source,
    )
    assert [] == told("fileinfo", part)
