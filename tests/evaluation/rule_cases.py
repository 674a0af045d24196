"""Rule cases of other people's detections, put to the identity detectors one record at a time.

A case is a record and whether a rule of theirs alerts on it. Evidence of any weight counts: one record alone cannot be
an incident. Records that were stripped of their time get one, as every real record has.

    python -m tests.evaluation.rule_cases FILE
"""

import json
import re
import sys
from collections import defaultdict
from pathlib import Path

import numpy as np

from sensor import registry
from sensor.entities.entities import Entities
from sensor.errors import Malformed
from sensor.model.event import Event
from sensor.sources.records import readers
from sensor.wire.envelopes import contained
from sensor.wire.fields import Fields
from tests.detectors.acts_made import tick_of
from tests.scenes import SECRET

DETECTORS = ("administration", "files", "mail_rules", "mailbox", "place", "pressure", "session", "spray")
WHEN = "2024-05-06T10:00:00Z"
THEMES = (
    ("MFA fatigue", r"push|fatigue|fraudulent|denied|mfa\.?abandon|FastPass"),
    ("spray and guessing", r"brute|stuffing|failed|unauthorized|lock|BruteForce|UnlockFailure"),
    ("impossible travel", r"travel|GraphSession|Stolen.?Session"),
    ("rare place", r"vpn|anonym|risk|suspicious.?login|government|rogue|loginty?pe|geo|Behaviors"),
    ("mail rules and forwarding", r"forward|inbox|routing|Exchange"),
    ("MFA change", r"mfa|2sv|two.?step|factor|advanced.?protection|bypass|TwoStep|OIDC"),
    ("admin role", r"admin|role|privilege|permission|Support\.?(Access|Reset)|impersonat|assumption|delegat"),
    ("consent", r"oauth|consent|marketplace|app.?integration|api.?key|api.?token"),
    ("mass file access", r"drive|document|file|takeout|data.?export|sharing"),
    ("dormant or service account", r"legacy|invite|invitation|joined|dormant|service.?principal|PasswordAccess"),
)
"""Theme → pattern of a rule's id, the first that fits."""
VENDORS = ("Okta", "GSuite", "Azure", "Microsoft365", "Duo", "OneLogin", "Auth0")


def theme_of(case):
    """Name the theme of a case, None where it is of none, of another kind of product, or needs state."""
    if not case["log_type"].startswith(VENDORS) or case["threshold"] != 1 or case["needs_mocks"]:
        return None
    return next((name for name, pattern in THEMES if re.search(pattern, case["rule_id"], re.IGNORECASE)), None)


def events_of(record):
    """Return a record's events; with a time where it was stripped of its own."""
    for raw in (record, {**record, "p_event_time": WHEN, "isotimestamp": WHEN}):
        fields = Fields(raw)
        for one in [fields, *map(Fields, contained(raw))]:
            for reader in readers():
                if reader.claims(one):
                    try:
                        return [made for made in reader.read(one) if isinstance(made, Event)]
                    except Malformed as error:
                        if error.args[0] != "missing_time":
                            raise
    return None


def evidence_of(events):
    """Return what the identity detectors find in events, on an empty state."""
    known = Entities({}, SECRET)
    known.site_number("local")
    known.inputs = ["given"]
    step = tick_of(known, events)
    found = []
    for name in DETECTORS:
        found += registry.load("sensor.detectors", name).detector(known, SECRET).score(step)
    step.frozen_accounts = np.zeros(known.account_count(), np.bool_)
    return found


def judge(cases):
    """Return (theme, case, findings or None where it could not be read) of each case of a theme."""
    told = []
    for case in cases:
        theme = theme_of(case)
        if theme is None:
            continue
        events = events_of(case["record"])
        told.append((theme, case, None if events is None else evidence_of(events)))
    return told


def rates(told):
    """Return theme → [positives, raised, negatives, raised]."""
    found = defaultdict(lambda: [0, 0, 0, 0])
    for theme, case, findings in told:
        at = 0 if case["expected"]["alert"] else 2
        for name in (theme, "all"):
            found[name][at] += 1
            found[name][at + 1] += bool(findings)
    return dict(found)


def report(path):
    """Return the rates and every case that went the other way, as lines."""
    with Path(path).open(encoding="utf-8") as file:
        told = judge(map(json.loads, file))
    for theme, case, findings in told:
        if bool(findings) != case["expected"]["alert"]:
            why = "not readable" if findings is None else "; ".join(one.evidence.text for one in findings)
            what = "MISSED" if case["expected"]["alert"] else "FALSE "
            yield f"{what} {theme}: {case['rule_id']}, {case['test_name']}: {why}"
    for theme, (positives, hit, negatives, false) in sorted(rates(told).items()):
        yield f"{theme:28} positives {hit}/{positives}  negatives {false}/{negatives}"


if __name__ == "__main__":
    sys.stdout.write("\n".join(report(sys.argv[1])) + "\n")
