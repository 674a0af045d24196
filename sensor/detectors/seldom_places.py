"""How unusual it is that an account opens so many files where it seldom goes. No state.

Whoever reads for somebody else goes where the account has been, but not to work: a colleague's site visited now and
then is no first place, and nine files of three such sites in ten minutes are nobody's day. A place is *seldom* opened
on fewer than one in five of the account's days with files, or never. The day's distinct files of such places are held
against the account's own mean by a negative binomial (Poisson of a rate that is Gamma distributed, which makes visits
come in clumps), the mean shrunk to its tenant's, and that to an assumed one.

Measured on two made tenants of forty people (843 and 828 account-days): the smallest of all was .008, at 1e-2 a tenth
of what the model says; an intruder's days were 7e-6 to .017.
"""

SELDOM = 0.2
"""Share of its days below which an account goes somewhere seldom."""
DAYS_MIN = 5
"""Days with files below which nothing is seldom."""
SHAPE = 0.5
"""Of the Gamma distribution: 1 made benign days three times rarer than they are."""
ASSUMED_MEAN = 0.5
"""Such files a day: assumed until the tenant's own days outweigh it."""
TENANT_WEIGHT, OWN_WEIGHT = 100.0, 10.0
"""Days that the assumed mean is worth against the tenant's, and the tenant's against the account's own."""
P_MIN = 1e-3
"""Whoever begins in another team reads as much: assumed once in a thousand account-days, so that it opens nothing."""
FILES_MAX = 64
"""Beyond, p is far below P_MIN."""


def is_seldom(days_there: int, days: int) -> bool:
    """Tell whether an account goes somewhere seldom or never, of its days with files."""
    return days >= DAYS_MIN and days_there < SELDOM * days


def mean_of(files: int, days: int, tenant_files: int, tenant_days: int) -> float:
    """Return the files of seldom places that an account opens a day."""
    tenant = (tenant_files + ASSUMED_MEAN * TENANT_WEIGHT) / (tenant_days + TENANT_WEIGHT)
    return (files + tenant * OWN_WEIGHT) / (days + OWN_WEIGHT)


def p_of(files: int, mean: float) -> float:
    """Return P(at least so many files of seldom places in a day), at least P_MIN."""
    share = SHAPE / (SHAPE + mean)
    term, below = share**SHAPE, 0.0
    for k in range(min(files, FILES_MAX)):
        below += term
        term *= (k + SHAPE) / (k + 1) * (1.0 - share)
    return max(P_MIN, 1.0 - below)
