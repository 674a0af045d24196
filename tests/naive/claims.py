"""Which protocol a payload that no kernel parses is handed over as, written from the protocols' headers."""

import re
import struct

from sensor.model import metadata as m

ICMP, TCP, UDP, ICMPV6 = 1, 6, 17, 58
RADIUS_PORTS = {1812, 1813, 1645, 1646}


def claim(data, proto, ports, wire, known=0):
    """Return the kind of a payload, K_NONE where it is none of these."""
    if proto == TCP:
        return by_header(data, ports, wire) or by_text(data, ports, known)
    if proto in (ICMP, ICMPV6):
        return echo(data, proto, ports)
    return datagram(data, ports, wire) if proto == UDP else m.K_NONE


def echo(data, proto, ports):
    if proto == ICMPV6 and 133 <= ports[0] <= 136:
        return m.K_NEIGHBOR
    if set(ports) != ({8, 0} if proto == ICMP else {128, 129}):
        return m.K_NONE
    starts = [found.start() for found in re.finditer(rb"(?=SSH-[12]\.)", data)]
    return m.K_CARRIED if any(at < 128 and at < len(data) - 8 for at in starts) else m.K_NONE


def stratum(data):
    starts = [found.start() for found in re.finditer(rb'(?="(mining\.|eth_subm|login"))', data)]
    return len(data) >= 24 and data[:1] == b"{" and any(1 <= at < 256 and at < len(data) - 8 for at in starts)


def by_text(data, ports, known):
    if known in (m.K_SMTP, m.K_FTP):
        return known
    if len(data) >= 6 and re.match(rb"(?i)(ehlo|helo|mail|rcpt)[ \r]", data):
        return m.K_SMTP
    return m.K_FTP if len(data) >= 6 and re.match(rb"(?i)user ", data) and 110 not in ports else m.K_NONE


def by_header(data, ports, wire):
    if len(data) < 7:
        return m.K_NONE
    if len(data) >= 8 and data[0] == 0 and data[1] < 2 and data[4:8] in (b"\xfeSMB", b"\xffSMB", b"\xfdSMB"):
        return m.K_SMB
    if rpc(data):
        return m.K_DCE_RPC
    if stratum(data):
        return m.K_STRATUM
    if tpkt(data):
        return tpkt(data)
    if ldap_tag(data):
        return m.K_LDAP
    if data[:2] == b"\x05\x64" and data[2] >= 5 and len(data) >= 10:
        return m.K_DNP3
    if 502 in ports and len(data) >= 8 and data[2:4] == b"\0\0" and 2 <= int.from_bytes(data[4:6], "big") <= 254:
        return m.K_MODBUS
    if 44818 in ports and len(data) >= 24 and data[1] == 0 and data[0] <= 0x72:
        whole = int.from_bytes(data[2:4], "little") + 24 <= wire
        return m.K_ENIP if whole or data[0] >= 0x63 else m.K_NONE
    return m.K_NONE


def rpc(data):
    """Version 5.0 or 5.1, a PDU type, an integer format of 0 or 1, a length of at least the header's."""
    if len(data) < 16:
        return False
    major, minor, kind, _, form, _, _, _, size = struct.unpack_from("<8BH", data)
    return major == 5 and minor <= 1 and kind <= 20 and form in (0, 0x10) and size >= 16


def tpkt(data):
    if len(data) < 8 or data[0] != 3 or data[1] or int.from_bytes(data[2:4], "big") < 7:
        return m.K_NONE
    if data[5] == 0xF0:
        if data[7] in (0x32, 0x72):
            return m.K_S7
        return m.K_RDP if data[7:9] in (b"\x7f\x65", b"\x7f\x66") else m.K_NONE
    if data[5] in (0xE0, 0xD0) and len(data) >= 11:
        return m.K_NONE if data[11:12] in (b"\xc0", b"\xc1", b"\xc2") else m.K_RDP
    return m.K_NONE


def ldap_tag(data):
    """A sequence of a length up to four bytes, an integer of up to four, an operation's tag; 0 where it is not so."""
    found = re.match(rb"(?s)\x30(?:[\x00-\x7f]|\x81.|\x82..|\x83...|\x84....)(?=.{7})\x02([\x01-\x04])", data)
    if found is None:
        return 0
    at = found.end() + found[1][0]
    tag = data[at] if at < len(data) else 0
    return tag if 0x60 <= tag <= 0x79 or tag in (0x42, 0x4A, 0x50) else 0


def datagram(data, ports, wire):
    if len(data) < 8:
        return m.K_NONE
    if len(data) >= 16 and data[0] & 0xC0 == 0xC0 and data[5] <= 20:
        version, kind = int.from_bytes(data[1:5], "big"), data[0] >> 4 & 3
        drafts = range(0xFF00001D, 0xFF000023)
        if (version == 1 or version in drafts) and kind == 0:
            return m.K_QUIC
        if version == 0x6B3343CF and kind == 1:
            return m.K_QUIC
    if data[0] == 0x81 and data[1] <= 12 and int.from_bytes(data[2:4], "big") == wire:
        return m.K_BACNET
    if data[:2] == b"\x05\x64" and data[2] >= 5:
        return m.K_DNP3_UDP
    if 389 in ports and ldap_tag(data):
        return m.K_CLDAP
    if 44818 in ports and len(data) >= 24 and data[1] == 0 and int.from_bytes(data[2:4], "little") == wire - 24:
        return m.K_ENIP_UDP
    if 138 in ports:
        return m.K_DATAGRAM if data[0] in (0x10, 0x11, 0x12) and len(data) >= 48 else m.K_NONE
    if RADIUS_PORTS & set(ports):
        return m.K_RADIUS if 1 <= data[0] <= 45 and 20 <= int.from_bytes(data[2:4], "big") <= wire else m.K_NONE
    return m.K_NONE


def wanted(kind, data):
    """Tell whether a payload says anything beyond its protocol."""
    if kind == m.K_SMB:
        return smb(data[4:])
    if kind in (m.K_LDAP, m.K_CLDAP):
        return ldap_tag(data) not in (0x64, 0x73, 0x42, 0x50)
    return kind != m.K_DCE_RPC or data[2] in (0, 11, 12, 14)


def smb(data):
    if data[:4] == b"\xffSMB":
        return len(data) >= 33 and data[4] in (0x75, 0xA2, 0x25, 0x2F, 0x73)
    if data[:4] != b"\xfeSMB" or len(data) < 66:
        return False
    command, more = struct.unpack_from("<H", data, 12)[0], struct.unpack_from("<I", data, 20)[0]
    if command == 9 and len(data) >= 114:
        return rpc(data[struct.unpack_from("<H", data, 66)[0] :])
    if command == 11 and len(data) >= 122:
        code, start = struct.unpack_from("<I", data, 68)[0], struct.unpack_from("<I", data, 88)[0]
        return code == 0x11C017 and rpc(data[start:])
    return command in (3, 5) or more != 0
