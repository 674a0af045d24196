"""Payloads of the protocols that are read in plain Python, built from their specifications."""

import struct
import uuid

from sensor.model import metadata as m
from tests.packets import samples

COMMON = {
    "ts": 5_000_000_000, "uid": "C1", "orig_h": "10.0.0.1", "orig_p": 40000, "resp_h": "10.0.0.2", "resp_p": 445,
    "proto": 6, "input": 0, "offset": 3,
}  # fmt: skip
SVCCTL = "367abb81-9844-35f1-ad32-98f038001003"


def tlv(tag, *parts):
    """A BER element."""
    body = b"".join(parts)
    size = bytes([len(body)]) if len(body) < 128 else b"\x82" + len(body).to_bytes(2, "big")
    return bytes([tag]) + size + body


def ldap(number, tag, *parts):
    """An LDAPMessage."""
    return tlv(0x30, tlv(2, bytes([number])), tlv(tag, *parts))


def ldap_bind(number, name, password=b"secret"):
    return ldap(number, 0x60, tlv(2, b"\3"), tlv(4, name), tlv(0x80, password))


def ldap_sasl(number, mechanism):
    return ldap(number, 0x60, tlv(2, b"\3"), tlv(4), tlv(0xA3, tlv(4, mechanism), tlv(4, b"token")))


def ldap_result(number, tag, code):
    return ldap(number, tag, tlv(10, bytes([code])), tlv(4), tlv(4))


def ldap_search(number, base, scope=2):
    return ldap(number, 0x63, tlv(4, base), tlv(10, bytes([scope])), tlv(10, b"\0"), tlv(2, b"\0"), tlv(2, b"\0"),
                tlv(1, b"\0"), tlv(0x87, b"objectClass"), tlv(0x30))  # fmt: skip


def radius(code, number, *attributes):
    body = b"".join(bytes([kind, len(value) + 2]) + value for kind, value in attributes)
    return struct.pack(">BBH", code, number, 20 + len(body)) + bytes(16) + body


def smb2(command, body=b"", *, number=1, tree=0, answer=False, status=0, after=0):
    """An SMB2 message without its transport header."""
    flags = 1 if answer else 0
    head = struct.pack(
        "<4sHHIHHIIQIIQ16s", b"\xfeSMB", 64, 1, status, command, 1, flags, after, number, 0, tree, 9, b""
    )
    return head + body


def framed(message):
    """A message behind its transport header."""
    return len(message).to_bytes(4, "big") + message


def tree_connect(path, **options):
    text = path.encode("utf-16-le")
    return smb2(3, struct.pack("<HHHH", 9, 0, 72, len(text)) + text, **options)


def tree_connected(kind, **options):
    return smb2(3, struct.pack("<HBBIII", 16, kind, 0, 0, 0, 0), answer=True, **options)


def create(name, **options):
    text = name.encode("utf-16-le")
    return smb2(
        5, struct.pack("<HBBIQQIIIIIHHII", 57, 0, 0, 2, 0, 0, 0, 0, 0, 1, 0, 120, len(text), 0, 0) + text, **options
    )


def created(file, size=0, **options):
    body = struct.pack("<HBBI32sQQII", 89, 0, 0, 1, b"", size, size, 0, 0) + file
    return smb2(5, body + bytes(8), answer=True, **options)


def smb2_write(file, data):
    return smb2(9, struct.pack("<HHIQ16sIIHHI", 49, 112, len(data), 0, file, 0, 0, 0, 0, 0) + data)


def ioctl(file, data):
    body = struct.pack("<HHI16sIIIIIIII", 57, 0, 0x11C017, file, 120, len(data), 0, 0, 0, 1024, 1, 0)
    return smb2(11, body + data)


def rpc(kind, body, size=None, order="<"):
    """A DCE-RPC PDU."""
    form = b"\x10\0\0\0" if order == "<" else bytes(4)
    return struct.pack("BBBB", 5, 0, kind, 3) + form + struct.pack(order + "HHI", size or 16 + len(body), 0, 1) + body


def rpc_bind(interface=SVCCTL, context=0, kind=11, order="<"):
    which = uuid.UUID(interface)
    raw = which.bytes_le if order == "<" else which.bytes
    body = struct.pack(order + "HHI", 4280, 4280, 0) + b"\1\0\0\0" + struct.pack(order + "HBB", context, 1, 0)
    return rpc(kind, body + raw + bytes(4) + bytes(20), order=order)


def rpc_request(operation, context=0, order="<"):
    return rpc(0, struct.pack(order + "IHH", 0, context, operation) + b"stub", order=order)


def smb1(command, words=b"", body=b"", *, number=1, tree=0, answer=False, status=0, wide=True):
    flags2 = 0x8000 if wide else 0
    head = struct.pack(
        "<4sBIBH12sHHHH", b"\xffSMB", command, status, 0x80 if answer else 0, flags2, b"", tree, 7, 0, number
    )
    return head + bytes([len(words) // 2]) + words + struct.pack("<H", len(body)) + body


def modbus(unit, function, rest=b"", number=1):
    return struct.pack(">HHHBB", number, 0, 2 + len(rest), unit, function) + rest


def dnp3(application, *, source=3, target=1, control=0xC4):
    """A link frame with CRCs of zero."""
    data = b"\xc0" + application
    blocks = [data[k : k + 16] for k in range(0, len(data), 16)]
    return struct.pack("<HBBHHH", 0x6405, 5 + len(data), control, target, source, 0) + b"".join(
        block + b"\0\0" for block in blocks
    )


def iso(payload):
    """COTP data in an ISO transport packet."""
    return struct.pack(">BBH", 3, 0, 7 + len(payload)) + b"\x02\xf0\x80" + payload


def s7(kind, parameters, data=b"", error=b""):
    return iso(struct.pack(">BBHHHH", 0x32, kind, 0, 9, len(parameters), len(data)) + error + parameters + data)


def s7_item(block, byte, count, area=0x84):
    return b"\x12\x0a\x10\x02" + struct.pack(">HHB", count, block, area) + (byte << 3).to_bytes(3, "big")


def enip(command, body=b"", status=0):
    return struct.pack("<HHII8sI", command, len(body), 1, status, b"", 0) + body


def cip(message, command=0x6F, item=0xB2):
    lead = b"\1\0" if item == 0xB1 else b""
    head = struct.pack("<IHHHHHH", 0, 0, 2, 0, 0, item, len(lead) + len(message))
    return enip(command, head + lead + message)


def path(object_class, instance):
    return bytes([2, 0x20, object_class, 0x24, instance])


def bacnet(application, function=10, lead=b"", network=b"\1\4"):
    body = lead + network + application
    return struct.pack(">BBH", 0x81, function, 4 + len(body)) + body


def x224(code, data=b""):
    """A connection request or confirm."""
    return struct.pack(">BBHBBHHB", 3, 0, 11 + len(data), 6 + len(data), code, 0, 7, 0) + data


def rdp_core(name, layout=0x409, build=19041):
    """A Connect-Initial with the client's core data."""
    core = struct.pack("<IHHHHII", 0x80004, 1024, 768, 0xCA01, 0xAA03, layout, build)
    core += name.encode("utf-16-le").ljust(32, b"\0") + bytes(160)
    return (
        struct.pack(">BBH", 3, 0, 400)
        + b"\x02\xf0\x80\x7f\x65\x82\0\0"
        + bytes(20)
        + b"Duca"
        + b"\x81\0"
        + (b"\x01\xc0" + struct.pack("<H", len(core) + 4) + core)
    )


def netbios(text, suffix=0):
    """A first-level encoded name."""
    octets = text.encode().ljust(15) + bytes([suffix])
    halves = b"".join(bytes([65 + (octet >> 4), 65 + (octet & 15)]) for octet in octets)
    return b"\x20" + halves + b"\0"


def nbns(flags, name, *addresses, group=False, question=True):
    """A registration (with a question) or an answer."""
    data = b"".join((b"\x80\0" if group else b"\0\0") + bytes(map(int, address.split("."))) for address in addresses)
    ask = name + b"\0\x20\0\1" if question else b""
    owner = b"\xc0\x0c" if question else name
    record = owner + struct.pack(">HHIH", 32, 1, 300, len(data)) + data
    counts = (1, 0, 0, 1) if question else (0, 1, 0, 0)
    return struct.pack(">6H", 5, flags, *counts) + ask + record


def datagram(name, address="10.0.0.9", kind=0x11):
    body = name + netbios("WORKGROUP", 0x1D) + b"\xffSMB\x25"
    return struct.pack(">BBH4sHHH", kind, 2, 1, bytes(map(int, address.split("."))), 138, len(body), 0) + body


def mdns(*records):
    return samples.dns(None, answers=records, flags=0x8400)


BANNER = b"SSH-2.0-PuTTY_Release_0.78\r\n"
SUBSCRIBE = b'{"id": 1, "method": "mining.subscribe", "params": ["cgminer/4.11.1"]}\n'
AUTHORIZE = b'{"params": ["ann.rig1", "x"], "id": 2, "method": "mining.authorize"}\n'
NOTIFY = b'{"id":null,"method":"mining.notify","params":["4f",["a"],true]}\n'
CRYPTONOTE = b'{"method":"login","params":{"login":"4A","pass":"x","agent":"XMRig/6.21.0","algo":["rx/0"]}}\n'
ETHEREUM = b'{"worker":"rig","jsonrpc":"2.0","params":["0xab"],"id":1,"method":"eth_submitLogin"}\n'

TALKS = {
    m.K_SMB: [
        (True, framed(tree_connect("\\\\srv\\IPC$"))), (False, framed(tree_connected(2, tree=5))),
        (True, framed(create("svcctl", tree=5, number=2))), (False, framed(created(b"F" * 16, tree=5, number=2))),
        (True, framed(smb2_write(b"F" * 16, rpc_bind()))), (True, framed(ioctl(b"F" * 16, rpc_request(15)))),
        (True, framed(smb1(0x75, bytes(8), b"\\\0\\\0s\0\0\0A:\0"))),
        (False, framed(smb1(0x75, bytes(6), b"A:\0", answer=True))),
    ],
    m.K_DCE_RPC: [(True, rpc_bind()), (True, rpc_request(12))],
    m.K_LDAP: [(True, ldap_bind(1, b"cn=a")), (False, ldap_result(1, 0x61, 0)), (True, ldap_search(2, b"dc=x"))],
    m.K_CLDAP: [(True, ldap_search(2, b""))],
    m.K_RADIUS: [(True, radius(1, 7, (1, b"ben"), (31, b"00-11-22-AA-BB-CC"))), (False, radius(2, 7, (8, bytes(4))))],
    m.K_SMTP: [
        (True, b"EHLO a\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n"), (False, b"250 ok\r\n"),
        (True, b"From: a\r\nSubject: =?utf-8?q?x?=\r\n\r\nbody\r\n.\r\n"), (False, b"250 taken\r\n"),
    ],
    m.K_FTP: [(True, b"USER ben\r\n"), (False, b"331 go on\r\n"), (True, b"PASS x\r\n"), (False, b"230 in\r\n")],
    m.K_RDP: [(True, x224(0xE0, b"Cookie: mstshash=ben\r\n")), (False, x224(0xD0)), (True, rdp_core("PC1"))],
    m.K_MODBUS: [(True, modbus(1, 3, b"\0\1\0\2")), (False, modbus(1, 0x83, b"\2"))],
    m.K_DNP3: [(True, dnp3(b"\xc0\x05\x0c\x01\x28\1\0\7\0" + bytes(11))), (False, dnp3(b"\xc0\x81\0\0"))],
    m.K_DNP3_UDP: [(True, dnp3(b"\xc0\x01\x3c\2\6"))],
    m.K_S7: [(True, s7(1, b"\5\1" + s7_item(1, 2, 3))), (False, s7(3, b"\5\1", b"\xff", b"\0\0"))],
    m.K_ENIP: [(True, cip(b"\x10" + path(4, 1))), (False, cip(b"\x90\0\5\0")), (True, enip(0x65, b"\1\0\0\0"))],
    m.K_ENIP_UDP: [(True, enip(0x63))],
    m.K_BACNET: [(True, bacnet(b"\0\5\1\x0f\x0c\0\0\0\1")), (True, bacnet(b"\x10\x08", function=11))],
    m.K_NAME: [(True, mdns(samples.record(samples.name("a.local"), 1, bytes(4))))],
    m.K_DATAGRAM: [(True, datagram(netbios("HOST")))],
    m.K_NEIGHBOR: [(True, bytes(16) + b"\1\1" + bytes(6))],
    m.K_CARRIED: [(True, bytes(28) + BANNER), (False, bytes(28) + b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n")],
    m.K_STRATUM: [(True, SUBSCRIBE + AUTHORIZE), (False, NOTIFY), (True, CRYPTONOTE), (True, ETHEREUM)],
}  # fmt: skip
"""One conversation a kind: (whether the originator sent it, payload)."""
