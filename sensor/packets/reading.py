"""The one door from the flow table to the parsers: reads one message of a payload, whatever it is.

It is an entry called by address, so that the flow table's kernel does not hold every parser too.
"""

import numpy as np

from baselines._jit import be16, be32, caller, entry, kernel, le16
from sensor.model.flow import TCP
from sensor.model.metadata import K_HTTP_REQUEST, K_HTTP_RESPONSE, K_NONE, K_NTLM, NEED_MORE, NOT_THIS
from sensor.packets.identify import identify_tcp, identify_udp, name_of, print_of, read_message
from sensor.packets.ntlm import scan
from sensor.packets.tlv import BYTES, INT, INTS

READ, READ_LOGIN = 0, 1
"""Modes: the message the payload begins with; an NTLM message anywhere in it."""
R_END, R_WHOLE, R_KIND, R_NAME, R_NAME_BYTES, R_PRINT, R_PRINT_BYTES, R_LOGIN, R_COUNT = range(9)
"""Words of a result: end of the fields in the arena (or NOT_THIS, NEED_MORE), whether nothing was missing, kind, where
the main name and the fingerprint's text lie, whether an NTLM message is to be looked for as well."""

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


@entry(*_ARGUMENTS)
def read_payload(mode, source, pos, cap_end, wire_end, proto, low_port, high_port, arena, at, result):  # type: ignore[no-untyped-def]
    """Read a payload.

    Args:
        mode: READ or READ_LOGIN.
        source: Borrowed bytes; [pos, cap_end) exist, [cap_end, wire_end) were not captured.
        proto: IP protocol number.
        low_port: One endpoint's port.
        high_port: The other's.
        arena: Borrowed bytes with META_MAX_BYTES of room at `at`.
        at: Where to write the fields.
        result: R_COUNT words.
    """
    for k in range(R_COUNT):
        result[k] = 0
    result[R_END] = NOT_THIS
    kind = K_NTLM
    if mode == READ:
        if proto == TCP:
            kind = identify_tcp(source, pos, cap_end, wire_end, low_port, high_port)
        else:
            kind = identify_udp(source, pos, cap_end, wire_end, low_port, high_port)
        if kind == K_NONE:
            if proto != TCP or not may_hold_ntlm(source, pos, cap_end):
                return
            kind = K_NTLM
    if kind == K_NTLM:
        pos = scan(source, pos, cap_end)
        if pos < 0:
            return
        wire_end += 1
    end, whole, kind = read_message(kind, source, pos, cap_end, wire_end, proto, arena, at)
    if end <= at:
        result[R_END] = NEED_MORE if end == NEED_MORE and kind != K_NTLM else NOT_THIS
        return
    result[R_END], result[R_WHOLE], result[R_KIND] = end, whole, kind
    result[R_NAME], result[R_NAME_BYTES] = name_of(kind, arena, at, end)
    result[R_PRINT], result[R_PRINT_BYTES] = print_of(kind, arena, at, end)
    if kind == K_HTTP_RESPONSE:
        result[R_LOGIN] = np.int64(asks_login(source, pos, cap_end))
    elif kind == K_HTTP_REQUEST:
        result[R_LOGIN] = 1
