"""SSH identification lines, read from RFC 4253 §4.2 with a regular expression."""

import re

from sensor.model import metadata as m


def parse_ssh(data, wire):
    """Return (status or 1, fields) of the line that opens a stream."""
    found = re.match(rb"(SSH-[12][^\n]*)\n", data[:255])
    if found:
        return 1, {m.F_BANNER: [found[1].rstrip(b" \t\r")]}
    partial = b"SSH-".startswith(data[:4]) and data[4:5] in (b"", b"1", b"2")
    later = partial and len(data) == wire < 255 and b"\n" not in data[4:]
    return (m.NEED_MORE if later else m.NOT_THIS), {}
