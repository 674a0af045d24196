"""Which protocol a payload speaks, and the one call that reads it: what the flow table uses of this folder.

`identify` guesses from the first bytes, by content before port, as Zeek's dynamic protocol detection does; ports decide
only where the content proves little (DNS). Only `parse` is sure. Neither keeps anything between calls: for a message
that goes on in a later segment the caller joins the segments and calls again.

To give up waiting, call `parse` with a `wire_end` beyond `cap_end`: what is known is then written, marked not whole.
"""

from baselines._jit import be16, be32, borrow, byte, kernel
from sensor.model.flow import TCP, UDP
from sensor.model.metadata import (
    F_CNAME,
    F_HOST,
    F_HOST_NAME,
    F_JA4_TEXT,
    F_QUERY,
    F_SERVER_NAME,
    F_USERNAME,
    K_DHCP,
    K_DNS,
    K_HTTP_REQUEST,
    K_HTTP_RESPONSE,
    K_KERBEROS,
    K_NONE,
    K_NTLM,
    K_SSH,
    K_TLS_CLIENT,
    K_TLS_SERVER,
    NEED_MORE,
    NOT_THIS,
)
from sensor.packets import dns, ntlm
from sensor.packets.dhcp import is_dhcp, parse_dhcp
from sensor.packets.http import method_end, parse_http
from sensor.packets.kerberos import parse_kerberos, parse_kerberos_tcp
from sensor.packets.ssh import parse_ssh
from sensor.packets.tls import parse_tls
from sensor.packets.tlv import BYTES, INT, find_field

LAST_TYPE = 65
"""Record types 1 … 65 (HTTPS) and 99, 249-257 are believed without a port (IANA DNS parameters)."""
ADDITIONAL_MAX = 4
"""Additional records of a query: EDNS, TSIG, SIG(0), and one to spare."""


@kernel(pin=(INT,))
def is_dns_port(port):  # type: ignore[no-untyped-def]
    """Tell whether a port is one that Zeek reads as DNS: 53, NetBIOS names 137, multicast 5353, LLMNR 5355."""
    return port == 53 or port == 5353 or port == 5355 or port == 137


@kernel(pin=(BYTES, INT, INT, INT))
def looks_like_dns(buf, pos, cap_end, wire_end):  # type: ignore[no-untyped-def]
    """Tell whether a message on any port can only be DNS: one plain question, counts and codes of a standard query.

    RFC 1035 §4.1: opcode 0, the Z bit clear, a query without answers, class IN or ANY, letters, digits, "-" and "_".
    """
    if cap_end - pos < dns.HEADER_BYTES or not dns.header_fits(buf, pos, wire_end):
        return False
    flags = be16(buf, pos + 2)
    response = flags & dns.RESPONSE
    if flags & 0x7840 or be16(buf, pos + 4) != 1 or flags & 15 > 5:
        return False
    if not response and (flags & 15 or be32(buf, pos + 6) or be16(buf, pos + 10) > ADDITIONAL_MAX):
        return False
    end = dns.skip_name(buf, pos + dns.HEADER_BYTES, cap_end)
    if end < 0 or end + 4 > cap_end or end - pos < dns.HEADER_BYTES + 3:
        return False
    cursor = pos + dns.HEADER_BYTES
    while buf[cursor]:
        if buf[cursor] >= 0x40:  # a pointer: nothing before the first name to point to
            return False
        stop = cursor + 1 + byte(buf, cursor)
        for i in range(cursor + 1, stop):
            char = byte(buf, i)
            low = char | 32
            if not (97 <= low <= 122 and char >= 65) and not 48 <= char <= 57 and char != 45 and char != 95:
                return False
        cursor = stop
    kind = be16(buf, end)
    if not (1 <= kind <= LAST_TYPE or kind == 99 or 249 <= kind <= 257):
        return False
    return be16(buf, end + 2) == 1 or be16(buf, end + 2) == 255


@kernel(pin=(BYTES, INT, INT, INT, INT, INT))
def identify_udp(buf, pos, cap_end, wire_end, orig_p, resp_p):  # type: ignore[no-untyped-def]
    """Guess the kind of a datagram."""
    known = cap_end - pos
    if known < 10:
        return K_NONE
    if is_dns_port(resp_p) or is_dns_port(orig_p):
        fits = known >= dns.HEADER_BYTES and dns.header_fits(buf, pos, wire_end)
        return K_DNS if fits else K_NONE
    if is_dhcp(buf, pos, cap_end, wire_end):
        return K_DHCP
    first = byte(buf, pos)
    if (0x6A <= first <= 0x6F or first == 0x7E) and (buf[pos + 1] >= 0x80 or buf[pos + 1] == known - 2):
        return K_KERBEROS
    return K_DNS if looks_like_dns(buf, pos, cap_end, wire_end) else K_NONE


@kernel(pin=(BYTES, INT, INT, INT, INT, INT))
def identify_tcp(buf, pos, cap_end, wire_end, orig_p, resp_p):  # type: ignore[no-untyped-def]
    """Guess the kind of a stream from its first bytes; what they leave open stays possible."""
    known = cap_end - pos
    if known < 1:
        return K_NONE
    first = byte(buf, pos)
    second = byte(buf, pos + 1) if known > 1 else -1
    if first == 22 and (second == 3 or second < 0):
        return K_TLS_CLIENT
    if first == 83 and known >= 4 and be32(buf, pos) == 0x5353482D:  # "SSH-"
        return K_SSH
    if 65 <= first <= 90:
        if known >= 4 and be32(buf, pos) == 0x48545450:  # "HTTP"
            return K_HTTP_RESPONSE
        return K_HTTP_REQUEST if method_end(buf, pos, cap_end) >= 0 else K_NONE
    if is_dns_port(resp_p) or is_dns_port(orig_p):
        size = be16(buf, pos) if known > 1 else dns.HEADER_BYTES
        return K_DNS if size >= dns.HEADER_BYTES else K_NONE
    if known > 5 and first == 0:
        tag = byte(buf, pos + 4)
        if (0x6A <= tag <= 0x6F or tag == 0x7E) and second < 2:
            return K_KERBEROS
    if known > 2 + dns.HEADER_BYTES and be16(buf, pos) == wire_end - pos - 2:
        return K_DNS if looks_like_dns(buf, pos + 2, cap_end, wire_end) else K_NONE
    if known < 6 and first == 0 and (resp_p == 88 or orig_p == 88):
        return K_KERBEROS
    return K_NONE


@kernel()
def identify(buf, pos, cap_end, wire_end, proto, orig_p, resp_p, is_orig):  # type: ignore[no-untyped-def]  # noqa: ARG001
    """Guess the protocol of a payload.

    Args:
        buf: Bytes, uint8, shape (n,); [pos, cap_end) exist, [cap_end, wire_end) were not captured.
        proto: IP protocol number.
        orig_p: Originator's port.
        resp_p: Responder's port.
        is_orig: 1 if the originator sent it.

    Returns:
        K_*, K_NONE where it is none of ours. NTLM is found by `find_ntlm`, inside other protocols.
    """
    if proto == UDP:
        return identify_udp(borrow(buf), pos, min(cap_end, wire_end), wire_end, orig_p, resp_p)
    if proto == TCP:
        return identify_tcp(borrow(buf), pos, min(cap_end, wire_end), wire_end, orig_p, resp_p)
    return K_NONE


@kernel(pin=(INT, BYTES, INT, INT, INT, INT, BYTES, INT))
def read_message(kind, source, pos, cap_end, wire_end, proto, arena, at):  # type: ignore[no-untyped-def]
    """Do what `parse` does, on borrowed arrays: for callers that are kernels."""
    cap_end = min(cap_end, wire_end)
    whole = 0
    if kind == K_DNS:
        if proto == TCP:
            at, whole = dns.parse_dns_tcp(source, pos, cap_end, wire_end, arena, at)
        else:
            at, whole = dns.parse_dns(source, pos, cap_end, wire_end, arena, at)
    elif kind == K_TLS_CLIENT or kind == K_TLS_SERVER:
        at, whole, found = parse_tls(source, pos, cap_end, wire_end, arena, at)
        kind = found or kind
    elif kind == K_HTTP_REQUEST or kind == K_HTTP_RESPONSE:
        at, whole, found = parse_http(source, pos, cap_end, wire_end, arena, at)
        kind = found or kind
    elif kind == K_KERBEROS:
        if proto == TCP:
            at, whole = parse_kerberos_tcp(source, pos, cap_end, wire_end, arena, at)
        else:
            at, whole = parse_kerberos(source, pos, cap_end, wire_end, arena, at)
    elif kind == K_DHCP:
        at, whole = parse_dhcp(source, pos, cap_end, wire_end, arena, at)
    elif kind == K_NTLM:
        at, whole = ntlm.parse_ntlm(source, pos, cap_end, wire_end, arena, at)
    elif kind == K_SSH:
        at, whole = parse_ssh(source, pos, cap_end, wire_end, arena, at)
    else:
        at = NOT_THIS
    if at == NEED_MORE and proto != TCP:
        return NOT_THIS, 0, kind
    return at, whole, kind


@kernel()
def parse(kind, buf, pos, cap_end, wire_end, is_orig, proto, out, at):  # type: ignore[no-untyped-def]  # noqa: ARG001
    """Read one message of a protocol and write its fields.

    Args:
        kind: K_*, as `identify` gave it; K_NTLM with `pos` from `find_ntlm`.
        buf: Bytes, uint8, shape (n,); [pos, cap_end) exist, [cap_end, wire_end) were on the wire but not captured.
            For TCP the stream of one direction so far, for others one datagram.
        is_orig: 1 if the originator sent it.
        proto: IP protocol number.
        out: Arena, uint8, shape (m,), with at least META_MAX_BYTES of room at `at`; bytes up to there may be used as
            scratch, also behind the position returned.
        at: Where to write.

    Returns:
        (position after the fields, 1 if nothing was missing, kind as the message itself says: client or server hello,
        request or response), or (NOT_THIS, 0, kind), or for TCP (NEED_MORE, 0, kind).
    """
    return read_message(kind, borrow(buf), pos, cap_end, wire_end, proto, borrow(out), at)


@kernel()
def find_ntlm(buf, pos, cap_end):  # type: ignore[no-untyped-def]
    """Return the position of an NTLM message, plain or in HTTP's base64, in the first 2 KiB of a payload, or -1."""
    return ntlm.scan(borrow(buf), pos, cap_end)


@kernel(pin=(INT, BYTES, INT, INT))
def name_of(kind, out, start, end):  # type: ignore[no-untyped-def]
    """Do what `main_name` does, on a borrowed arena."""
    field = 0
    if kind == K_DNS:
        field = F_QUERY
    elif kind == K_TLS_CLIENT:
        field = F_SERVER_NAME
    elif kind == K_HTTP_REQUEST:
        field = F_HOST
    elif kind == K_DHCP:
        field = F_HOST_NAME
    elif kind == K_KERBEROS:
        field = F_CNAME
    elif kind == K_NTLM:
        field = F_USERNAME
    return find_field(out, start, end, field) if field else (0, 0)


@kernel(pin=(INT, BYTES, INT, INT))
def print_of(kind, out, start, end):  # type: ignore[no-untyped-def]
    """Do what `fingerprint` does, on a borrowed arena."""
    return find_field(out, start, end, F_JA4_TEXT) if kind == K_TLS_CLIENT else (0, 0)


@kernel()
def main_name(kind, out, start, end):  # type: ignore[no-untyped-def]
    """Find the name a message is about: query, server name, host, account.

    Args:
        out: Arena, uint8; the fields of one message of `kind` lie in out[start:end].

    Returns:
        (first byte, length), or (0, 0) where it has none.
    """
    return name_of(kind, borrow(out), start, end)


@kernel()
def fingerprint(kind, out, start, end):  # type: ignore[no-untyped-def]
    """Find the text of the client's fingerprint (JA4) in out[start:end]: (first byte, length), or (0, 0)."""
    return print_of(kind, borrow(out), start, end)
