"""SMB 2 and 3: shares, files and calls over pipes."""

import collections
import subprocess

import pytest

from sensor.errors import Malformed
from sensor.flows.engine import FlowEngine
from sensor.packets.smb import Session
from tests.packets.handed import payload, say
from tests.packets.reading_captures import messages_of
from tests.packets.talks import (
    create,
    created,
    framed,
    ioctl,
    rpc_bind,
    rpc_request,
    smb2_write,
    tree_connect,
    tree_connected,
)
from tests.packets.tshark import AGGREGATOR, SEPARATOR

SHARE = "\\\\srv\\data"
FILE = b"F" * 16
MAPPED = [(True, framed(tree_connect(SHARE))), (False, framed(tree_connected(1, tree=5)))]


def test_a_share_is_written_with_its_answer():
    """Path and kind, as in Zeek's smb_mapping.log."""
    assert [{"action": "mapping", "path": SHARE, "share_type": "DISK"}] == say(Session(), *MAPPED)


def test_a_file_is_written_with_share_and_size():
    """As in Zeek's smb_files.log; a file without a name is the share itself."""
    opened = [
        (True, framed(create("a\\b.txt", number=2, tree=5))),
        (False, framed(created(FILE, 77, number=2, tree=5))),
    ]
    root = [(True, framed(create("", number=3, tree=5))), (False, framed(created(FILE, number=3, tree=5)))]
    assert [
        {"action": "SMB::FILE_OPEN", "path": SHARE, "name": "a\\b.txt", "size": 77},
        {"action": "SMB::FILE_OPEN", "path": SHARE, "name": "<share_root>", "size": 0},
    ] == say(Session(), *MAPPED, *opened, *root)[1:]


@pytest.mark.parametrize("call", [smb2_write, ioctl])
def test_calls_over_a_pipe_carry_its_name(call):
    """A service created through IPC$, by WRITE and by FSCTL_PIPE_TRANSCEIVE."""
    turns = [
        (True, framed(tree_connect("\\\\srv\\IPC$"))), (False, framed(tree_connected(2, tree=5))),
        (True, framed(create("svcctl", number=2, tree=5))), (False, framed(created(FILE, number=2, tree=5))),
        (True, framed(call(FILE, rpc_bind()))), (True, framed(call(FILE, rpc_request(12)))),
    ]  # fmt: skip
    _, opened, called = say(Session(), *turns)
    assert ("SMB::PIPE_OPEN", "svcctl", "CreateServiceW") == (
        opened["action"],
        called["named_pipe"],
        called["operation"],
    )


def test_what_was_refused_or_not_answered_is_not_written():
    """STATUS_ACCESS_DENIED; STATUS_PENDING waits for the real answer."""
    denied = (False, framed(tree_connected(1, status=0xC0000022)))
    assert [] == say(Session(), (True, framed(tree_connect(SHARE))), denied, MAPPED[1])
    pending = (False, framed(tree_connected(1, status=0x103)))
    assert 1 == len(say(Session(), MAPPED[0], pending, MAPPED[1]))


def test_compounded_messages_are_read_one_by_one():
    """Several in one transport message (MS-SMB2 §3.2.4.1.4)."""
    first = tree_connect(SHARE, number=1)
    first += bytes(-len(first) % 8)
    both = tree_connect(SHARE, number=1, after=len(first)).ljust(len(first), b"\0") + create("x", number=2, tree=5)
    answers = [MAPPED[1], (False, framed(created(FILE, number=2, tree=5)))]
    assert ["mapping", "SMB::FILE_OPEN"] == [
        found["action"] for found in say(Session(), (True, framed(both)), *answers)
    ]


@pytest.mark.parametrize("after", [1, 16, 63])
def test_a_compound_that_begins_within_a_header_is_refused(after):
    """NextCommand points into the message's own header (MS-SMB2 §2.2.1.2)."""
    with pytest.raises(Malformed, match="not_smb"):
        Session().read(payload(framed(tree_connect(SHARE, after=after))))


@pytest.mark.needs_tool("tshark")
def test_real_captures_against_tshark(data_dir):
    """As many shares and files as answers that tshark reads as successful, in nine captures of attacks."""
    for path in sorted((data_dir / "network/otrf").glob("*.cap")):
        found = collections.Counter("3" if m.action == "mapping" else "5" for m in messages_of(FlowEngine, path, "smb"))
        assert granted(path) == found, path.name


def granted(path):
    """How many TREE_CONNECT (3) and CREATE (5) requests tshark sees granted."""
    fields = ("smb2.cmd", "smb2.flags.response", "smb2.nt_status")
    options = ["-T", "fields", "-E", f"separator={SEPARATOR}", "-E", "occurrence=a", "-E", f"aggregator={AGGREGATOR}"]
    command = ["tshark", "-r", str(path), "-Y", "smb2.flags.response==1", *options]
    command += [part for name in fields for part in ("-e", name)]
    # tshark complains at the end of a capture that was cut, after all that is in it.
    out = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    counts = collections.Counter()
    for line in out.rstrip("\n").split("\n") if out else []:
        for code, _, status in zip(*(column.split(AGGREGATOR) for column in line.split(SEPARATOR)), strict=False):
            if int(status, 0) == 0 and code in ("3", "5"):
                counts[code] += 1
    return counts
