"""Web proxies that log in W3C's extended format or as JSON: Blue Coat (ProxySG), Forefront TMG, Zscaler's feeds.

Columns of `#Fields:` logs: https://www.w3.org/TR/WD-logfile and the vendors' (`c-ip`, `cs-username`, `cs-host`,
`cs-uri-port`, `sc-filter-result`, `s-action` …); their date and time are UTC. Zscaler's NSS and cloud feeds as JSON:
https://help.zscaler.com/zia/nss-feed-output-format-web-logs (`login`, `cip` or `clientip`, `host` …). An event is a
`connection` to the host that was asked for. A web server's log (IIS) has the same form and is not claimed: it lacks the
columns of a proxy's verdict.
"""

from sensor.errors import Malformed
from sensor.model.accounts import fold
from sensor.model.event import Event
from sensor.wire.details import present
from sensor.wire.event_times import read_time
from sensor.wire.fields import Fields

SOURCE = "w3c_proxy"
PROXY_COLUMNS = (
    *("s-action", "sc-filter-result", "cs-categories", "cs-uri-port", "s-supplier-name", "cs-uri-scheme", "r-host"),
    *("x-virus-id", "x-bluecoat-application-name", "r-ip", "cs-auth-group"),
)
"""Columns that a web server's own log has not."""
_DENIED = ("denied", "blocked", "block", "failed", "reset")
_PORTS = {"https": 443, "http": 80, "ftp": 21, "ssl": 443}


def claims(record: Fields) -> bool:
    """Tell whether a record is a web proxy's."""
    if record.has("c-ip") and (record.has("cs-host") or record.has("cs-uri-host") or record.has("r-host")):
        return any(record.has(name) for name in PROXY_COLUMNS) and not record.has("s-sitename")
    return _is_zscaler(record)


def _is_zscaler(record: Fields) -> bool:
    if (record.text("sourcetype") or "").startswith("zscalernss-web"):
        return True
    return (record.text("vendor") or "").lower() == "zscaler" and record.has("url", "action")


def read(record: Fields) -> list[Event]:
    """Read one record. Raises Malformed: `missing_time`, `bad_time`, `no_address`."""
    if _is_zscaler(record):
        return _zscaler(record.part("event") or record)
    scheme = (record.text("cs-uri-scheme", "cs-protocol") or "").lower()
    port = record.port("cs-uri-port", "r-port") or _PORTS.get(scheme)
    said = record.text("sc-filter-result", "s-action", "action") or ""
    return [
        _event(
            record,
            ts=_time(record),
            action=record.text("cs-method", "s-operation") or "request",
            account=record.text("cs-username", "cs-userdn"),
            client="c-ip",
            said=said,
            status=record.text("sc-status"),
            host=record.text("cs-host", "cs-uri-host", "r-host"),
            port=port,
            url=record.text("cs-uri", "c-uri", "cs-uri-path"),
            agent=record.text("cs(User-Agent)", "c-agent"),
        )
    ]


def _time(record: Fields) -> int:
    date, time = record.text("date"), record.text("time")
    if date and time:
        return read_time(f"{date.strip()} {time.strip()}")
    return record.time("gmttime", "x-timestamp", "timestamp", "localtime")


def _zscaler(record: Fields) -> list[Event]:
    login = record.text("login", "user")
    host = record.text("host", "hostname")
    return [
        _event(
            record,
            ts=record.time("epochtime", "datetime", "time", "timestamp"),
            action=record.text("reqmethod", "requestmethod") or "request",
            account=login if login and "@" in login else None,
            client="cip cintip clientip client_public_ip",
            said=record.text("action") or "",
            status=record.text("respcode", "status"),
            host=host,
            port=_PORTS.get((record.text("proto", "protocol") or "").lower()),
            url=record.text("url"),
            agent=record.text("ua", "useragent"),
        )
    ]


def _event(
    record: Fields, *, ts: int, action: str, account: str | None, client: str, said: str, status: str | None,
    host: str | None, port: int | None, url: str | None, agent: str | None,
) -> Event:  # fmt: skip
    ip = record.address(*client.split())[0]
    refused = any(word in said.lower() for word in _DENIED) or status in {"401", "403", "407"}
    if not host and not ip:
        raise Malformed("no_address")
    return Event(
        ts=ts,
        source=SOURCE,
        kind="connection",
        action=action,
        outcome="failure" if refused else "success",
        reason_code=status,
        reason=said or None,
        account=fold(account),
        ip=ip,
        user_agent=agent.replace("+", " ") if agent else None,
        object=url,
        detail=present(
            orig_h=ip,
            resp_h=record.address("r-ip", "s-supplier-ip", "sip", "serverip")[0],
            resp_p=port,
            resp_name=host.lower().partition(":")[0] if host and "[" not in host else host,
            proto="tcp",
            orig_bytes=record.number("cs-bytes", "reqsize", "requestsize"),
            resp_bytes=record.number("sc-bytes", "respsize", "responsesize"),
        ),
    )
