"""SSH identification strings (RFC 4253 §4.2): the software and version each side announces first.

Lines that a server may send before its identification are not looked for.
"""

from baselines._jit import byte, kernel
from sensor.model.metadata import F_BANNER, META_MAX_BYTES, NEED_MORE, NOT_THIS
from sensor.packets.tlv import BYTES, INT, find_byte, put_text

PREFIX = int.from_bytes(b"SSH-", "little")
LINE_MAX = 255
"""RFC 4253 §4.2: the line has at most 255 characters, CR and LF included."""


@kernel(pin=(BYTES, INT, INT, INT, BYTES, INT))
def parse_ssh(buf, pos, cap_end, wire_end, out, at):  # type: ignore[no-untyped-def]
    """Read the identification line that opens one direction.

    Args:
        buf: Bytes of the stream so far, uint8; [pos, cap_end) exist, [cap_end, wire_end) were not captured.
        out: Arena, uint8, with META_MAX_BYTES of room at `at`.

    Returns:
        (position after the fields, 1), or (NOT_THIS or NEED_MORE, 0).
    """
    known = cap_end - pos
    word = 0
    for i in range(min(known, 4)):
        word |= byte(buf, pos + i) ^ (PREFIX >> 8 * i & 255)
    if word:
        return NOT_THIS, 0
    if known < 5:
        return (NEED_MORE if cap_end == wire_end else NOT_THIS), 0
    if buf[pos + 4] != 49 and buf[pos + 4] != 50:  # protocol 1.x, 2.0, or 1.99
        return NOT_THIS, 0
    most = pos + LINE_MAX
    feed = find_byte(buf, pos, min(cap_end, most), 10)
    if feed == min(cap_end, most):
        return (NEED_MORE if feed < most and cap_end == wire_end else NOT_THIS), 0
    return put_text(out, at, at + META_MAX_BYTES, F_BANNER, buf, pos, feed, LINE_MAX), 1
