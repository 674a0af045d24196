"""A small laboratory of network namespaces in which the sample captures are made by real programs.

Needs root, iproute2, ethtool, util-linux and tcpdump. A `Lab` builds namespaces joined by veth pairs and bridges, runs
programs in them, captures with tcpdump, and removes every trace when it is left: namespaces, processes and files.
Nothing leaves the machine: no namespace is connected to the host's own interfaces.

Offloads are switched off on every link, so the captures hold what a wire would carry (whole segments, true checksums).
"""

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

PREFIX = "spl-"
_OFFLOADS = ("tx", "sg", "tso", "gso", "gro")


class Lab:
    """Owns the namespaces, processes and scratch files of one laboratory."""

    def __init__(self) -> None:
        self.scratch = Path(tempfile.mkdtemp(prefix="spanline-lab-"))
        self.scratch.chmod(0o755)
        self._names: list[str] = []
        self._started: list[subprocess.Popen[bytes]] = []
        self._links = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for process in reversed(self._started):
            stop(process)
        for name in self._names:
            self._end_all_in(name)
            subprocess.run(["ip", "netns", "del", PREFIX + name], check=False)
            shutil.rmtree(Path("/etc/netns") / (PREFIX + name), ignore_errors=True)
        with contextlib.suppress(OSError):
            Path("/etc/netns").rmdir()  # only if it is empty
        shutil.rmtree(self.scratch, ignore_errors=True)

    @staticmethod
    def _end_all_in(name: str) -> None:
        """End the daemons that forked away from us: whatever still lives in a namespace we made."""
        found = subprocess.run(["ip", "netns", "pids", PREFIX + name], check=False, capture_output=True, text=True)
        for pid in found.stdout.split():
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGKILL)

    def namespace(self, name: str, *, forward: bool = False) -> str:
        """Create a namespace with its own hosts and resolv.conf; `forward` makes it a router."""
        _sh("ip", "netns", "add", PREFIX + name)
        self._names.append(name)
        etc = Path("/etc/netns") / (PREFIX + name)
        etc.mkdir(parents=True, exist_ok=True)
        (etc / "resolv.conf").write_text("")
        (etc / "hosts").write_text(f"127.0.0.1 localhost {name}\n::1 localhost\n")
        self.run(name, "ip", "link", "set", "lo", "up")
        if forward:
            self.run(name, "sysctl", "-qw", "net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1")
        return name

    @staticmethod
    def _enter(name: str, command: tuple[str, ...]) -> list[str]:
        """Return the command line that runs `command` in a namespace, on a machine of that name (not of the host's)."""
        renamed = ["unshare", "--uts", "sh", "-c", 'hostname "$0" && exec "$@"', name]
        return ["ip", "netns", "exec", PREFIX + name, *renamed, *command]

    def etc(self, name: str) -> Path:
        """Return the folder whose files a namespace sees over /etc."""
        return Path("/etc/netns") / (PREFIX + name)

    def bridge(self, name: str, device: str = "br0", **options: int) -> None:
        """Create a switch in a namespace."""
        extra = [word for key, value in options.items() for word in (key, str(value))]
        self.run(name, "ip", "link", "add", device, "type", "bridge", "mcast_snooping", "0", *extra)
        self.run(name, "sysctl", "-qw", f"net.ipv6.conf.{device}.disable_ipv6=1")
        self.run(name, "ip", "link", "set", device, "up")

    def wire(self, a: str, a_device: str, b: str, b_device: str, *, a_mac: str = "", b_mac: str = "") -> None:
        """Join two namespaces by a veth pair with offloads off, both ends up."""
        self._links += 1
        ends = (f"spl{self._links}a", f"spl{self._links}b")
        _sh("ip", "link", "add", ends[0], "type", "veth", "peer", "name", ends[1])
        for end, name, device, mac in ((ends[0], a, a_device, a_mac), (ends[1], b, b_device, b_mac)):
            _sh("ip", "link", "set", end, "netns", PREFIX + name, "name", device)
            if mac:
                self.run(name, "ip", "link", "set", device, "address", mac)
            self.run(
                name, "ethtool", "-K", device, *[word for offload in _OFFLOADS for word in (offload, "off")], quiet=True
            )
        for name, device in ((a, a_device), (b, b_device)):
            self.run(name, "ip", "link", "set", device, "up")

    def plug(
        self, host: str, switch: str, *, device: str = "eth0", port: str = "", bridge: str = "br0", mac: str = ""
    ) -> None:
        """Plug a host into a switch's bridge."""
        port = port or f"p-{host}"[:15]
        self.wire(host, device, switch, port, a_mac=mac)
        self.run(switch, "sysctl", "-qw", f"net.ipv6.conf.{port}.disable_ipv6=1")
        self.run(switch, "ip", "link", "set", port, "master", bridge)

    def address(self, name: str, *addresses: str, device: str = "eth0", via: tuple[str, ...] = ()) -> None:
        """Give a namespace addresses (with prefix length) and default routers."""
        for one in addresses:
            nodad = ["nodad"] if ":" in one else []
            self.run(name, "ip", "addr", "add", one, "dev", device, *nodad)
        for router in via:
            self.run(name, "ip", "-6" if ":" in router else "-4", "route", "add", "default", "via", router)

    def run(
        self,
        name: str,
        *command: str,
        quiet: bool = False,
        check: bool = True,
        env: dict[str, str] | None = None,
        stdin: str = "",
        limit_s: float = 120,
    ) -> str:
        """Run a program in a namespace to its end and return its output."""
        done = subprocess.run(
            self._enter(name, command),
            check=False,
            capture_output=True,
            text=True,
            input=stdin,
            env={**os.environ, **(env or {})},
            timeout=limit_s,
        )
        if check and not quiet and done.returncode:
            said = done.stderr.strip() or done.stdout.strip()
            raise RuntimeError(f"{name}: {' '.join(command)} ended with {done.returncode}: {said}")
        return done.stdout

    def start(self, name: str, *command: str, env: dict[str, str] | None = None) -> "subprocess.Popen[bytes]":
        """Start a program in a namespace; it is ended with the laboratory."""
        log = (self.scratch / f"{name}-{Path(command[0]).name}.log").open("ab")
        process = subprocess.Popen(
            self._enter(name, command),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env={**os.environ, **(env or {})},
            start_new_session=True,  # smbd ends its whole process group
        )
        self._started.append(process)
        return process

    @contextlib.contextmanager
    def capture(self, name: str, device: str, path: Path, *options: str) -> Iterator[None]:
        """Capture a device with tcpdump for as long as the block runs."""
        raw = self.scratch / path.name
        process = self.start(name, "tcpdump", "-i", device, "-U", "-B", "8192", "-Z", "root", "-w", str(raw), *options)
        wait_for(lambda: raw.exists() and raw.stat().st_size >= 24, f"tcpdump on {device}")
        try:
            yield
            time.sleep(1.0)  # what is still on the way
        finally:
            stop(process)
        shutil.copyfile(raw, path)


def wait_for(condition: "object", what: str, limit_s: float = 20.0) -> None:
    """Wait until `condition()` is true."""
    end = time.monotonic() + limit_s
    while not condition():  # type: ignore[operator]
        if time.monotonic() > end:
            message = f"{what} did not come up within {limit_s:.0f} s"
            raise TimeoutError(message)
        time.sleep(0.05)


def stop(process: "subprocess.Popen[bytes]") -> None:
    """End a program: politely, then not."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(5)


def _sh(*command: str) -> None:
    subprocess.run(command, check=True)
