"""Packets explained by Wireshark's dissectors, through pyshark, in a child process that can do nothing else.

Dissectors are a million lines of C that read what strangers sent. So they run on demand, on a few packets, in a process
without capabilities, without a network where this can be had (a namespace of its own, as root), as nobody where started
as root, with bounded time, memory, files and output; what it writes is text, which the caller still escapes.
"""

import contextlib
import ctypes
import json
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import msgspec

from sensor.errors import Permanent
from sensor.wire import privileges

MODULE = "sensor.wire.dissecting"
USER = "nobody"
CPU_S, WALL_S = 60, 120
"""tshark takes 2 s to start and dissects 100 to 1,000 packets a second."""
MEMORY_BYTES = 2 << 30
OUTPUT_BYTES = 16 << 20
FIELDS_MAX = 40
"""Fields shown of one layer."""
_SURROUNDINGS = {"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": "/nonexistent", "LC_ALL": "C.UTF-8"}
"""All that the child knows of ours."""
_CLONE_NEWNET = 0x40000000


class Layer(msgspec.Struct, frozen=True):
    """One protocol of a packet."""

    name: str
    fields: tuple[tuple[str, str], ...]
    """Wireshark's name of a field, and its value."""


class Dissected(msgspec.Struct, frozen=True):
    """One packet."""

    number: int
    ts: str
    """Seconds since 1970, as text."""
    length: int
    layers: tuple[Layer, ...]


def dissect(capture: bytes, limit: int) -> Iterator[Dissected]:
    """Explain the first packets of a capture.

    Args:
        capture: A pcap.
        limit: How many packets at most.

    Raises:
        Permanent: pyshark or tshark is not installed, or the dissectors failed; says the remedy.
    """
    with tempfile.TemporaryDirectory(prefix="spanline-inspect-") as name:
        folder = Path(name)
        path = folder / "incident.pcap"
        path.write_bytes(capture)
        if os.getuid() == 0:
            uid, gid = privileges.identity(USER)
            for one in (path, folder):
                os.chown(one, uid, gid)
        with (folder / "out").open("wb+") as out, (folder / "err").open("wb+") as err:
            command = [sys.executable, "-m", MODULE, str(path), str(limit)]
            try:
                done = subprocess.run(  # noqa: S603 - our own module
                    command, stdout=out, stderr=err, stdin=subprocess.DEVNULL, timeout=WALL_S, env=_SURROUNDINGS,
                    check=False,
                )  # fmt: skip
                code = done.returncode
            except subprocess.TimeoutExpired:
                code = -1
            out.seek(0)
            shown = 0
            for line in out:
                with contextlib.suppress(msgspec.DecodeError):  # the last line may be cut short by a limit
                    yield msgspec.json.decode(line, type=Dissected)
                    shown += 1
            if code and not shown:
                err.seek(0)
                raise Permanent(_why(err.read()[-2000:].decode(errors="replace")))


def _why(said: str) -> str:
    """Return why nothing came, for a person."""
    if "No module named 'pyshark'" in said:
        return "needs pyshark: pip install 'spanline[inspect]'"
    if "TShark not found" in said or "TSharkNotFound" in said:
        return "needs tshark, which is not here: apt install tshark"
    return "the dissectors failed: " + (said.strip().splitlines() or ["no reason given, or out of time"])[-1]


def main() -> None:
    """Dissect what the first argument names, in a process that can do nothing else."""
    path, limit = sys.argv[1], int(sys.argv[2])
    import pyshark

    _confine()
    os.chdir(Path(path).parent)
    with contextlib.closing(pyshark.FileCapture(path, keep_packets=False, custom_parameters=["-n"])) as packets:
        for number, packet in enumerate(packets, 1):
            layers = tuple(Layer(layer.layer_name, _fields(layer)) for layer in packet.layers)
            one = Dissected(number, str(packet.sniff_timestamp), int(packet.length), layers)
            sys.stdout.write(json.dumps(msgspec.to_builtins(one)) + "\n")
            if number == limit:
                break
    sys.stdout.flush()


def _fields(layer: object) -> tuple[tuple[str, str], ...]:
    found = []
    names = list(getattr(layer, "field_names", ()))
    for name in names[:FIELDS_MAX]:
        value = getattr(layer, str(name), None)
        if value is not None:
            found.append((str(name), str(value)[:200]))
    return tuple(found)


def _confine() -> None:
    """Give up everything, and take limits on."""
    if os.getuid() == 0:
        ctypes.CDLL(None, use_errno=True).unshare(_CLONE_NEWNET)  # as root; else the network stays reachable
    privileges.drop(USER if privileges.has_user(USER) else None)
    for what, most in (
        (resource.RLIMIT_CPU, CPU_S), (resource.RLIMIT_FSIZE, OUTPUT_BYTES), (resource.RLIMIT_AS, MEMORY_BYTES),
        (resource.RLIMIT_CORE, 0), (resource.RLIMIT_NOFILE, 64),
    ):  # fmt: skip
        resource.setrlimit(what, (most, most))


if __name__ == "__main__":
    main()
