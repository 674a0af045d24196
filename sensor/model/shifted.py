"""A site's reports in the hub's time, where the site's clock is known to be off.

Every time that a report has is moved by as much; slots of five minutes and minutes go to the nearest. What a finding's
sentence says of a time stays as the site wrote it. How much is not for here (`sensor.store.inbox`).
"""

import msgspec

from sensor.model.report import AnyReport, Covered, Lease, Linked, Present, Sighting, Told
from sensor.model.times import MINUTE_NS, parse, rfc3339

SLOT_NS = 5 * MINUTE_NS
"""Of `Present`."""
_TIMES: dict[type, tuple[str, ...]] = {
    Sighting: ("first_ns", "last_ns"), Linked: ("first_ns", "last_ns"), Lease: ("begin_ns", "end_ns"),
}  # fmt: skip


def shifted(report: AnyReport, shift_ns: int) -> AnyReport:
    """Return a report with its times moved by `shift_ns`; none becomes less than 0, and one that is 0 stays."""
    if not shift_ns:
        return report
    changes: dict[str, object] = {"ts": max(0, report.ts + shift_ns)}
    for name in _TIMES.get(type(report), ()):
        at = getattr(report, name)
        changes[name] = max(0, at + shift_ns) if at else 0
    if isinstance(report, Present):
        changes["slot"] = max(1, report.slot + round(shift_ns / SLOT_NS))
    elif isinstance(report, Covered):
        changes["minute"] = max(0, report.minute + round(shift_ns / MINUTE_NS))
    elif isinstance(report, Told):
        evidence = report.finding.evidence
        moved = msgspec.structs.replace(evidence, ts=rfc3339(max(0, parse(evidence.ts) + shift_ns)))
        changes["finding"] = msgspec.structs.replace(report.finding, evidence=moved)
    return msgspec.structs.replace(report, **changes)
