"""A tick's sign-ins as `sensor.detectors.habits` judged them, and which trait of each is told of. No detector."""

import msgspec
import numpy as np
from numpy.typing import NDArray

JUDGED = ("network", "country", "agent")
"""Traits that say from where, and with what, somebody signs in."""
P_RARE = 0.05


class Judged(msgspec.Struct):
    """A tick's sign-ins against what was usual before it; columns in the order of `tick.signins`, shape (n,)."""

    account: NDArray[np.int64]
    tenant: NDArray[np.int64]
    day: NDArray[np.int64]
    values: dict[str, NDArray[np.uint64]]
    """Key of each trait's value, 0 where the record names none."""
    own: NDArray[np.float64]
    """P(new for the account) of each of JUDGED; 1 where it is not new or not known. Shape (3, n)."""
    tail: NDArray[np.float64]
    """P(of the tenant's mass, at most as common), shape (3, n)."""
    p: NDArray[np.float64]
    """min-p over the traits of JUDGED that are named, times their number; 1 where nothing is unusual."""
    raw: NDArray[np.float64]
    """The same before a small tenant's floor."""
    which: NDArray[np.int64]
    """The trait that is the rarest, of JUDGED."""
    known_device: NDArray[np.bool_]
    """Its device was there on at least KNOWN_DAYS earlier days."""
    network_days: NDArray[np.int64]
    """Earlier days on which the account used the network."""
    good: NDArray[np.bool_]
    """It succeeded."""
    first_day: NDArray[np.int64]
    """Day on which its rarest value was first found unusual; today where it was not before."""
    repeated: NDArray[np.bool_]
    settled: NDArray[np.bool_]
    """Its values may be learned: the rarest of all is not very rare, or out of quarantine."""


def news(
    which: NDArray[np.int64], told: NDArray[np.bool_], p: NDArray[np.float64]
) -> NDArray[np.int64]:  # fmt: skip
    """Return the trait to tell of: where the rarest was told before, the rarest of those that are news and rare.

    In a country that was told every network is expected, and in a place that was told every client: no news. An
    intruder who comes back with the same client from another country was a repetition without this, day by day.

    Args:
        which: The rarest trait of each sign-in, of JUDGED, int64, shape (n,).
        told: Whether its value was told before, bool, shape (3, n).
        p: What each trait alone comes to, float64, shape (3, n).
    """
    network, country, agent = told
    fresh = np.stack([~network & ~country, ~country, ~agent & ~network & ~country]) & (p < P_RARE)
    again = told[which, np.arange(len(which))] & fresh.any(axis=0)
    return np.asarray(np.where(again, np.argmin(np.where(fresh, p, np.inf), axis=0), which), np.int64)
