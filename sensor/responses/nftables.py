"""nftables on this machine: addresses that are dropped, in sets of a table of our own, while the action lasts.

The table `inet spanline` with the sets `blocked4` and `blocked6` is made where it is missing, with chains that drop
what comes from or goes to an element of them (https://wiki.nftables.org/wiki-nftables/index.php/Sets). Elements carry
the time after which the kernel itself drops them, so that a sensor that died does not leave a block behind. No other
table is ever read or changed. Needs CAP_NET_ADMIN and the program `nft`. isolate_device blocks every address of the
device.
"""

import ipaddress
import json
import subprocess

from sensor.errors import ConfigError, Permanent, Transient
from sensor.model.response import Request
from sensor.wire.api_offer import Asked

OPTIONS: dict[str, type] = {"program": str, "timeout_s": int}
NEEDS = ()
HELD_IN = ""
TIMEOUT_S = 3600
"""An element's life in the kernel, if the configuration says nothing: as long as an action lasts at most."""
WAIT_S = 10
_TABLE = """
add table inet spanline
add set inet spanline blocked4 { type ipv4_addr; flags timeout; size 65536; }
add set inet spanline blocked6 { type ipv6_addr; flags timeout; size 65536; }
add chain inet spanline forward { type filter hook forward priority -10; policy accept; }
add chain inet spanline input { type filter hook input priority -10; policy accept; }
add chain inet spanline output { type filter hook output priority -10; policy accept; }
"""
_CHAINS = ("forward", "input", "output")


def build(asked: Asked) -> "Nftables":
    """Make the connector. Raises ConfigError."""
    timeout_s = asked.options.get("timeout_s", TIMEOUT_S)
    if not isinstance(timeout_s, int) or not 60 <= timeout_s <= TIMEOUT_S:
        raise ConfigError(f"timeout_s: a whole number from 60 to {TIMEOUT_S}")
    return Nftables(asked.text("program", "nft"), timeout_s)


class Nftables:
    """The kernel's packet filter."""

    verbs = ("block_address", "isolate_device")

    def __init__(self, program: str, timeout_s: int) -> None:
        self._program, self._timeout_s = program, timeout_s

    def serves(self, request: Request) -> bool:
        """Tell whether there is an address to block."""
        return bool(_addresses(request))

    def blast_radius(self, request: Request) -> str | None:
        """Say how many addresses it drops."""
        found = _addresses(request)
        return f"{len(found)} address{'es' if len(found) != 1 else ''}: {', '.join(found[:5])}"

    def before(self, request: Request) -> dict[str, str]:
        """Keep which addresses were blocked already: those stay. Raises Transient, Permanent."""
        self._make_table()
        return {"blocked": " ".join(address for address in _addresses(request) if self._has(address))}

    def act(self, request: Request) -> None:
        """Add the addresses. Raises Transient, Permanent."""
        self._make_table()
        lines = [
            f"add element inet spanline {_set(address)} {{ {address} timeout {self._timeout_s}s }}"
            for address in _addresses(request)
            if not self._has(address)
        ]
        if lines:
            self._run("\n".join(lines) + "\n")

    def verify(self, request: Request) -> bool | None:
        """Tell whether every address is in its set. Raises Transient, Permanent."""
        return all(self._has(address) for address in _addresses(request))

    def undo(self, request: Request) -> None:
        """Take the addresses out. Raises Transient, Permanent."""
        lines = [
            f"delete element inet spanline {_set(address)} {{ {address} }}"
            for address in _addresses(request)
            if address not in request.before.get("blocked", "").split() and self._has(address)
        ]
        if lines:
            self._run("\n".join(lines) + "\n")

    def close(self) -> None:
        """Leave the table as it is: elements end by themselves."""

    def _make_table(self) -> None:
        """Make the table and its rules, where they are missing."""
        listed = self._call(["-j", "list", "table", "inet", "spanline"], "", missing_ok=True)
        rules = sum("rule" in one for one in json.loads(listed)["nftables"]) if listed else 0
        if rules >= 4 * len(_CHAINS):
            return
        rule = [
            f"add rule inet spanline {chain} {family} {side} @blocked{version} counter drop"
            for chain in _CHAINS
            for family, version in (("ip", 4), ("ip6", 6))
            for side in ("saddr", "daddr")
        ]
        flush = [f"flush chain inet spanline {chain}" for chain in _CHAINS]
        self._run(_TABLE + "\n".join([*flush, *rule]) + "\n")

    def _has(self, address: str) -> bool:
        found = self._call(
            ["get", "element", "inet", "spanline", _set(address), f"{{ {address} }}"], "", missing_ok=True
        )
        return found is not None

    def _run(self, script: str) -> None:
        self._call(["-f", "-"], script, missing_ok=False)

    def _call(self, arguments: list[str], script: str, *, missing_ok: bool) -> str | None:
        """Run nft; None where it says no and that is an answer."""
        try:
            done = subprocess.run(  # noqa: S603 - no shell, and every argument is ours or a checked address
                [self._program, *arguments], input=script, capture_output=True, text=True, timeout=WAIT_S, check=False
            )
        except FileNotFoundError:
            raise Permanent(f"{self._program} is not installed (Debian: nftables)") from None
        except subprocess.TimeoutExpired:
            raise Transient(f"{self._program} did not answer in {WAIT_S} s") from None
        if done.returncode == 0:
            return done.stdout
        said = done.stderr.strip().splitlines()[:1]
        if "Operation not permitted" in done.stderr:
            raise Permanent("nft: not permitted; the sensor needs CAP_NET_ADMIN for this response")
        if missing_ok:
            return None
        raise Permanent(f"nft: {said[0] if said else done.returncode}")


def _set(address: str) -> str:
    return f"blocked{ipaddress.ip_address(address).version}"


def _addresses(request: Request) -> list[str]:
    """Return the addresses that a request means; what is none is left out."""
    found = []
    for text in (request.target, *request.addresses) if request.verb == "block_address" else request.addresses:
        try:
            found.append(str(ipaddress.ip_address(text)))
        except ValueError:
            continue
    return list(dict.fromkeys(found))
