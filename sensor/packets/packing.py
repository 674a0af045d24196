"""Write metadata rows as messages in MessagePack: META and its byte arena to what msgspec reads as the model's Structs.

The kernels' half of `sensor.packets.messages`: texts become UTF-8 with undecodable bytes escaped, addresses and flow
numbers text, and a field that is not there is left out, so that its default stands. Made because a message built field
by field in Python costs ten microseconds, and one that msgspec reads about one.

Writes the kinds of `PACKED`. TLS needs hashes, and what is handed over needs parsers: neither is written here.
"""

import numpy as np
from numpy.typing import NDArray

from baselines._jit import borrow, byte, kernel, row_loader, rows
from sensor.model import metadata as m
from sensor.packets.packed_values import (
    little_word,
    put_address,
    put_big,
    put_characters,
    put_count,
    put_decimals,
    put_hex,
    put_mac,
    put_number,
    put_octets_address,
    put_signed,
    put_size,
    put_text,
    put_uid,
    text_bytes,
)
from sensor.packets.tlv import BYTES, HEADER, INT, INTS

meta_row = row_loader(m.META)

PACKED = (m.K_DNS, m.K_HTTP_REQUEST, m.K_HTTP_RESPONSE, m.K_DHCP, m.K_KERBEROS, m.K_NTLM, m.K_SSH)
"""Kinds that are written."""
GROWTH = 4
"""Bytes that a byte of a row becomes at most: one that is undecodable is escaped, one of a list is 255 and a comma."""
FIXED_BYTES = 1024
"""Room for what every message has, and the keys."""

TEXT, NUMBER, TEXTS, ADDRESS, ADDRESSES, NUMBERS, MAC, HEX, DECIMALS, RESPONSE, REQUEST, CLIENT, SUCCESS = range(13)
TEXT_ORIG, TEXT_RESP = 13, 14
"""How a value is written: the first as text, a number or an address; all of them as a list; a link-layer address; in
hexadecimal; bytes as numbers with commas; and what is worked out: whether DNS flags are a response's, of Kerberos the
request's name, client and success, of SSH the banner by who sent it."""

_DNS = (
    ("query", m.F_QUERY, TEXT), ("qtype", m.F_QTYPE, NUMBER), ("rcode", m.F_RCODE, NUMBER),
    ("is_response", m.F_FLAGS, RESPONSE), ("trans_id", m.F_TRANS_ID, NUMBER), ("addresses", m.F_ANSWER_A, ADDRESSES),
    ("names", m.F_ANSWER_NAME, TEXTS), ("texts", m.F_ANSWER_TEXT, TEXTS), ("ttls", m.F_TTL, NUMBERS),
)  # fmt: skip
_HTTP = (
    ("method", m.F_METHOD, TEXT), ("host", m.F_HOST, TEXT), ("uri", m.F_URI, TEXT),
    ("user_agent", m.F_USER_AGENT, TEXT), ("referrer", m.F_REFERRER, TEXT), ("status_code", m.F_STATUS_CODE, NUMBER),
    ("status_msg", m.F_STATUS_MSG, TEXT), ("mime_type", m.F_MIME, TEXT), ("server", m.F_SERVER, TEXT),
)  # fmt: skip
_DHCP = (
    ("mac", m.F_MAC, MAC), ("host_name", m.F_HOST_NAME, TEXT), ("client_fqdn", m.F_FQDN, TEXT),
    ("domain", m.F_DOMAIN, TEXT), ("requested_addr", m.F_REQUESTED_ADDR, ADDRESS),
    ("assigned_addr", m.F_ASSIGNED_ADDR, ADDRESS), ("client_addr", m.F_CLIENT_ADDR, ADDRESS),
    ("server_addr", m.F_SERVER_ADDR, ADDRESS), ("lease_time_s", m.F_LEASE_TIME, NUMBER),
    ("msg_type", m.F_MSG_TYPE, NUMBER), ("vendor_class", m.F_VENDOR_CLASS, TEXT), ("client_id", m.F_CLIENT_ID, HEX),
    ("param_list", m.F_PARAM_LIST, DECIMALS),
)  # fmt: skip
_KERBEROS = (
    ("request_type", m.F_REQUEST_TYPE, REQUEST), ("client", m.F_CNAME, CLIENT), ("service", m.F_SNAME, TEXT),
    ("success", m.F_REQUEST_TYPE, SUCCESS), ("error_code", m.F_ERROR_CODE, NUMBER),
)  # fmt: skip
_NTLM = (
    ("username", m.F_USERNAME, TEXT), ("hostname", m.F_HOSTNAME, TEXT), ("domainname", m.F_DOMAINNAME, TEXT),
    ("server_nb_computer_name", m.F_SERVER_NB_NAME, TEXT), ("server_dns_computer_name", m.F_SERVER_DNS_NAME, TEXT),
    ("server_tree_name", m.F_SERVER_TREE_NAME, TEXT),
)  # fmt: skip
_SSH = (("client", m.F_BANNER, TEXT_ORIG), ("server", m.F_BANNER, TEXT_RESP))
_PLANS = {
    m.K_DNS: ("dns", _DNS), m.K_HTTP_REQUEST: ("http", _HTTP), m.K_HTTP_RESPONSE: ("http", _HTTP),
    m.K_DHCP: ("dhcp", _DHCP), m.K_KERBEROS: ("kerberos", _KERBEROS), m.K_NTLM: ("ntlm", _NTLM), m.K_SSH: ("ssh", _SSH),
}  # fmt: skip
"""By kind: the tag of its Struct, and its keys, each with the field it comes from and how."""
_COMMON = ("ts", "uid", "orig_h", "orig_p", "resp_h", "resp_p", "proto", "input", "offset")
COMMON_COUNT = len(_COMMON) + 1
"""Keys of every message: these, and its kind's."""
KINDS_MAX, FIELDS_MAX = 32, 64
"""Above all numbers of kinds and fields."""
DNS_RESPONSE, KERBEROS_ERROR = 0x8000, 30
"""The bit of the flags (RFC 1035 §4.1.1); the type of an error (RFC 4120 §5.9.1)."""


def _word(text: str) -> bytes:
    """Return a text of at most 31 bytes in MessagePack."""
    return bytes([0xA0 | len(text)]) + text.encode()


_TEXT = bytearray()
"""Constant pieces, one behind the other."""


def _piece(content: bytes) -> tuple[int, int]:
    """Keep a constant piece; return where it begins and ends."""
    _TEXT.extend(content)
    return len(_TEXT) - len(content), len(_TEXT)


def _columns(pairs: list[tuple[int, int]]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    found = np.array(pairs, np.int64).reshape(-1, 2)
    return found[:, 0].copy(), found[:, 1].copy()


_MAP = b"\xde\0\0"  # map 16, the count filled in later
_HEADS, _HEAD_ENDS = _columns(
    [
        _piece(_MAP + _word("log") + _word(_PLANS[kind][0]) + _word("ts") if kind in _PLANS else b"")
        for kind in range(KINDS_MAX)
    ]
)
_COMMONS, _COMMON_ENDS = _columns([_piece(_word(name)) for name in _COMMON])
_REQUESTS, _REQUEST_ENDS = _columns([_piece(_word(name)) for name in ("AS", "TGS", "AP")])
_STEPS = [(kind, *step) for kind, (_, plan) in sorted(_PLANS.items()) for step in plan]
_KEYS, _KEY_ENDS = _columns([_piece(_word(step[1])) for step in _STEPS])
_FIELDS = np.array([step[2] for step in _STEPS], np.int64)
_HOWS = np.array([step[3] for step in _STEPS], np.int64)
_FIRSTS, _LASTS = _columns(
    [(sum(step[0] < kind for step in _STEPS), sum(step[0] <= kind for step in _STEPS)) for kind in range(KINDS_MAX)]
)
_CONSTANT = np.frombuffer(bytes(_TEXT), np.uint8)
_LONGEST = np.int64(m.META_MAX_BYTES)


@kernel()
def put_piece(out, at, start, end):  # type: ignore[no-untyped-def]
    """Write a constant piece."""
    for i in range(start, end):
        out[at + i - start] = _CONSTANT[i]
    return at + end - start


@kernel(pin=(BYTES, INT, INT, INTS))
def find_fields(buf, start, end, places):  # type: ignore[no-untyped-def]
    """Note where the first value of each field begins and ends, and how many there are: three words a field."""
    for k in range(3 * FIELDS_MAX):
        places[k] = 0
    at = start
    while at + HEADER <= end:
        field, value = byte(buf, at), at + HEADER
        following = value + (byte(buf, at + 1) | byte(buf, at + 2) << 8)
        if field < FIELDS_MAX:
            if places[3 * field + 2] == 0:
                places[3 * field], places[3 * field + 1] = value, min(following, end)
            places[3 * field + 2] += 1
        at = following


@kernel(pin=(BYTES, INT, BYTES, INT, INT, INT, INT, INT))
def put_list(out, at, buf, start, end, field, how, count):  # type: ignore[no-untyped-def]
    """Write all values of a field."""
    at = put_count(out, at, count)
    pos = start
    while pos + HEADER <= end:
        value = pos + HEADER
        following = value + (byte(buf, pos + 1) | byte(buf, pos + 2) << 8)
        if buf[pos] == field:
            last = min(following, end)
            if how == TEXTS:
                at = put_text(out, at, buf, value, last)
            elif how == ADDRESSES:
                at = put_octets_address(out, at, buf, value, last)
            else:
                at = put_number(out, at, little_word(buf, value, last))
        pos = following
    return at


@kernel(pin=(BYTES, INT, BYTES, INT, INT, INT, INT))
def put_client(out, at, buf, start, end, realm, realm_end):  # type: ignore[no-untyped-def]
    """Write a Kerberos client as Zeek does, name/REALM."""
    at = put_size(out, at, text_bytes(buf, start, end) + 1 + text_bytes(buf, realm, realm_end))
    at = put_characters(out, at, buf, start, end)
    out[at] = 0x2F
    return put_characters(out, at + 1, buf, realm, realm_end)


@kernel(pin=(BYTES, INT, BYTES, INT, INT, INT))
def put_plain(out, at, buf, start, end, how):  # type: ignore[no-untyped-def]
    """Write one value."""
    if how == TEXT:
        return put_text(out, at, buf, start, end)
    if how == NUMBER:
        return put_number(out, at, little_word(buf, start, end))
    if how == ADDRESS:
        return put_octets_address(out, at, buf, start, end)
    if how == MAC:
        return put_mac(out, at, buf, start, end)
    if how == HEX:
        return put_hex(out, at, buf, start, end)
    return put_decimals(out, at, buf, start, end)


@kernel(pin=(BYTES, INT, INT, INT))
def put_worked_out(out, at, how, number):  # type: ignore[no-untyped-def]
    """Write what follows from DNS flags or from the type of a Kerberos message."""
    if how == REQUEST:
        name = number - 10 >> 1
        return put_piece(out, at, _REQUESTS[name], _REQUEST_ENDS[name])
    is_so = number & DNS_RESPONSE if how == RESPONSE else number != KERBEROS_ERROR
    out[at] = 0xC3 if is_so else 0xC2
    return at + 1


@kernel(pin=(INT, INT, INT, INT))
def is_said(how, number, is_orig, has_realm):  # type: ignore[no-untyped-def]
    """Tell whether a field that is there says anything under a key."""
    if how == REQUEST:
        return 10 <= number <= 15
    if how == SUCCESS:
        return number == 11 or number == 13 or number == 15 or number == KERBEROS_ERROR
    if how == CLIENT:
        return has_realm != 0
    if how == TEXT_ORIG:
        return is_orig != 0
    return how != TEXT_RESP or is_orig == 0


@kernel(pin=(BYTES, INT, BYTES, INT, INT, INT, INT, INTS))
def put_fields(out, at, buf, start, end, kind, is_orig, places):  # type: ignore[no-untyped-def]
    """Write a message's own keys and values; return the position behind, and how many."""
    find_fields(buf, start, end, places)
    count = 0
    for k in range(_FIRSTS[kind], _LASTS[kind]):
        field, how = _FIELDS[k], _HOWS[k]
        first, last, times = places[3 * field], places[3 * field + 1], places[3 * field + 2]
        if times == 0:
            continue
        worked_out = how == RESPONSE or how == REQUEST or how == SUCCESS
        number = np.int64(little_word(buf, first, last)) if worked_out else 0
        if not is_said(how, number, is_orig, places[3 * m.F_REALM + 2]):
            continue
        count += 1
        at = put_piece(out, at, _KEYS[k], _KEY_ENDS[k])
        if worked_out:
            at = put_worked_out(out, at, how, number)
        elif how == CLIENT:
            at = put_client(out, at, buf, first, last, places[3 * m.F_REALM], places[3 * m.F_REALM + 1])
        elif how == TEXTS or how == ADDRESSES or how == NUMBERS:
            at = put_list(out, at, buf, start, end, field, how, times)
        else:
            at = put_plain(out, at, buf, first, last, TEXT if how == TEXT_ORIG or how == TEXT_RESP else how)
    return at, count


@kernel()
def put_common(out, at, r, source):  # type: ignore[no-untyped-def]
    """Write what every message has, but for its kind and the key of the first."""
    at = put_signed(out, at, r.ts)
    at = put_uid(out, put_piece(out, at, _COMMONS[1], _COMMON_ENDS[1]), r.uid)
    at = put_address(out, put_piece(out, at, _COMMONS[2], _COMMON_ENDS[2]), r.orig_hi, r.orig_lo)
    at = put_signed(out, put_piece(out, at, _COMMONS[3], _COMMON_ENDS[3]), np.int64(r.orig_p))
    at = put_address(out, put_piece(out, at, _COMMONS[4], _COMMON_ENDS[4]), r.resp_hi, r.resp_lo)
    at = put_signed(out, put_piece(out, at, _COMMONS[5], _COMMON_ENDS[5]), np.int64(r.resp_p))
    at = put_signed(out, put_piece(out, at, _COMMONS[6], _COMMON_ENDS[6]), np.int64(r.proto))
    at = put_signed(out, put_piece(out, at, _COMMONS[7], _COMMON_ENDS[7]), source)
    return put_signed(out, put_piece(out, at, _COMMONS[8], _COMMON_ENDS[8]), r.offset)


@kernel(rows(m.META), rows(np.uint8), "int64", "int64", rows(np.uint8), rows(np.int64), rows(np.int64))
def pack(metas, arena, source, i, out, ends, places):  # type: ignore[no-untyped-def]
    """Write messages from row `i` on, until the rows end or there might be no room for another.

    Args:
        metas: Rows, dtype META.
        arena: Bytes that the rows point into, uint8.
        source: Number of the input.
        i: First row.
        out: Where to write, uint8.
        ends: Where each row's message ends in `out`, int64; a row of another kind adds nothing.
        places: Room for 3 * FIELDS_MAX words, int64.

    Returns:
        The first row that was not written.
    """
    room, n, size = len(out), len(metas), np.int64(len(arena))
    meta, buf, target, words = borrow(metas), borrow(arena), borrow(out), borrow(places)
    at = 0
    while i < n:
        r = meta_row(meta, i)
        kind, start = np.int64(r.kind), np.int64(r.at)
        end = start + np.int64(min(np.int64(r.len), _LONGEST, size - start))
        if kind < KINDS_MAX and _LASTS[kind] > _FIRSTS[kind]:
            if at + GROWTH * (end - start) + FIXED_BYTES > room:
                break
            head = at
            at = put_common(target, put_piece(target, at, _HEADS[kind], _HEAD_ENDS[kind]), r, source)
            at, count = put_fields(target, at, buf, start, end, kind, np.int64(r.is_orig), words)
            put_big(target, head + 1, np.uint64(count + COMMON_COUNT), 2)
        ends[i] = at
        i += 1
    return i
