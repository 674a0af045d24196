"""Ticks for tests of detectors: flows resolved by real entities, step by step."""

import numpy as np

from sensor.entities.entities import Entities
from sensor.model.times import TICK_NS
from tests.scenes import SECRET, START, arp, flows


def entities(timezone="UTC"):
    """One site, `local`, one input, `given`."""
    known = Entities({}, SECRET, timezone=timezone)
    known.site_number("local")
    known.inputs = ["given"]
    return known


def tick(known, rows, *, end_ns=None, asks=None, messages=(), learn=True):
    """One tick of rows; ends at the tick after its last row unless said."""
    asks = arp()[:0] if asks is None else asks
    if end_ns is None:
        last = int((rows["ts"] + np.maximum(rows["duration"], 0)).max()) if len(rows) else START
        end_ns = (last // TICK_NS + 1) * TICK_NS
    return known.resolve(
        end_ns, rows, np.zeros(len(rows), np.int32), asks, np.zeros(len(asks), np.int32),
        np.zeros(len(asks), np.int32), list(messages), [0] * len(messages), fresh=np.ones(len(rows), np.bool_),
        learn=learn,
    )  # fmt: skip


def steps(known, detector, rows):
    """Run a detector over rows, tick by tick; return all findings, by evidence id the last."""
    found = {}
    keys = (rows["ts"] + np.maximum(rows["duration"], 0)) // TICK_NS
    for key in np.unique(keys).tolist():
        one = tick(known, rows[keys == key], end_ns=(key + 1) * TICK_NS)
        for finding in detector.score(one):
            found[finding.evidence.id] = finding
        detector.learn(one, np.zeros(known.count(), np.bool_))
    return list(found.values())


def stepped(known, detector, rows, *, flagged=(), watch=None):
    """Score a tick, then let it be learned from but for hosts that are flagged; return what was said."""
    one = tick(known, rows)
    if watch:
        watch(one)
    found = detector.score(one)
    flags = np.zeros(known.count(), np.bool_)
    for host in flagged:
        flags[known.locate(0, host)] = True
    detector.learn(one, flags)
    return found


def joined(known, detector, *hosts):
    """Let devices turn out to be one, in a tick without records; return the finding of it, and the row that stays."""
    rows = [known.locate(0, host) for host in hosts]
    for row in rows[1:]:
        known.devices.join(rows[0], row, "agent")
    step = tick(known, flows(), end_ns=known.now_ns)
    found = detector.score(step)
    detector.learn(step, np.zeros(known.count(), np.bool_))
    return found, known.devices.kept(rows[0])
