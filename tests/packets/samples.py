"""Messages of every protocol, built from their specifications, to start from in tests."""

import base64
import struct

from sensor.model import metadata as m

TCP, UDP = 6, 17


def name(text):
    """A domain name in wire form."""
    return b"".join(bytes([len(label)]) + label.encode() for label in text.split(".") if label) + b"\0"


def record(owner, kind, content, ttl=60, qclass=1):
    """A resource record."""
    return owner + struct.pack(">HHIH", kind, qclass, ttl, len(content)) + content


def dns(query=b"", kind=1, answers=(), flags=None, ident=7, qclass=1):
    """A DNS message with one question, or none where the query is None."""
    flags = (0x8180 if answers else 0x0100) if flags is None else flags
    question = b"" if query is None else query + struct.pack(">HH", kind, qclass)
    return struct.pack(">6H", ident, flags, int(query is not None), len(answers), 0, 0) + question + b"".join(answers)


def vector(content, width):
    """A vector behind its length."""
    return len(content).to_bytes(width, "big") + content


def words(values):
    return b"".join(value.to_bytes(2, "big") for value in values)


def extension(kind, content=b""):
    return struct.pack(">HH", kind, len(content)) + content


def sni(host):
    return extension(0, vector(b"\0" + vector(host.encode(), 2), 2))


def alpn(*protocols):
    return extension(16, vector(b"".join(vector(item, 1) for item in protocols), 2))


def client_hello(ciphers, extensions, version=0x0303, session=32):
    """A ClientHello, with its handshake header."""
    body = struct.pack(">H", version) + bytes(range(32)) + vector(bytes(session), 1) + vector(words(ciphers), 2)
    body += b"\1\0" + (vector(b"".join(extensions), 2) if extensions is not None else b"")
    return b"\1" + vector(body, 3)


def server_hello(cipher, extensions, version=0x0303):
    """A ServerHello, with its handshake header."""
    body = struct.pack(">H", version) + bytes(32) + vector(bytes(32), 1) + words([cipher]) + b"\0"
    body += vector(b"".join(extensions), 2) if extensions is not None else b""
    return b"\2" + vector(body, 3)


def records(handshake, *sizes):
    """A handshake message in TLS records: of the sizes given, the rest in one more."""
    parts, at = [], 0
    for size in (*sizes, len(handshake)):
        piece = handshake[at : at + size]
        at += size
        if piece:
            parts.append(b"\x16\3\1" + vector(piece, 2))
    return b"".join(parts)


CHROME_CIPHERS = [
    0x0A0A,
    0x1301,
    0x1302,
    0x1303,
    0xC02B,
    0xC02F,
    0xC02C,
    0xC030,
    0xCCA9,
    0xCCA8,
    0xC013,
    0xC014,
    0x009C,
    0x009D,
    0x002F,
    0x0035,
]
CHROME_SIGNATURES = [0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601]


def chrome_hello(host="www.example.com"):
    """The hello of a browser: the lists are those whose JA4 is FoxIO's published example."""
    return client_hello(
        CHROME_CIPHERS,
        [
            extension(0x1A1A),
            sni(host),
            extension(0x0017),
            extension(0xFF01, b"\0"),
            extension(10, vector(words([0x2A2A, 29, 23, 24]), 2)),
            extension(11, b"\1\0"),
            extension(0x0023),
            alpn(b"h2", b"http/1.1"),
            extension(5, b"\1\0\0\0\0"),
            extension(13, vector(words(CHROME_SIGNATURES), 2)),
            extension(0x0012),
            extension(0x0033, bytes(43)),
            extension(0x002D, b"\1\1"),
            extension(43, vector(words([0x3A3A, 0x0304, 0x0303]), 1)),
            extension(0x001B, b"\2\0\2"),
            extension(0x4469, b"\0\3\2h2"),
            extension(0x4A4A, b"\0"),
            extension(0x0015, bytes(150)),
        ],
    )


def option(code, value):
    return bytes([code, len(value)]) + value


def dhcp(*options, op=1, mac=b"\2\0\0\xab\xcd\xef", client=0, assigned=0, file=b"", sname=b""):
    """A DHCP message."""
    head = struct.pack(">BBBBIHHIIII", op, 1, 6, 0, 0x1234ABCD, 0, 0, client, assigned, 0, 0)
    return (
        head
        + mac.ljust(16, b"\0")
        + sname.ljust(64, b"\0")
        + file.ljust(128, b"\0")
        + b"\x63\x82\x53\x63"
        + b"".join(options)
        + b"\xff"
    )


def der(tag, *parts):
    """A DER element."""
    content = b"".join(parts)
    if len(content) < 128:
        return bytes([tag, len(content)]) + content
    size = content and len(content).to_bytes(2, "big")
    return bytes([tag, 0x82]) + size + content


def integer(value):
    return der(2, value.to_bytes(value.bit_length() // 8 + 1, "big", signed=True))


def principal(kind, *parts):
    names = [der(0x1B, part.encode()) for part in parts]
    return der(0x30, der(0xA0, integer(kind)), der(0xA1, der(0x30, *names)))


def kdc_request(kind, client, realm, service, etypes=(18, 17, 23), padata=b""):
    """An AS-REQ or TGS-REQ."""
    body = der(
        0x30,
        der(0xA0, b"\3\5\0\x40\x81\0\x10"),
        der(0xA1, client) if client else b"",
        der(0xA2, der(0x1B, realm.encode())),
        der(0xA3, service),
        der(0xA5, der(0x18, b"20370913024805Z")),
        der(0xA7, integer(0x1234567)),
        der(0xA8, der(0x30, *(integer(value) for value in etypes))),
    )
    extra = der(0xA3, der(0x30, padata)) if padata else b""
    return der(0x60 + kind, der(0x30, der(0xA1, integer(5)), der(0xA2, integer(kind)), extra, der(0xA4, body)))


def kdc_reply(kind, client, realm, service):
    """An AS-REP or TGS-REP."""
    ticket = der(
        0x61,
        der(
            0x30,
            der(0xA0, integer(5)),
            der(0xA1, der(0x1B, b"SERVICE.REALM")),
            der(0xA2, service),
            der(0xA3, encrypted(18, 900)),
        ),
    )
    return der(
        0x60 + kind,
        der(
            0x30,
            der(0xA0, integer(5)),
            der(0xA1, integer(kind)),
            der(0xA3, der(0x1B, realm.encode())),
            der(0xA4, client),
            der(0xA5, ticket),
            der(0xA6, encrypted(17, 200)),
        ),
    )


def encrypted(etype, size):
    return der(0x30, der(0xA0, integer(etype)), der(0xA2, der(4, bytes(size))))


def kerberos_error(code, client, realm, service):
    """A KRB-ERROR."""
    return der(
        0x7E,
        der(
            0x30,
            der(0xA0, integer(5)),
            der(0xA1, integer(30)),
            der(0xA4, der(0x18, b"20200921041437Z")),
            der(0xA5, integer(123)),
            der(0xA6, integer(code)),
            der(0xA7, der(0x1B, realm.encode())),
            der(0xA8, client),
            der(0xA9, der(0x1B, b"SERVICE.REALM")),
            der(0xAA, service),
        ),
    )


def ntlm_authenticate(domain, user, host, flags=1, response=bytes(24)):
    """An AUTHENTICATE message; names are text, or bytes for an OEM client."""
    values = [item.encode("utf-16-le") if isinstance(item, str) else item for item in (domain, user, host)]
    start, descriptors, payload = 64, [], b""
    for value in values:
        descriptors.append(struct.pack("<HHI", len(value), len(value), start + len(payload)))
        payload += value
    at = start + len(payload)
    answer = struct.pack("<HHI", len(response), len(response), at)
    head = b"NTLMSSP\0" + struct.pack("<I", 3) + answer + answer + b"".join(descriptors) + struct.pack("<HHI", 0, 0, at)
    return head + struct.pack("<I", flags) + payload + response


def ntlm_challenge(**pairs):
    """A CHALLENGE whose target information holds pairs, e.g. id1="HOST"."""
    info = b""
    for key, value in pairs.items():
        content = value.encode("utf-16-le")
        info += struct.pack("<HH", int(key[2:]), len(content)) + content
    info += bytes(4)
    target = "DOMAIN".encode("utf-16-le")
    head = b"NTLMSSP\0" + struct.pack("<IHHII", 2, len(target), len(target), 56, 1) + bytes(16)
    return head + struct.pack("<HHI", len(info), len(info), 56 + len(target)) + bytes(8) + target + info


def all_samples():
    """(kind, IP protocol, message) of every protocol and form."""
    owner = b"\xc0\x0c"
    user, krbtgt = principal(1, "mpl"), principal(2, "krbtgt", "EXAMPLE.COM")
    auth = ntlm_authenticate("EXAMPLE", "Grüße", "DESKTOP-1")
    query = dns(name("WWW.Example.com"))
    answer = dns(
        name("www.example.com"),
        answers=(
            record(owner, 5, b"\3cdn\xc0\x10", ttl=300),
            record(b"\xc0\x2d", 1, bytes([192, 0, 2, 1])),
            record(b"\xc0\x2d", 28, bytes(range(16))),
            record(owner, 16, b"\5hello\6 world"),
            record(owner, 15, b"\0\x0a\4mail\xc0\x10"),
            record(owner, 33, b"\0\1\0\2\1\xbb\3srv\xc0\x10"),
        ),
    )
    netbios = dns(b"\x20" + b"EGEPEPCACACACACACACACACACACACACA" + b"\0", kind=32, flags=0x0110)
    request = (
        b"POST /a/b?c=d HTTP/1.1\r\nHost: www.example.com\r\nUser-Agent: curl/8.5.0\r\nReferer: http://x/\r\n"
        b"Content-Type: text/plain; charset=utf-8\r\nContent-Length: 5\r\n\r\nhello"
    )
    response = b"HTTP/1.1 404 Not Found\r\nServer: nginx\r\ncontent-type:text/html\r\n\r\n<html>"
    lease = dhcp(
        option(53, b"\5"),
        option(54, bytes([10, 0, 0, 1])),
        option(51, struct.pack(">I", 3600)),
        option(3, bytes([10, 0, 0, 1])),
        option(6, bytes([10, 0, 0, 2, 10, 0, 0, 3])),
        option(15, b"example.com\0"),
        op=2,
        assigned=0x0A000005,
    )
    discover = dhcp(
        option(53, b"\1"),
        option(12, b"laptop"),
        option(60, b"MSFT 5.0"),
        option(61, b"\1\2\0\0\xab\xcd\xef"),
        option(50, bytes([10, 0, 0, 5])),
        option(81, b"\4\0\0\6laptop\7example\3com\0"),
        option(55, b"\1\3\6\x0f"),
        option(52, b"\1"),
        file=option(12, b"ignored") + b"\xff",
    )
    hello = server_hello(0x1301, [extension(43, b"\3\4"), extension(51, bytes(36)), alpn(b"h2")])
    request_as = kdc_request(10, user, "EXAMPLE.COM", krbtgt)
    wide = kdc_request(12, b"", "EXAMPLE.COM", principal(2, "cifs", "files.example.com"), padata=bytes(1500))
    return [
        (m.K_DNS, UDP, query),
        (m.K_DNS, UDP, answer),
        (m.K_DNS, UDP, netbios),
        (m.K_DNS, UDP, dns(None, answers=(record(name("a.local"), 12, name("My TV._x._tcp.local"), qclass=0x8001),))),
        (m.K_DNS, TCP, vector(answer, 2)),
        (m.K_TLS_CLIENT, TCP, records(chrome_hello())),
        (m.K_TLS_CLIENT, TCP, records(chrome_hello(), 2, 100, 1)),
        (m.K_TLS_CLIENT, TCP, records(client_hello([0x2F, 0x35], None, version=0x0301, session=0))),
        (m.K_TLS_SERVER, TCP, records(hello)),
        (m.K_TLS_SERVER, TCP, records(hello + bytes(500), 50)),
        (m.K_HTTP_REQUEST, TCP, request),
        (m.K_HTTP_RESPONSE, TCP, response),
        (m.K_DHCP, UDP, discover),
        (m.K_DHCP, UDP, lease),
        (m.K_KERBEROS, UDP, request_as),
        (m.K_KERBEROS, UDP, kdc_reply(11, user, "EXAMPLE.COM", krbtgt)),
        (m.K_KERBEROS, UDP, kerberos_error(25, user, "EXAMPLE.COM", krbtgt)),
        (m.K_KERBEROS, TCP, vector(wide, 4)),
        (m.K_NTLM, TCP, auth),
        (m.K_NTLM, TCP, ntlm_authenticate(b"OEM", b"user", b"HOST", flags=2)),
        (
            m.K_NTLM,
            TCP,
            ntlm_challenge(id2="DOMAIN", id1="SERVER", id4="example.com", id3="server.example.com", id5="example.com"),
        ),
        (m.K_NTLM, TCP, base64.b64encode(auth) + b"\r\n"),
        (m.K_SSH, TCP, b"SSH-2.0-OpenSSH_9.6 Debian\r\n"),
    ]
