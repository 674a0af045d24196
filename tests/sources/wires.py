"""A wire for tests: two ends of a veth pair in a network namespace of its own. Needs root."""

import contextlib
import ctypes
import os
import socket
import subprocess
import time

NEAR, FAR = "span0", "span1"
_CLONE_NEWNET = 0x40000000


@contextlib.contextmanager
def wire(mtu=1500):
    """Make the namespace and be in it, with this thread and what it starts; yields its name."""
    name = f"spanline-{os.getpid()}"
    run("netns", "add", name)
    try:
        run("-n", name, "link", "add", "name", NEAR, "type", "veth", "peer", "name", FAR)
        for end in (NEAR, FAR):
            with open(f"/var/run/netns/{name}") as there, _entered(there.fileno()):  # noqa: PTH123
                for key in ("disable_ipv6", "autoconf"):
                    _without(f"/proc/sys/net/ipv6/conf/{end}/{key}", "1" if key == "disable_ipv6" else "0")
            run("-n", name, "link", "set", end, "mtu", str(mtu), "arp", "off", "up")
        run("-n", name, "link", "set", "lo", "up")
        with open(f"/var/run/netns/{name}") as there, _entered(there.fileno()):  # noqa: PTH123
            yield name
    finally:
        run("netns", "del", name)


def run(*arguments):
    """Call ip."""
    subprocess.run(["ip", *arguments], check=True, timeout=20)


def send(frames, end=FAR):
    """Put frames onto the wire, one after the other."""
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as out:
        out.bind((end, 0))
        for frame in frames:
            while True:
                try:
                    out.send(frame)
                except OSError as error:  # ENOBUFS: the queue is full
                    if error.errno != 105:
                        raise
                    time.sleep(0.001)
                else:
                    break


@contextlib.contextmanager
def _entered(descriptor):
    libc = ctypes.CDLL(None, use_errno=True)
    with open("/proc/self/ns/net") as here:  # noqa: PTH123
        if libc.setns(descriptor, _CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), "setns")
        try:
            yield
        finally:
            libc.setns(here.fileno(), _CLONE_NEWNET)


def _without(path, value):
    with contextlib.suppress(OSError), open(path, "w") as file:  # noqa: PTH123
        file.write(value)
