"""How often something rare happens, from few counts; and how surprising a count is.

A rate is assumed until there is enough exposure of one's own: the posterior mean of a Gamma prior that is worth one
event (Gelman et al. 2013, "Bayesian Data Analysis", section 2.6). A count is held against a Poisson mean.
"""

import math

TERMS_MAX = 512
"""Terms of a Poisson tail: beyond, the rest is below what a float can tell from nothing."""


def shrunk(events: float, exposure: float, assumed: float) -> float:
    """Return the rate per unit of exposure: (1 + events) / (1 / assumed + exposure).

    Args:
        events: How many were counted.
        exposure: Units of exposure (account-days) they were counted in.
        assumed: Rate before anything was counted, above 0.
    """
    return min(1.0, (1.0 + events) / (1.0 / assumed + exposure))


def is_own(exposure: float, assumed: float) -> bool:
    """Tell whether the exposure outweighs what was assumed."""
    return exposure >= 1.0 / assumed


def poisson_tail(count: int, mean: float) -> float:
    """Return P(N ≥ count) of a Poisson count with this mean; 1 for a count of 0."""
    if count <= 0 or mean <= 0.0:
        return 1.0 if count <= 0 else 0.0
    term = math.exp(count * math.log(mean) - mean - math.lgamma(count + 1))
    total = 0.0
    for k in range(count + 1, count + TERMS_MAX):
        total += term
        term *= mean / k
        if term <= total * 1e-17 and k > mean:
            break
    return min(1.0, total)
