"""Squid's access.log: which client asked the proxy for which host.

Read: the native format (`time elapsed client result/status bytes method URL user hierarchy/peer type`), and the common
and combined formats with Squid's result behind them (https://wiki.squid-cache.org/Features/LogFormat). An event is a
`connection` whose other end is the host that was asked for (`resp_name`), by CONNECT or by URL: the proxy is only the
way there. The native time is when the request ended; the event's is when it began.
"""

import re
from urllib.parse import urlsplit

from sensor.model.accounts import fold
from sensor.model.event import Event
from sensor.model.times import SECOND_NS
from sensor.wire.details import present
from sensor.wire.event_times import read_time
from sensor.wire.fields import Fields, read_address

SOURCE = "squid"
_RESULT = r"((?:TCP|UDP|NONE|ERR)[A-Z_]{0,64})"
_NATIVE = re.compile(
    rf"\s*(\d{{9,10}}\.\d{{1,6}})\s+(-?\d{{1,12}})\s+(\S{{1,255}})\s+{_RESULT}/(\d{{1,3}})\s+(-?\d{{1,19}})\s+(\S{{1,32}})\s+"
    r"(\S{1,16384})\s+(\S{1,255})\s+([A-Z_]{1,64})/(\S{1,255})(?:\s+(\S{1,255}))?"
)
_COMMON = re.compile(
    r"(\S{1,255}) \S{1,255} (\S{1,255}) \[([^\]]{1,64})\] \"(\S{1,32}) (\S{1,16384}) \S{1,16}\" (\d{1,3}) (\d{1,19}|-)"
    rf"(?: \"[^\"]{{0,4096}}\" \"([^\"]{{0,1024}})\")? {_RESULT}:([A-Z_]{{1,64}})"
)
_REFUSED = frozenset({401, 403, 407})
"""Statuses by which a proxy refuses (RFC 9110 §15.5)."""
_PORTS = {"https": 443, "http": 80, "ftp": 21}


def claims(record: Fields) -> bool:
    """Tell whether a line is an access log's with Squid's result codes."""
    text = record.text("message")
    return text is not None and (_NATIVE.match(text) is not None or _COMMON.match(text) is not None)


def read(record: Fields) -> list[Event]:
    """Read one line. Raises Malformed: `bad_time`."""
    text = record.text("message") or ""
    native = _NATIVE.match(text)
    if native:
        peer = read_address(native[11])[0]
        return [
            _event(
                read_time(native[1]),
                (native[3], native[9]),
                (native[7], native[8]),
                (native[4], native[5]),
                {
                    "resp_bytes": native[6],
                    "resp_h": peer if native[10].endswith("DIRECT") else None,
                    "took": native[2],
                },
            )
        ]
    common = _COMMON.match(text)
    if common is None:
        return []
    return [
        _event(
            read_time(common[3]),
            (common[1], common[2]),
            (common[4], common[5]),
            (common[9], common[6]),
            {
                "resp_bytes": common[7],
                "agent": common[8],
            },
        )
    ]


def _event(
    ts: int, who: tuple[str, str], asked: tuple[str, str], came: tuple[str, str], more: dict[str, str | None]
) -> Event:
    status = int(came[1])
    refused = "DENIED" in came[0] or status in _REFUSED
    client = read_address(who[0])[0]
    name, port = asked_host(*asked)
    sent, took = more.get("resp_bytes") or "", more.get("took") or "0"
    return Event(
        ts=ts - max(0, int(took)) * (SECOND_NS // 1000),
        source=SOURCE,
        kind="connection",
        action=asked[0],
        outcome="failure" if refused else "success",
        reason_code=came[1],
        reason=came[0],
        account=fold(who[1]),
        ip=client,
        user_agent=more.get("agent") or None,
        object=asked[1],
        detail=present(
            orig_h=client,
            resp_h=more.get("resp_h"),
            resp_p=port,
            resp_name=name,
            proto="tcp",
            resp_bytes=int(sent) if sent.isdigit() else None,
        ),
    )


def asked_host(method: str, target: str) -> tuple[str | None, int | None]:
    """Return the host and port that a proxy was asked for: CONNECT's authority (RFC 9110 §9.3.6), or the URL's."""
    scheme, authority = "https", target
    if method != "CONNECT":
        try:
            parts = urlsplit(target)
        except ValueError:
            return None, None
        scheme, authority = parts.scheme, parts.netloc.rpartition("@")[2]
    host, colon, port = authority.rpartition(":")
    if not colon or not port.isascii() or not port.isdigit() or len(port) > 5 or int(port) > 65_535:
        host, port = authority, ""
    return host.strip("[]").lower().rstrip(".") or None, int(port) if port else _PORTS.get(scheme)
