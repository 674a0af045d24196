"""Gaps in the sequence numbers of export packets: what was sent and did not arrive.

What is counted depends on the version and on who wrote the exporter: records before this packet (v5; IPFIX, RFC 7011
§3.1), packets (v9, RFC 3954 §5.1), or, as softflowd does for IPFIX, records including this packet's; options records
count or do not. So each stream is held to the rules that its packets have not contradicted, once one packet has
followed another by any of them.

A step back is an old packet, which is ignored, or a restart; a leap ahead beyond LEAP is a restart too.
"""

from collections import OrderedDict

import msgspec

REORDERED = 1000
"""Steps back up to this are packets out of order: some 30 packets of 30 records."""
RESTARTED = 5
"""This many steps back in a row are a restart."""
LEAP = 1_000_000
"""More than this is no loss that leaves the stream usable: at 30 records a packet, 30,000 packets in a row."""
_RULES = 5
"""Packets; flow records or all, before or including a packet's own."""
_UINT32, _HALF = 0xFFFF_FFFF, 1 << 31


class _Stream(msgspec.Struct):
    number: int
    flows: int
    records: int
    rules: frozenset[int] = frozenset(range(_RULES))
    confirmed: bool = False
    back: int = 0


class Sequences:
    """The streams of packets there are: an exporter's domain in one version."""

    def __init__(self, streams_max: int) -> None:
        """Start without any; the one longest silent goes when there are more."""
        self._streams: OrderedDict[tuple[str, int, int], _Stream] = OrderedDict()
        self._max = streams_max

    def has_gap(self, key: tuple[str, int, int], number: int, flows: int, options: int = 0) -> bool:
        """Take a packet's sequence number and counts of records; tells whether something is missing before it."""
        records = flows + options
        stream = self._streams.get(key)
        if stream is None:
            self._streams[key] = _Stream(number, flows, records)
            while len(self._streams) > self._max:
                self._streams.popitem(last=False)
            return False
        self._streams.move_to_end(key)
        steps = 1, stream.flows, stream.records, flows, records
        ahead = [_signed(number - stream.number - step) for step in steps]
        fitting = stream.rules & {rule for rule in range(_RULES) if ahead[rule] == 0}
        missing = min(ahead[rule] for rule in stream.rules)
        if not fitting and -REORDERED <= missing < 0 and stream.back < RESTARTED - 1 and stream.confirmed:
            stream.back += 1
            return False
        gap = not fitting and stream.confirmed and 0 < missing <= LEAP
        if fitting:
            stream.rules, stream.confirmed = fitting, True
        stream.number, stream.flows, stream.records, stream.back = number, flows, records, 0
        return gap


def _signed(difference: int) -> int:
    """Read a difference modulo 2³² as the nearer of both ways."""
    return ((difference + _HALF) & _UINT32) - _HALF
