"""Twins of baselines/seasonal.py: one cell at a time, from the definition."""

import math


def jitter(h):
    """U from a 64-bit hash: its top 53 bits as a fraction."""
    return (h >> 11) / 2**53


def tail(z):
    """Upper tail of the normal law: by erfc, which underflows beyond 37."""
    return 0.5 * math.erfc(z / math.sqrt(2))


def tails(zs):
    """−ln of the upper tail of each z below 37; NaN stays NaN."""
    return [z if math.isnan(z) else -math.log(tail(z)) for z in zs]


def score(count, u, own, peers, floor, hurdle):
    """Return (high, low, z) of one cell.

    `own`: n, visits, level, scale, season, active, usually; `peers`: level, within, between, season, active, or None.
    """
    n, v = own["n"], own["visits"]
    if n < 2 and not peers:
        return math.nan, math.nan, math.nan
    weight = 1.0
    variance = own["scale"] ** 2
    season = own["season"] * v / (v + 12)
    if peers:
        k = max(1, 200 * peers["within"] / max(1e-9, peers["within"] + peers["between"]))
        weight = n / (n + k)
        variance = (n * own["scale"] ** 2 + 200 * peers["within"]) / (n + 200) + (1 - weight) ** 2 * peers["between"]
        season += peers["season"] * 12 / (v + 12)
    centre = weight * own["level"] + (1 - weight) * (peers["level"] if peers else 0) + season
    spread = max(math.sqrt(variance), floor)
    some = 1.0
    if hurdle:
        base = (n * own["usually"] + 200 * peers["active"]) / (n + 200) if peers else own["usually"]
        some = (v * own["active"] + 12 * base) / (v + 12)
        least = 1 / (min(n, 4032) + 2)
        some = min(1 - least, max(least, some))
        if count <= 0:
            return 0.0, -math.log(1 - some), math.nan
    z = (math.log1p(count + u) - centre) / spread
    return -math.log(some * tail(z)), -math.log(1 - some + some * tail(-z)), z


def learn(counts, us, seasons, floor, hurdle):
    """Level, scale, seasons, shares of buckets with any and visits after each count in turn."""
    level = variance = usually = 0.0
    took = 0
    season, active, visits = [0.0] * 48, [0.0] * 48, [0] * 48
    slow, slow_season = 1 - 0.5 ** (1 / 432), 1 - 0.5 ** (1 / 120)
    for n, (count, u, at) in enumerate(zip(counts, us, seasons, strict=True)):
        v = visits[at]
        visits[at] += 1
        if hurdle:
            some = float(count > 0)
            active[at] += max(slow_season, 1 / (v + 1)) * (some - active[at])
            usually += max(slow, 1 / (n + 1)) * (some - usually)
            if not some:
                continue
        x = math.log1p(count + u)
        took += 1
        if took == 1:
            level = x
            continue
        step = x - level - season[at]
        if took > 2:
            reach = 3 * max(math.sqrt(variance), floor)
            step = min(reach, max(-reach, step))
        weight = max(slow, 1 / took)
        level += weight * step
        season[at] += max(slow_season, 1 / (v + 12)) * (1 - weight) * step
        variance = (1 - weight) * (variance + weight * step**2)
    return level, math.sqrt(variance), season, active, usually, visits
