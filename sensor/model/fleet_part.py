"""How common things are in a fleet, as a hub gives it to its sites: a part at a time, by keyed digests.

A thing is a destination or a client's fingerprint. Its digest is made with a key that the sites share and the hub need
not have, so that the hub counts what it cannot read.
"""

import hashlib

import msgspec
import numpy as np

PARTS = 16
"""By the four highest bits of a digest."""
THINGS_MAX = 4096
"""Of a part: 56 KiB, and 65,536 in all."""
DESTINATION, FINGERPRINT = 0, 1
KEY_BYTES = 32
BINS_MAX, TOP_MAX = 512, 36
"""As `baselines.calibration` has them."""
NAME_MAX = 64


class FleetPart(msgspec.Struct, frozen=True, array_like=True):
    """One part: things that at least two sites have had for a while."""

    part: int
    of_sites: int
    """Sites of the fleet that told for so long what they have."""
    of_devices: int
    """Theirs."""
    things: bytes
    """Digests, ascending, little-endian uint64, shape (n,)."""
    sites: bytes
    """How many sites have each, uint16, shape (n,)."""
    devices: bytes
    """How many of their devices, uint32, shape (n,)."""


class FleetPool(msgspec.Struct, frozen=True, array_like=True):
    """Scores of one statistic, those of the last 24 h left out: of a site, or of all that told of theirs."""

    statistic: str
    sites: int
    bins: bytes
    """Which bins have any (`baselines.calibration`), ascending, uint16, shape (n,)."""
    counts: bytes
    """How many each has, uint32, shape (n,)."""
    top: bytes
    """The largest as they are, ascending, float64, shape (k,)."""


class FleetUse(msgspec.Struct, frozen=True):
    """How common one thing is in the fleet, this site left out."""

    sites: int
    of_sites: int
    devices: int

    @property
    def share(self) -> float:
        """Return the chance that another site has it, as if one more had been asked, and had it not."""
        return self.sites / (self.of_sites + 1)


def problem(part: FleetPart) -> str | None:
    """Say in a word why a part cannot be taken; None where it can."""
    count, rest = divmod(len(part.things), 8)
    if rest or count > THINGS_MAX or len(part.sites) != 2 * count or len(part.devices) != 4 * count:
        return "bad_columns"
    things = np.frombuffer(part.things, "<u8")
    fits = 0 <= part.part < PARTS and 0 <= part.of_sites < 1 << 31 and 0 <= part.of_devices < 1 << 31
    return None if fits and bool((things[1:] > things[:-1]).all()) else "bad_columns"


def pool_problem(pool: FleetPool) -> str | None:
    """Say in a word why scores cannot be taken; None where they can."""
    count, rest = divmod(len(pool.bins), 2)
    if rest or len(pool.counts) != 4 * count or len(pool.top) % 8 or len(pool.top) > 8 * TOP_MAX:
        return "bad_columns"
    bins, top = np.frombuffer(pool.bins, "<u2"), np.frombuffer(pool.top, "<f8")
    fits = count <= BINS_MAX and bool((bins[1:] > bins[:-1]).all()) and int(bins.max(initial=0)) < BINS_MAX
    fits &= bool(np.isfinite(top).all()) and bool((top >= 0).all()) and bool((top[1:] >= top[:-1]).all())
    return None if fits and 0 < pool.sites < 1 << 16 and 0 < len(pool.statistic) <= NAME_MAX else "bad_columns"


def digest_of(key: bytes, kind: int, hi: int, lo: int) -> int:
    """Return a thing's digest, which says nothing to whoever does not have the key (BLAKE2b keyed, RFC 7693)."""
    said = bytes([kind]) + hi.to_bytes(8, "little") + lo.to_bytes(8, "little")
    return int.from_bytes(hashlib.blake2b(said, digest_size=8, key=key).digest(), "little")


def key_of(secret: str) -> bytes:
    """Return the key that a fleet's secret makes."""
    return hashlib.blake2b(secret.encode(), digest_size=KEY_BYTES, person=b"spanline fleet").digest()
