"""Cut a stream of XML text into the `<Event>` elements it holds: Event Viewer's files, `wevtutil`, `evtx_dump`, NPS.

An event may span lines, many may stand on one; a declaration, `<Events>` around them, comments and `Record 1` before
each are passed over, anything else between them is one `not_a_record`. Linear in the input and bounded in memory: an
event longer than RECORD_BYTES is refused, and reading goes on at the next. Nothing is parsed; an element `Event` within
an event ends it early: AD FS's Admin log has one in its `UserData`, behind which only closing tags follow.
"""

import re
from collections.abc import Callable, Iterator

RECORD_BYTES = 1 << 20
"""The longest event: Windows' own limit is 64 KiB."""
_BEGIN = re.compile(rb"<Event(?=[\s>])")
_END = b"</Event>"
_BETWEEN = re.compile(
    rb"(?:\s|\xef\xbb\xbf|<\?xml[^<>]{0,200}>|</?Events\b[^<>]{0,200}>|<!--[^<>]{0,1000}-->|Record \d{1,20}|\x00"
    rb"|</UserData>\s*</Event>)*"
)
_LOOKS = re.compile(rb"(?:Record \d{1,20}\s+)?(?:<\?xml[^<>]{0,200}>\s*)?(?:<!--[^<>]{0,1000}-->\s*)?<Events?(?=[\s>])")

Cut = bytes | str
"""An event's bytes, or the reason why there is none: not_a_record, record_too_long, cut_short."""


def spans_lines(head: bytes) -> bool:
    """Tell whether a file that begins so holds events that are not one to a line."""
    if not _LOOKS.match(head):
        return False
    lines = head.split(b"\n")
    whole = lines[:-1] or lines
    return any(not _is_one(line.strip()) for line in whole)


def _is_one(line: bytes) -> bool:
    return not line or (_BEGIN.match(line) is not None and line.endswith(_END) and line.count(_END) == 1)


class XmlStream:
    """Iterate over it to get the events in order; reads ahead by one piece."""

    def __init__(self, read: Callable[[], bytes]) -> None:
        """Take what gives the next piece, empty at the end."""
        self._read = read
        self._text = b""
        self._at = 0
        """How much of `_text` was given out or passed."""

    def __iter__(self) -> Iterator[Cut]:
        is_passing = False
        while True:
            found, before = self._until_begin()
            if before and not is_passing:
                yield "not_a_record"
            if not found:
                return
            cut = self._event()
            is_passing = cut == "record_too_long"
            yield cut

    def _until_begin(self) -> tuple[bool, bool]:
        """Go to the next event; tell whether there is one, and whether anything else stood before it."""
        is_other = False
        while True:
            begin = _BEGIN.search(self._text, self._at)
            if begin:
                is_other = is_other or not _BETWEEN.fullmatch(self._text, self._at, begin.start())
                self._at = begin.start()
                return True, is_other
            if len(self._text) - self._at > _BETWEEN_BYTES:
                is_other, self._at = True, len(self._text) - _BEGIN_BYTES
            if not self._more():
                is_other = is_other or not _BETWEEN.fullmatch(self._text, self._at)
                self._at = len(self._text)
                return False, is_other

    def _event(self) -> Cut:
        """Read on to the end of the event that begins here; the rest of one that is too long is passed."""
        pos = self._at
        while True:
            end = self._text.find(_END, pos)
            if end >= 0 and end - self._at <= RECORD_BYTES:
                begin, self._at = self._at, end + len(_END)
                return self._text[begin : self._at]
            if end >= 0 or len(self._text) - self._at > RECORD_BYTES:
                self._at = end + len(_END) if end >= 0 else len(self._text) - _BEGIN_BYTES
                return "record_too_long"
            pos = max(self._at, len(self._text) - len(_END) + 1) - self._at
            if not self._more():
                self._at = len(self._text)
                return "cut_short"

    def _more(self) -> bool:
        """Get another piece behind what is still to be read; False at the end."""
        piece = self._read()
        if piece:
            self._text = self._text[self._at :] + piece
            self._at = 0
        return bool(piece)


_BETWEEN_BYTES = 1 << 16
"""More than this between two events is something else."""
_BEGIN_BYTES = 8
"""The beginning of an event that may be cut in two: `<Event` and what follows it."""
