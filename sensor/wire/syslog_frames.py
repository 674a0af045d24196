"""Cut a syslog stream into messages: octet counting and line ends (RFC 6587 §3.4.1, §3.4.2; RFC 5425 §4.3).

Which of the two a sender uses is told from how its connection begins: a count, a space and `<` is octet counting,
anything else is lines. A line ends with LF or NUL. A message longer than the limit is passed over and counted, and
reading goes on behind it. A count that is none ends the connection: nothing behind it can be told apart.

Does not read messages; does no input or output.
"""

import re

import msgspec

MESSAGE_BYTES = 64 << 10
"""The longest message taken: RFC 5425 §4.3.1 asks for 2,048 and advises 8,192; 64 KiB is the largest Windows event."""
_DIGITS_MAX = 10
_COUNT = re.compile(rb"([1-9][0-9]{0,9}) ")
_BEGIN = re.compile(rb"[1-9][0-9]{0,9} <")
_MAY_BEGIN = re.compile(rb"[1-9][0-9]{0,9} ?\Z")
"""What may still become a count when more comes."""
_ENDS = re.compile(rb"[\n\x00]")
_TRIMMED = b"\r\n\x00 "


class Cut(msgspec.Struct):
    """What came of a piece."""

    messages: list[bytes] = []
    refused: dict[str, int] = {}
    """record_too_long, bad_frame, cut_short."""

    def refuse(self, reason: str) -> None:
        """Count one message that is not handed out."""
        self.refused[reason] = self.refused.get(reason, 0) + 1

    def add(self, message: bytes) -> None:
        """Hand a message out; an empty one is none."""
        message = message.rstrip(_TRIMMED)
        if message:
            self.messages.append(message)


class Frames:
    """One connection's stream. Holds at most one message and one piece.

    Attributes:
        is_broken: Nothing more can be told apart: close the connection.
    """

    def __init__(self, limit_bytes: int = MESSAGE_BYTES) -> None:
        self.is_broken = False
        self._limit = limit_bytes
        self._held = b""
        self._searched = 0
        """So much of what is held is known to have no line end."""
        self._is_counted: bool | None = None
        self._skip = 0
        """Octets of a counted message that are still to be passed over."""
        self._is_skipping = False
        """A line that is too long has not ended yet."""

    def take(self, piece: bytes) -> Cut:
        """Take what came."""
        cut = Cut()
        self._held += piece
        if self._is_counted is None:
            if _MAY_BEGIN.match(self._held) or not self._held:
                return cut
            self._is_counted = _BEGIN.match(self._held) is not None
        if self._is_counted:
            self._counted(cut)
        else:
            self._lines(cut)
        return cut

    def end(self, *, is_orderly: bool = True) -> Cut:
        """Take the end of the stream: where the sender ended it, a last line may lack its end."""
        cut = Cut()
        rest, self._held = self._held, b""
        if self._skip or self._is_skipping:
            return cut
        if is_orderly and not self._is_counted:
            self._line(rest, cut)
        elif rest.strip(_TRIMMED):
            cut.refuse("cut_short")
        return cut

    def _counted(self, cut: Cut) -> None:
        at = 0
        while not self.is_broken:
            passed = min(self._skip, len(self._held) - at)
            self._skip -= passed
            at += passed
            while self._held[at : at + 1] in {b"\n", b"\r"}:
                at += 1  # some senders end a counted message with a line end that they do not count
            found = _COUNT.match(self._held, at)
            if found is None:
                self.is_broken = not _is_prefix(self._held[at : at + _DIGITS_MAX + 1])
                if self.is_broken:
                    cut.refuse("bad_frame")
                    at = len(self._held)
                break
            size = int(found[1])
            if size > self._limit:
                cut.refuse("record_too_long")
                self._skip, at = size, found.end()
                continue
            if len(self._held) - found.end() < size:
                break
            cut.add(self._held[found.end() : found.end() + size])
            at = found.end() + size
        self._held = self._held[at:]

    def _lines(self, cut: Cut) -> None:
        whole: list[bytes] = []
        if _ENDS.search(self._held, self._searched):
            *whole, self._held = _ENDS.split(self._held)
        for line in whole:
            if self._is_skipping:
                self._is_skipping = False
            else:
                self._line(line, cut)
        if self._is_skipping:
            self._held = b""
        elif len(self._held) > self._limit:
            cut.refuse("record_too_long")
            self._held, self._is_skipping = b"", True
        self._searched = len(self._held)

    def _line(self, line: bytes, cut: Cut) -> None:
        if len(line) > self._limit:
            cut.refuse("record_too_long")
        else:
            cut.add(line)


def _is_prefix(text: bytes) -> bool:
    """Tell whether more could make a count of it."""
    return not text or (text.isdigit() and text[:1] != b"0" and len(text) <= _DIGITS_MAX)
