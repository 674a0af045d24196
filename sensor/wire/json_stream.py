"""Cut a stream of JSON text into the objects it holds: one a line, pretty-printed, in an array, or one after the other.

Linear in the input and bounded in memory: strings and brackets are counted, nothing is parsed here. Arrays around the
objects are looked through. An object longer than RECORD_BYTES is looked through too where it wraps a list of objects
(`{"value": [ …`), else refused, and reading goes on with the next line. A string never spans lines (RFC 8259 §7), so a
damaged record cannot swallow the file. What is inside an object is the caller's to judge.
"""

import re
from collections.abc import Callable, Iterator

RECORD_BYTES = 1 << 19
"""The longest record: ten times the longest seen (a Defender row of 40 KB). So many small objects take 40 MiB."""
LINE_BYTES = 128 << 20
"""A line that is passed over for so long has no end: the stream is given up, as `sensor.wire.line_blocks` does."""
_HEAD_BYTES = 4096
"""A wrapper's list begins within this, or it is no wrapper."""
_TOKEN = re.compile(rb'"[^"\\\n]*(?:\\[^\n][^"\\\n]*)*"|[{}\[\]"]')
_WRAPPER = re.compile(
    rb'"(?:value|records|items|events|hits|data|results|logs|entries|activities)"\s*:\s*\[\s*(?=\{)', re.IGNORECASE
)
_BETWEEN = re.compile(rb"[\s,\[\]]*")
_BEHIND = re.compile(rb'(?:[^{"]|"[^"\\\n]*(?:\\[^\n][^"\\\n]*)*")*')
"""What may stand around the objects of a wrapper's list: its other keys and values."""

Cut = bytes | str
"""An object's bytes, or the reason why there is none: not_a_record, record_too_long, cut_short."""


class JsonStream:
    """Iterate over it to get the objects in order; reads ahead by one piece."""

    def __init__(self, read: Callable[[], bytes]) -> None:
        """Take what gives the next piece, empty at the end."""
        self._read = read
        self._text = b""
        self._at = 0
        """Where the present object, or what lies before the next, begins."""
        self._pos = 0
        """How far the present object was looked at."""
        self._is_wrapped = False

    def __iter__(self) -> Iterator[Cut]:
        while True:
            found = self._seek()
            if found is None:
                return
            cut = found or self._object()
            if cut:
                yield cut

    def _seek(self) -> str | None:
        """Go to the next object: empty text; a reason where junk was passed over; None at the end."""
        while True:
            between = (_BEHIND if self._is_wrapped else _BETWEEN).match(self._text, self._at)
            self._at = between.end() if between else self._at
            if self._at == len(self._text):
                if not self._more():
                    return None
            elif self._text[self._at : self._at + 1] == b"{":
                self._pos = self._at
                return ""
            else:
                self._pass_line()
                return "not_a_record"

    def _object(self) -> Cut:
        """Read on to the end of the object that begins here; empty where it is a wrapper that is looked through."""
        depth = 0
        while True:
            token = _TOKEN.search(self._text, self._pos)
            kind = token[0] if token else b""
            if token is None or (kind == b'"' and self._text.find(b"\n", token.start()) < 0):
                self._pos = token.start() if token else len(self._text)
                if not self._more():
                    self._at = len(self._text)
                    return "cut_short"
            elif kind == b'"':
                self._at = self._text.index(b"\n", token.start()) + 1
                return "not_a_record"
            else:
                self._pos = token.end()
                depth += (kind in b"{[") - (kind in b"}]") if len(kind) == 1 else 0
                if not depth:
                    begin, self._at = self._at, self._pos
                    return self._text[begin : self._at]
            if self._pos - self._at > RECORD_BYTES or len(self._text) - self._at > RECORD_BYTES + (1 << 17):
                return self._exceeded()

    def _exceeded(self) -> str:
        """Look through an object that is too long, or pass its line."""
        wrapper = _WRAPPER.search(self._text, self._at, self._at + _HEAD_BYTES)
        if wrapper:
            self._is_wrapped = True
            self._at = wrapper.end()
            return ""
        self._pass_line()
        return "record_too_long"

    def _pass_line(self) -> None:
        """Drop everything to the end of the line; where that is too far, the rest of the stream."""
        passed = 0
        while True:
            end = self._text.find(b"\n", self._at)
            if end >= 0:
                self._at = end + 1
                return
            passed += len(self._text) - self._at
            self._at = len(self._text)
            if passed > LINE_BYTES:
                self._read = bytes
            if not self._more():
                return

    def _more(self) -> bool:
        """Get another piece behind what is still to be read; False at the end."""
        piece = self._read()
        self._text = self._text[self._at :] + piece
        self._pos = max(0, self._pos - self._at)
        self._at = 0
        return bool(piece)
