"""SMB 2 and 3: shares that are mapped, files that are opened, and calls over pipes (MS-SMB2 §2.2).

A request is remembered by its message id until its answer, which alone says what kind of share it is, how large the
file, and that it was allowed: what was refused is not written, as in Zeek's smb_mapping.log and smb_files.log.
Encrypted sessions say nothing. SMB 1 is in `sensor.packets.smb1`.
"""

from collections.abc import Iterator

from sensor.errors import Malformed
from sensor.model.protocols import AnyMessage, Smb
from sensor.packets.bounded import remember
from sensor.packets.dce_rpc import Association
from sensor.packets.octets import until_damage, utf16
from sensor.packets.payload import Payload
from sensor.packets.smb1 import PIPES_MAX, SHARE_ROOT, TREES_MAX, WAITING_MAX, Session1, Tree

SMB1, SMB2 = b"\xffSMB", b"\xfeSMB"
TREE_CONNECT, CREATE, WRITE, IOCTL = 3, 5, 9, 11
"""Commands (MS-SMB2 §2.2.1.2)."""
RESPONSE = 1
HEADER = 64
PIPE_TRANSCEIVE = 0x0011C017
"""FSCTL_PIPE_TRANSCEIVE (MS-SMB2 §2.2.31)."""
SHARE_TYPES = {1: "DISK", 2: "PIPE", 3: "PRINT"}
MESSAGES_MAX = 16
"""Messages of one payload: compounds of four or five are usual."""
LAST_FILE = b"\xff" * 16
"""In a compound: the file that the message before opened (MS-SMB2 §3.2.4.1.4)."""


class Session:
    """One connection to a server, of whichever version."""

    def __init__(self) -> None:
        """Begin with nothing mapped."""
        self._first = Session1()
        self._second = Session2()

    def read(self, payload: Payload) -> list[AnyMessage]:
        """Take a payload that begins with a message in its transport header (MS-SMB2 §2.1)."""
        data = payload.data
        if data[4:8] == SMB1:
            return self._first.read(payload, data[4:])
        if data[4:8] == SMB2:
            return self._second.read(payload, data[4:])
        return []

    def flush(self) -> list[AnyMessage]:
        """Nothing is written without its answer."""
        return []


class Session2:
    """A connection of version 2 or 3."""

    def __init__(self) -> None:
        """Begin with nothing mapped."""
        self._waiting: dict[int, tuple[int, str, int]] = {}
        self._trees: dict[int, Tree] = {}
        self._pipes: dict[bytes, Association] = {}
        self._last_pipe: Association | None = None

    def read(self, payload: Payload, data: bytes) -> list[AnyMessage]:
        """Take a message and those compounded with it."""
        return until_damage(self._messages(payload, data))

    def _messages(self, payload: Payload, data: bytes) -> Iterator[AnyMessage]:
        for _ in range(MESSAGES_MAX):
            if len(data) < HEADER or data[:4] != SMB2:
                return
            after = int.from_bytes(data[20:24], "little") or len(data)
            if after < HEADER:
                raise Malformed("not_smb")
            message, data = data[:after], data[after:]
            command = int.from_bytes(message[12:14], "little")
            yield from (self._answer if message[16] & RESPONSE else self._request)(payload, command, message)

    def _request(self, payload: Payload, command: int, message: bytes) -> list[AnyMessage]:
        number, tree = int.from_bytes(message[24:32], "little"), int.from_bytes(message[36:40], "little")
        if command == TREE_CONNECT:
            path = _text_at(message, 68)
            if path is not None:
                remember(self._waiting, number, (TREE_CONNECT, path, 0), WAITING_MAX)
        elif command == CREATE:
            name = _text_at(message, 108)
            if name is not None:
                remember(self._waiting, number, (CREATE, name, tree), WAITING_MAX)
        elif command == WRITE and len(message) >= 112:
            return self._call(payload, message[80:96], message[int.from_bytes(message[66:68], "little") :])
        elif command == IOCTL and len(message) >= 120 and int.from_bytes(message[68:72], "little") == PIPE_TRANSCEIVE:
            return self._call(payload, message[72:88], message[int.from_bytes(message[88:92], "little") :])
        return []

    def _call(self, payload: Payload, file: bytes, data: bytes) -> list[AnyMessage]:
        pipe = self._last_pipe if file == LAST_FILE else self._pipes.get(file)
        return pipe.read(payload._replace(data=data)) if pipe is not None and data[:1] == b"\x05" else []

    def _answer(self, payload: Payload, command: int, message: bytes) -> list[AnyMessage]:
        status = int.from_bytes(message[8:12], "little")
        asked = self._waiting.get(int.from_bytes(message[24:32], "little"))
        if asked is None or asked[0] != command or status == 0x103:  # STATUS_PENDING: another answer follows
            return []
        del self._waiting[int.from_bytes(message[24:32], "little")]
        if status:
            return []
        tree = int.from_bytes(message[36:40], "little")
        if command == TREE_CONNECT:
            kind = SHARE_TYPES.get(message[66]) if len(message) > 66 else None
            remember(self._trees, tree, Tree(asked[1], kind), TREES_MAX)
            return [Smb(**payload.common, action="mapping", path=asked[1], share_type=kind)]  # type: ignore[arg-type]
        return self._opened(payload, message, asked[1], self._trees.get(asked[2] or tree))

    def _opened(self, payload: Payload, message: bytes, name: str, tree: Tree | None) -> list[AnyMessage]:
        is_pipe = tree is not None and tree.holds_pipes
        file = message[128:144]
        if len(file) == 16 and (is_pipe or tree is None):
            self._last_pipe = Association(name.removeprefix("\\"))
            remember(self._pipes, file, self._last_pipe, PIPES_MAX)
        whole = len(message) >= 120
        return [
            Smb(
                **payload.common,  # type: ignore[arg-type]
                action="SMB::PIPE_OPEN" if is_pipe else "SMB::FILE_OPEN",
                path=tree.path if tree else None,
                name=name or SHARE_ROOT,
                size=int.from_bytes(message[112:120], "little") if whole and not is_pipe else None,
            )
        ]


def _text_at(message: bytes, at: int) -> str | None:
    """Read a text by its offset and length; None where it is not all there."""
    if len(message) < at + 4:
        return None
    start = int.from_bytes(message[at : at + 2], "little")
    size = int.from_bytes(message[at + 2 : at + 4], "little")
    value = message[start : start + size]
    return utf16(value) if len(value) == size else None
