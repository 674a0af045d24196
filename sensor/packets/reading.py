"""The one door from the flow table to the parsers: reads one message of a payload, whatever it is.

It is an entry called by address, so that the flow table's kernel does not hold every parser too. What no kernel parses
is handed over: its beginning is copied, for a parser in Python (`sensor.packets.conversations`).
"""

import numpy as np

from baselines._jit import be16, be32, caller, entry, kernel, le16
from sensor.model.flow import TCP, UDP
from sensor.model.metadata import (
    F_COUNT,
    F_PAYLOAD,
    K_DNS,
    K_HTTP_REQUEST,
    K_HTTP_RESPONSE,
    K_NAME,
    K_NONE,
    K_NTLM,
    K_QUIC,
    NEED_MORE,
    NOT_THIS,
)
from sensor.packets.claims import claim_echo, claim_tcp, claim_udp, names_itself, wanted
from sensor.packets.identify import identify_tcp, identify_udp, name_of, print_of, read_message
from sensor.packets.ntlm import scan
from sensor.packets.sameness import PLACES, likes, sameness
from sensor.packets.tlv import BYTES, INT, INTS, put_bytes, put_number

READ, READ_LOGIN, READ_NAME = 0, 1, 2
"""Modes: the message the payload begins with; an NTLM message anywhere in it; a host's own name in a DNS message."""
R_END, R_WHOLE, R_KIND, R_NAME, R_NAME_BYTES, R_PRINT, R_PRINT_BYTES, R_AGAIN, R_WORDS = range(9)
"""Words of a result: end of the fields in the arena (or NOT_THIS, NEED_MORE), whether nothing was missing, kind, where
the main name and the fingerprint's text lie, and the mode in which the payload is to be read once more (or 0). A kind
with an end where the arena began: the payload is of that kind and says nothing more."""
R_END_ID, R_TS, R_KNOWN, R_MEMORY = range(R_WORDS, R_WORDS + 4)
"""Words that the caller sets: a number of the flow's end that sent the payload, the packet's time, the flow's kind so
far. From R_MEMORY on lies the memory of `sameness`."""
R_COUNT = R_MEMORY + 2 * PLACES
PAYLOAD_MAX = 2048
"""Bytes handed over of a payload: any datagram or segment of an Ethernet; of joined segments (offload) the first."""

_ARGUMENTS = (INT, BYTES, INT, INT, INT, INT, INT, INT, BYTES, INT, INTS)
call_reader = caller(*_ARGUMENTS)


@kernel(pin=(BYTES, INT, INT))
def may_hold_ntlm(source, pos, cap_end):  # type: ignore[no-untyped-def]
    """Tell whether a payload is of a kind that carries NTLM: SMB session set-up, DCE-RPC bind or auth3, LDAP."""
    if cap_end - pos < 32:
        return False
    word = be32(source, pos + 4)
    if word == 0xFE534D42:  # SMB2 (MS-SMB2 §2.2.1): SESSION_SETUP
        return le16(source, pos + 16) == 1
    if word == 0xFF534D42:  # SMB1: SMB_COM_SESSION_SETUP_ANDX
        return source[pos + 8] == 0x73
    if be16(source, pos) == 0x0500:  # DCE-RPC 1.1: bind, bind_ack, alter context and its answer, auth3
        kind = source[pos + 2]
        return 11 <= kind <= 12 or 14 <= kind <= 16
    return source[pos] == 0x30 and source[pos + 1] >= 0x80  # LDAP in its usual long form


@kernel(pin=(BYTES, INT, INT))
def asks_login(source, pos, cap_end):  # type: ignore[no-untyped-def]
    """Tell whether an HTTP response is 401 or 407: only then do messages of its connection carry NTLM (RFC 4559)."""
    if cap_end - pos < 13:
        return False
    code = be32(source, pos + 8) & 0xFFFFFF
    return code == 0x343031 or code == 0x343037


@kernel(pin=(INT, BYTES, INT, INT, INT, BYTES, INT, INTS))
def hand_over(kind, source, pos, cap_end, wire_end, arena, at, result):  # type: ignore[no-untyped-def]
    """Copy a payload's beginning into the arena, unless it says what was said lately."""
    result[R_KIND], result[R_END] = kind, at
    number = sameness(kind, source, pos, cap_end, result[R_END_ID])
    count = 1
    if number:
        count = likes(result, R_MEMORY, number, result[R_TS])
        if count == 0:
            return
    end = min(cap_end, pos + PAYLOAD_MAX)
    at = put_bytes(arena, at, at + PAYLOAD_MAX + 16, F_PAYLOAD, source, pos, end)
    if count > 1:
        at = put_number(arena, at, at + 16, F_COUNT, count, 4)
    result[R_END], result[R_WHOLE] = at, np.int64(end == wire_end)


@kernel(pin=(BYTES, INT, INT, INT, INT, INT, INT, BYTES, INT, INTS))
def read_claimed(source, pos, cap_end, wire_end, proto, low_port, high_port, arena, at, result):  # type: ignore[no-untyped-def]
    """Hand a payload that no kernel parses over, or look for an NTLM message in it."""
    if proto == TCP:
        kind = claim_tcp(source, pos, cap_end, wire_end, low_port, high_port, result[R_KNOWN])
        if may_hold_ntlm(source, pos, cap_end):
            result[R_AGAIN] = READ_LOGIN
    elif proto == UDP:
        kind = claim_udp(source, pos, cap_end, wire_end, low_port, high_port)
    else:
        kind = claim_echo(source, pos, cap_end, proto, low_port, high_port)
    if kind == K_NONE:
        return
    if wanted(kind, source, pos, cap_end):
        hand_over(kind, source, pos, cap_end, wire_end, arena, at, result)
    else:
        result[R_KIND], result[R_END] = kind, at


@entry(*_ARGUMENTS)
def read_payload(mode, source, pos, cap_end, wire_end, proto, low_port, high_port, arena, at, result):  # type: ignore[no-untyped-def]
    """Read a payload.

    Args:
        mode: READ, READ_LOGIN or READ_NAME.
        source: Borrowed bytes; [pos, cap_end) exist, [cap_end, wire_end) were not captured.
        proto: IP protocol number.
        low_port: One endpoint's port.
        high_port: The other's. Of ICMPv6 these are Zeek's: type and counterpart.
        arena: Borrowed bytes with META_MAX_BYTES of room at `at`.
        at: Where to write the fields.
        result: R_COUNT words.
    """
    for k in range(R_WORDS):
        result[k] = 0
    result[R_END] = NOT_THIS
    if mode == READ_NAME:
        hand_over(K_NAME, source, pos, cap_end, wire_end, arena, at, result)
        return
    kind = K_NTLM
    if mode == READ:
        kind = K_NONE
        known = result[R_KNOWN]
        if proto == TCP:
            # What goes on in a conversation that is handed over may look like HTTP: words of mail and file transfer,
            # a directory's texts, for whose end of line each segment would be searched. Only TLS may follow.
            if known < K_QUIC or source[pos] == 22:
                kind = identify_tcp(source, pos, cap_end, wire_end, low_port, high_port)
        elif proto == UDP:
            kind = identify_udp(source, pos, cap_end, wire_end, low_port, high_port)
        if kind == K_NONE:
            read_claimed(source, pos, cap_end, wire_end, proto, low_port, high_port, arena, at, result)
            return
    if kind == K_NTLM:
        start = scan(source, pos, cap_end)
        if start < 0:
            return
        pos = start
        wire_end += 1
    end, whole, kind = read_message(kind, source, pos, cap_end, wire_end, proto, arena, at)
    if end <= at:
        if end == NEED_MORE and kind != K_NTLM:
            result[R_END] = NEED_MORE
        elif mode == READ:
            read_claimed(source, pos, cap_end, wire_end, proto, low_port, high_port, arena, at, result)
        return
    result[R_END], result[R_WHOLE], result[R_KIND] = end, whole, kind
    result[R_NAME], result[R_NAME_BYTES] = name_of(kind, arena, at, end)
    result[R_PRINT], result[R_PRINT_BYTES] = print_of(kind, arena, at, end)
    if kind == K_HTTP_RESPONSE:
        result[R_AGAIN] = READ_LOGIN if asks_login(source, pos, cap_end) else 0
    elif kind == K_HTTP_REQUEST:
        result[R_AGAIN] = READ_LOGIN
    elif kind == K_DNS and proto == UDP and names_itself(source, pos, cap_end, low_port, high_port):
        result[R_AGAIN] = READ_NAME
