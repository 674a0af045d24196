"""What detection is told of a site: who may scan there, and which parts of it are left out for an ablation."""

import difflib
import ipaddress
from collections.abc import Collection, Sequence

import msgspec

PARTS = ("accumulation", "drift", "peers", "pools", "min-p")
"""What can be left out beside a detector. The first two are channels. Without peers a device is held against itself
alone; without pools its own law gives p; without min-p the logarithms of all its p are added (Fisher)."""


class Detection(msgspec.Struct, frozen=True):
    """The table `[detection]`."""

    scanners: tuple[str, ...] = ()
    """Addresses or networks of scanners that the site runs itself: their scans are context, never an incident."""
    without: tuple[str, ...] = ()
    """Detectors that judge nothing, or PARTS: to measure what they are worth."""


class ExpectedScan(msgspec.Struct, frozen=True):
    """A scan by one of the site's own scanners."""

    id: str
    ts: str
    text: str


def scans_of(kept: str | None, ids: Sequence[str]) -> list[ExpectedScan]:
    """Return what a device scanned as one of the site's scanners, oldest first.

    Args:
        kept: As a state keeps it: by device id, in JSON.
        ids: The device's, and those of devices that turned out to be it.
    """
    seen = msgspec.json.decode(kept, type=dict[str, list[ExpectedScan]]) if kept else {}
    return sorted((scan for one in ids for scan in seen.get(one, ())), key=lambda scan: scan.ts)


def problem(detection: Detection, detectors: Collection[str]) -> str | None:
    """Return what is wrong, or None.

    Args:
        detection: As it was configured.
        detectors: Names of the detectors that there are.
    """
    for one in detection.scanners:
        try:
            ipaddress.ip_network(one)
        except ValueError as error:
            return f"scanners: {error}"
    known = sorted({*detectors, *PARTS})
    for one in detection.without:
        if one not in known:
            close = difflib.get_close_matches(one, known, n=1, cutoff=0.0)[0]
            return f"without: {one!r} is no detector and none of {', '.join(PARTS)}; did you mean {close!r}?"
    return None
