"""SMB 1."""

import struct

from sensor.packets.smb import Session
from tests.packets.handed import say
from tests.packets.talks import framed, rpc_bind, rpc_request, smb1

PATH = "\\\\srv\\IPC$"
CONNECT = struct.pack("<BBHHH", 0xFF, 0, 0, 0, 1)
ANDX = b"\xff\0\0\0"


def connect(**options):
    body = b"\0" + PATH.encode("utf-16-le") + b"\0\0IPC\0"
    return framed(smb1(0x75, CONNECT, body, **options))


def connected(**options):
    return framed(smb1(0x75, ANDX + b"\1\0", b"IPC\0\0\0", answer=True, tree=4, **options))


def opened(name, file):
    text = name.encode("utf-16-le")
    words = ANDX + b"\0" + struct.pack("<H", len(text)) + bytes(41)
    answer = ANDX + b"\0" + struct.pack("<H", file) + bytes(48) + struct.pack("<Q", 9) + bytes(5)
    return (
        framed(smb1(0xA2, words, b"\0" + text, number=2, tree=4)),
        framed(smb1(0xA2, answer, number=2, tree=4, answer=True)),
    )


def transact(file, data):
    """TRANSACTION, TransactNmPipe."""
    at = 32 + 1 + 32 + 2
    words = bytes(22) + struct.pack("<HHBBHH", len(data), at, 2, 0, 0x26, file)
    return framed(smb1(0x25, words, data, number=3, tree=4))


def test_a_share_a_pipe_and_a_call():
    """The same as later versions say."""
    ask, answer = opened("\\svcctl", 0x4001)
    turns = [(True, connect()), (False, connected()), (True, ask), (False, answer)]
    turns += [(True, transact(0x4001, rpc_bind())), (True, transact(0x4001, rpc_request(15)))]
    mapped, pipe, call = say(Session(), *turns)
    assert {"action": "mapping", "path": PATH, "share_type": "PIPE"} == mapped
    assert {"action": "SMB::PIPE_OPEN", "path": PATH, "name": "\\svcctl"} == pipe
    assert ("svcctl", "OpenSCManagerW") == (call["named_pipe"], call["operation"])


def test_what_was_refused_is_not_written():
    """An error status in the answer."""
    assert [] == say(Session(), (True, connect()), (False, connected(status=0xC0000022)))


def test_narrow_paths():
    """Servers without Unicode: the password's length says where the path begins."""
    ask = framed(smb1(0x75, CONNECT, b"\0\\\\S\\D\0A:\0", wide=False))
    answer = framed(smb1(0x75, ANDX + b"\1\0", b"A:\0", answer=True, tree=4))
    assert [{"action": "mapping", "path": "\\\\S\\D", "share_type": "DISK"}] == say(
        Session(), (True, ask), (False, answer)
    )
