"""An incident's words, written from its numbers, for a person on shift.

What happened, how unusual, for whom, against what; what was not seen; the cheapest next check. And the responses that
come to mind, which are only proposed here.
"""

from collections.abc import Sequence

from sensor.model.evidence import Evidence
from sensor.model.ids import identify
from sensor.model.incident import Action, Party, Step
from sensor.model.times import DAY_NS, rfc3339

_TITLES = {
    "scan": "{name} scans the network",
    "volume": "{name} moves an unusual amount of data",
    "novelty": "{name} contacts something new",
    "weather": "Outside addresses try {name}",
}


def title(family: str, name: str, evidence: Sequence[Evidence]) -> str:
    """Return one line that says what this is."""
    if family == "scan" and all(one.model == "scan.ports/1" for one in evidence):
        return f"{name} scans the ports of {len(evidence)} host{'s' if len(evidence) > 1 else ''}"
    if family == "scan" and all(one.model == "scan.sweep/1" for one in evidence):
        return f"{name} sweeps the local network"
    return _TITLES.get(family, "{name} behaves unusually").format(name=name)


def summary(evidence: Sequence[Evidence], score_db: float, devices: int, counter: Sequence[str]) -> str:
    """Return the strongest evidence in full, the rest counted, how rare it is, and what speaks against it."""
    ordered = sorted(evidence, key=lambda one: (-one.db, one.id))
    first = ordered[0]
    parts = [first.text]
    if len(ordered) > 1:
        rest = ", ".join(f"{one.detector} ({one.db:+.0f} dB)" for one in ordered[1:6])
        parts.append(f"With it: {rest}{' and more' if len(ordered) > 6 else ''}.")
    if first.p < 1.0:
        rate = f"{1.0 / first.p:,.0f}" if first.p >= 1e-12 else "a million million or more"
        parts.append(f"About 1 in {rate} device-days looks like this (p = {first.p:.2g}, {score_db:+.0f} dB).")
        parts.append(f"The site has {devices} device{'s' if devices != 1 else ''}.")
    if counter:
        parts.append(f"Against it: {'; '.join(counter[:3])}.")
    return " ".join(parts)


def proposals(subject: Party, tier: str, accounts: int, opened_ns: int, reason: str) -> tuple[Action, ...]:
    """Return what could be done, proposed and not armed; nothing for the digest."""
    if tier == "digest" or subject.kind != "device":
        return ()
    opened = rfc3339(opened_ns)
    return (
        Action(
            id=identify("ACT", subject.id, "isolate_device", opened), connector=None, verb="isolate_device",
            target={"kind": subject.kind, "id": subject.id}, mode="recommend", state="proposed", reason=reason,
            expires=rfc3339(opened_ns + DAY_NS), blast_radius=f"1 device, {accounts} accounts seen on it",
            history=(Step(ts=opened, state="proposed", by="spanline", detail="no connector is configured"),),
        ),
    )  # fmt: skip
