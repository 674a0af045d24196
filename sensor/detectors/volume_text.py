"""Evidence of volumes: every number that its p follows from, and a sentence for a person.

The laws of the pools that judged it go with it, as they were at that moment: an evidence can be computed again when the
pools have moved on. Not here: what is unusual.
"""

import math

import msgspec
import numpy as np

from baselines import seasonal
from baselines.calibration import Law
from baselines.evidence import decibans
from sensor.detectors.volume_groups import KINDS, SERVES
from sensor.detectors.volume_state import BUCKET_NS, FEATURES, FLOOR, HURDLES, SIDES, Cells
from sensor.model.evidence import Entity, Evidence, Finding
from sensor.model.ids import identify
from sensor.model.tick import Names
from sensor.model.times import DAY_NS, HOUR_NS, rfc3339

NAME, FAMILY = "volumes", "volume"
P_DIGEST = 1e-3
"""One device-day in a thousand: a ceiling that a site of any size may list."""
P_FLEET = 0.05
"""A whole group acting as one is worth a row of the digest where it does so on fewer than one day in 20."""
_VERBS = {
    "bytes_out": ("sent", "payload bytes"), "bytes_in": ("received", "payload bytes"),
    "flows_out": ("opened", "flows"), "flows_in": ("answered", "flows"),
    "failed_out": ("failed to make", "first contacts"), "peers_out": ("contacted", "distinct peers"),
}  # fmt: skip
_TECHNIQUES = {
    "bytes_out": ("T1048",), "bytes_in": ("T1498",), "flows_in": ("T1498",), "failed_out": ("T1046",),
    "peers_out": ("T1046",), "flows_out": ("T1046",),
}  # fmt: skip
"""What an excess may be, by ATT&CK; a lack is none (T1499, a service that is down, has other causes mostly)."""


class Whose(msgspec.Struct, frozen=True):
    """A device as evidence names it."""

    row: int
    name: str
    site: str
    id: str


def whose(names: Names, row: int) -> Whose:
    """Return how a device is named."""
    return Whose(row, names.device_name(row), names.device_site(row), names.device_id(row))


def now(
    of: Whose, c: Cells, bucket: int, side: int, basis: dict[str, float], p: float, day: Law, kind: int
) -> Finding:  # fmt: skip
    """Tell a bucket that is the day's worst so far."""
    feature = side // 2
    centre, spread, count = basis["centre"], basis["spread"], float(c["counts"][of.row, feature])
    low, usual, high = (max(0.0, round(float(np.expm1(centre + k * spread)), 1)) for k in (-2, 0, 2))
    start = bucket * BUCKET_NS
    verb, what = _VERBS[FEATURES[feature]]
    some = f", and any at all in {basis['any']:.0%} of such buckets" if feature < HURDLES else ""
    also = "; its peers' common change is taken off" if basis["common"] else ""
    text = (
        f"{of.name} {verb} {count:,.0f} {what} in the 10 minutes from {rfc3339(start)[11:16]} UTC; usual for it then: "
        f"{usual:,.0f} (95 %: {low:,.0f}–{high:,.0f}{some}){also}. {_one_in(p, day.n, kind)}"
    )
    return _finding(
        of, channel="now", ts=start + BUCKET_NS, day=start // DAY_NS, observed=count, expected=usual, usual=(low, high),
        p=p, n=day.n, text=text, basis=basis, model="volumes.now/2", side=side,
        check=f"What ran on {of.name} at that time: a backup, an update, a large transfer?" if side % 2 == 0
        else f"Is {of.name} up, and is its network?",
    )  # fmt: skip


def accumulated(
    of: Whose, hour: int, side: int, basis: dict[str, float], p: float, day: Law, kind: int
) -> Finding:  # fmt: skip
    """Tell a sum of hours that is the day's largest so far."""
    verb, what = _VERBS[FEATURES[side // 2]]
    hours = hour - int(basis["since"]) + 1
    much = "more" if side % 2 == 0 else "fewer"
    text = (
        f"{of.name} has for {hours} hour{'s' * (hours > 1)} been unlike itself, in the last of them it {verb} {much} "
        f"{what} than is usual for it; what the hours add comes to {basis['total']:.1f} nats"
        f"{', its peers’ common change taken off' if basis['shifted'] else ''}. {_one_in(p, day.n, kind)}"
    )
    return _finding(
        of, channel="accumulation", slow=_is_news(side, kind),
        ts=(hour + 1) * HOUR_NS, day=hour // 24, observed=basis["total"], expected=0.0,
        usual=None, p=p, n=day.n, text=text, basis=basis, model="volumes.accumulation/3", side=side,
        check=f"What has {of.name} been doing since {rfc3339(int(basis['since']) * HOUR_NS)[:16]}Z, and not before?",
    )  # fmt: skip


def drifted(of: Whose, day: int, side: int, basis: dict[str, float], p: float, law: Law, kind: int) -> Finding:
    """Tell three days that are far from those three weeks before."""
    verb, what = _VERBS[FEATURES[side // 2]]
    recent, before = (float(np.expm1(basis[name])) for name in ("now", "before"))
    days = int(basis.get("days", 0)).bit_count()
    text = (
        f"{of.name} {verb} {recent:,.0f} {what} in a usual 10 minutes of its last week, {before:,.0f} three weeks "
        f"before (× {np.exp(basis['now'] - basis['before']):.2g}, by {days} days), {basis['score']:.1f} times its "
        f"days' unrest{', its peers’ common change taken off' if basis['shifted'] else ''}. {_one_in(p, law.n, kind)}"
    )
    return _finding(
        of, channel="drift", slow=_is_news(side, kind),
        ts=(day + 1) * DAY_NS, day=day // 7, observed=recent, expected=before, usual=None, p=p,
        n=law.n, text=text, basis=basis, model="volumes.drift/4", side=side,
        check=f"Was {of.name} given other work in these weeks?",
    )  # fmt: skip


def common(
    site: str, kind: int, when: tuple[int, int], side: int, members: tuple[int, int], median: float,
    days: tuple[int, int],
) -> Finding:  # fmt: skip
    """Tell a group that did the same at once: one cause, not one each.

    Args:
        site: Whose group; `kind` its kind.
        when: Its begin and length, ns; `side` what.
        members: How many, of how many.
        median: What they have in common: scales in a bucket, nats in an hour.
        days: On how many days it was so before, of how many.
    """
    (start, length), (hits, size), (as_one, judged) = when, members, days
    unit, span = ("nats", "hour") if length == HOUR_NS else ("scales", "10 minutes")
    verb, what = _VERBS[FEATURES[side // 2]]
    p = (as_one + 1.0) / (judged + 2.0)
    much = "many more" if side % 2 == 0 else "far fewer"
    text = (
        f"{hits} of {size} {KINDS[kind]} at {site} {verb} {much} {what} than is usual for them in the {span} from "
        f"{rfc3339(start)[11:16]} UTC: one cause, not {hits}. What they have in common ({median:+.1f} {unit}) is taken "
        f"off each. It was so on {as_one} of {judged} days before."
    )
    evidence = Evidence(
        id=identify("EV", site, site, NAME, "common", KINDS[kind], start // DAY_NS), ts=rfc3339(start + length),
        site=site, entity=Entity(kind="site", id=site), detector=NAME, family=FAMILY, source="network",
        observed=float(hits), expected=0.05 * size, range=None, reference="own", reference_n=judged, p=p,
        db=decibans(p), text=text, model="volumes.common/2",
        basis={"hits": hits, "size": size, "days": judged, "as_one": as_one, "side": side, "begin_s": start // 10**9,
               "length_s": length // 10**9, "median": median},
    )  # fmt: skip
    return Finding(
        evidence=evidence, device=-1, name=site, techniques=(), digest=p <= P_FLEET,
        check=f"What happened at {site} then: a patch wave, a power cut, a change in the network?",
    )  # fmt: skip


def counted(
    c: Cells, of: Whose, bucket: int, side: int, numbers: dict[str, float]
) -> dict[str, float]:  # fmt: skip
    """Return the basis of a bucket: the count, and the row as it was before it."""
    return {
        "bucket": bucket, "feature": side // 2, "low": side % 2, "hurdle": float(side // 2 < HURDLES),
        "floor_scale": float(FLOOR[side // 2]), "count": float(c["counts"][of.row, side // 2]),
        "learned": float(c["seen"][of.row]), "statistics": SIDES, **numbers,
    }  # fmt: skip


def _is_news(side: int, kind: int) -> bool:
    """Tell whether days unlike others may be an incident: a lack is one of servers; people leave their devices alone.

    Five weeks of a takeover among 40 people, twice, and of 26 of another generator: three of the five triages by slow
    volumes were the lack of a laptop whose owner was away or had gone home.
    """
    return side % 2 == 0 or kind == SERVES


def _one_in(p: float, n: int, kind: int) -> str:
    return f"About 1 in {max(1.0, 1 / p):,.0f} of its peers' days looks like this ({KINDS[kind]}, {n:,} device-days)."


def _finding(
    of: Whose, *, channel: str, ts: int, day: int, observed: float, expected: float, usual: tuple[float, float] | None,
    p: float, n: int, text: str, basis: dict[str, float], model: str, side: int, check: str, slow: bool = False,
) -> Finding:  # fmt: skip
    evidence = Evidence(
        id=identify("EV", of.site, of.id, NAME, channel, day), ts=rfc3339(ts), site=of.site,
        entity=Entity(kind="device", id=of.id), detector=NAME, family=FAMILY, source="network", observed=observed,
        expected=expected, range=usual, reference="peers", reference_n=n, p=p, db=decibans(p), text=text, model=model,
        basis=basis, channel=channel,
    )  # fmt: skip
    techniques = _TECHNIQUES[FEATURES[side // 2]] if side % 2 == 0 else ()
    return Finding(
        evidence=evidence,
        device=of.row,
        name=of.name,
        techniques=techniques,
        digest=p <= P_DIGEST,
        slow=slow and p <= P_DIGEST,
        check=check,
    )


def share_of_any(z: float, plain: float, *, low: bool) -> float:
    """Return the share of buckets with any that a hurdle's score was made with, from the score; 1 without a hurdle.

    Args:
        z: NaN where there was none.
        plain: −ln of the side's probability.
        low: Which side.
    """
    if math.isnan(z):
        return 1.0 - math.exp(-plain) if low else math.nan
    tail = np.empty(1)
    seasonal.tails(np.array([-z if low else z]), tail)
    if not low:
        return math.exp(float(tail[0]) - plain)
    above = 1.0 - math.exp(-float(tail[0]))
    return (1.0 - math.exp(-plain)) / above if above > 0.0 else 1.0
