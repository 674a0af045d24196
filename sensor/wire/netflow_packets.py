"""Export packets of NetFlow v5, v9 (RFC 3954) and IPFIX (RFC 7011), guarded, through the library netflume.

An exporter is an address and a port, as RFC 7011 §8 scopes templates by transport session, and its templates are kept
by observation domain. A sender over UDP can be forged, so that everything kept has a bound and what is used least goes
first. A template is refused where it could make a packet expensive or its records empty: more than FIELDS_MAX fields,
or a field of no length; what was held under its id is forgotten, since records in the new form follow.

Does not wait for templates: records that come before theirs are refused (`no_template`). Sampled counts stay as sent.
"""

import struct
from collections import Counter, OrderedDict
from collections.abc import Mapping
from typing import NamedTuple

from netflume import TemplateStore, parse_v5, parse_v9_or_ipfix

from sensor.errors import Malformed
from sensor.wire.netflow_sequence import Sequences

TEMPLATES_MAX = 1024
"""Templates and sequences kept: a hundred exporters of ten templates each, as a site with many routers has."""
FIELDS_MAX = 128
"""Fields a template: the longest known (nProbe's, Cisco's AVC) have about half as many."""
FIRST_TEMPLATE = 256
"""Lower set ids are reserved (RFC 7011 §3.3.2, RFC 3954 §5.2)."""
_MS = 1_000_000
_UINT32 = 0xFFFF_FFFF

Field = tuple[str, str, int]
"""Name, kind and length in bytes."""


class Packet(NamedTuple):
    """One export packet."""

    exporter: str
    domain: int
    """Observation domain, source id or engine id."""
    sent_ns: int
    """Export time of the header, ns since 1970."""
    uptime_ms: int | None
    """Time since the exporter started, modulo 2³²; None where it is not known."""
    records: list[dict[str, object]]
    """Flow records by netflume's names; what it has no name for is `ie<id>`, or `e<enterprise>.<id>`."""
    refused: Mapping[str, int]
    """What of the packet was refused, or is missing before it, by reason."""


class Templates(TemplateStore):
    """Templates with bounds."""

    def __init__(self) -> None:
        """Start empty."""
        super().__init__(TEMPLATES_MAX, 1)  # type: ignore[no-untyped-call]  # the library has no annotations
        self.refused = 0

    def put(self, exporter: str, domain: int, tid: int, fields: list[Field], options: bool = False) -> bool:
        """Keep a template, or refuse it; tells whether it is new or has changed."""
        if tid < FIRST_TEMPLATE or len(fields) > FIELDS_MAX or any(length == 0 for _, _, length in fields):
            self.refused += 1
            self.templates.pop((exporter, domain, tid), None)
            return False
        return bool(super().put(exporter, domain, tid, fields, options))  # type: ignore[no-untyped-call]


class Exports:
    """What is known of the exporters, and their packets read by it."""

    def __init__(self) -> None:
        """Start without any template."""
        self.templates = Templates()
        self._sequence = Sequences(TEMPLATES_MAX)
        self._started_ms: OrderedDict[tuple[str, int], int] = OrderedDict()

    def read(self, data: bytes, exporter: str) -> Packet:
        """Read one packet. Raises Malformed: `cut_short`, `bad_version`.

        Packet.refused names `cut_short` (fewer records than declared), `no_template`, `bad_template` and
        `sequence_gap` (one for each gap, whatever its length).
        """
        version = int.from_bytes(data[:2], "big") if len(data) >= 2 else 0
        counts: Counter[str] = Counter()
        refused_before = self.templates.refused
        if version == 5:
            header, records, options = parse_v5(data, exporter, counts)
        elif version in {9, 10}:
            header, records, options = parse_v9_or_ipfix(data, exporter, self.templates, counts)
        else:
            raise Malformed("bad_version")
        if header is None:
            raise Malformed("cut_short")
        domain = int(header["domain"])
        stream = exporter, domain, version
        gap = self._sequence.has_gap(stream, int(header["sequence"]), len(records), len(options))
        refused = {
            "cut_short": counts["truncated"], "no_template": counts["deferred"],
            "bad_template": self.templates.refused - refused_before, "sequence_gap": int(gap),
        }  # fmt: skip
        sent_ns = int(header["unix_secs"]) * 1000 * _MS
        uptime = header["sys_uptime"]
        if version == 5:
            sent_ns += min(struct.unpack_from("!I", data, 12)[0], 999_999_999)
        if version == 10:
            uptime = self._uptime((exporter, domain), sent_ns // _MS, options)
        found = {reason: count for reason, count in refused.items() if count}
        return Packet(exporter, domain, sent_ns, uptime, records, found)

    def _uptime(self, stream: tuple[str, int], sent_ms: int, options: list[dict[str, object]]) -> int | None:
        """IPFIX tells in an options record (systemInitTimeMilliseconds) when the exporter started."""
        for option in options:
            started = option.get("system_init_time_ms")
            if isinstance(started, int):
                self._started_ms[stream] = started
                self._started_ms.move_to_end(stream)
                while len(self._started_ms) > TEMPLATES_MAX:
                    self._started_ms.popitem(last=False)
        known = self._started_ms.get(stream)
        return None if known is None else sent_ms - known & _UINT32
