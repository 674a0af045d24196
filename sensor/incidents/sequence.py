"""Steps that follow one another weigh more than each alone: explicit log odds, shown as evidence of their own.

A sequence is a statement about order: refused prompts, then a success; a sign-in from a rare place, then a rule that
hides mail; a phishing link that was opened, then a sign-in from a rare place (assumed as refused prompts and a success
are). Its decibans are assumed, named in `sensor.model.sequences`, may be overridden by whoever runs the sensor,
and are given once an incident and kind. The rule never earns the bonus from the incident that it opened itself: entry
comes first.

Not here: deciding whether a step happened; detectors say so by their marks.
"""

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from baselines.evidence import p_of_decibans
from sensor.model.evidence import Evidence
from sensor.model.ids import identify
from sensor.model.sequences import SEQUENCES
from sensor.model.times import DAY_NS, parse

ENTRY_DB = 10.0
"""Entry evidence that a rule may follow at any distance, if the incident was open with it before the rule."""
MODEL = "sequence.log_odds/1"

_TECHNIQUES = {
    "denied_then_success": ("T1621",),
    "success_in_rare_place": ("T1078.004",),
    "rule_after_entry": ("T1564.008",),
    "mass_access": ("T1530",),
    "sprayed_success": ("T1110.003", "T1078.004"),
    "click_then_success": ("T1566.002", "T1078.004"),
}
_STAGES = {"rule_after_entry": "act", "mass_access": "act", "sprayed_success": "act"}
"""Of what stage the bonus is; the others are entry."""


class Found(msgspec.Struct, frozen=True):
    """One sequence: its kind, the step that completed it, and what it followed."""

    kind: str
    last: Evidence
    first: Evidence


def techniques(kind: str) -> tuple[str, ...]:
    """Return the ATT&CK ids of a kind."""
    return _TECHNIQUES[kind]


def kind_of(evidence: Evidence) -> str:
    """Return which kind of sequence an evidence row is, empty for others."""
    return evidence.model.partition(":")[2] if evidence.family == "sequence" else ""


def find(rows: Sequence[Evidence], held_before: Mapping[str, int] | None = None) -> list[Found]:
    """Return the sequences among an account's evidence, at most one of each kind, the earliest.

    Args:
        rows: Evidence of one account, context included.
        held_before: When the open incident took in each of its evidences, ns, by id; None where none is open yet, so
            that a rule can only follow a sign-in of the last 24 hours.
    """
    rows = [one for one in rows if "taken_back" not in one.marks]
    found: dict[str, Found] = {}
    for last in sorted(rows, key=lambda one: (one.ts, one.id)):
        for kind, first in _completed(last, rows, held_before or {}):
            found.setdefault(kind, Found(kind, last, first))
    return list(found.values())


def evidence_of(found: Found, incident_key: str, weights: Mapping[str, float]) -> Evidence:
    """Write a sequence as evidence: its decibans are its log odds, p what would weigh as much."""
    last = found.last
    db = weights.get(found.kind, SEQUENCES[found.kind])
    return Evidence(
        id=identify("EV", incident_key, last.entity.id, "sequence", found.kind), ts=last.ts, site=last.site,
        entity=last.entity, detector="sequence", family="sequence", source=last.source, observed=1.0, expected=None,
        range=None, reference="analytic", reference_n=0, p=p_of_decibans(db), db=db, text=_text(found, db),
        records=last.records, model=f"{MODEL}:{found.kind}", basis={"log_odds_db": db}, channel="identity",
        stage=_STAGES.get(found.kind, "entry"), keys=last.keys,
    )  # fmt: skip


def again(evidence: Evidence) -> float | None:
    """Return p again from the log odds; None for another model."""
    return p_of_decibans(evidence.basis["log_odds_db"]) if evidence.model.startswith(MODEL) else None


def _completed(
    last: Evidence, rows: Iterable[Evidence], held_before: Mapping[str, int]
) -> Iterable[tuple[str, Evidence]]:
    """Give the kinds that an evidence completes, with what it follows."""
    marks = set(last.marks)
    if "success_after_denial" in marks and "known_device" not in marks:
        yield "denied_then_success", last
        if _is_rare_success(last, rows):
            yield "success_in_rare_place", last
    if {"rare_place", "success"} <= marks and "known_device" not in marks:
        first = _click_before(last, rows)
        if first is not None:
            yield "click_then_success", first
    if "sprayed_success" in marks:
        yield "sprayed_success", last
    if marks & {"hides", "forwards"}:
        first = _entry_before(last, rows, held_before)
        if first is not None:
            yield "rule_after_entry", first
    if "mass_access" in marks:
        first = _entry_before(last, rows, held_before)
        if first is not None:
            yield "mass_access", first


def _is_rare_success(last: Evidence, rows: Iterable[Evidence]) -> bool:
    """Tell whether the success itself, or another evidence of it (same session or address, same day), is rare."""
    if "rare_place" in last.marks:
        return True
    keys = {key for key in last.keys if key.startswith(("address:", "session:"))}
    return any(
        {"rare_place", "success"} <= set(one.marks)
        and keys & set(one.keys)
        and abs(parse(one.ts) - parse(last.ts)) <= DAY_NS
        for one in rows
    )


def _click_before(last: Evidence, rows: Iterable[Evidence]) -> Evidence | None:
    """Return the latest opened link of the 24 hours before a success."""
    ts = parse(last.ts)
    found = [one for one in rows if "clicked" in one.marks and 0 <= ts - parse(one.ts) <= DAY_NS]
    return max(found, key=lambda one: (one.ts, one.id), default=None)


def _entry_before(last: Evidence, rows: Iterable[Evidence], held_before: Mapping[str, int]) -> Evidence | None:
    """Return the entry that an act follows: a rare sign-in of 24 hours before, or what the incident held already."""
    ts = parse(last.ts)
    best: Evidence | None = None
    for one in sorted(rows, key=lambda one: (one.ts, one.id)):
        if one.id == last.id or parse(one.ts) > ts or set(one.marks) & {"hides", "forwards"}:
            continue
        recent = ts - parse(one.ts) <= DAY_NS and {"rare_place", "success"} <= set(one.marks)
        held = one.stage == "entry" and one.db >= ENTRY_DB and one.id in held_before and held_before[one.id] <= ts
        held = held and not _is_own(one, last)
        if (recent and "known_device" not in one.marks) or held:
            best = one
    return best


def _is_own(one: Evidence, last: Evidence) -> bool:
    """Tell whether an entry is a sequence that the act itself completed."""
    return one.family == "sequence" and one.ts == last.ts


def _text(found: Found, db: float) -> str:
    who = found.last.entity.id
    told = {
        "denied_then_success": f"{who}: refused prompts, then a success.",
        "success_in_rare_place": f"{who}: the success after refused prompts came from a rare place.",
        "rule_after_entry": f"{who}: a mail rule that hides or sends mail on, after an entry at {found.first.ts}.",
        "mass_access": f"{who}: many files or messages at once, after an entry at {found.first.ts}.",
        "sprayed_success": f"{who}: a success at the source that sprayed the account.",
        "click_then_success": f"{who}: a success from a rare place, after a phishing link opened at {found.first.ts}.",
    }[found.kind]
    return f"{told} The order of these steps weighs {db:+.0f} dB (assumed log odds)."
