"""A surge: far more would be incidents than a site's people can read. It is one incident, about the site.

Not here: counting (`opening`).
"""

import math

from baselines.evidence import decibans
from sensor.model.evidence import Entity, Evidence, Finding
from sensor.model.ids import identify
from sensor.model.times import DAY_NS, rfc3339

P_MIN = 1e-6
"""As no assumed rate carries less: the ceiling is what is wanted, not what was measured."""


def finding(site: str, wanted: int, devices: int, end_ns: int) -> Finding:
    """Write an hour's openings as a finding about the site."""
    text = (
        f"{wanted} incidents would have opened at {site} within an hour, where one a day is a usual ceiling for its "
        f"{devices} devices. They are in the digest, ranked; nothing is learned while this lasts."
    )
    p = max(P_MIN, p_of_surge(wanted))
    evidence = Evidence(
        id=identify("EV", site, "surge", end_ns // DAY_NS), ts=rfc3339(end_ns), site=site,
        entity=Entity(kind="site", id=site), detector="surge", family="surge", source="network",
        observed=float(wanted), expected=1.0 / 24.0, range=None, reference="analytic", reference_n=0, p=p,
        db=decibans(p), text=text, model="surge.poisson/1", basis={"rate": 1.0 / 24.0},
    )  # fmt: skip
    return Finding(
        evidence=evidence, device=-1, name=site, opens=True,
        check=f"Is something new running at {site} (a scanner, a rollout, an outage), or is a detector wrong?",
    )  # fmt: skip


def again(evidence: Evidence) -> float:
    """Return p again from how many incidents would have opened."""
    return max(P_MIN, p_of_surge(int(evidence.observed), evidence.basis["rate"]))


def p_of_surge(wanted: int, rate: float = 1.0 / 24.0) -> float:
    """Return the chance of so many openings in an hour where one a day is expected: a Poisson tail."""
    log_term = -rate + wanted * math.log(rate) - math.lgamma(wanted + 1)
    # The terms after the first fall faster than a geometric series of ratio rate / (wanted + 1).
    return min(1.0, math.exp(log_term) / (1.0 - rate / (wanted + 1.0)))
