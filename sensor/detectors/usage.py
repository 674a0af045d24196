"""What devices use, as things to compare: destinations, the services they ask for, and those they offer.

A destination is the registered name of what answered, else its address; behind an explicit proxy it is the host that
the client asked for. A service is a protocol and a port, the dynamic ones as one (RFC 6335 §6). Things are two words,
and a key is (device and category, thing). No detector.
"""

import functools
import hashlib

import numpy as np
from numpy.typing import NDArray

from sensor.detectors.registered import registered
from sensor.entities.flow_states import sides
from sensor.model.tick import Names, Tick, Uses

DESTINATION, ASKS, OFFERS = 0, 1, 2
CATEGORIES = 3
DYNAMIC = 49_152
"""Ports from here on are nobody's (RFC 6335 §6): a thing of their own, all together."""
THINGS_KEPT = 1 << 16
"""Names remembered with their words."""

Words = NDArray[np.uint64]
Ints = NDArray[np.int64]


@functools.lru_cache(maxsize=THINGS_KEPT)
def thing_of(name: str) -> tuple[int, int]:
    """Return two words for a name: its digest."""
    digest = hashlib.blake2b((registered(name) or name).encode("utf-8", "replace"), digest_size=16).digest()
    return int.from_bytes(digest[:8]), int.from_bytes(digest[8:])


def uses(tick: Tick) -> Uses:
    """Return what devices used in a tick: by flows that are fresh, opened, and answered by a single host.

    Destinations come first, then services asked for, then those offered, each in order of time; read once a tick.
    """
    if tick.uses is None:
        tick.uses = _read(tick)
    return tick.uses


def _read(tick: Tick) -> Uses:
    flows, seen = tick.flows, sides(tick)
    on = tick.fresh & seen.sent & seen.replied & seen.resp_single
    asked, offered = (on & (tick.orig_device >= 0)).nonzero()[0], (on & (tick.resp_device >= 0)).nonzero()[0]
    flow = np.concatenate([asked, asked, offered])
    category = np.empty(len(flow), np.int64)
    category[: len(asked)], category[len(asked) :], category[2 * len(asked) :] = DESTINATION, ASKS, OFFERS
    device = np.where(category == OFFERS, tick.resp_device[flow], tick.orig_device[flow]).astype(np.int64)
    hi, lo = flows["proto"][flow].astype(np.uint64), np.minimum(flows["resp_p"][flow], DYNAMIC).astype(np.uint64)
    hi[: len(asked)], lo[: len(asked)] = _destinations(tick, asked)
    return Uses(flow, category, device, (device * 4 + category).astype(np.uint64), hi, lo)


def by_name(names: Names, used: Uses) -> tuple[Words, Words, NDArray[np.bool_]]:
    """Return each use's thing with destinations by their names, and which have one; a look-up an address."""
    hi, lo = used.hi.copy(), used.lo.copy()
    named = np.zeros(len(hi), np.bool_)
    at = (used.category == DESTINATION).nonzero()[0]
    if len(at):
        ends = list(zip(hi[at].tolist(), lo[at].tolist(), strict=True))
        found = {end: names.address_name(*end) for end in dict.fromkeys(ends)}
        things = {end: thing_of(name) if name else (0, 0) for end, name in found.items() if name is not None}
        if things:
            has = np.array([end in things for end in ends], np.bool_)
            named[at] = has
            words = np.array([things[end] for end in ends if end in things], np.uint64)
            hi[at[has]], lo[at[has]] = words[:, 0], words[:, 1]
    return hi, lo, named


def _destinations(tick: Tick, at: Ints) -> tuple[Words, Words]:
    hi, lo = tick.flows["resp_hi"][at], tick.flows["resp_lo"][at]
    for k, flow in enumerate(at.tolist() if tick.destinations else ()):
        if host := tick.destinations.get(flow):
            hi[k], lo[k] = thing_of(host)
    return hi, lo
