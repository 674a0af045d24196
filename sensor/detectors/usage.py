"""What devices use, as things to compare: destinations, the services they ask for, and those they offer.

A destination is the registered name of what answered, else its address; behind an explicit proxy it is the host that
the client asked for. A service is a protocol and a port, the dynamic ones as one (RFC 6335 §6). Things are two words,
and a key is (device and category, thing). No detector.
"""

import functools
import hashlib

import msgspec
import numpy as np
from numpy.typing import NDArray

from sensor.detectors.registered import registered
from sensor.entities.flow_states import sides
from sensor.model.tick import Names, Tick

DESTINATION, ASKS, OFFERS = 0, 1, 2
CATEGORIES = 3
DYNAMIC = 49_152
"""Ports from here on are nobody's (RFC 6335 §6): a thing of their own, all together."""
THINGS_KEPT = 1 << 16
"""Names remembered with their words."""

Words = NDArray[np.uint64]
Ints = NDArray[np.int64]


class Uses(msgspec.Struct):
    """Uses of a tick; columns of shape (n,)."""

    flow: Ints
    category: Ints
    device: Ints
    hi: Words
    lo: Words

    @property
    def key(self) -> Words:
        """First word of the keys: device and category."""
        return (self.device * 4 + self.category).astype(np.uint64)

    def at(self, which: NDArray[np.int64] | NDArray[np.bool_]) -> "Uses":
        """Return some of them."""
        return Uses(self.flow[which], self.category[which], self.device[which], self.hi[which], self.lo[which])


@functools.lru_cache(maxsize=THINGS_KEPT)
def thing_of(name: str) -> tuple[int, int]:
    """Return two words for a name: its digest."""
    digest = hashlib.blake2b((registered(name) or name).encode("utf-8", "replace"), digest_size=16).digest()
    return int.from_bytes(digest[:8]), int.from_bytes(digest[8:])


def uses(tick: Tick) -> Uses:
    """Return what devices used in a tick: by flows that are fresh, opened, and answered by a single host."""
    flows = tick.flows
    seen = sides(tick)
    on = tick.fresh & seen.sent & seen.replied & seen.resp_single
    parts = []
    for ends, categories in ((tick.orig_device, (DESTINATION, ASKS)), (tick.resp_device, (OFFERS,))):
        at = np.nonzero(on & (ends >= 0))[0]
        for category in categories:
            hi, lo = _destinations(tick, at) if category == DESTINATION else _services(flows, at)
            parts.append((at, np.full(len(at), category), ends[at].astype(np.int64), hi, lo))
    columns = [np.concatenate([part[k] for part in parts]) for k in range(5)]
    return Uses(columns[0], columns[1].astype(np.int64), columns[2], columns[3], columns[4])


def by_name(names: Names, used: Uses) -> tuple[Words, Words, NDArray[np.bool_]]:
    """Return each use's thing with destinations by their names, and which have one; a look-up an address."""
    hi, lo = used.hi.copy(), used.lo.copy()
    named = np.zeros(len(hi), np.bool_)
    at = np.nonzero(used.category == DESTINATION)[0]
    if len(at):
        ends = list(zip(hi[at].tolist(), lo[at].tolist(), strict=True))
        found = {end: names.address_name(*end) for end in dict.fromkeys(ends)}
        things = {end: thing_of(name) if name else (0, 0) for end, name in found.items()}
        has = np.array([found[end] is not None for end in ends], np.bool_)
        named[at] = has
        words = np.array([things[end] for end in ends], np.uint64)[has]
        hi[at[has]], lo[at[has]] = words[:, 0], words[:, 1]
    return hi, lo, named


def _destinations(tick: Tick, at: Ints) -> tuple[Words, Words]:
    hi, lo = tick.flows["resp_hi"][at], tick.flows["resp_lo"][at]
    for k, flow in enumerate(at.tolist() if tick.destinations else ()):
        if host := tick.destinations.get(flow):
            hi[k], lo[k] = thing_of(host)
    return hi, lo


def _services(flows: NDArray[np.void], at: Ints) -> tuple[Words, Words]:
    port = np.minimum(flows["resp_p"][at], DYNAMIC)
    return flows["proto"][at].astype(np.uint64), port.astype(np.uint64)
