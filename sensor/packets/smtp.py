"""Mail as it is handed over: who greets, the envelope, and the headers that follow (RFC 5321, RFC 5322).

One message a mail: written with the first reply after its headers, which is the answer to the whole of it, or where the
next mail, STARTTLS or the end comes first. What follows STARTTLS is encrypted. Commands and headers may be cut at any
byte: lines are put together, up to `LINE_MAX`. Bodies are not kept. Header texts in other character sets are decoded
(RFC 2047).
"""

import re
from email.errors import MessageError
from email.header import decode_header, make_header

from sensor.model.protocols import AnyMessage, Smtp
from sensor.packets.payload import Payload

LINE_MAX = 2048
"""RFC 5321 §4.5.3.1.6 allows 1,000 octets a line; what exceeds this is cut."""
RECIPIENTS_MAX = 100
"""RFC 5321 §4.5.3.1.8: servers must take 100."""
LINES_MAX = 400
"""Lines of one payload that are looked at."""
TEXT_MAX = 1024
HEADERS = {
    "from": "sender",
    "subject": "subject",
    "message-id": "msg_id",
    "user-agent": "user_agent",
    "x-mailer": "user_agent",
}
_PATH = re.compile(r"(?i)(?:FROM|TO):\s*(?:<([^>]*)>|(\S+))")


class Session:
    """One connection to a mail server."""

    def __init__(self) -> None:
        """Begin before any command."""
        self._partial = b""
        self._helo: str | None = None
        self._reply: str | None = None
        self._tls = self._asked_tls = self._silent = False
        self._in_headers = self._in_body = self._sent = False
        self._begun: Payload | None = None
        self._forget()

    def _forget(self) -> None:
        self._mailfrom: str | None = None
        self._rcptto: list[str] = []
        self._header: str | None = None
        self._headers: dict[str, str] = {}
        self._begun = None

    def read(self, payload: Payload) -> list[AnyMessage]:
        """Take the next segment of either side."""
        if self._silent:
            return []
        if not payload.is_orig:
            return self._replies(payload)
        lines = (self._partial + payload.data).split(b"\n")
        self._partial = lines.pop()[:LINE_MAX]
        found: list[AnyMessage] = []
        for line in lines[:LINES_MAX]:
            text = line.rstrip(b"\r")[:LINE_MAX].decode("utf-8", "backslashreplace")
            if self._in_body:
                self._in_body = text != "."
            elif self._in_headers:
                self._header_line(text)
            else:
                found += self._command(payload, text)
        if not payload.whole:
            self._partial = b""
        return found

    def flush(self) -> list[AnyMessage]:
        """Write what is known of a mail that did not come to its end."""
        return self._mail()

    def _replies(self, payload: Payload) -> list[AnyMessage]:
        line = payload.data.split(b"\n")[0].rstrip(b"\r")[:TEXT_MAX].decode("utf-8", "backslashreplace")
        if not line[:3].isdigit():
            return []
        self._reply = line
        if line.startswith("354"):  # go on with the mail: no answer to it, even where commands are pipelined
            return []
        if self._in_headers and line[0] in "45" and not self._headers:
            self._in_headers = False  # DATA was refused
        if self._sent:
            self._in_body = self._sent = False
            return self._mail()
        if self._asked_tls:
            self._asked_tls = False
            if line.startswith("220"):
                self._tls = self._silent = True
                self._begun = self._begun or payload
                return self._mail()
        return []

    def _command(self, payload: Payload, text: str) -> list[AnyMessage]:
        verb, _, rest = text.partition(" ")
        verb = verb.upper()
        found: list[AnyMessage] = []
        if verb in ("HELO", "EHLO"):
            self._helo = rest.strip() or None
        elif verb == "MAIL":
            found = self._mail()
            self._begun = payload
            self._mailfrom = _path(rest)
        elif verb == "RCPT" and len(self._rcptto) < RECIPIENTS_MAX:
            self._begun = self._begun or payload
            self._rcptto.append(_path(rest) or "")
        elif verb == "DATA":
            self._in_headers = True
        elif verb == "STARTTLS":
            self._asked_tls = True
            self._begun = self._begun or payload
        elif verb in ("RSET", "QUIT"):
            found = self._mail()
        return found

    def _header_line(self, text: str) -> None:
        if text[:1] in (" ", "\t"):
            if self._header is not None:
                self._headers[self._header] = (self._headers[self._header] + text.rstrip())[:TEXT_MAX]
        elif text and text != ".":
            name, colon, value = text.partition(":")
            self._header = HEADERS.get(name.strip().lower()) if colon else None
            if self._header in self._headers:
                self._header = None  # the first counts
            if self._header is not None:
                self._headers[self._header] = value.strip()[:TEXT_MAX]
        else:
            self._header = None
            self._in_headers, self._in_body, self._sent = False, text != ".", True

    def _mail(self) -> list[AnyMessage]:
        begun = self._begun
        if begun is None:
            return []
        headers = {name: decoded(value) or None for name, value in self._headers.items()}
        found: list[AnyMessage] = [
            Smtp(
                **begun.common,  # type: ignore[arg-type]
                helo=self._helo,
                mailfrom=self._mailfrom,
                rcptto=tuple(address for address in self._rcptto if address),
                last_reply=self._reply,
                tls=self._tls,
                **headers,  # type: ignore[arg-type]
            )
        ]
        self._forget()
        return found


def _path(text: str) -> str | None:
    """Return the address of a path; None where it is empty, as in a bounce."""
    found = _PATH.match(text)
    return (found.group(1) or found.group(2) or None) if found else None


def decoded(text: str) -> str:
    """Decode a header's encoded words; as it stands where they are not valid. Halves of surrogate pairs are escaped."""
    if "=?" not in text:
        return text
    try:
        found = str(make_header(decode_header(text)))
    except (MessageError, LookupError, ValueError):
        return text
    return found.encode("utf-8", "backslashreplace").decode()
