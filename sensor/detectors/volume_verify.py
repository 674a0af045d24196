"""Volumes computed again: counts by a query of the archive, p by the formulas, in plain Python.

What cannot be counted again: failed first contacts, whose outcome the archive does not hold, and sums of hours, which
go back as far as the device has been unlike itself. Peers are counted exactly and compared within the error of the
sketch that counted them first (13 %, three times that).
"""

import math

from sensor.detectors.pooled import p_of_law, same
from sensor.detectors.volume_state import BUCKET_NS, FEATURES
from sensor.model.archive import Archive
from sensor.model.evidence import Evidence
from sensor.model.times import DAY_NS

_SUMS = {
    "bytes_out": "CASE WHEN orig_device = ? THEN orig_bytes END, CASE WHEN resp_device = ? THEN resp_bytes END",
    "bytes_in": "CASE WHEN orig_device = ? THEN resp_bytes END, CASE WHEN resp_device = ? THEN orig_bytes END",
    "flows_out": "CASE WHEN orig_device = ? AND fresh THEN 1 END, CASE WHEN resp_device = ? THEN 0 END",
    "flows_in": "CASE WHEN orig_device = ? THEN 0 END, CASE WHEN resp_device = ? AND fresh THEN 1 END",
}
_SKETCH_ERROR = 3 * 0.13


def recount(evidence: Evidence, archive: Archive) -> float | None:
    """Return `observed` again from the archived flows; None where it cannot be had from them."""
    basis = evidence.basis
    if evidence.model == "volumes.now/2":
        start, feature = int(basis["bucket"]) * BUCKET_NS, FEATURES[int(basis["feature"])]
        if archive.since_ns > start:
            return None
        if feature == "peers_out":
            exact = _peers(archive, evidence.entity.id, start)
            near = abs(exact - evidence.observed) <= _SKETCH_ERROR * exact + 1.0
            return evidence.observed if near else exact
        return _sum(archive, evidence.entity.id, feature, start, start + BUCKET_NS)
    if evidence.model in ("volumes.drift/2", "volumes.drift/3", "volumes.drift/4"):
        return _usual(evidence, archive)
    return None


def again(evidence: Evidence) -> float | None:
    """Return p again from the basis, by the definitions; NaN where the basis contradicts itself."""
    basis = evidence.basis
    if evidence.model == "volumes.now/2":
        score = same(_score(basis) / basis["milder"], basis["score"])
        worst = same(_distance(p_of_law(basis, "law", score), basis["statistics"]), basis["worst"])
        return max(p_of_law(basis, "day", worst), basis["day_floor"])
    if evidence.model in ("volumes.accumulation/2", "volumes.accumulation/3"):
        score = basis["score"]
        if evidence.model.endswith("3"):  # the release before took nothing off hours
            score = same(max(0.0, basis["alone"] - basis["shifted"]), score)
        raw = p_of_law(basis, "law", score)
        x = min(30.0, _distance(raw, basis["statistics"]) * math.log(10.0))
        # The sum is kept in single precision.
        total = same(max(0.0, basis["total_before"] + x - 2.0), basis["total"], 1e-5)
        return max(p_of_law(basis, "day", total), basis["day_floor"])
    if evidence.model == "volumes.drift/2":
        ratio = (basis["now"] - basis["before"]) / basis["unrest"] * (-1.0 if basis["low"] else 1.0)
        raw = p_of_law(basis, "law", same(ratio, basis["score"]))
        return min(1.0, max(raw, basis["law_floor"]) * basis["statistics"])
    if evidence.model in ("volumes.drift/3", "volumes.drift/4"):
        ratio = (basis["now"] - basis["before"]) / basis["unrest"] * (-1.0 if basis["low"] else 1.0)
        score = same(max(0.0, ratio - basis["shifted"]), basis["score"])
        worst = same(_distance(p_of_law(basis, "law", score), basis["statistics"]), basis["worst"])
        return max(p_of_law(basis, "day", worst), basis["day_floor"])
    if evidence.model == "volumes.common/2":
        return (basis["as_one"] + 1.0) / (basis["days"] + 2.0)
    return None


def _score(basis: dict[str, float]) -> float:
    """Return −ln of the side's probability under the device's own model."""
    low, hurdle = bool(basis["low"]), bool(basis["hurdle"])
    if hurdle and basis["count"] <= 0.0:
        return 0.0 if basis["common"] or not low else -math.log(1.0 - basis["any"])
    z = (math.log1p(basis["count"] + basis["u"]) - basis["centre"]) / basis["spread"]
    if basis["common"]:
        return _nats((basis["shifted"] - z) if low else (z - basis["shifted"]))
    if not hurdle:
        return _nats(-z if low else z)
    if low:
        return -math.log(1.0 - basis["any"] + basis["any"] * math.exp(-_nats(-z)))
    return _nats(z) - math.log(basis["any"])


def _nats(z: float) -> float:
    """−ln of the normal upper tail; Abramowitz and Stegun 1964, 26.2.12, beyond where erfc can be computed."""
    if z < 25.0:
        return min(1e4, -math.log(0.5 * math.erfc(z / math.sqrt(2.0))))
    return min(1e4, z * z / 2.0 + math.log(z * math.sqrt(2.0 * math.pi)) - math.log1p(-1.0 / z**2 + 3.0 / z**4))


def _distance(raw: float, statistics: float) -> float:
    return -math.log10(max(min(1.0, raw * statistics), 1e-300)) if not math.isnan(raw) else math.nan


def _usual(evidence: Evidence, archive: Archive) -> float | None:
    """Return the usual bytes of the buckets with any over an evidence's three days; None for what is not bytes."""
    day, feature = int(evidence.basis["day"]), FEATURES[int(evidence.basis["feature"])]
    picked = int(evidence.basis.get("days", 0b111))  # the release before took the last three
    days = [day - k for k in range(7) if picked >> k & 1]
    if feature not in ("bytes_out", "bytes_in") or archive.since_ns > min(days) * DAY_NS:
        return None
    levels = []
    for start in (one * DAY_NS for one in sorted(days)):
        sums = [
            _sum(archive, evidence.entity.id, feature, at, at + BUCKET_NS)
            for at in range(start, start + DAY_NS, BUCKET_NS)
        ]
        logs = [math.log1p(total) for total in sums if total]
        levels.append(sum(logs) / max(1, len(logs)))
    return math.expm1(sum(levels) / len(levels))


def _sum(archive: Archive, device: str, feature: str, after_ns: int, until_ns: int) -> float | None:
    """Add up a device's flows that were taken in after one time and until another."""
    if feature not in _SUMS:
        return None
    first, second = _SUMS[feature].split(", CASE")
    sql = (
        f"SELECT coalesce(sum(greatest(0, coalesce({first}, 0))), 0) "  # noqa: S608 - from the table above
        f"+ coalesce(sum(greatest(0, coalesce(CASE{second}, 0))), 0) FROM flows "
        "WHERE (orig_device = ? OR resp_device = ?) AND tick > ? AND tick <= ?"
    )
    return float(archive.rows(sql, (device, device, device, device, after_ns, until_ns))[0][0])


def _peers(archive: Archive, device: str, start: int) -> float:
    sql = "SELECT count(DISTINCT resp_h) FROM flows WHERE orig_device = ? AND tick > ? AND tick <= ?"
    return float(archive.rows(sql, (device, start, start + BUCKET_NS))[0][0])
