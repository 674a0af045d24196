"""What the network said to a sign-in, as evidence: explicit log odds, visible, as for a sequence.

The verdict itself is found by `sensor.entities.corroboration`; here it is weighed. A success that the network
contradicts weighs WEIGHTS["contradicted"] and is the network stage of a takeover; a success from a monitored place
where nobody signed in weighs WEIGHTS["unsupported"]; a failure weighs nothing, whatever the verdict: it proves that
somebody has no password. Nor does a token that is renewed without a contact: clients keep connections open. A supported
success from an address new to its account is a mark, so that what looks rare there is not taken for a stranger. A
verdict that is revised replaces its evidence, under the same id.

The weights are assumed, not measured by rotating devices between accounts: a traveller's own laptop is away, other
people's are not (METHOD in force).
"""

from collections import OrderedDict
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from baselines.evidence import p_of_decibans
from sensor.detectors.acts import by_kind
from sensor.model.account import SignIn, SignInSeen
from sensor.model.archive import Archive
from sensor.model.evidence import Entity, Evidence, Finding, Record
from sensor.model.ids import identify
from sensor.model.result import Coverage
from sensor.model.tick import Names, Tick
from sensor.model.times import rfc3339

WEIGHTS: dict[str, float] = {"contradicted": 15.0, "unsupported": 5.0, "supported": 0.0, "unknown": 0.0}
"""Log odds of each verdict on a success, in decibans: the method in force."""
MODEL = "corroboration.log_odds/1"
TOLD_MAX = 65_536
"""Sign-ins whose evidence may still be replaced, and (account, address) pairs whose support was told; the oldest go."""
WHERE_MAX = 16_384
"""Sign-ins whose record is found again when their verdict comes, within an hour; the oldest go."""
_STAGES = {"contradicted": "network"}
_TECHNIQUES = {"contradicted": ("T1078.004",), "unsupported": ("T1078.004",)}
_CHECKS = {
    "contradicted": "Ask {name}, at the device or by telephone, whether the sign-in was theirs.",
    "unsupported": "Find the device: which one at {site} has no name or link, or sends its traffic past the sensor?",
}


def detector(names: Names, secret: int) -> "Corroborated":  # noqa: ARG001 - a detector's signature
    """Make the detector of this module."""
    return Corroborated(names)


class Corroborated:
    """Verdicts on sign-ins."""

    name = "corroboration"
    family = "corroboration"
    techniques: tuple[str, ...] = ("T1078.004",)
    needs = "nothing"
    unit = "verdicts given to the sign-in"
    citation = "METHOD in force, corroboration: assumed log odds"

    def __init__(self, names: Names) -> None:
        self._names = names
        self._told: OrderedDict[str, str] = OrderedDict()
        self._supported: OrderedDict[str, None] = OrderedDict()
        self._where: OrderedDict[str, tuple[str, int]] = OrderedDict()
        self._counts: dict[str, int] = {}

    def score(self, tick: Tick) -> list[Finding]:
        """Weigh the verdicts that came or changed in a tick."""
        findings = []
        self._find(tick)
        for seen in tick.signins:
            row = seen.row
            told = self._told.get(row.id)
            if row.corroboration == (told or "unknown"):
                continue
            self._counts[row.corroboration] = self._counts.get(row.corroboration, 0) + 1
            if row.result != "success" or (told is None and not self._is_worth_telling(row)):
                continue
            self._told[row.id] = row.corroboration
            if len(self._told) > TOLD_MAX:
                self._told.popitem(last=False)
            findings.append(self._finding(seen))
        return findings

    def learn(self, tick: Tick, flagged: NDArray[np.bool_]) -> None:
        """Learn nothing: what verdicts rest on is learned with the entities."""

    def coverage(self) -> Coverage:
        """Say how many verdicts there were of each kind."""
        if not self._counts:
            return Coverage(
                detector=self.name,
                state="no_input",
                why="no sign-in of a monitored place or of an account with a device",
            )
        counted = ", ".join(f"{count:,} {verdict}" for verdict, count in sorted(self._counts.items()))
        return Coverage(detector=self.name, state="judged", why=f"verdicts on sign-ins: {counted}")

    def save(self) -> dict[str, NDArray[Any]]:
        """Return its state as named arrays."""
        held = _Saved(list(self._told.items()), list(self._supported), self._counts, list(self._where.items()))
        return {"held": np.frombuffer(msgspec.json.encode(held), np.uint8)}

    def load(self, state: dict[str, NDArray[Any]]) -> None:
        """Restore what `save` returned; a state of before has none of it."""
        if "held" in state:
            held = msgspec.json.decode(state["held"].tobytes(), type=_Saved)
            self._told, self._counts = OrderedDict(held.told), held.counts
            self._supported = OrderedDict.fromkeys(held.supported)
            self._where = OrderedDict(held.where)

    def _find(self, tick: Tick) -> None:
        """Remember where the records of sign-ins are: a verdict comes later."""
        for i in by_kind(tick, "signin"):
            event = tick.events[i]
            if event.raw_id is not None and event.row is not None and event.outcome == "success":
                self._where[event.raw_id] = (self._names.input_path(event.input), event.row)
        while len(self._where) > WHERE_MAX:
            self._where.popitem(last=False)

    def _records(self, row: SignIn) -> tuple[Record, ...]:
        if not row.raw_id:
            return ()
        path, number = self._where.get(row.raw_id, ("", None))
        return (Record(input=path, uid=row.raw_id, row=number),)

    def _is_worth_telling(self, row: SignIn) -> bool:
        """Tell whether a verdict is to be told at all: of supported ones the first of an account at an address."""
        if row.corroboration != "supported":
            # A client renews its token over a connection that it has had for hours: no contact is to be expected.
            renewed = row.corroboration == "unsupported" and row.category == "non_interactive"
            return row.corroboration in _TECHNIQUES and not renewed
        key = f"{row.account} {row.ip}"
        if key in self._supported:
            return False
        self._supported[key] = None
        if len(self._supported) > TOLD_MAX:
            self._supported.popitem(last=False)
        return True

    def _finding(self, seen: SignInSeen) -> Finding:
        row, names = seen.row, self._names
        verdict, db = row.corroboration, WEIGHTS[row.corroboration]
        site = names.site_name(seen.site)
        keys = [("address", row.ip), ("session", row.session_id), ("account", row.account)]
        if seen.device >= 0:
            keys.append(("device", names.device_id(seen.device)))
        evidence = Evidence(
            id=identify("EV", site, row.account, self.name, row.id), ts=rfc3339(max(seen.ts, 0)), site=site,
            entity=Entity(kind="account", id=row.account), detector=self.name, family=self.family, source="network",
            observed=1.0 + len(row.revisions), expected=None, range=None, reference="analytic", reference_n=0,
            p=p_of_decibans(db), db=db,
            text=_text(row, db), records=self._records(row), model=f"{MODEL}:{verdict}", basis={"log_odds_db": db},
            channel="identity", stage=_STAGES.get(verdict, ""),
            keys=tuple(f"{kind}:{value}" for kind, value in keys if value),
            marks=("success", verdict) if verdict in {"contradicted", "supported"} else ("success",),
        )  # fmt: skip
        return Finding(
            evidence=evidence, device=seen.device, account=seen.account, name=row.account,
            techniques=_TECHNIQUES.get(verdict, ()), counter=_revised(row),
            check=_CHECKS.get(verdict, "").format(name=row.account, site=row.site or site),
        )  # fmt: skip


class _Saved(msgspec.Struct):
    told: list[tuple[str, str]]
    supported: list[str]
    counts: dict[str, int]
    where: list[tuple[str, tuple[str, int]]] = []


def recount(evidence: Evidence, archive: Archive) -> float | None:
    """Return how many verdicts the sign-in has had, 0 where the archive holds it with no such one; None if expired."""
    if not evidence.records:
        return None
    verdict = evidence.model.rpartition(":")[2]
    rows = archive.rows(
        "SELECT count(DISTINCT raw_id) FROM signins WHERE raw_id = ? AND corroboration = ?",
        (evidence.records[0].uid, verdict),
    )
    return evidence.observed * min(1.0, float(rows[0][0])) if rows else None


def again(evidence: Evidence) -> float | None:
    """Return p again from the log odds; None for another model."""
    return p_of_decibans(evidence.basis["log_odds_db"]) if evidence.model.startswith(MODEL) else None


def _revised(row: SignIn) -> tuple[str, ...]:
    """Say what the verdict was before."""
    return tuple(f"until {one.ts} the verdict was {one.from_}" for one in row.revisions[-1:])


def _text(row: SignIn, db: float) -> str:
    place = ", ".join(filter(None, (row.city, row.country)))
    where = f"{row.ip} ({place})" if place else str(row.ip)
    return (
        f"The sign-in of {row.account} from {where} at {row.ts} is {row.corroboration} by the network: {row.because}. "
        + (f"That weighs {db:+.0f} dB (assumed log odds)." if db else "That weighs nothing.")
    )
