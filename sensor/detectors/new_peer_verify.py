"""Something new, verified: that the archive holds the use, by its id and step of time, and p by the formulas.

That the use was the first is not looked up: what was seen reaches back further than the archive, and goes by names
whose addresses change.
"""

import math
from collections.abc import Mapping

from sensor.detectors.pooled import p_of_law, same
from sensor.detectors.usage import ASKS
from sensor.model.archive import Archive
from sensor.model.evidence import Evidence
from sensor.model.times import parse

_MODEL = "new_peer.pitman_yor/2"


def recount(evidence: Evidence, archive: Archive) -> float | None:
    """Return 1 where the archive holds the use in the evidence's own step, 0 where it does not."""
    if evidence.model != _MODEL or not evidence.records or evidence.records[0].uid is None:
        return None
    end_ns, uid = parse(evidence.ts), evidence.records[0].uid
    if archive.since_ns > end_ns:
        return None
    side = "orig_device" if evidence.basis["category"] <= ASKS else "resp_device"
    sql = f"SELECT count(*) FROM flows WHERE {side} = ? AND uid = ? AND resp_p = ? AND tick = ?"  # noqa: S608
    return float(archive.rows(sql, (evidence.entity.id, uid, int(evidence.basis["port"]), end_ns))[0][0] > 0)


def share_of(basis: Mapping[str, float]) -> float:
    """Return the chance that another site of the fleet has it, from the basis; 0 where nothing came of it."""
    return basis["fleet_sites"] / (basis["fleet_of"] + 1.0) if "fleet_of" in basis else 0.0


def again(evidence: Evidence) -> float | None:
    """Return p again from the basis; NaN where the basis contradicts itself."""
    if evidence.model != _MODEL:
        return None
    basis = evidence.basis
    own = (1.0 + 0.25 * basis["kinds"]) / (1.0 + basis["draws"])
    mass = max(basis["mass"], share_of(basis))
    model = min(1.0, own * min(1.0, mass) * basis["chances"] * basis["categories"])
    worst = same(min(300.0, -math.log10(model)), basis["worst"])
    if not basis["pooled"]:
        return max(1e-3, model) if not math.isnan(worst) else math.nan
    return max(p_of_law(basis, "day", worst), basis["day_floor"])
