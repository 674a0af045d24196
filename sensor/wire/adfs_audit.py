r"""What AD FS writes into a Windows event: the audit's XML of newer servers, lists of claims, and labelled text.

Since Windows Server 2016 events 1200–1210 carry an XML document (`<AuditBase>`) with one component each for the
resource, the authentication, the protocol and the request; older ones (411, 412, 500, 501, 510, 516 …) carry plain
values, of which claims and request headers come as pairs of a name and a value. Events:
https://learn.microsoft.com/en-us/windows-server/identity/ad-fs/troubleshooting/ad-fs-tshoot-logging and
https://adfshelp.microsoft.com/AdfsEventViewer/GetAdfsEventList.

The XML is searched for the elements by name, within bounds; it is never parsed as a document, so no entity, no depth
and no encoding can do harm. `N/A` stands for nothing.
"""

import html
import re
from itertools import pairwise
from typing import NamedTuple

from sensor.model.accounts import fold
from sensor.wire.fields import Fields, read_address
from sensor.wire.windows_events import WindowsEvent
from sensor.wire.windows_xml import looks_like_event

_VALUES_MAX = 128
"""Values of one event that are looked at: a token's claims are fewer."""
_TEXT_MAX = 65_536
"""Characters of one event that are searched: Windows allows an event 64 KiB."""
_ELEMENT = re.compile(r"<([A-Za-z]{3,40})>([^<]{1,4096})</\1>")
_LABELLED = re.compile(r"(?:^|[\r\n])[ \t]{0,20}([A-Z][A-Za-z ]{2,40}):[ \t]*([^\r\n]{1,2048})")
_GUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$")
_DOWN_LEVEL = re.compile(r"[\w.-]{1,64}\\[\w.$ '-]{1,104}$")
_UPN = re.compile(r"[^\s@\\/:]{1,128}@[^\s@\\/:]{1,253}$")
_REFUSED = re.compile(r"([^\s:]{1,200}?)-(?=[A-Z][a-z]+ )")
"""An error message's beginning: `example\ann-The user name or password is incorrect`."""
_NAME_CLAIMS = ("/claims/upn", "/claims/implicitupn", "/claims/winaccountname", "/claims/name")
"""Ends of claim types that name a person, the best first: ClaimTypes of .NET's identity model."""
_ADDRESS_CLAIMS = ("x-ms-forwarded-client-ip", "x-ms-client-ip")
_AGENT_CLAIMS = ("x-ms-client-user-agent",)
_NOTHING = frozenset({"", "n/a", "-", "none", "notset"})


class Audit(NamedTuple):
    """What an event says: elements of the XML, labels of the text, pairs of claims, by folded name."""

    said: dict[str, str]
    values: list[str]

    def text(self, *names: str) -> str | None:
        """Return the first of these that says something."""
        for name in names:
            found = self.said.get(name, "").strip()
            if found.lower() not in _NOTHING:
                return found
        return None

    def flag(self, name: str) -> bool | None:
        """Return a truth value."""
        return Fields({"value": self.said.get(name)}).flag("value")

    def account(self) -> str | None:
        """Return whom it is about."""
        for text in (self.text("userid", "user", "caller identity"), *(self._claim(end) for end in _NAME_CLAIMS)):
            if text:
                return fold(text)
        refused = _REFUSED.match(self.text("error message") or "")
        if refused:
            return fold(refused[1])
        refusals = (_REFUSED.match(value) for value in self.values if "\\" in value or "@" in value)
        names = (value for value in self.values if _DOWN_LEVEL.match(value) or _UPN.match(value))
        return next((fold(found[1]) for found in refusals if found), None) or fold(next(names, None))

    def address(self) -> str | None:
        """Return where the request came from: of several addresses the first, which is the client's."""
        named = ("ipaddress", "forwardedipaddress", "client ip", "networkipaddress")
        texts = [self.text(name) for name in named] + [self._claim(end) for end in _ADDRESS_CLAIMS]
        for text in (*texts, *self.values):
            found, _ = read_address((text or "")[:200].partition(",")[0])
            if found is not None:
                return found
        return None

    def agent(self) -> str | None:
        """Return the agent."""
        return self.text("useragentstring", "user agent") or next(filter(None, map(self._claim, _AGENT_CLAIMS)), None)

    def activity(self) -> str | None:
        """Return the id that events of one request share."""
        found = self.text("activity id", "instance id")
        return found or next((value for value in self.values if _GUID.match(value)), None)

    def _claim(self, end: str) -> str | None:
        return next((text for name, text in self.said.items() if name.endswith(end) and text.strip() != "-"), None)


def read_audit(event: WindowsEvent) -> Audit:
    """Return what an AD FS event says."""
    values = _values(event)
    text = "\n".join((*values, _message(event.record)))[:_TEXT_MAX]
    if "&lt;AuditBase" in text:
        text = html.unescape(text)
    said = {name.lower(): value for name, value in _LABELLED.findall(text)}
    said |= {f"claim:{name.lower()}": value for name, value in pairwise(values) if _is_name(name)}
    said |= {name.lower(): html.unescape(value) for name, value in _ELEMENT.findall(text)}
    return Audit(said, values)


def _message(record: Fields) -> str:
    """Return the event's text as a person reads it; XML around it may hold other events, and is read already."""
    text = record.text("message", "Message", "RenderedDescription") or ""
    return "" if looks_like_event(text) else text


def _values(event: WindowsEvent) -> list[str]:
    """Return the event's plain values in their order."""
    listed = event.data.texts("EventData_dynamic") or event.data.texts("EventData")
    if not listed or listed[0].startswith("<"):
        # evtx_dump keeps all values as one list, which becomes the first.
        listed = [value for number in range(1, _VALUES_MAX) for value in event.data.texts(f"param{number}")]
    return listed[:_VALUES_MAX]


def _is_name(text: str) -> bool:
    """Tell whether a value names the next one: a claim's type or a request's header."""
    folded = text.lower()
    return folded.startswith(("http://schemas.", "https://schemas.", "x-ms-"))
