"""DHCP messages for IPv4 (RFC 2131 §2, options RFC 2132): who has which name and address, and for how long.

The client name of option 81 (RFC 4702) is read in both its forms. An option given twice counts once: the parts of a
split option (RFC 3396) are not joined. Plain BOOTP without the magic cookie, and DHCPv6, are not read.
"""

from baselines._jit import be32, byte, kernel
from sensor.model.metadata import (
    F_ASSIGNED_ADDR,
    F_CLIENT_ADDR,
    F_CLIENT_ID,
    F_DNS_SERVER,
    F_DOMAIN,
    F_FQDN,
    F_HOST_NAME,
    F_LEASE_TIME,
    F_MAC,
    F_MSG_TYPE,
    F_PARAM_LIST,
    F_REQUESTED_ADDR,
    F_ROUTER,
    F_SERVER_ADDR,
    F_TRANS_ID,
    F_VENDOR_CLASS,
    META_MAX_BYTES,
    NOT_THIS,
)
from sensor.packets.tlv import BYTES, HEADER, INT, close_field, put_bytes, put_number

FIXED_BYTES = 240
"""236 bytes of BOOTP (RFC 951) and the magic cookie."""
COOKIE = 0x63825363
CHADDR, SNAME, FILE = 28, 44, 108
ETHERNET = 1

O_ROUTER, O_DNS, O_HOST_NAME, O_DOMAIN, O_REQUESTED, O_LEASE, O_OVERLOAD, O_TYPE = 3, 6, 12, 15, 50, 51, 52, 53
O_SERVER, O_PARAMS, O_VENDOR, O_CLIENT_ID, O_FQDN, O_PAD, O_END = 54, 55, 60, 61, 81, 0, 255

ADDRESSES_MAX = 8
"""Routers and resolvers kept of one message; clients use the first three."""


@kernel(pin=(BYTES, INT, INT, INT))
def is_dhcp(buf, pos, cap_end, wire_end):  # type: ignore[no-untyped-def]
    """Tell whether a datagram is DHCP by its content alone."""
    if wire_end - pos < FIXED_BYTES or cap_end - pos < FIXED_BYTES:
        return False
    return (buf[pos] == 1 or buf[pos] == 2) and buf[pos + 2] <= 16 and be32(buf, pos + 236) == COOKIE


@kernel(pin=(BYTES, INT, INT, INT, BYTES, INT))
def put_clean(buf, start, end, field, out, at):  # type: ignore[no-untyped-def]
    """Write the text buf[start:end] without the zero bytes that some clients end it with; nothing where it is empty."""
    while end > start and buf[end - 1] == 0:
        end -= 1
    if end == start:
        return at
    return put_bytes(out, at, at + HEADER + 255, field, buf, start, end)


@kernel(pin=(BYTES, INT, INT, BYTES, INT))
def put_fqdn(buf, start, end, out, at):  # type: ignore[no-untyped-def]
    """Write the name of option 81, whose value is buf[start:end]: wire form where its E bit says so, else text."""
    if end - start <= 3:
        return at
    if buf[start] & 4 == 0:
        return put_clean(buf, start + 3, end, F_FQDN, out, at)
    cursor = start + 3
    write = at + HEADER
    while cursor < end and buf[cursor] != 0:
        size = byte(buf, cursor)
        if size >= 64 or cursor + 1 + size > end:
            return at
        if write > at + HEADER:
            out[write] = 46
            write += 1
        for i in range(cursor + 1, cursor + 1 + size):
            out[write] = buf[i]
            write += 1
        cursor += size + 1
    return close_field(out, at, F_FQDN, write) if write > at + HEADER else at


@kernel(pin=(BYTES, INT, INT, INT, INT, BYTES, INT))
def put_addresses(buf, start, end, field, most, out, at):  # type: ignore[no-untyped-def]
    """Write each of the first `most` IPv4 addresses of buf[start:end] that is not 0.0.0.0."""
    for i in range(start, min(end - 3, start + 4 * most), 4):
        if be32(buf, i) != 0:
            at = put_bytes(out, at, at + HEADER + 4, field, buf, i, i + 4)
    return at


@kernel(pin=(INT, BYTES, INT, INT, BYTES, INT))
def put_option(code, buf, start, end, out, at):  # type: ignore[no-untyped-def]
    """Write one option whose value is buf[start:end]; `at` where it says nothing here or has a wrong length."""
    size = end - start
    if code == O_TYPE and size == 1:
        return put_number(out, at, at + HEADER + 1, F_MSG_TYPE, byte(buf, start), 1)
    if code == O_LEASE and size == 4:
        return put_number(out, at, at + HEADER + 4, F_LEASE_TIME, be32(buf, start), 4)
    if code == O_REQUESTED:
        return put_addresses(buf, start, end, F_REQUESTED_ADDR, 1, out, at)
    if code == O_SERVER:
        return put_addresses(buf, start, end, F_SERVER_ADDR, 1, out, at)
    if code == O_ROUTER:
        return put_addresses(buf, start, end, F_ROUTER, ADDRESSES_MAX, out, at)
    if code == O_DNS:
        return put_addresses(buf, start, end, F_DNS_SERVER, ADDRESSES_MAX, out, at)
    if code == O_FQDN:
        return put_fqdn(buf, start, end, out, at)
    if code == O_PARAMS:
        return put_bytes(out, at, at + HEADER + size, F_PARAM_LIST, buf, start, end)
    if code == O_CLIENT_ID:
        return put_bytes(out, at, at + HEADER + size, F_CLIENT_ID, buf, start, end)
    if code == O_HOST_NAME:
        return put_clean(buf, start, end, F_HOST_NAME, out, at)
    if code == O_DOMAIN:
        return put_clean(buf, start, end, F_DOMAIN, out, at)
    if code == O_VENDOR:
        return put_clean(buf, start, end, F_VENDOR_CLASS, out, at)
    return at


@kernel(pin=(BYTES, INT, INT, INT, INT, BYTES, INT))
def put_options(buf, start, end, cap_end, seen, out, at):  # type: ignore[no-untyped-def]
    """Write the options of buf[start:end], each code once.

    Returns:
        (position after the fields, 1 if all was captured and in order, overload bits, the codes seen, one bit each:
        none that is read lies above 61, but O_FQDN, which takes the bit of the pad).
    """
    overload = 0
    while start < end:
        if start >= cap_end:
            return at, 0, overload, seen
        code = byte(buf, start)
        if code == O_END:
            break
        if code == O_PAD:
            start += 1
            continue
        if start + 2 > min(cap_end, end):
            return at, 0, overload, seen
        last = start + 2 + byte(buf, start + 1)
        if last > min(cap_end, end):
            return at, 0, overload, seen
        if code == O_OVERLOAD and last - start == 3:
            overload = byte(buf, start + 2) & 3
        slot = O_PAD if code == O_FQDN else code
        if slot <= O_CLIENT_ID and not seen >> slot & 1:
            seen |= 1 << slot
            at = put_option(code, buf, start + 2, last, out, at)
        start = last
    return at, 1, overload, seen


@kernel(pin=(BYTES, INT, INT, INT, BYTES, INT))
def parse_dhcp(buf, pos, cap_end, wire_end, out, at):  # type: ignore[no-untyped-def]
    """Read one DHCP message, the whole of [pos, wire_end) on the wire.

    Args:
        buf: Bytes, uint8; [pos, cap_end) exist, [cap_end, wire_end) were not captured.
        out: Arena, uint8, with META_MAX_BYTES of room at `at`. At most 14 fields of 258 bytes and 16 addresses.

    Returns:
        (position after the fields, 1 if the message was whole), or (NOT_THIS, 0).
    """
    if not is_dhcp(buf, pos, cap_end, wire_end):
        return NOT_THIS, 0
    limit = at + META_MAX_BYTES
    if buf[pos + 1] == ETHERNET and buf[pos + 2] == 6:
        at = put_bytes(out, at, limit, F_MAC, buf, pos + CHADDR, pos + CHADDR + 6)
    at = put_number(out, at, limit, F_TRANS_ID, be32(buf, pos + 4), 4)
    at = put_addresses(buf, pos + 12, pos + 16, F_CLIENT_ADDR, 1, out, at)
    at = put_addresses(buf, pos + 16, pos + 20, F_ASSIGNED_ADDR, 1, out, at)
    at, whole, overload, seen = put_options(buf, pos + FIXED_BYTES, wire_end, cap_end, 0, out, at)
    # RFC 2132 §9.3: further options in the file field (1), the sname field (2), or both, in that order
    if overload & 1:
        at, whole_file, _, seen = put_options(buf, pos + FILE, pos + 236, cap_end, seen, out, at)
        whole = min(whole, whole_file)
    if overload & 2:
        at, whole_name, _, seen = put_options(buf, pos + SNAME, pos + FILE, cap_end, seen, out, at)
        whole = min(whole, whole_name)
    return at, whole
