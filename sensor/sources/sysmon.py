r"""Sysmon: which process of whom made a connection, asked for a name, was started, wrote a file.

Read: Sysmon for Windows and for Linux (`Linux-Sysmon/Operational`), schemas 3 to 4.9, in every form of
`sensor.wire.windows_events`. Event 3 is a `connection`, 1 and 5 a `process`, 2, 11, 15, 23, 26 to 29 a `file`; DNS
(22), images, registry, pipes, WMI and whatever comes later are `other`.
https://learn.microsoft.com/en-us/sysinternals/downloads/sysmon#events

The time is `UtcTime`, when it happened; the event's own is a second or two later. In event 3 `Source` is who opened the
connection, also where `Initiated` is false; `ip` is the machine's own address. The system's accounts are nobody.

Not told: bytes of a connection, which Sysmon does not count; the outcome: what Sysmon logs was done.
"""

from sensor.model.event import Event
from sensor.model.protocols import AnyMessage
from sensor.wire.details import present
from sensor.wire.fields import Fields, read_address
from sensor.wire.host_inventory import initiated
from sensor.wire.windows_events import Label, WindowsEvent, account, events, label

_FILES = frozenset({2, 11, 15, 23, 26, 27, 28, 29})
"""Time of creation changed, created, stream created, deleted (kept or not), blocked, shredding, executable seen."""
_OBJECTS = (
    *("TargetFilename", "QueryName", "ImageLoaded", "TargetObject", "PipeName", "TargetImage", "Device", "Destination"),
    *("Configuration", "Name"),
)
"""What each kind of event was about."""


def claims(record: Fields) -> bool:
    """Tell whether this is an event of Sysmon's log."""
    what = label(record)
    return what is not None and _is_sysmon(what)


def read(record: Fields) -> list[Event | AnyMessage]:
    """Read an event of Sysmon. Raises Malformed: `no_windows_event`, `missing_time`, `bad_time`."""
    return [_read(event) for event in events(record) if _is_sysmon(event.label)]


def _is_sysmon(what: Label) -> bool:
    return "sysmon" in what.provider or what.channel.endswith("sysmon/operational")


def _read(event: WindowsEvent) -> Event:
    number = event.label.event_id
    if number == 3:
        return _connection(event)
    if number in {1, 5}:
        return _process(event)
    kind = "file" if number in _FILES else "other"
    file = event.text("TargetFilename") if kind == "file" else None
    return _event(
        event,
        kind,
        detail=present(
            process=event.text("Image", "SourceImage"),
            pid=event.number("ProcessId", "SourceProcessId"),
            file=file,
            folder=_folder(file),
            query=event.text("QueryName"),
            answers=_answers(event.text("QueryResults")),
        ),
        object=event.text(*_OBJECTS),
    )


def _event(event: WindowsEvent, kind: str, detail: dict[str, object], **more: object) -> Event:
    when = event.data.value("UtcTime")
    device_id, known = event.host()
    return Event(
        ts=event.ts if when is None else event.data.time("UtcTime"),
        source="sysmon",
        kind=kind,
        action=str(event.label.event_id),
        account=_account(event),
        device_name=event.computer,
        device_id=device_id,
        detail={**known, **detail},
        raw_id=event.raw_id,
        **more,  # type: ignore[arg-type] # each caller gives fields of Event
    )


def _account(event: WindowsEvent) -> str | None:
    """Return whose the process is; Elastic's pipeline moves the name to `user`, and takes it from the event."""
    name = event.text("User", "SourceUser")
    if name is None and event.is_ecs and not event.data.has("UtcTime"):
        return account(event.record.text("user.name"), event.record.text("user.domain"))
    return account(name)


def _connection(event: WindowsEvent) -> Event:
    orig, resp = event.address("SourceIp"), event.address("DestinationIp")
    is_own = event.data.flag("Initiated")
    if is_own is None and event.is_ecs:
        is_own = initiated(event.record)
    return _event(
        event,
        "connection",
        ip=resp if is_own is False else orig,
        detail=present(
            orig_h=orig,
            orig_p=event.port("SourcePort"),
            resp_h=resp,
            resp_p=event.port("DestinationPort"),
            proto=(event.text("Protocol") or "").lower(),
            process=event.text("Image"),
            pid=event.number("ProcessId"),
            initiated=is_own,
            resp_name=event.text("DestinationHostname"),
        ),
    )


def _process(event: WindowsEvent) -> Event:
    return _event(
        event,
        "process",
        session_id=event.text("LogonId"),
        object=event.text("Image"),
        detail=present(
            process=event.text("Image"),
            command_line=event.text("CommandLine"),
            parent=event.text("ParentImage"),
            pid=event.number("ProcessId"),
            ended=event.label.event_id == 5 or None,
        ),
    )


def _folder(file: str | None) -> str | None:
    """Return what stands before the last separator, of Windows or Linux."""
    if file is None:
        return None
    end = max(file.rfind("\\"), file.rfind("/"))
    return file[:end] if end > 0 else None


_ANSWERS_MAX = 64
"""Answers kept of one name: Sysmon cuts `QueryResults` at 4 KiB itself."""


def _answers(text: str | None) -> list[str]:
    """Read `type:  5 alias.example;::ffff:192.0.2.1;` as its names and addresses."""
    parts = [part.strip() for part in (text or "").split(";")[:_ANSWERS_MAX]]
    named = [part.split()[-1] for part in parts if part]
    return [read_address(one)[0] or one for one in named]
