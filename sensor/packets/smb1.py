"""SMB 1: shares that are mapped, files that are opened, and calls over pipes (MS-CIFS §2.2.4, MS-SMB §2.2.4).

As `sensor.packets.smb` does for later versions: a request waits for its answer, by multiplex id, and what was refused
is not written. Reads TREE_CONNECT_ANDX (also chained to a session set-up), NT_CREATE_ANDX, TRANSACTION and WRITE_ANDX;
older ways to open a file are left alone.
"""

from typing import NamedTuple

from sensor.model.protocols import AnyMessage, Smb
from sensor.packets.bounded import remember
from sensor.packets.dce_rpc import Association
from sensor.packets.octets import plain, utf16
from sensor.packets.payload import Payload

SESSION_SETUP, TREE_CONNECT, NT_CREATE, TRANSACTION, WRITE = 0x73, 0x75, 0xA2, 0x25, 0x2F
"""Commands (MS-CIFS §2.2.2.1)."""
CHAINED = frozenset({SESSION_SETUP, TREE_CONNECT, NT_CREATE, WRITE})
"""Commands whose parameters begin with the next command and where it lies."""
NOTHING_MORE = 0xFF
HEADER = 32
RESPONSE, UNICODE = 0x80, 0x8000
CHAIN_MAX = 4
"""Commands of one message."""
WAITING_MAX, TREES_MAX, PIPES_MAX = 64, 64, 64
"""Requests, shares and pipes of one connection that are remembered; the oldest goes first."""
SHARE_TYPES = {"A:": "DISK", "IPC": "PIPE", "LPT1:": "PRINT", "COMM": "COMM"}
"""Services of a tree (MS-CIFS §2.2.4.55.2)."""
SHARE_ROOT = "<share_root>"
"""Zeek's name of a file without one."""


class Tree(NamedTuple):
    """A share as it was mapped."""

    path: str
    kind: str | None

    @property
    def holds_pipes(self) -> bool:
        """Tell whether what is opened on it are pipes."""
        return self.kind == "PIPE" or self.path.upper().endswith("\\IPC$")


class Session1:
    """A connection of version 1."""

    def __init__(self) -> None:
        """Begin with nothing mapped."""
        self._waiting: dict[int, tuple[int, str]] = {}
        self._trees: dict[int, Tree] = {}
        self._pipes: dict[int, Association] = {}

    def read(self, payload: Payload, data: bytes) -> list[AnyMessage]:
        """Take a message, header first."""
        if len(data) <= HEADER:
            return []
        found: list[AnyMessage] = []
        command, at = data[4], HEADER
        for _ in range(CHAIN_MAX):
            words = data[at + 1 : at + 1 + 2 * data[at]] if at < len(data) else b""
            body_at = at + 1 + 2 * (data[at] if at < len(data) else 0) + 2
            if data[9] & RESPONSE:
                found += self._answer(payload, command, data, words, body_at)
            else:
                found += self._request(payload, command, data, words, body_at)
            if command not in CHAINED or len(words) < 4 or words[0] == NOTHING_MORE:
                break
            after = int.from_bytes(words[2:4], "little")
            if after <= at:
                break
            command, at = words[0], after
        return found

    def _remember(self, data: bytes, command: int, name: str) -> None:
        remember(self._waiting, _multiplex(data), (command, name), WAITING_MAX)

    def _request(self, payload: Payload, command: int, data: bytes, words: bytes, at: int) -> list[AnyMessage]:
        wide = _word(data, 10) & UNICODE
        if command == TREE_CONNECT and len(words) >= 8:
            start = at + _word(words, 6)
            path = _wide(data, start) if wide else _narrow(data, start)
            if path is not None:
                self._remember(data, command, path)
        elif command == NT_CREATE and len(words) >= 7:
            size = _word(words, 5)
            start = at + at % 2 if wide else at
            value = data[start : start + size]
            if len(value) == size:
                self._remember(data, command, utf16(value) if wide else plain(value))
        elif command == TRANSACTION and len(words) >= 32:
            return self._call(payload, _word(words, 30), data[_word(words, 24) :])
        elif command == WRITE and len(words) >= 24:
            return self._call(payload, _word(words, 4), data[_word(words, 22) :])
        return []

    def _call(self, payload: Payload, file: int, data: bytes) -> list[AnyMessage]:
        pipe = self._pipes.get(file)
        return pipe.read(payload._replace(data=data)) if pipe is not None and data[:1] == b"\x05" else []

    def _answer(self, payload: Payload, command: int, data: bytes, words: bytes, at: int) -> list[AnyMessage]:
        asked = self._waiting.get(_multiplex(data))
        if asked is None or asked[0] != command:
            return []
        del self._waiting[_multiplex(data)]
        if data[5:9] != bytes(4):
            return []
        tree = _word(data, 24)
        if command == TREE_CONNECT:
            kind = SHARE_TYPES.get(_narrow(data, at) or "")
            remember(self._trees, tree, Tree(asked[1], kind), TREES_MAX)
            return [Smb(**payload.common, action="mapping", path=asked[1], share_type=kind)]  # type: ignore[arg-type]
        return self._opened(payload, words, asked[1], self._trees.get(tree))

    def _opened(self, payload: Payload, words: bytes, name: str, tree: Tree | None) -> list[AnyMessage]:
        is_pipe = tree is not None and tree.holds_pipes
        if len(words) >= 7 and (is_pipe or tree is None):
            remember(self._pipes, _word(words, 5), Association(name.removeprefix("\\")), PIPES_MAX)
        return [
            Smb(
                **payload.common,  # type: ignore[arg-type]
                action="SMB::PIPE_OPEN" if is_pipe else "SMB::FILE_OPEN",
                path=tree.path if tree else None,
                name=name or SHARE_ROOT,
                size=int.from_bytes(words[55:63], "little") if len(words) >= 63 and not is_pipe else None,
            )
        ]


def _word(data: bytes, at: int) -> int:
    return int.from_bytes(data[at : at + 2], "little")


def _multiplex(data: bytes) -> int:
    """Return multiplex and user id, by which an answer finds its request (MS-CIFS §2.2.3.1)."""
    return _word(data, 30) << 16 | _word(data, 28)


def _narrow(data: bytes, start: int) -> str | None:
    end = data.find(b"\0", start)
    return plain(data[start:end]) if end >= 0 else None


def _wide(data: bytes, start: int) -> str | None:
    """Read UTF-16 up to its NUL; it begins at an even place (MS-CIFS §2.2.1.1.2)."""
    start += start % 2
    for at in range(start, len(data) - 1, 2):
        if data[at : at + 2] == b"\0\0":
            return utf16(data[start:at])
    return None
