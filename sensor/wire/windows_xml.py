r"""Windows events written as XML (the `Event` schema of Windows' event log), read without an XML parser.

Read: what `wevtutil`, Event Viewer, Splunk's XmlWinEventLog and `event.original` of Elastic's integrations hold: one
`<Event>` or many behind each other. The `System` part and every named `Data` become names and texts; the elements of
`UserData` too; unnamed `Data` become `param1`, `param2` … as Elastic names them.
https://learn.microsoft.com/en-us/windows/win32/wes/eventschema-schema

Attributes and elements are found by pattern: no entity is declared, included or expanded but XML's five and characters
by number, and the work is linear in the text. What is no such event is none; nothing is validated.
"""

import re
from collections.abc import Iterator
from html import unescape

TEXT_CHARS = 1 << 20
"""The longest text looked at: Windows' own limit of an event is 64 KiB, and a file may hold many on a line."""
NAMES_MAX = 256
"""Named values kept: a manifest may declare 99 (EVENT_MAX_DATA_DESCRIPTORS is 128)."""
EVENTS_MAX = 10_000
"""Events of one text: none is shorter than a hundred characters."""

_EVENT_END = "</Event>"
_PROVIDER = re.compile(r"<Provider\b[^<>]{0,200}?\bName=(?:'([^'<>]{0,200})'|\"([^\"<>]{0,200})\")")
_TIME = re.compile(r"<TimeCreated\b[^<>]{0,80}?\bSystemTime=['\"]([^'\"<>]{0,40})['\"]")
_USER = re.compile(r"<Security\b[^<>]{0,40}?\bUserID=['\"]([^'\"<>]{0,200})['\"]")
_ELEMENT = {
    name: re.compile(rf"<{name}\b[^<>]{{0,80}}>([^<]{{0,400}})</{name}>")
    for name in ("EventID", "Channel", "Computer", "EventRecordID", "Keywords")
}
_DATA = re.compile(r"<Data(?:\s+Name=(?:'([^'<>]{0,200})'|\"([^\"<>]{0,200})\"))?\s*(?:/>|>([^<]*)</Data>)")
_LEAF = re.compile(r"<([A-Za-z_][\w.]{0,99})(?:\s[^<>]{0,200})?>([^<]*)</\1>")


def looks_like_event(text: str) -> bool:
    """Tell whether a text begins as an event or a list of events does."""
    start = text[:400].lstrip("\ufeff \t\r\n")
    return start.startswith(("<Event ", "<Event>", "<Events>", "<Events ")) or (
        start.startswith("<?xml") and "<Event" in start
    )


def events(text: str) -> Iterator[str]:
    """Cut a text into its events."""
    pieces = text[:TEXT_CHARS].split(_EVENT_END, EVENTS_MAX)
    for piece in pieces[:EVENTS_MAX]:
        at = piece.find("<Event ")
        at = at if at >= 0 else piece.find("<Event>")
        if at >= 0:
            yield piece[at:]


def system(text: str) -> dict[str, object]:
    """Return Provider, SystemTime, UserID, EventID, Channel, Computer, EventRecordID and Keywords, where given."""
    head = text[: text.find("</System>") if "</System>" in text else len(text)]
    found: dict[str, object] = {}
    provider = _PROVIDER.search(head)
    if provider:
        found["Provider"] = unescape(provider[1] or provider[2] or "")
    for name, pattern in (("SystemTime", _TIME), ("UserID", _USER), *_ELEMENT.items()):
        match = pattern.search(head)
        if match:
            found[name] = unescape(match[1])
    return found


def named_data(text: str) -> dict[str, object]:
    """Return the values of `EventData` and `UserData` by name, as texts; the first of a name stays."""
    found: dict[str, object] = {}
    end = text.find("</System>")
    body = text[max(end, 0) : TEXT_CHARS]
    for number, match in enumerate(_DATA.finditer(body), 1):
        if len(found) >= NAMES_MAX:
            return found
        found.setdefault(match[1] or match[2] or f"param{number}", unescape(match[3] or ""))
    start = body.find("<UserData")
    for match in _LEAF.finditer(body, start) if start >= 0 else ():
        if len(found) >= NAMES_MAX:
            break
        found.setdefault(match[1], unescape(match[2]))
    return found
