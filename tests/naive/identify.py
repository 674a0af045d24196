"""Which protocol a payload speaks, and its reading, from the twins of the protocols."""

import re

from sensor.model import metadata as m
from tests.naive import dhcp, dns, http, kerberos, ntlm, ssh, tls, tlv

TCP, UDP = 6, 17
DNS_PORTS = {53, 137, 5353, 5355}
KERBEROS_TAGS = {*range(0x6A, 0x70), 0x7E}


def identify(data, wire, proto, orig_p, resp_p):
    """Return the kind of a payload."""
    data = data[:wire]
    if proto == UDP:
        return udp(data, wire, {orig_p, resp_p})
    return tcp(data, wire, {orig_p, resp_p}) if proto == TCP else m.K_NONE


def udp(data, wire, ports):
    if len(data) < 10:
        return m.K_NONE
    if ports & DNS_PORTS:
        return m.K_DNS if len(data) >= 12 and dns.header(data, wire) == 0 else m.K_NONE
    if len(data) >= 240 and data[0] in (1, 2) and data[2] <= 16 and data[236:240] == b"\x63\x82\x53\x63":
        return m.K_DHCP
    if data[0] in KERBEROS_TAGS and (data[1] >= 0x80 or data[1] == len(data) - 2):
        return m.K_KERBEROS
    return m.K_DNS if looks_like_dns(data, wire) else m.K_NONE


def tcp(data, wire, ports):
    if not data:
        return m.K_NONE
    if data[0] == 22 and data[1:2] in (b"", b"\3"):
        return m.K_TLS_CLIENT
    if data.startswith(b"SSH-"):
        return m.K_SSH
    if 65 <= data[0] <= 90:
        if data.startswith(b"HTTP"):
            return m.K_HTTP_RESPONSE
        return m.K_HTTP_REQUEST if re.fullmatch(rb"[A-Z_-]{1,32}( .*)?", data, re.DOTALL) else m.K_NONE
    if ports & DNS_PORTS:
        return m.K_DNS if len(data) < 2 or int.from_bytes(data[:2], "big") >= 12 else m.K_NONE
    if len(data) > 5 and data[0] == 0 and data[1] < 2 and data[4] in KERBEROS_TAGS:
        return m.K_KERBEROS
    if len(data) > 14 and int.from_bytes(data[:2], "big") == wire - 2:
        return m.K_DNS if looks_like_dns(data[2:], wire - 2) else m.K_NONE
    return m.K_KERBEROS if len(data) < 6 and data[0] == 0 and 88 in ports else m.K_NONE


def looks_like_dns(data, wire):
    """Tell whether a message can only be DNS."""
    if len(data) < 12 or dns.header(data, wire) != 0:
        return False
    flags, questions, answers, authorities, extra = (int.from_bytes(data[i : i + 2], "big") for i in range(2, 12, 2))
    if flags & 0x7840 or questions != 1 or flags & 15 > 5:
        return False
    if not flags & 0x8000 and (flags & 15 or answers or authorities or extra > 4):
        return False
    names, at = [], 12
    while at < len(data) and 0 < data[at] < 0x40:
        names.append(data[at + 1 : at + 1 + data[at]])
        at += 1 + data[at]
    ended = at < len(data) and data[at] == 0 and 0 < at + 1 - 12 < 256
    good = ended and names and all(re.fullmatch(rb"[0-9A-Za-z_-]+", name) for name in names)
    if not good or at + 5 > len(data):
        return False
    kind, qclass = int.from_bytes(data[at + 1 : at + 3], "big"), int.from_bytes(data[at + 3 : at + 5], "big")
    return (1 <= kind <= 65 or kind == 99 or 249 <= kind <= 257) and qclass in (1, 255)


def parse(kind, data, wire, proto):
    """Return (status or whole, kind, fields)."""
    data = data[:wire]
    found = kind
    if kind == m.K_DNS:
        status, fields = (dns.parse_dns_tcp if proto == TCP else dns.parse_dns)(data, wire)
    elif kind in (m.K_TLS_CLIENT, m.K_TLS_SERVER):
        status, found, fields = tls.parse_tls(data, wire)
    elif kind in (m.K_HTTP_REQUEST, m.K_HTTP_RESPONSE):
        status, found, fields = http.parse_http(data, wire)
    elif kind == m.K_KERBEROS:
        status, fields = (kerberos.parse_kerberos_tcp if proto == TCP else kerberos.parse_kerberos)(data, wire)
    elif kind == m.K_DHCP:
        status, fields = dhcp.parse_dhcp(data, wire)
    elif kind == m.K_NTLM:
        status, fields = ntlm.parse_ntlm(data, wire)
    elif kind == m.K_SSH:
        status, fields = ssh.parse_ssh(data, wire)
    else:
        status, fields = m.NOT_THIS, {}
    if status < 0:
        fields = {}
        status = m.NOT_THIS if proto != TCP else status
    return status, found or kind, fields


def find_ntlm(data):
    """Return the position of an NTLM message."""
    return ntlm.scan(data)


def main_name(kind, blob):
    """Return (start, length) of the name a message is about."""
    field = {
        m.K_DNS: m.F_QUERY,
        m.K_TLS_CLIENT: m.F_SERVER_NAME,
        m.K_HTTP_REQUEST: m.F_HOST,
        m.K_DHCP: m.F_HOST_NAME,
        m.K_KERBEROS: m.F_CNAME,
        m.K_NTLM: m.F_USERNAME,
    }.get(kind)
    return tlv.find_field(blob, field) if field else (0, 0)


def fingerprint(kind, blob):
    """Return (start, length) of the JA4 text."""
    return tlv.find_field(blob, m.F_JA4_TEXT) if kind == m.K_TLS_CLIENT else (0, 0)
