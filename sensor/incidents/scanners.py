"""Scanners that a site runs itself: what scanning looks like is expected of them, and nothing else is.

Of a listed device, scans, contacts with hosts of the site that are new to it and counts of flows, failures and peers
become context: they weigh nothing and open nothing. What a scanner has no reason to do stays evidence: logins and
guesses at them, uploads, tunnels, command and control, and anything that is no device's.

The last of each device are remembered, for `spanline device`. Not here: who is listed (the configuration).
"""

import ipaddress
from collections.abc import Callable, Sequence

import msgspec

from sensor.model.detection import ExpectedScan
from sensor.model.evidence import Evidence, Finding, Peer

KEPT = 8
"""Scans remembered a device: a week's, as one goes on under one id all day."""
DEVICES_MAX = 256
"""Listed devices with scans remembered; the one silent for longest goes."""
COUNTED = frozenset({2, 3, 4, 5})
"""Features of volumes, by place, that a scan raises: flows out and in, failures, peers. Bytes are not among them: a
scanner that uploads is told of."""
_INSIDE = tuple(
    ipaddress.ip_network(one)
    for one in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "fc00::/7", "fe80::/10")
)
"""RFC 1918, 3927, 4193, 4291; Python's own `is_private` also holds addresses for documentation."""
_EXPECTED = "it is one of the site's own scanners ([detection] scanners)"


class Scanners:
    """Which devices are scanners, and what they scanned.

    Attributes:
        seen: Their last scans, by device id.
    """

    def __init__(self, listed: Sequence[str], addresses_of: Callable[[int], Sequence[str]], kept: str | None) -> None:
        """Take addresses or networks, how to ask for a device's addresses, and what `save` returned."""
        self._networks = [ipaddress.ip_network(one) for one in listed]
        self._addresses_of = addresses_of
        self.seen = msgspec.json.decode(kept, type=dict[str, list[ExpectedScan]]) if kept else {}

    def save(self) -> str:
        """Return what was seen, as text."""
        return msgspec.json.encode(self.seen).decode()

    def excuse(self, findings: Sequence[Finding]) -> list[Finding]:
        """Return findings, those that a scanner is expected to cause as context."""
        if not self._networks:
            return list(findings)
        return [self._excused(one) if is_scanning(one) and self._lists(one.device) else one for one in findings]

    def _lists(self, device: int) -> bool:
        if device < 0:
            return False
        own = [ipaddress.ip_address(text) for text in self._addresses_of(device)]
        return any(one in network for one in own for network in self._networks)

    def _excused(self, finding: Finding) -> Finding:
        evidence = finding.evidence
        told = msgspec.structs.replace(
            evidence, marks=(*evidence.marks, "context"), text=f"{evidence.text} Expected: {_EXPECTED}."
        )
        if evidence.family == "scan":
            self._remember(evidence)
        return msgspec.structs.replace(
            finding, evidence=told, opens=False, digest=False, slow=False, counter=(*finding.counter, _EXPECTED)
        )

    def _remember(self, evidence: Evidence) -> None:
        before = self.seen.pop(evidence.entity.id, [])
        rest = [one for one in before if one.id != evidence.id]
        self.seen[evidence.entity.id] = [*rest, ExpectedScan(evidence.id, evidence.ts, evidence.text)][-KEPT:]
        if len(self.seen) > DEVICES_MAX:
            del self.seen[next(iter(self.seen))]


def is_scanning(finding: Finding) -> bool:
    """Tell whether a finding is of what scanning looks like."""
    family, basis = finding.evidence.family, finding.evidence.basis
    if family == "scan":
        return True
    if family == "novelty":
        return bool(finding.peers) and all(_is_inside(peer) for peer in finding.peers)
    return family == "volume" and "feature" in basis and int(basis["feature"]) in COUNTED


def _is_inside(peer: Peer) -> bool:
    """Tell whether a peer is a device, or an address of an inside network that no device was seen with."""
    if peer.kind != "address":
        return peer.kind == "device"
    try:
        return any(ipaddress.ip_address(peer.id) in network for network in _INSIDE)
    except ValueError:
        return False
