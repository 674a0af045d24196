"""Follow logs while they are written, through every kind of rotation, without losing or repeating a line.

`poll` hands out whole lines that have come since, as pieces of at most a megabyte; whoever drives it decides when, and
no clock is read. `position` is the text to make durable together with the records of all pieces handed out so far;
a follower made from it goes on exactly behind them, whatever happened to the files meanwhile:

- renamed, also into a folder of its day: known by device and inode, and the open file is read to its end;
- copied and truncated: the file that shrank begins anew, the rest is sought in the copy, by its contents;
- packed, while we read or while nobody did: the packed text is decoded and read from where the plain one was left;
- deleted: what was open is read on until nothing comes for QUIET_POLLS polls;
- a new file under the same name, with a header or, continuing, without one: `Piece.carry` brings the last header.

A last line without an end waits for its end; it is handed out as it is once its file can grow no more. Does not use
inotify: a scan of 60 logs costs less than a millisecond. A rotation that deletes without leaving a copy, while nobody
follows, loses what was not read: `missing` counts such files. A line longer than a piece is passed over and named.
"""

import heapq
import logging
from collections import deque
from collections.abc import Iterator
from typing import Protocol

import msgspec

from sensor.wire import follow_position as positions
from sensor.wire.follow_position import FILES_MAX, HEAD_BYTES, Known, Position, digest
from sensor.wire.follow_scan import Found, Place
from sensor.wire.follow_text import Opener, Text

PIECE_BYTES = 1 << 20
"""The longest piece, and so the longest line: `line_blocks.BLOCK_BYTES`."""
POLL_BYTES = 8 << 20
"""What one poll hands out: bounds memory after a long absence; more comes with the next."""
QUIET_POLLS = 20
"""Polls without anything new after which a file that is gone, or cut short, is taken for ended. A writer that is told
to open its log anew does so within a second or a few; polls are a second apart where a site runs."""
OPEN_MAX = 256
"""Files held open. Zeek writes at most 70 logs; the rest are rotated ones that are still where they were put."""

_LOG = logging.getLogger(__name__)


class Piece(msgspec.Struct, frozen=True):
    """A run of lines of one file."""

    file: int
    """Which file, the same across restarts; its pieces come in order."""
    stream: str
    """The log's name."""
    path: str
    """Where the file was last."""
    offset: int
    """Of the first byte, in the file's text."""
    data: bytes
    """Whole lines; empty where `problem` says why."""
    carry: str
    """What was noted last for this file, or for the log's file before it."""
    is_ended: bool = True
    """False where the last line has no end and will get none: it is the only one."""
    is_mid_line: bool = False
    """True where the piece begins within a line whose beginning was handed out."""
    problem: str = ""
    """`line_too_long`: one line was passed over. `damaged_compression`: nothing behind this can be read."""


class Store(Protocol):
    """Where `acknowledge` keeps the position: `follow_position.PositionFile`, or the state itself."""

    def save(self, text: str) -> None:
        """Make a position durable."""


class Follower:
    """Follows the logs of one place."""

    def __init__(self, path: str, opener: Opener, position: str | None = None, store: Store | None = None) -> None:
        """Go on from a position.

        Args:
            path: A folder, a file or a shell pattern; see `follow_scan`.
            opener: What decodes a file: `sensor.packets.inflate.open_stream`.
            position: What `position` returned; None to read every live file from its beginning.
            store: What `acknowledge` saves into.

        Raises:
            ValueError: The position is damaged.
        """
        self._place = Place(path)
        self._opener = opener
        self._store = store
        self._known = positions.decode(position) if position else Position()
        self._texts: dict[int, Text] = {}
        self._quiet: dict[int, int] = {}
        self._gone: dict[int, int] = {}
        """For how many polls a file was not seen: one that is renamed at that moment is missing from a listing."""
        self._judged: dict[tuple[int, int], tuple[int, int]] = {}
        """Size and time of files, by device and inode, that were none of ours; looked at again when one is sought."""
        self._unsettled: dict[tuple[int, int], tuple[int, int]] = {}
        """The same of files of few bytes: perhaps a copy that is being made."""
        self._turn = 0
        self._reached: dict[int, int] = {}
        """Event time, ns, up to which open files were read."""
        self._read_last: dict[str, int] = {}
        """When a log was read, counted in pieces: of those that tell no time the one read longest ago is next."""
        self._unread: list[int] = []
        """Files of which there may be more than the last poll handed out."""
        self.unreadable: set[str] = set()
        """Files that are there and cannot be opened."""

    def position(self) -> str:
        """Return how far everything handed out goes, to be committed with the records it became."""
        return positions.encode(self._known)

    def acknowledge(self) -> None:
        """Save the position: every record of every piece handed out is durable. Without a store it does nothing."""
        if self._store is not None:
            self._store.save(self.position())

    def note(self, file: int, carry: str) -> None:
        """Keep what the reader of a file must know to go on, a header; kept with the position."""
        for one in self._known.files:
            if one.number == file:
                one.carry = carry[: positions.CARRY_MAX_BYTES]

    @property
    def missing(self) -> int:
        """Count files that were not read to their end and cannot be found."""
        lost = sum(not one.inode and not one.is_complete and one.offset < one.size for one in self._known.files)
        return lost + self._known.forgotten

    def lag_bytes(self) -> int:
        """Return how much of the plain open files has not been handed out."""
        plain = ((one, self._texts.get(one.number)) for one in self._known.files)
        return sum(max(0, text.size() - one.offset) for one, text in plain if text is not None and not text.is_packed)

    def close(self) -> None:
        """Close every file."""
        for text in self._texts.values():
            text.close()
        self._texts.clear()

    def poll(self, limit_bytes: int = POLL_BYTES) -> list[Piece]:
        """Look for what has come, and hand out about `limit_bytes` of it at most."""
        return list(self.pieces(limit_bytes))

    def pieces(self, limit_bytes: int = POLL_BYTES) -> Iterator[Piece]:
        """Look for what has come, and hand it out as `poll` does, piece by piece: the file furthest behind is next.

        Whoever reads pieces says by `reached`, before the next, how far its event time goes; so what several logs have
        to say of one moment comes together, also where there are days of it.
        """
        self._meet(self._place.files(self._known.since_ns))
        queues: dict[str, deque[Known]] = {}
        for one in self._known.files:
            if one.number in self._texts:
                queues.setdefault(one.stream, deque()).append(one)
        waiting = [self._due(queue[0], stream) for stream, queue in queues.items()]
        heapq.heapify(waiting)
        progress, left = set(), limit_bytes
        while waiting and left > 0:
            *_, stream = heapq.heappop(waiting)
            file = queues[stream][0]
            start = file.offset
            piece = self._read(file)
            left -= file.offset - start
            if piece is not None:
                yield piece
            if file.offset != start:
                self._turn += 1
                self._read_last[stream] = self._turn
                progress.add(file.number)
            else:
                self._quiet[file.number] = 0 if file.number in progress else self._quiet.get(file.number, 0) + 1
                yield from self._finish(file)
                queues[stream].popleft()
            if queues[stream]:
                heapq.heappush(waiting, self._due(queues[stream][0], stream))
        self._unread = [queues[stream][0].number for *_, stream in waiting]
        open_now = {one.number for one in self._known.files if one.number in self._texts}
        self._reached = {number: ns for number, ns in self._reached.items() if number in open_now}
        self._read_last = {stream: turn for stream, turn in self._read_last.items() if stream in queues}
        self._known.forget()

    def _due(self, file: Known, stream: str) -> tuple[int, int, int, str]:
        """Order logs by event time, then by when they were read last, then by age; a log's oldest stands for it."""
        return self._reached.get(file.number, 0), self._read_last.get(stream, 0), file.number, stream

    def reached(self, file: int, ns: int) -> None:
        """Note up to which event time a file was read."""
        self._reached[file] = max(ns, self._reached.get(file, 0))

    @property
    def behind_ns(self) -> int | None:
        """Return the event time to which every file was read that the last poll had no room for; None where none was.

        0 where one of them was not begun.
        """
        return min((self._reached.get(number, 0) for number in self._unread), default=None)

    def _meet(self, found: list[Found]) -> None:
        """Bring what is known together with what is there."""
        known = self._known
        if known.since_ns is None:
            known.since_ns = max((one.mtime_ns for one in found if not one.is_live), default=0)
        bound = {(one.device, one.inode): one for one in known.files if one.inode}
        present: set[int] = set()
        strangers: list[Found] = []
        for one in found:
            file = bound.get((one.device, one.inode))
            if file is not None and self._is_still(file, one):
                file.path, file.size, file.mtime_ns = one.path, one.size, one.mtime_ns
                present.add(file.number)
            else:
                if file is not None:
                    self._let_go(file)
                strangers.append(one)
        gone, self._gone = self._gone, {}
        for file in bound.values():
            if file.inode and file.number not in present:
                self._gone[file.number] = gone.get(file.number, 0) + 1
                text = self._texts.get(file.number)
                if text is None or not self._continues(file, text):  # it may have been truncated before it went
                    self._let_go(file)
        self.unreadable.intersection_update(one.path for one in found)
        for seen in (self._judged, self._unsettled):
            if len(seen) > FILES_MAX:
                seen.clear()
        sought = {one.stream for one in known.files if one.head and not one.inode}
        for one in strangers:
            is_ours = one.is_live or one.mtime_ns > known.since_ns
            if one.size and (is_ours or one.stream in sought):
                self._judge(one, is_ours=is_ours)

    def _is_still(self, file: Known, now: Found) -> bool:
        """Tell whether a file of the same inode is the one that was read; opens it where it has changed."""
        text = self._texts.get(file.number)
        if (now.size, now.mtime_ns) == (file.size, file.mtime_ns) and (
            text is not None or file.is_complete or file.offset == now.size
        ):
            return True
        if text is None:
            text = self._open(now)
            if text is None:
                return True
            self._texts[file.number] = text
        elif text.is_packed:
            text.restart()
        if self._continues(file, text):
            file.is_complete = False
            self._quiet[file.number] = 0
            return True
        return False

    @staticmethod
    def _continues(file: Known, text: Text) -> bool:
        """Tell whether a text is this file's as far as it was read."""
        if not file.offset:
            return not file.head or file.begins(text.read_at(0, HEAD_BYTES))
        if not file.begins(text.read_at(0, HEAD_BYTES)):
            return False
        before = text.read_at(file.offset - file.tail, file.tail)
        return len(before) == file.tail and digest(before) == file.tail_digest

    def _open(self, found: Found) -> Text | None:
        """Open a file; None where it cannot be, or another has taken its name since it was listed."""
        try:
            text = Text(found.path, self._opener)
        except OSError as error:
            if not isinstance(error, FileNotFoundError) and found.path not in self.unreadable:
                self.unreadable.add(found.path)
                _LOG.warning("log cannot be read path=%s: %s", found.path, error.strerror)
            return None
        self.unreadable.discard(found.path)
        if text.identity == (found.device, found.inode):
            return text
        text.close()
        return None

    def _let_go(self, file: Known) -> None:
        """Forget where a file lies: it is sought by its contents from now on."""
        text = self._texts.pop(file.number, None)
        if text is not None:
            text.close()
        self._quiet.pop(file.number, None)
        file.device = file.inode = 0
        self._judged.clear()

    def _judge(self, found: Found, *, is_ours: bool) -> None:
        """Decide what a file is that lies where none lay: the rest of one that is sought, a copy, or a new one."""
        identity, state = (found.device, found.inode), (found.size, found.mtime_ns)
        if self._judged.get(identity) == state:
            return
        text = self._open(found)
        if text is None:
            return
        alike = [one for one in self._known.files if one.stream == found.stream and one.head]
        head = text.read_at(0, HEAD_BYTES)
        is_copy = found.is_rotated and any(one.covers(head) for one in alike)
        alike = sorted((one for one in alike if one.begins(head)), key=lambda one: one.head, reverse=True)
        file = next((one for one in alike if not one.inode and (one.is_complete or self._continues(one, text))), None)
        is_settled = len(head) == HEAD_BYTES or not found.is_rotated or self._unsettled.pop(identity, None) == state
        if file is None and not alike and not is_copy and is_ours and head and is_settled:
            file = self._begin(found, head)
        if file is None:
            text.close()
            if alike or is_copy or not is_ours:
                self._judged[identity] = state
            else:
                self._unsettled[identity] = state
            return
        file.device, file.inode, file.path = found.device, found.inode, found.path
        file.size, file.mtime_ns = state
        if file.is_complete:
            text.close()
        else:
            self._texts[file.number] = text

    def _begin(self, found: Found, head: bytes) -> Known:
        """Take up a file that nobody has read."""
        known = self._known
        before = next((one.carry for one in reversed(known.files) if one.stream == found.stream), "")
        file = Known(known.next_number, found.stream, found.path, carry=before)
        file.learn(head)
        known.next_number += 1
        known.files.append(file)
        return file

    def _read(self, file: Known) -> Piece | None:
        """Hand out the next run of whole lines of a file; None where there is none."""
        text = self._texts[file.number]
        data = text.read_at(file.offset, PIECE_BYTES)
        if file.head < HEAD_BYTES and data and not (text.is_packed and file.offset):
            file.learn(text.read_at(0, HEAD_BYTES))
        if not file.offset and data[:1] == b"\0":  # a writer went on behind a truncation: the hole holds nothing
            file.advance(data[: len(data) - len(data.lstrip(b"\0"))])
            return None
        end = data.rfind(b"\n") + 1
        if file.is_skipping:
            return self._skip(file, data)
        if not end and len(data) == PIECE_BYTES:
            piece = self._piece(file, b"", problem="line_too_long")
            file.is_skipping = True
            file.advance(data)
            return piece
        if not end:
            return None
        piece = self._piece(file, data[:end])
        file.advance(data[:end])
        file.is_cut = False
        return piece

    @staticmethod
    def _skip(file: Known, data: bytes) -> None:
        """Pass over a line that is too long, as far as there is of it."""
        end = data.find(b"\n") + 1
        file.is_skipping = not end
        file.advance(data[: end or len(data)])

    @staticmethod
    def _piece(file: Known, data: bytes, *, problem: str = "", is_ended: bool = True) -> Piece:
        return Piece(
            file.number, file.stream, file.path, file.offset, data, file.carry, is_ended=is_ended,
            is_mid_line=file.is_cut, problem=problem,
        )  # fmt: skip

    def _finish(self, file: Known) -> Iterator[Piece]:
        """Close a file that nothing more can come from, handing out its last line where that has no end."""
        text = self._texts.get(file.number)
        if text is None:
            return
        quiet = self._quiet[file.number]
        is_whole = text.is_packed and not text.problem and quiet > 0
        idle = quiet if text.is_packed else min(quiet, self._gone.get(file.number, 0))
        if not is_whole and idle < QUIET_POLLS:
            if quiet and len(self._texts) > OPEN_MAX and file.number not in self._gone:
                self._texts.pop(file.number).close()
            return
        rest = b"" if file.is_skipping else text.read_at(file.offset, PIECE_BYTES)
        if rest:
            yield self._piece(file, rest, is_ended=False)
            file.advance(rest)
            file.is_cut = True
        if text.problem:
            yield self._piece(file, b"", problem="damaged_compression")
        file.is_complete = True
        if file.number in self._gone:
            self._let_go(file)
        else:
            self._texts.pop(file.number).close()
