"""Which process has which detector.

Detectors are dealt out whole, and those that share what they know in one block; the dearest block first, each to the
process that has least so far. The first process, the coordinator, begins with what it alone does. The deal says only
where a detector runs, never what it finds.
"""

from collections.abc import Collection, Mapping

COORDINATOR = ("unusual", "volumes")
"""What is asked between the steps, for the inventory and for what is sent to a hub, stays with the coordinator."""
TOGETHER = (
    ("administration", "files", "mail_rules", "mailbox", "place", "pressure", "session", "spray"),
    ("beacon", "doh"),
)
"""Who share habits of accounts, and places outside (`shared` in their modules): one of them saves it for all."""
COORDINATING_S = 2.4
"""What the coordinator does in a step that no other process does: archive, incidents, giving records out."""
COSTS_S: Mapping[str, float] = {
    "scan": 2.2, "beacon": 2.0, "impersonation": 1.8, "new_peer": 1.7, "exfiltration": 1.6, "wrong_port": 1.15,
    "unusual": 1.1, "lateral": 0.65, "volumes": 0.55, "doh": 0.55, "guessing_sessions": 0.5, "blindness": 0.5,
    "guessing": 0.4, "new_device": 0.35,
}  # fmt: skip
"""CPU seconds over a million flows of 24 hours (8,722 steps, 2 cores of a virtual EPYC): a first deal's weights."""
COST_S = 0.07
"""Of any other."""


def deal(
    names: Collection[str], processes: int, costs_s: Mapping[str, float], coordinating_s: float
) -> list[tuple[str, ...]]:
    """Return the detectors of each process, the coordinator's first, each in order of name.

    Args:
        names: Of all detectors.
        processes: How many there are.
        costs_s: What each takes in some stretch of time; COST_S where it is not named.
        coordinating_s: What the coordinator does beside in the same.
    """
    shares: list[list[str]] = [[] for _ in range(processes)]
    load_s = [coordinating_s, *[0.0] * (processes - 1)]
    for block in sorted(_blocks(names), key=lambda one: (not _stays(one), -_cost_s(one, costs_s), one)):
        least = 0 if _stays(block) else min(range(processes), key=lambda one: (load_s[one], one))
        shares[least].extend(block)
        load_s[least] += _cost_s(block, costs_s)
    return [tuple(sorted(share)) for share in shares]


def _blocks(names: Collection[str]) -> list[tuple[str, ...]]:
    """Return the detectors, those together that cannot be parted."""
    blocks = [tuple(name for name in block if name in names) for block in TOGETHER]
    return [block for block in blocks if block] + [
        (name,) for name in names if not any(name in block for block in TOGETHER)
    ]


def _stays(block: tuple[str, ...]) -> bool:
    return any(name in COORDINATOR for name in block)


def _cost_s(block: tuple[str, ...], costs_s: Mapping[str, float]) -> float:
    return sum(costs_s.get(name, COST_S) for name in block)
