"""How unusual it is that an account opens places it never did, several in a day, and little known ones. No state.

Of the m places that an account opens in a day each is a first one with a rate that its own days and its peers' tell
(a Beta distribution: `prior`). A first place is *as little known* as some by a share of all first places (`share`).
That at least j of the m are first ones of a share t or less is at most C(m, j) × E[rate^j] × t^j (the union bound);
the day's first places are taken in the order of their shares, the smallest bound counts, times how many were tried.
"""

import math
from collections.abc import Sequence

ASSUMED_FIRSTS = 0.05
"""Part of the places of a day that are new to an account of some days: assumed until the tenant's own outweigh it."""
TENANT_WEIGHT, OWN_WEIGHT = 200.0, 20.0
"""Places that the assumed rate is worth against the tenant's, and the tenant's against the account's own: METHOD in
force shrinks to peers with 200; an account opens some places a day, and should count after weeks."""
ASSUMED_SHARES = (0.3, 0.45, 0.6, 0.75, 0.9, 1.0)
"""Part of first places that at most 0, 1, 2, 4, 8, or any number of other accounts opened before: assumed."""
ASSUMED_LABELLED = 0.1
"""Part of first places whose files carry a label that the account never opened: assumed."""
SHARE_WEIGHT = 20.0
"""First places that the assumed shares are worth."""
P_MIN = 1e-4
"""What people open has heavier tails than this model: no p below, as for the number of files."""
PLACES_MAX = 16
"""First places of a day that are held together."""


def prior(firsts: int, places: int, peers_firsts: int, peers_places: int, floor: float) -> tuple[float, float]:
    """Return (a, b) of the Beta distribution of an account's rate of first places.

    Args:
        firsts: First places of the account, after its first days.
        places: Places it opened a day, added up over those days.
        peers_firsts: The same of all accounts of its tenant.
        peers_places: The same.
        floor: Rate of new ones that its own number of kinds makes (Pitman–Yor), which is higher while it is young.
    """
    peers = (peers_firsts + ASSUMED_FIRSTS * TENANT_WEIGHT) / (peers_places + TENANT_WEIGHT)
    rate = min(0.99, max(peers, floor))
    return firsts + OWN_WEIGHT * rate, places - firsts + OWN_WEIGHT * (1.0 - rate)


def bin_of(others: int) -> int:
    """Return the class of a place by how many other accounts opened it before, as in ASSUMED_SHARES."""
    return 0 if others <= 0 else min(len(ASSUMED_SHARES) - 1, 1 + math.ceil(math.log2(others)))


def share(counts: Sequence[int], others: int) -> float:
    """Return what part of a tenant's first places are at most as well known as one.

    Args:
        counts: First places by class (`bin_of`).
        others: How many other accounts opened this one before.
    """
    where = bin_of(others)
    return (sum(counts[: where + 1]) + SHARE_WEIGHT * ASSUMED_SHARES[where]) / (sum(counts) + SHARE_WEIGHT)


def labelled_share(labelled: int, firsts: int) -> float:
    """Return what part of first places come with a label that is new to the account too."""
    return (labelled + SHARE_WEIGHT * ASSUMED_LABELLED) / (firsts + SHARE_WEIGHT)


def p_of(opened: int, new: int, widest: float, a: float, b: float, looks: int) -> float:
    """Return P(at least so many of the places opened are first ones with at most that share), at least P_MIN.

    Args:
        opened: Places the account opened in the day.
        new: First ones among them that are looked at.
        widest: The largest share among these.
        a: Of the rate's Beta distribution.
        b: The same.
        looks: How many numbers of them were tried.
    """
    bound = float(math.comb(max(opened, new), new)) * widest**new
    for i in range(new):
        bound *= (a + i) / (a + b + i)
    return max(P_MIN, min(1.0, bound * looks))


def rarest(opened: int, shares: Sequence[float], a: float, b: float) -> tuple[float, int, float, int]:
    """Return (p, how many places, the widest share of them, looks) where p is smallest over the day's first places."""
    ordered = sorted(shares)
    tried = [(p_of(opened, k, ordered[k - 1], a, b, len(ordered)), k) for k in range(1, len(ordered) + 1)]
    p, k = min(tried)
    return p, k, ordered[k - 1], len(ordered)
