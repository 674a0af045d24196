"""Cut ISC dhcpd's lease file into leases: `lease ADDRESS { … }`, a statement a line (dhcpd.leases(5), ISC DHCP 4.4).

A lease becomes a record `{"dhcpd_lease": {"address": …, "starts": …, "hardware ethernet": …}}` with those statements as
they stand, quotes taken away. Comments, the file's own statements and blocks of other kinds (IPv6 associations,
failover states) are passed over. Linear in the input, bounded in memory: a lease longer than RECORD_BYTES is refused.
"""

import re
from collections.abc import Iterator

RECORD_BYTES = 1 << 14
"""The longest lease: dhcpd writes some 600 bytes, with options and a client's name of 255."""
_LEASE = re.compile(r"lease ([0-9A-Fa-f.:]{2,45}) \{\s*\Z")
_STATEMENT = re.compile(
    r"(starts|ends|tstp|tsfp|atsfp|cltt|binding state|next binding state|rewind binding state|hardware ethernet|uid"
    r"|client-hostname) (.{0,600}?);"
)
_OWN = re.compile(r"(?:authoring-byte-order|server-duid|failover peer|ia-na|ia-ta|ia-pd) ")

Cut = dict[str, object] | str
"""A record, or the reason why there is none: record_too_long, cut_short, not_a_record."""


def looks_so(head: str) -> bool:
    """Tell whether a file that begins so is a lease file: its first line that is no comment is a lease's or dhcpd's."""
    first = next((line.strip() for line in head.splitlines() if line.strip() and not line.startswith("#")), "")
    return bool(_LEASE.match(first) or _OWN.match(first))


def leases(lines: Iterator[str]) -> Iterator[Cut]:
    """Return every lease in order.

    Args:
        lines: Of the file, with or without their ends.
    """
    held: dict[str, object] | None = None
    size = depth = 0
    for raw in lines:
        line = raw.strip()
        if held is None:
            found = _LEASE.match(line) if not depth else None
            if found is not None:
                held, size = {"address": found[1]}, 0
            elif depth or line.endswith("{"):  # a block of another kind
                depth = max(0, depth + line.count("{") - line.count("}"))
            elif line and not line.startswith("#") and not _OWN.match(line):
                yield "not_a_record"
            continue
        size += len(raw)
        if _LEASE.match(line):  # the one before was cut
            yield "cut_short"
            held, size = {"address": _LEASE.sub(r"\1", line)}, 0
        elif line == "}":
            yield "record_too_long" if size > RECORD_BYTES else {"dhcpd_lease": held}
            held = None
        elif size <= RECORD_BYTES and (statement := _STATEMENT.match(line)) is not None:
            held[statement[1]] = statement[2].strip().strip('"')
    if held is not None:
        yield "cut_short"
