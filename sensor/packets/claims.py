"""Which payloads are handed to the parsers in plain Python: a few comparisons each, so that the rest costs little.

Protocols that are rare on the wire, or of which few messages matter, are not parsed here. `claim_tcp` and `claim_udp`
recognise them by their first bytes, and by port where those prove little; `wanted` says whether a payload tells
anything. What these let through may still be anything: the parsers in Python decide.
"""

from baselines._jit import be16, be32, byte, kernel, le16, le32
from sensor.model.flow import ICMP, ICMPV6
from sensor.model.metadata import (
    K_BACNET,
    K_CARRIED,
    K_CLDAP,
    K_DATAGRAM,
    K_DCE_RPC,
    K_DNP3,
    K_DNP3_UDP,
    K_ENIP,
    K_ENIP_UDP,
    K_FTP,
    K_LDAP,
    K_MODBUS,
    K_NEIGHBOR,
    K_NONE,
    K_QUIC,
    K_RADIUS,
    K_RDP,
    K_S7,
    K_SMB,
    K_SMTP,
    K_STRATUM,
)
from sensor.packets.tlv import BYTES, INT

SMB1, SMB2 = 0xFF534D42, 0xFE534D42
"""0xFF "SMB" (MS-CIFS §2.2.3.1), 0xFE "SMB" (MS-SMB2 §2.2.1). An encrypted message (0xFD) says nothing."""
SMB3_ENCRYPTED = 0xFD534D42
EHLO, HELO, MAIL, RCPT = 0x65686C6F, 0x68656C6F, 0x6D61696C, 0x72637074
USER = 0x75736572
"""Commands in lower case: RFC 5321 §4.1.1, RFC 959 §4.1."""
SSH, MINI, ING, ETH, SUBM, LOGI = 0x5353482D, 0x6D696E69, 0x696E672E, 0x6574685F, 0x7375626D, 0x6C6F6769
"""The beginning of an SSH identification; parts of the names of a miner's methods."""
CARRIED_WITHIN = 128
"""Bytes of an echo's data in which what it carries begins: behind a tunnel's own header (ptunnel's are 28), or behind
an IP and a TCP header with options (icmptunnel, hans: up to 120)."""
STRATUM_LEAST, STRATUM_WITHIN = 24, 256
"""The shortest request is some 40 bytes; the method stands first or after version, id and worker."""
QUIC_2 = 0x6B3343CF
"""RFC 9369 §3.1."""
QUIC_DRAFTS = 0xFF00001D, 0xFF000022
"""Drafts 29 to 34, whose Initial packets have one salt (draft-ietf-quic-tls-29 §5.2)."""


@kernel(pin=(BYTES, INT, INT))
def is_ldap(buf, pos, cap_end):  # type: ignore[no-untyped-def]
    """Return the operation's tag where an LDAPMessage begins (RFC 4511 §4.1.1), else 0."""
    if cap_end - pos < 7 or buf[pos] != 0x30:
        return 0
    size = byte(buf, pos + 1)
    at = pos + 2 + (size & 7 if size >= 0x80 else 0)
    if size > 0x84 or size == 0x80 or at + 7 > cap_end or buf[at] != 2:
        return 0
    width = byte(buf, at + 1)
    if width < 1 or width > 4 or at + 2 + width >= cap_end:
        return 0
    tag = byte(buf, at + 2 + width)
    return tag if 0x60 <= tag <= 0x79 or tag == 0x42 or tag == 0x4A or tag == 0x50 else 0


@kernel(pin=(INT, INT, INT))
def is_echo(proto, low_port, high_port):  # type: ignore[no-untyped-def]
    """Tell whether a flow is of ICMP echo: types 8 and 0, of IPv6 128 and 129 (RFC 792, RFC 4443 §4)."""
    if proto == ICMP:
        return low_port + high_port == 8 and (low_port == 0 or high_port == 0)
    return proto == ICMPV6 and low_port + high_port == 257 and 128 <= low_port <= 129


@kernel(pin=(BYTES, INT, INT))
def carries_ssh(buf, pos, cap_end):  # type: ignore[no-untyped-def]
    """Tell whether an SSH identification begins in the first CARRIED_WITHIN bytes of an echo's data (RFC 4253 §4.2)."""
    for at in range(pos, min(cap_end - 8, pos + CARRIED_WITHIN)):
        if buf[at] == 0x53 and be32(buf, at) == SSH and buf[at + 5] == 46 and 49 <= buf[at + 4] <= 50:
            return True
    return False


@kernel(pin=(BYTES, INT, INT))
def speaks_stratum(buf, pos, cap_end):  # type: ignore[no-untyped-def]
    """Tell whether a JSON object names a method as miners and pools do: mining.…, eth_subm…, or a login."""
    if cap_end - pos < STRATUM_LEAST or buf[pos] != 0x7B:
        return False
    for at in range(pos + 1, min(cap_end - 8, pos + STRATUM_WITHIN)):
        if buf[at] != 0x22:
            continue
        first, then = be32(buf, at + 1), be32(buf, at + 5)
        if first == MINI and be32(buf, at + 4) == ING:
            return True
        if first == ETH and then == SUBM:
            return True
        if first == LOGI and buf[at + 5] == 0x6E and buf[at + 6] == 0x22:
            return True
    return False


@kernel(pin=(BYTES, INT, INT))
def is_rpc(buf, pos, cap_end):  # type: ignore[no-untyped-def]
    """Tell whether a connection-oriented DCE-RPC PDU begins (C706 §12.6.3.1): version 5, its type, a sane length."""
    if cap_end - pos < 16 or buf[pos] != 5 or buf[pos + 1] > 1 or buf[pos + 2] > 20:
        return False
    return buf[pos + 4] & 0xEF == 0 and le16(buf, pos + 8) >= 16


@kernel(pin=(BYTES, INT, INT))
def tpkt(buf, pos, cap_end):  # type: ignore[no-untyped-def]
    """Tell what an ISO transport packet carries (RFC 1006 §6): K_RDP, K_S7 or K_NONE."""
    if cap_end - pos < 8 or buf[pos + 1] != 0 or be16(buf, pos + 2) < 7:
        return K_NONE
    code = byte(buf, pos + 5)
    if code == 0xF0:
        if buf[pos + 7] == 0x32 or buf[pos + 7] == 0x72:
            return K_S7
        # MCS Connect-Initial and Connect-Response (T.125 §7)
        if buf[pos + 7] != 0x7F or cap_end - pos < 9:
            return K_NONE
        return K_RDP if buf[pos + 8] == 0x65 or buf[pos + 8] == 0x66 else K_NONE
    if (code == 0xE0 or code == 0xD0) and cap_end - pos >= 11:  # X.224; other protocols than RDP name TSAPs in it
        return K_NONE if cap_end - pos >= 12 and 0xC0 <= buf[pos + 11] <= 0xC2 else K_RDP
    return K_NONE


@kernel(pin=(INT, INT, INT))
def on(port, low_port, high_port):  # type: ignore[no-untyped-def]
    """Tell whether either end has a port."""
    return low_port == port or high_port == port


@kernel(pin=(BYTES, INT, INT, INT, INT, INT))
def by_text(buf, pos, cap_end, low_port, high_port, known):  # type: ignore[no-untyped-def]
    """Recognise mail and file transfer by their commands; `known` is the flow's kind so far."""
    if known == K_SMTP or known == K_FTP:
        return known
    if cap_end - pos < 6:
        return K_NONE
    word = be32(buf, pos) | 0x20202020
    if word == EHLO or word == HELO or word == MAIL or word == RCPT:
        return K_SMTP if buf[pos + 4] == 32 or buf[pos + 4] == 13 else K_NONE
    if word == USER and buf[pos + 4] == 32 and not on(110, low_port, high_port):
        return K_FTP
    return K_NONE


@kernel(pin=(BYTES, INT, INT, INT, INT, INT, INT))
def claim_tcp(buf, pos, cap_end, wire_end, low_port, high_port, known):  # type: ignore[no-untyped-def]
    """Guess the kind of a stream's payload that no parser in a kernel took; K_NONE where it is none of these."""
    size = cap_end - pos
    if size < 7:
        return by_text(buf, pos, cap_end, low_port, high_port, known)
    first = byte(buf, pos)
    if first == 0 and size >= 8 and buf[pos + 1] < 2:
        magic = be32(buf, pos + 4)
        if magic == SMB2 or magic == SMB1 or magic == SMB3_ENCRYPTED:
            return K_SMB
    if first == 5 and is_rpc(buf, pos, cap_end):
        return K_DCE_RPC
    if first == 0x7B and speaks_stratum(buf, pos, cap_end):
        return K_STRATUM
    if first == 3:
        kind = tpkt(buf, pos, cap_end)
        if kind:
            return kind
    if first == 0x30 and is_ldap(buf, pos, cap_end):
        return K_LDAP
    if first == 5 and buf[pos + 1] == 0x64 and buf[pos + 2] >= 5 and size >= 10:  # IEEE 1815-2012 §9.2.4
        return K_DNP3
    if on(502, low_port, high_port):
        length = be16(buf, pos + 4)
        if size >= 8 and be16(buf, pos + 2) == 0 and 2 <= length <= 254:
            return K_MODBUS
    if on(44818, low_port, high_port) and size >= 24 and buf[pos + 1] == 0 and buf[pos] <= 0x72:
        if le16(buf, pos + 2) + 24 <= wire_end - pos or buf[pos] >= 0x63:
            return K_ENIP
    return by_text(buf, pos, cap_end, low_port, high_port, known)


@kernel(pin=(BYTES, INT, INT, INT, INT, INT))
def claim_echo(buf, pos, cap_end, proto, low_port, high_port):  # type: ignore[no-untyped-def]
    """Guess the kind of an ICMP message: neighbour discovery, or echo in which an SSH connection begins."""
    if proto == ICMPV6 and 133 <= low_port <= 136:
        return K_NEIGHBOR
    return K_CARRIED if is_echo(proto, low_port, high_port) and carries_ssh(buf, pos, cap_end) else K_NONE


@kernel(pin=(BYTES, INT, INT, INT, INT, INT))
def claim_udp(buf, pos, cap_end, wire_end, low_port, high_port):  # type: ignore[no-untyped-def]
    """Guess the kind of a datagram that no parser in a kernel took; K_NONE where it is none of these."""
    size = cap_end - pos
    if size < 8:
        return K_NONE
    first = byte(buf, pos)
    if first & 0xC0 == 0xC0 and size >= 16:
        version = be32(buf, pos + 1)
        if version == 1 or QUIC_DRAFTS[0] <= version <= QUIC_DRAFTS[1]:
            return K_QUIC if first & 0x30 == 0 and buf[pos + 5] <= 20 else K_NONE
        if version == QUIC_2:
            return K_QUIC if first & 0x30 == 0x10 and buf[pos + 5] <= 20 else K_NONE
    if first == 0x81 and size >= 4 and be16(buf, pos + 2) == wire_end - pos and buf[pos + 1] <= 12:
        return K_BACNET  # ANSI/ASHRAE 135 annex J.2
    if first == 5 and buf[pos + 1] == 0x64 and buf[pos + 2] >= 5:
        return K_DNP3_UDP
    if on(389, low_port, high_port) and is_ldap(buf, pos, cap_end):
        return K_CLDAP
    if (
        on(44818, low_port, high_port)
        and size >= 24
        and buf[pos + 1] == 0
        and le16(buf, pos + 2) == wire_end - pos - 24
    ):
        return K_ENIP_UDP
    if on(138, low_port, high_port):
        return K_DATAGRAM if 0x10 <= first <= 0x12 and size >= 48 else K_NONE
    if (
        on(1812, low_port, high_port)
        or on(1813, low_port, high_port)
        or on(1645, low_port, high_port)
        or on(1646, low_port, high_port)
    ):
        length = be16(buf, pos + 2)
        return K_RADIUS if 1 <= first <= 45 and 20 <= length <= wire_end - pos else K_NONE
    return K_NONE


@kernel(pin=(BYTES, INT, INT))
def smb_wanted(buf, pos, cap_end):  # type: ignore[no-untyped-def]
    """Tell whether an SMB message names something: a tree, a file, or a call over a pipe."""
    at = pos + 4
    magic = be32(buf, at)
    if magic == SMB2 and cap_end - at >= 66:
        command = le16(buf, at + 12)
        if command == 3 or command == 5:
            return True
        if command == 9 and cap_end - at >= 114:  # WRITE: its data at DataOffset
            return is_rpc(buf, at + le16(buf, at + 66), cap_end)
        if command == 11 and cap_end - at >= 122:  # IOCTL: FSCTL_PIPE_TRANSCEIVE
            return le32(buf, at + 68) == 0x11C017 and is_rpc(buf, at + le32(buf, at + 88), cap_end)
        return le32(buf, at + 20) != 0  # more in the same message
    if magic == SMB1 and cap_end - at >= 33:
        command = byte(buf, at + 4)
        return command == 0x75 or command == 0xA2 or command == 0x25 or command == 0x2F or command == 0x73
    return False


@kernel(pin=(INT, BYTES, INT, INT))
def wanted(kind, buf, pos, cap_end):  # type: ignore[no-untyped-def]
    """Tell whether a claimed payload says anything beyond what its flow speaks."""
    if kind == K_SMB:
        return smb_wanted(buf, pos, cap_end)
    if kind == K_LDAP or kind == K_CLDAP:
        tag = is_ldap(buf, pos, cap_end)
        return tag != 0x64 and tag != 0x73 and tag != 0x42 and tag != 0x50
    if kind == K_DCE_RPC:
        ptype = buf[pos + 2]
        return ptype == 0 or ptype == 11 or ptype == 12 or ptype == 14
    return True


@kernel(pin=(BYTES, INT, INT, INT, INT))
def names_itself(buf, pos, cap_end, low_port, high_port):  # type: ignore[no-untyped-def]
    """Tell whether a DNS message may tell its sender's own name.

    Multicast DNS and LLMNR answers (RFC 6762 §6, RFC 4795 §2.1); NetBIOS registrations, refreshes and positive answers
    (RFC 1002 §4.2).
    """
    if cap_end - pos < 12:
        return False
    flags = be16(buf, pos + 2)
    if on(5353, low_port, high_port) or on(5355, low_port, high_port):
        return flags & 0x8000 != 0
    if on(137, low_port, high_port):
        opcode = flags >> 11 & 15
        return (opcode == 0 and flags & 0x800F == 0x8000) or opcode == 5 or opcode == 8 or opcode == 9
    return False
