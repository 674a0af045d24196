r"""One shape for a Windows event, however a shipper or a tool wrote it.

Read:

- Winlogbeat and Elastic agent (`winlog.event_data`; where an ingest pipeline moved a value to its ECS field, from
  there), Winlogbeat 6 (`event_data` beside `source_name`, `log_name`),
- NXLog (`EventID`, `SourceName`, `Hostname`, `EventTime`), also as in OTRF's data sets,
- Log Analytics' `SecurityEvent`, `Event` and `WindowsEvent` tables,
- PowerShell's `Get-WinEvent`, Fluent Bit, Kinesis Agent, whose values have no names (`sensor.wire.windows_positions`),
- EVTX files turned to JSON (`Event.System`: evtx_dump, Chainsaw, python-evtx), Velociraptor, Wazuh (`win.system`),
- XML, alone or in another record's `message`, `event.original`, `_raw`, `RawXml` (`sensor.wire.windows_xml`).

Not read: the localised text of `Message`; Snare's and Splunk's classic pages of `key=value`, which are no records.
Whose event it is (Sysmon, Security, AD FS …) is for the sources to decide by provider and channel.
"""

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from sensor.errors import Malformed
from sensor.model.accounts import fold
from sensor.model.times import SECOND_NS
from sensor.wire import windows_positions, windows_xml
from sensor.wire.event_times import read_time
from sensor.wire.fields import Fields, read_address
from sensor.wire.host_inventory import inventory


class Label(NamedTuple):
    """What tells whose event it is, in lower case; a name that is not given is empty."""

    event_id: int
    provider: str
    channel: str


class WindowsEvent(NamedTuple):
    """One event."""

    label: Label
    ts: int
    """ns, when the event was created"""
    computer: str | None
    success: bool | None
    """Audit success or failure; None where the event is no audit."""
    raw_id: str | None
    data: Fields
    """The named values of EventData and UserData."""
    record: Fields
    """The record it came in."""
    is_ecs: bool = False
    """Values missing in `data` may stand in the record's ECS fields."""

    def text(self, *names: str) -> str | None:
        """Return the first of these named values that is there."""
        return self.data.text(*names) or (self._ecs(names).text("value") if self.is_ecs else None)

    def number(self, *names: str) -> int | None:
        """Return a whole number, decimal or `0x` hexadecimal."""
        found = self.data.number(*names)
        return self._ecs(names).number("value") if found is None and self.is_ecs else found

    def port(self, *names: str) -> int | None:
        """Return a port, 1 to 65535; None for any other number."""
        found = self.data.port(*names)
        return self._ecs(names).port("value") if found is None and self.is_ecs else found

    def address(self, *names: str) -> str | None:
        """Return an address in its usual form; `LOCAL`, a session at the machine itself, is the loopback address."""
        text = self.text(*names)
        if text is not None and text.upper() == "LOCAL":
            return "127.0.0.1"
        return read_address(text)[0]

    def host(self) -> tuple[str | None, dict[str, object]]:
        """Return the machine's id and inventory, where the shipper tells them and runs on the machine itself."""
        agent = self.record.text("host.name", "host.hostname") if self.is_ecs else None
        names = [(name or "").partition(".")[0].lower() for name in (agent, self.computer)]
        if agent is None or names[0] != names[1]:
            return None, {}
        return self.record.text("host.id"), inventory(self.record)

    def logged_as(self) -> str | None:
        """Return the account under which the event was written (`Security UserID`), where the shipper resolved it."""
        user = self.record.part("winlog.user")
        if user:
            return account(user.text("name"), user.text("domain"), user.text("identifier"))
        if self.record.has("AccountType"):
            names = [self.record.text(name) for name in ("AccountName", "Domain", "UserID")]
            return account(*names)
        return None

    def _ecs(self, names: tuple[str, ...]) -> Fields:
        paths = [path for name in names for path in _ECS.get(name, ())]
        return Fields({"value": self.record.value(*paths) if paths else None})


_ECS = {
    "IpAddress": ("source.ip",),
    "IpPort": ("source.port",),
    "WorkstationName": ("source.domain",),
    "ProcessName": ("process.executable",),
    "NewProcessName": ("process.executable",),
    "NewProcessId": ("process.pid",),
    "ParentProcessName": ("process.parent.executable",),
    "ProcessId": ("process.pid",),
    "CommandLine": ("process.command_line",),
    "Image": ("process.executable", "process.name"),
    "ParentImage": ("process.parent.executable",),
    "SourceIp": ("source.ip",),
    "SourcePort": ("source.port",),
    "DestinationIp": ("destination.ip",),
    "DestinationPort": ("destination.port",),
    "DestinationHostname": ("destination.domain",),
    "Protocol": ("network.transport",),
    "QueryName": ("dns.question.name",),
    "TargetFilename": ("file.path",),
    "ServiceName": ("service.name",),
}
"""Where Elastic's Security and Sysmon pipelines move a value."""


class _Shape(NamedTuple):
    """Paths of one way to write an event; `data` are objects that hold named values, () means the record itself."""

    event_id: tuple[str, ...]
    provider: tuple[str, ...]
    channel: tuple[str, ...]
    computer: tuple[str, ...]
    time: tuple[str, ...]
    record_id: tuple[str, ...]
    outcome: tuple[str, ...]
    data: tuple[str, ...] = ()


def _system(root: str, data: tuple[str, ...]) -> _Shape:
    """Make the shape of tools that keep the XML's structure: attributes stand under various names."""

    def attribute(element: str, name: str) -> tuple[str, ...]:
        holders = (f"{element}.#attributes", f"{element}_attributes", element)
        return (*(f"{root}.{holder}.{name}" for holder in holders), f"{root}.{element}.@{name}")

    return _Shape(
        (f"{root}.EventID.#text", f"{root}.EventID.Value", f"{root}.EventID"),
        attribute("Provider", "Name"),
        (f"{root}.Channel",),
        (f"{root}.Computer",),
        attribute("TimeCreated", "SystemTime"),
        (f"{root}.EventRecordID",),
        (f"{root}.Keywords",),
        data,
    )


_WINLOG = _Shape(
    ("winlog.event_id", "event.code"),
    ("winlog.provider_name", "event.provider", "event.dataset", "data_stream.dataset"),
    ("winlog.channel",),
    ("winlog.computer_name", "host.name", "host.hostname"),
    ("winlog.time_created", "@timestamp"),
    ("winlog.record_id",),
    ("event.outcome", "winlog.keywords", "winlog.keywords_decoded"),
    ("winlog.event_data", "winlog.user_data"),
)
_WINLOG_6 = _Shape(
    ("event_id",),
    ("source_name",),
    ("log_name",),
    ("computer_name", "beat.hostname"),
    ("@timestamp",),
    ("record_number",),
    ("keywords",),
    ("event_data", "user_data"),
)
_WAZUH = _Shape(
    ("system.eventID",),
    ("system.providerName",),
    ("system.channel",),
    ("system.computer",),
    ("system.systemTime",),
    ("system.eventRecordID",),
    ("system.severityValue", "system.keywords"),
    ("eventdata",),
)
_FLAT = _Shape(
    ("EventID", "EventCode", "Event ID", "Id", "InstanceId"),
    ("EventSourceName", "SourceName", "ProviderName", "Provider", "Source"),
    ("Channel", "EventLog", "LogName"),
    ("Computer", "Hostname", "ComputerName", "MachineName", "host.name"),
    (),
    ("EventOriginId", "EventRecordId", "EventRecordID", "RecordNumber", "RecordId", "_ItemId"),
    ("EventType", "Keywords", "KeywordsDisplayNames", "EventLevelName", "EventLevel", "Level"),
)
_FLAT_TIMES = (
    *("TimeGenerated [UTC]", "TimeGenerated", "TimeCreatedUtc", "TimeCreated", "SystemTime", "@timestamp"),
    *("UtcTime", "timestamp", "_time", "time"),
)
_XML_TEXTS = ("message", "event.original", "_raw", "RawXml", "properties.RawXml", "Event", "xml", "event", "msg")
_XML = _system("System", ("EventData",))._replace(provider=("System.Provider",), time=("System.SystemTime",))
_LABEL_CHARS = 4096
"""The `System` part of an XML event stands first and is under a kilobyte."""
_SHAPES: tuple[tuple[str, _Shape], ...] = (
    ("winlog.event_id", _WINLOG),
    ("winlog.channel", _WINLOG),
    ("winlog.event_data", _WINLOG),
    ("Event.System", _system("Event.System", ("Event.EventData", "Event.UserData"))),
    ("System.EventID", _system("System", ("EventData", "UserData"))),
    ("log_name", _WINLOG_6),
    ("EventID", _FLAT),
    ("EventCode", _FLAT),
    ("Event ID", _FLAT),
    ("LogName", _FLAT),
)
_WAZUH_ROOTS = ("data.win", "win")
"""Wazuh's alerts and its archives."""


def label(record: Fields) -> Label | None:
    """Tell which Windows event a record is, None for other records. Cheap: no value is taken out."""
    found = _structured(record)
    if found is not None:
        return found[2]
    text = _xml(record)
    if text is None:
        return None
    first = next(windows_xml.events(text[:_LABEL_CHARS]), "")
    return _label(_XML, Fields({"System": windows_xml.system(first)}))


def events(record: Fields) -> Iterator[WindowsEvent]:
    """Yield the events of a record: one, but for a text that holds several.

    Raises:
        Malformed: `no_windows_event`, `missing_time`, `bad_time`.
    """
    found = _structured(record)
    if found is not None:
        yield _event(record, *found)
        return
    for piece in windows_xml.events(_xml(record) or ""):
        fields = Fields({"System": windows_xml.system(piece), "EventData": windows_xml.named_data(piece)})
        what = _label(_XML, fields)
        if what is None:
            raise Malformed("no_windows_event")
        yield _event(record, _XML, fields, what)


def account(name: str | None, domain: str | None = None, sid: str | None = None) -> str | None:
    r"""Return a folded account; None for the system's own (`AUTORITE NT\Système`, S-1-5-18) in any language.

    A machine's account keeps its `$`, though its logons at home carry the system's SID.
    """
    if name is None:
        return None
    own, backslash, user = name.partition("\\")
    if not backslash:
        own, user = domain or "", name
    if own.strip().lower() in AUTHORITIES or (sid in SYSTEM_SIDS and not user.strip().endswith("$")):
        return None
    return fold(user, own)


AUTHORITIES = frozenset(
    {
        *("nt authority", "nt-autorität", "autorite nt", "autorité nt", "autoridade nt", "zarządzanie nt"),
        *("nt instans", "nt-instans", "nt-myndighed", "nt-myndighet", "nt-hallinta", "nt hallinta"),
    }
)
"""The domain of the well-known accounts of MS-DTYP §2.4.2.4, as Windows in other languages writes it."""
SYSTEM_SIDS = frozenset({"S-1-5-7", "S-1-5-18", "S-1-5-19", "S-1-5-20"})
"""Anonymous, the system and its two service accounts (MS-DTYP §2.4.2.4); not S-1-0-0, which every failed logon has."""


def _structured(record: Fields) -> tuple[_Shape, Fields, Label] | None:
    """Find the shape whose event number, and provider or channel, are there."""
    first = _firsts(record)
    for probe, shape in _SHAPES:
        if probe.partition(".")[0].lower() in first and record.has(probe):
            what = _label(shape, record)
            if what is not None:
                return shape, record, what
    for root in _WAZUH_ROOTS:
        if root.partition(".")[0] in first and record.has(f"{root}.system"):
            fields = record.part(root)
            what = _label(_WAZUH, fields)
            if what is not None:
                return _WAZUH, fields, what
    return None


def _firsts(record: Fields) -> set[str]:
    """Return what each key of a record begins with, up to its first dot: every source's records come by here."""
    return {str(key).partition(".")[0].lower() for key in record.raw}


def _label(shape: _Shape, fields: Fields) -> Label | None:
    number = fields.number(*shape.event_id)
    if number is None or not 0 <= number <= 0xFFFF:
        return None
    provider, channel = fields.text(*shape.provider) or "", fields.text(*shape.channel) or ""
    # Rows of Log Analytics often lose log and provider when they are exported.
    if not provider and not channel and not (shape is _FLAT and fields.has("TimeGenerated", "Computer")):
        return None
    return Label(number, provider.lower(), channel.lower())


def _xml(record: Fields) -> str | None:
    first = _firsts(record)
    for path in _XML_TEXTS:
        found = record.value(path) if path.partition(".")[0].lower() in first else None
        if isinstance(found, str) and windows_xml.looks_like_event(found):
            return found
    return None


def _event(record: Fields, shape: _Shape, fields: Fields, what: Label) -> WindowsEvent:
    computer = fields.text(*shape.computer)
    ts = _flat_time(fields) if shape is _FLAT else fields.time(*shape.time)
    number = fields.text(*shape.record_id)
    raw_id = None if number is None else f"{computer}/{what.channel or what.provider}/{number}/{ts}"
    success = _success(fields.value(path) for path in shape.outcome)
    return WindowsEvent(what, ts, computer, success, raw_id, _data(fields, shape, what), record, shape is _WINLOG)


def _flat_time(fields: Fields) -> int:
    """Return when a flat record's event was; NXLog's `EventTime` is the machine's local time, without a zone.

    The zone is the difference between the collector's two clocks, `@timestamp` (UTC) and `EventReceivedTime` (local),
    to the next quarter of an hour; else between `@timestamp` and `EventTime` itself. Where that gives a time that is
    not shortly before `@timestamp`, `@timestamp` is taken; without it, the local time is taken as UTC.
    """
    local, stamp = fields.text("EventTime"), fields.value("@timestamp")
    if local is None:
        return fields.time(*_FLAT_TIMES)
    received = fields.value("EventReceivedTime")
    if isinstance(received, int | float):
        stamp, received = received if stamp is None else stamp, None
    ts = read_time(local)
    if stamp is None or _ZONED.search(local):
        return ts
    logged = read_time(stamp)
    clock = ts if received is None else read_time(received)
    zone = round((logged - clock) / _QUARTER_NS) * _QUARTER_NS
    return ts + zone if -SECOND_NS <= logged - (ts + zone) <= _DELAY_NS else logged


_ZONED = re.compile(r"(?:[Zz]|[+-]\d\d:?\d\d)$")
_QUARTER_NS = 900 * SECOND_NS
"""Zones are whole quarters of an hour (Nepal's is 5:45)."""
_DELAY_NS = 420 * SECOND_NS
"""Below half a quarter, beyond which a delay and a zone cannot be told apart."""


def _success(values: Iterator[object]) -> bool | None:
    """Read an audit's outcome: a word, a mask of keywords, or the entry type of .NET; None where it is no audit."""
    for value in values:
        for one in value if isinstance(value, list) else (value,):
            text = str(one).strip().lower() if one is not None else ""
            if text in _WORDS:
                return _WORDS[text]
            mask = Fields({"value": one}).number("value")
            if mask is not None and mask & _AUDIT_SUCCESS:
                return True
            if mask is not None and mask & _AUDIT_FAILURE:
                return False
    return None


_WORDS = {
    **dict.fromkeys(("success", "audit success", "audit_success", "8"), True),
    **dict.fromkeys(("failure", "audit failure", "audit_failure", "16"), False),
}
"""8 and 16: SuccessAudit and FailureAudit of .NET's EventLogEntryType, in Log Analytics' `Level` and `EventLevel`."""
_AUDIT_SUCCESS, _AUDIT_FAILURE = 1 << 53, 1 << 52
"""WINEVENT_KEYWORD_AUDIT_SUCCESS and _FAILURE (winmeta.xml); NXLog writes the mask as a signed number."""


def _data(fields: Fields, shape: _Shape, what: Label) -> Fields:
    """Gather the named values; those of UserData stand one level deeper, under the event's own element."""
    if shape is _FLAT:
        return _flat_data(fields, what)
    gathered: dict[str, object] = {}
    for path in shape.data:
        held = fields.part(path)
        for name, value in held.raw.items():
            if name.lower() == "data":
                gathered.update(_listed(held))
            elif isinstance(value, Mapping):
                gathered.update({str(inner): one for inner, one in value.items()})
            else:
                gathered[str(name)] = value
        gathered.update(_flattened(fields, path))
    return Fields(gathered)


def _flat_data(fields: Fields, what: Label) -> Fields:
    """Take a flat record itself, and the values of its `EventData`: an object, XML, or a list without names."""
    held = fields.value("EventData", "EventData_string")
    if isinstance(held, str) and "<Data" in held:
        return Fields({**windows_xml.named_data(held), **fields.raw})
    part = fields.part("EventData")
    if part:
        return Fields({**part.raw, **_listed(part), **fields.raw})
    if fields.raw.keys() >= _NXLOG_OWN:
        fields = Fields({name: value for name, value in fields.raw.items() if name != "ProcessID"})
    if what.channel == "security" or "security-auditing" in what.provider:
        for name in ("StringInserts", "Properties", "ReplacementStrings", "EventData"):
            values = [one.value("Value") for one in fields.each(name)] or fields.value(name)
            if isinstance(values, list):
                return Fields({**windows_positions.named(what.event_id, values), **fields.raw})
    return fields


_NXLOG_OWN = frozenset({"ProcessID", "ThreadID", "SourceModuleName"})
"""Where these stand together, `ProcessID` is of the service that wrote the event, not the event's own `ProcessId`."""


def _listed(held: Fields) -> dict[str, object]:
    """Read `Data: [{"@Name": …, "#text": …}]`, python-evtx's way; plain texts get Elastic's names, param1 and so on."""
    found: dict[str, object] = {}
    for number, one in enumerate(held.each("Data")[: windows_xml.NAMES_MAX], 1):
        name = one.text("@Name", "Name", "#attributes.Name") or f"param{number}"
        found.setdefault(name, one.value("#text", "text", "Value"))
    if not found:
        texts = held.texts("Data.#text", "Data")[: windows_xml.NAMES_MAX]
        found = {f"param{number}": text for number, text in enumerate(texts, 1)}
    return found


def _flattened(fields: Fields, path: str) -> dict[str, object]:
    """Gather keys such as `winlog.event_data.IpAddress`, as a store writes them that knows no nesting."""
    start = f"{path}.".lower()
    keys = (key for key in fields.raw if isinstance(key, str) and key.lower().startswith(start))
    return {key[len(start) :].rpartition(".")[2]: fields.raw[key] for key in keys}
