"""Slots of presence as a site tells its hub of them: some ten bytes each, and marks again at the hub.

What a verdict asks of a slot survives: how many distinct outside addresses (as bits of the sketch) and the flags
exactly, the share of the bytes that one peer had within 1.6 %, the bytes within 12 %. A peer with less than a quarter
is not named, for it is no tunnel and hides none (`contradictions`); of one that is, 8 bits of its hash: two that are
alike make a tunnel likelier, and so a contradiction less. Which addresses they were does not leave the site.
Not here: which slots are told, and when.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from sensor.entities.presence import MARK
from sensor.model.report import ABSENT, SHARE_STEPS, TOTAL_STEPS, Present, written_ids

SHARE_MIN = 0.25
_LOW = np.uint64(0xFFFF_FFFF)


def thin(
    ts: int, devices: Sequence[str], who: NDArray[np.int64], slot: NDArray[np.int64], cells: NDArray[np.void]
) -> Present:
    """Write slots as a report.

    Args:
        ts: When it is told, ns.
        devices: Ids, 255 at most.
        who: Place of each row's device among them, int64, shape (n,), n > 0.
        slot: Slots, int64, shape (n,), within 255 of each other.
        cells: dtype CELL, shape (n,).
    """
    first = int(slot.min())
    names = _bits(cells["names"])
    share = np.where(cells["total"] > 0, cells["weight"] / np.maximum(cells["total"], 1), 0)
    share = np.where(
        (share >= SHARE_MIN) & (names > 0), np.clip(np.round(share * SHARE_STEPS), 1, SHARE_STEPS), 0
    ).astype(np.uint8)
    flags = cells["flags"] | np.where(cells["site"] == 0, ABSENT, 0)
    total = np.round(TOTAL_STEPS * np.log2(1 + cells["total"].astype(np.float64)))
    return Present(
        ts=ts, devices=written_ids(devices), slot=first, who=who.astype(np.uint8).tobytes(),
        after=(slot - first).astype(np.uint8).tobytes(), names=names.astype(np.uint8).tobytes(),
        flags=flags.astype(np.uint8).tobytes(), total=np.clip(total, 0, 255).astype(np.uint8).tobytes(),
        share=share.tobytes(), peer=(cells["peer"][share > 0] & 0xFF).astype(np.uint8).tobytes(),
    )  # fmt: skip


def marks(report: Present, rows: NDArray[np.int32], site: int) -> NDArray[np.void]:
    """Return marks that make the slots of a report again, dtype MARK, in order.

    A slot with so many distinct addresses is so many marks: the first is of its largest peer, and the others take of
    that peer's weight what the report says it has not.

    Args:
        report: The report.
        rows: Device row of each of its devices, −1 where it has none.
        site: Number of the site.
    """
    device = rows[np.frombuffer(report.who, np.uint8)]
    known = device >= 0
    names = np.frombuffer(report.names, np.uint8).astype(np.int64)
    share = np.frombuffer(report.share, np.uint8) / SHARE_STEPS
    peer = np.zeros(len(share), np.uint64)
    peer[share > 0] = np.frombuffer(report.peer, np.uint8)
    total = np.exp2(np.frombuffer(report.total, np.uint8) / TOTAL_STEPS) - 1
    times = np.where(known, np.maximum(names, 1), 0)
    times += known & (names == 1) & (share < 1)  # another peer, of the same bit
    at = np.repeat(np.arange(len(times)), times)
    nth = np.arange(len(at)) - np.repeat(np.cumsum(times) - times, times)
    found = np.zeros(len(at), MARK)
    flags = np.frombuffer(report.flags, np.uint8)[at]
    found["row"], found["flags"] = device[at], flags & ~np.uint8(ABSENT)
    found["slot"] = report.slot + np.frombuffer(report.after, np.uint8)[at].astype(np.int64)
    found["site"] = np.where(flags & ABSENT, 0, site + 1)
    bit = np.minimum(nth, np.maximum(names[at] - 1, 0)).astype(np.uint64)
    other = (_LOW - nth.astype(np.uint64)) & _LOW
    low = np.where((nth == 0) & (share[at] > 0), np.maximum(peer[at], 1), other)
    found["hash"] = np.where(names[at] > 0, bit << np.uint64(58) | low, np.uint64(0))
    even = total[at] / np.maximum(times[at], 1)
    most, rest = (1 + share[at]) / 2 * total[at], (1 - share[at]) / 2 * total[at] / np.maximum(times[at] - 1, 1)
    found["size"] = np.where(share[at] > 0, np.where(nth == 0, most, rest), even)
    return found


def _bits(sketch: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Count the bits that are set, shape (n,)."""
    return np.bitwise_count(np.ascontiguousarray(sketch)).astype(np.int64)
