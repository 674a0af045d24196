"""Documents in the Elastic Common Schema: Elastic's endpoint agent, Auditbeat, Packetbeat, and what else writes it.

Read by `event.category`: authentication and session are a `logon`, network with both ends a `connection`, process,
file, iam (`admin`), email; a name asked for and all else are `other`. Fields may be nested or flattened (`source.ip`).
https://www.elastic.co/docs/reference/ecs

Documents that another product's record was made into (`event.module` names it, `event.original` holds it, `winlog`) are
left to that product's source. In ECS `source` opened the connection. The address of an event is the host's own for a
connection, where the user came from for a logon; `device_name` is the machine at that address, `detail.target` the host
logged on to where that is another.
"""

from sensor.model.event import Event
from sensor.model.protocols import AnyMessage
from sensor.wire.details import present
from sensor.wire.fields import Fields
from sensor.wire.host_inventory import addresses, initiated, inventory
from sensor.wire.windows_events import account, label

_MODULES = frozenset(
    {
        *("endpoint", "system", "auditd", "auditd_manager", "auditbeat", "file_integrity", "fim", "network_traffic"),
        *("packetbeat", "sessionview", "cloud_defend", "process", "socket", "login", "flow", "linux", "macos"),
    }
)
"""Modules and integrations of Elastic's that observe a host or its traffic themselves."""
_OTHERS = frozenset(
    {
        *(
            "aws",
            "azure",
            "cisco",
            "cisco_duo",
            "duo",
            "gcp",
            "google_workspace",
            "gsuite",
            "m365_defender",
            "microsoft",
        ),
        *("netflow", "o365", "okta", "osquery", "panw", "squid", "suricata", "zeek", "zscaler", "cef", "crowdstrike"),
        *("sophos", "fortinet", "checkpoint", "auth0", "onelogin", "ping_one", "github", "jamf", "winlog"),
    }
)
"""Objects in which Elastic keeps what a product said beyond ECS: the document is that product's."""
_ENDS = frozenset(
    {
        *("disconnect_received", "socket_closed", "connection_closed", "log_off", "end", "user_logout"),
        *("process_stopped", "ended-session", "logged-out"),
    }
)
"""Of Elastic's endpoint and of Auditbeat's system and auditd modules."""
_LOGINS = frozenset({"log_on", "log_off", "user_login", "user_logout", "ssh_login"})
"""For documents from before ECS had categories."""
_KINDS = (("iam", "admin"), ("file", "file"), ("email", "email"))
_ANSWERS_MAX = 64
"""Answers kept of one name."""


def claims(record: Fields) -> bool:
    """Tell whether this is an ECS document of no other product."""
    if not record.has("@timestamp") or not any(record.has(path) for path in _SIGNS):
        return False
    module = _module(record)
    if module is not None:
        return module == "endpoint" or (module in _MODULES and label(record) is None)
    if record.has("event.original") or any(record.has(name) for name in _OTHERS):
        return False
    return record.has("ecs.version") or any(record.has(path) for path in _SUBJECTS)


_SIGNS = ("event.category", "event.kind", "event.dataset", "event.action", "data_stream.dataset", "ecs.version")
_SUBJECTS = ("source.ip", "destination.ip", "user.name", "process.name", "process.executable", "host.id")


def read(record: Fields) -> list[Event | AnyMessage]:
    """Read a document. Raises Malformed: `missing_time`, `bad_time`."""
    categories = {text.lower() for text in record.texts("event.category")}
    action = (record.text("event.action") or "").lower()
    if categories & {"authentication", "session"} or action in _LOGINS:
        return [_logon(record)]
    if record.has("dns.question.name"):
        return [_name_query(record)]
    if _is_flow(record, categories):
        return [_connection(record)]
    if "process" in categories:
        return [_process(record)]
    kind = next((kind for category, kind in _KINDS if category in categories), "other")
    return [_event(record, kind, ip=_source(record), object=record.text(*_OBJECTS), detail=_details(record, kind))]


_OBJECTS = ("file.path", "user.target.name", "group.name", "registry.path", "email.subject", "url.full", "dll.path")


def _module(record: Fields) -> str | None:
    module = record.text("event.module")
    if module is None:
        module = (record.text("event.dataset", "data_stream.dataset") or "").partition(".")[0]
    return module.lower() or None


def _is_flow(record: Fields, categories: set[str]) -> bool:
    if not record.has("source.ip", "destination.ip"):
        return False
    return bool(categories & {"network", "network_traffic"}) or record.has("destination.port", "network.transport")


def _event(record: Fields, kind: str, **more: object) -> Event:
    outcome = (record.text("event.outcome") or "").lower()
    own_id, host_id = record.text("event.id", "_id"), record.text("host.id", "agent.id")
    host_name = record.text("host.name", "host.hostname", "agent.hostname", "agent.name")
    values: dict[str, object] = {"device_id": host_id, "device_name": host_name, **more}
    if values["device_name"] == host_name:
        values["detail"] = {**inventory(record), **values["detail"]}  # type: ignore[dict-item]
    return Event(
        ts=record.time("@timestamp"),
        source="ecs",
        kind=kind,
        action=record.text("event.action", "event.type", "event.dataset", "event.category") or "unknown",
        outcome=outcome if outcome in {"success", "failure"} else "unknown",
        reason=record.text("event.reason", "error.message"),
        account=_account(record),
        account_id=record.text("user.id"),
        user_agent=record.text("user_agent.original"),
        raw_id=None if own_id is None else f"{host_id}/{own_id}",
        **values,  # type: ignore[arg-type] # each caller gives fields of Event
    )


def _account(record: Fields) -> str | None:
    name, domain, sid = record.text("user.name", "user.email"), record.text("user.domain"), record.text("user.id")
    return account(name, domain, sid)


def _source(record: Fields) -> str | None:
    return record.address("source.ip", "client.ip", "source.address", "client.address")[0]


def _logon(record: Fields) -> Event:
    """Read a logon: the host's own device is named only where the user came from nowhere else."""
    ip = _source(record) or record.address("process.Ext.session_info.client_address", "host.session.client_address")[0]
    is_remote = ip is not None and ip not in addresses(record) and ip != "::1" and not ip.startswith("127.")
    where = {"device_id": None, "device_name": record.text("source.domain")} if is_remote else {}
    return _event(
        record,
        "logon",
        ip=ip,
        port=record.port("source.port", "client.port"),
        **where,
        detail=present(
            logon_type=record.text(
                "process.Ext.session_info.logon_type", "winlog.logon.type", "system.auth.ssh.method"
            ),
            package=record.text("process.Ext.session_info.authentication_package"),
            target=record.text("host.name", "host.hostname", "agent.hostname", "agent.name"),
            process=record.text("process.executable", "process.name"),
            ended=_ended(record),
        ),
    )


def _ended(record: Fields) -> bool | None:
    return True if (record.text("event.action") or "").lower() in _ENDS else None


def _connection(record: Fields) -> Event:
    orig, resp = record.address("source.ip")[0], record.address("destination.ip")[0]
    is_own = initiated(record)
    bytes_of = [record.number(f"{end}.bytes") for end in ("source", "destination")]
    return _event(
        record,
        "connection",
        ip=resp if is_own is False else orig,
        detail=present(
            orig_h=orig,
            orig_p=record.port("source.port"),
            resp_h=resp,
            resp_p=record.port("destination.port"),
            proto=_protocol(record),
            process=record.text("process.executable", "process.name"),
            pid=record.number("process.pid"),
            initiated=is_own,
            orig_bytes=bytes_of[0],
            resp_bytes=bytes_of[1],
            resp_name=record.text("destination.domain"),
            ended=_ended(record),
        ),
    )


def _protocol(record: Fields) -> str | None:
    name = (record.text("network.transport") or "").lower()
    return "icmp" if name in {"ipv6-icmp", "icmpv6"} else name or None


def _name_query(record: Fields) -> Event:
    answers = record.texts("dns.resolved_ip") or [one.text("data") or "" for one in record.each("dns.answers")]
    return _event(
        record,
        "other",
        ip=_source(record),
        object=record.text("dns.question.name"),
        detail=present(
            query=record.text("dns.question.name"),
            answers=[one for one in answers[:_ANSWERS_MAX] if one],
            process=record.text("process.executable", "process.name"),
            pid=record.number("process.pid"),
        ),
    )


def _process(record: Fields) -> Event:
    return _event(
        record,
        "process",
        object=record.text("process.executable", "process.name"),
        detail=present(
            process=record.text("process.executable", "process.name"),
            command_line=record.text("process.command_line") or " ".join(record.texts("process.args")),
            parent=record.text("process.parent.executable", "process.parent.name"),
            pid=record.number("process.pid"),
            ended=_ended(record),
        ),
    )


def _details(record: Fields, kind: str) -> dict[str, object]:
    if kind == "file":
        return present(
            file=record.text("file.path"),
            folder=record.text("file.directory"),
            process=record.text("process.executable", "process.name"),
            pid=record.number("process.pid"),
        )
    if kind == "email":
        return present(
            message_id=record.text("email.message_id"),
            sender=next(iter(record.texts("email.from.address")), "").lower(),
            recipients=[one.lower() for one in record.texts("email.to.address")],
            subject=record.text("email.subject"),
            direction=record.text("email.direction"),
            sender_ip=_source(record),
        )
    if kind == "admin":
        return present(targets=record.texts("user.target.name") + record.texts("group.name"))
    return present(process=record.text("process.executable", "process.name"), pid=record.number("process.pid"))
