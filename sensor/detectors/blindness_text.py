"""What a sensor that sees less is told as, and how that is counted again. No detector.

Hours are counted from 1970, UTC; a record belongs to the hour in which its step ended.
"""

import re
from typing import NamedTuple

from sensor.model.archive import Archive
from sensor.model.evidence import Entity, Evidence, Finding
from sensor.model.ids import identify
from sensor.model.times import DAY_NS, HOUR_NS, rfc3339

KINDS = ("loss", "one_way", "silence")
LOSS, ONE_WAY, SILENCE = range(len(KINDS))
_CHECKS = (
    "Is the span port or the sensor overloaded? Compare its drops with the switch's counters.",
    "Does the span port mirror both directions, and all links of a bundle?",
    "Is the sensor up, and does its port still get traffic?",
)
_MADE = ("S1", "SF", "S2", "S3", "RSTO", "RSTR")


class Dark(NamedTuple):
    """One thing that is told."""

    site: str
    kind: int
    observed: float
    p: float
    db: float
    basis: dict[str, float]


def finding(dark: Dark) -> Finding:
    """Write the row."""
    basis, site = dark.basis, dark.site
    begin, end = int(basis["begin"]) * HOUR_NS, int(basis["end"]) * HOUR_NS
    kind, day = KINDS[dark.kind], begin // DAY_NS
    usual = basis.get("usual", 0.0)
    days = int(basis["days"])
    rate = f"It was so on {basis['events']:.0f} of {days} days before; about one in {1 / dark.p:,.0f} site-days."
    evidence = Evidence(
        id=identify("EV", site, "blindness", kind, day), ts=rfc3339(end), site=site,
        entity=Entity(kind="site", id=site), detector="blindness", family="blindness", source="network",
        observed=dark.observed, expected=usual, range=(0.0, usual), reference="own", reference_n=int(basis["hours"]),
        p=dark.p, db=dark.db, text=f"{_said(dark, rfc3339(begin)[11:16], rfc3339(end)[11:16])} {rate}",
        model=f"blindness.{kind}/1", basis=basis, keys=(f"site:{site}",),
    )  # fmt: skip
    return Finding(
        evidence=evidence, device=-1, name=site, techniques=("T1562.006",), digest=True, check=_CHECKS[dark.kind]
    )


def _said(dark: Dark, begin: str, end: str) -> str:
    basis, site = dark.basis, dark.site
    if dark.kind == SILENCE:
        hours = f"{dark.observed:.0f} hour{'s' if dark.observed != 1 else ''}"
        return (
            f"Nothing was heard of {site} for {hours} from {begin} UTC; at the last of these hours it had "
            f"{basis['least']:,.0f} flows or more on each of {basis['hours']:.0f} days before. What happened there "
            "meanwhile was not seen."
        )
    what = (
        f"{dark.observed:.1%} of the payload of {basis['flows']:,.0f} TCP connections"
        if dark.kind == LOSS
        else f"one side of {dark.observed:.0%} of {basis['flows']:,.0f} TCP conversations"
    )
    return (
        f"The sensor at {site} missed {what} from {begin} to {end} UTC; usual there is at most {basis['usual']:.2g} in "
        f"19 of 20 of {basis['hours']:.0f} hours. What it says of those hours is incomplete."
    )


def recount(evidence: Evidence, archive: Archive) -> float | None:
    """Count an evidence's hours again from the archived flows."""
    basis = evidence.basis
    begin, end = int(basis["begin"]) * HOUR_NS, int(basis["end"]) * HOUR_NS
    if archive.since_ns > begin:
        return None
    where = (evidence.site, begin, end)
    if evidence.model.startswith("blindness.loss"):
        rows = archive.rows(
            "SELECT sum(m), sum(greatest(m, s)) FROM (SELECT greatest(coalesce(missed_bytes, 0), 0) AS m, "
            "greatest(coalesce(orig_bytes, 0), 0) + greatest(coalesce(resp_bytes, 0), 0) AS s FROM flows "
            "WHERE site = ? AND tick > ? AND tick <= ? AND ip_proto = 6)", where,
        )  # fmt: skip
        return float(rows[0][0]) / float(rows[0][1]) if rows and rows[0][1] else 0.0
    if evidence.model.startswith("blindness.silence"):
        rows = archive.rows(
            "SELECT count(DISTINCT (tick - 1) // ?) FROM flows WHERE site = ? AND tick > ? AND tick <= ?",
            (HOUR_NS, *where),
        )
        return basis["end"] - basis["begin"] - float(rows[0][0])
    rows = archive.rows(
        "SELECT conn_state, history, fresh FROM flows WHERE site = ? AND tick > ? AND tick <= ? AND ip_proto = 6",
        where,
    )
    one = sum(is_one_sided(history or "") for _, history, _ in rows)
    made = sum(fresh and is_made(state or "", history or "") for state, history, fresh in rows)
    return one / (one + made) if one + made else 0.0


def is_one_sided(history: str) -> bool:
    """Tell from Zeek's history whether one side alone was seen of a connection that went on."""
    originator = not re.search("[a-z]", history) and re.search("[SH]", history) and re.search("[AD]", history)
    responder = not re.search("[A-Z]", history) and re.search("[sh]", history) and re.search("[ad]", history)
    return bool(originator or responder)


def is_made(state: str, history: str) -> bool:
    """Tell whether a connection was seen to be made, from both sides."""
    return state in _MADE and ("S" in history or not history) and not is_one_sided(history)


def again(evidence: Evidence) -> float | None:
    """Return the site's rate of such days again, (1 + events) / (1 / assumed + days)."""
    basis = evidence.basis
    return min(1.0, (1.0 + basis["events"]) / (1.0 / basis["rate"] + basis["days"]))
