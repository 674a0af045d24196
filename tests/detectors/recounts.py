"""Detectors beside an archive of what they saw, so that what they say can be counted again."""

import numpy as np

from sensor.model.times import TICK_NS
from sensor.store.archive_reader import ArchiveReader
from sensor.store.state import State
from tests.detectors.ticks import tick
from tests.scenes import arp as no_arp
from tests.store.archives import Writer


def archived(folder, make, rows, asks=None):
    """Run a detector tick by tick and archive the ticks; return each evidence as it was judged last."""
    writer = Writer(folder)
    detector = make(writer.known, 0x5EC2E7)
    asks = no_arp()[:0] if asks is None else asks
    keys = (rows["ts"] + np.maximum(rows["duration"], 0)) // TICK_NS
    asked = asks["ts"] // TICK_NS
    found = {}
    for key in np.unique(np.concatenate([keys, asked])).tolist():
        step = tick(writer.known, rows[keys == key], end_ns=(key + 1) * TICK_NS, asks=asks[asked == key])
        writer.archive.take(step)
        writer.clock_ns = step.end_ns
        for finding in detector.score(step):
            found[finding.evidence.id] = finding.evidence
        detector.learn(step, np.zeros(writer.known.count(), np.bool_))
    writer.commit().close()
    return list(found.values())


def ask(folder, question):
    """Ask the archive of a folder."""
    with State(folder, readonly=True) as state, ArchiveReader(state, folder) as archive:
        return question(archive)
