"""Suppressions at work: what they hide is taken out of incidents, counted, and kept for whoever asks.

A suppression hides evidence, never an incident: one that still has other evidence stays open.
"""

from collections.abc import Iterable, Sequence

from sensor.model.evidence import Evidence
from sensor.model.ids import identify
from sensor.model.incident import Incident
from sensor.model.mute import Mute, Muted
from sensor.model.times import DAY_NS, parse, rfc3339

BENIGN_DAYS = 30
"""How long a benign verdict suppresses the same: as long as a link holds that is not seen again."""
BENIGN_DB = 10.0
"""Evidence of a benign incident below this would not have added to it, and needs no suppression."""
BENIGN_MAX = 16
"""Suppressions that one verdict makes."""
HIDDEN_MAX = 10_000
"""Hidden evidence kept between two commits."""
_TYING = ("destination:", "source:", "address:", "object:", "device:")
"""Keys that narrow a benign verdict, the first that the evidence has; a session or message never comes again."""


def hides(mute: Mute, evidence: Evidence) -> bool:
    """Tell whether a suppression's scope has an evidence, and whether it holds at its time."""
    return (
        (not mute.entity or mute.entity == evidence.entity.id)
        and (not mute.detector or mute.detector == evidence.detector)
        and (not mute.site or mute.site == evidence.site)
        and (not mute.key or any(mute.key in {key, key.partition(":")[2]} for key in evidence.keys))
        and parse(evidence.ts) < parse(mute.expires)
    )


def first_hiding(mutes: Iterable[Mute], evidence: Evidence) -> Mute | None:
    """Return the first suppression that hides an evidence."""
    return next((mute for mute in mutes if hides(mute, evidence)), None)


def record(mute: Mute, evidence: Evidence) -> Muted:
    """Write down that an evidence was hidden."""
    return Muted(
        mute=mute.id, evidence=evidence.id, ts=evidence.ts, site=evidence.site, entity=evidence.entity.id,
        detector=evidence.detector, db=evidence.db, text=evidence.text,
    )  # fmt: skip


def of_benign(incident: Incident, reason: str, author: str, now_ns: int) -> list[Mute]:
    """Return the suppressions that follow from a benign verdict: per entity, detector and what it was about."""
    made: dict[str, Mute] = {}
    for one in incident.evidence:
        if one.db < BENIGN_DB or one.family == "sequence":
            continue
        key = next((key for kind in _TYING for key in one.keys if key.startswith(kind)), "")
        mute = new(
            entity=one.entity.id, detector=one.detector, key=key, site="", created_ns=now_ns,
            expires_ns=now_ns + BENIGN_DAYS * DAY_NS, reason=reason, author=author, incident=incident.id,
        )  # fmt: skip
        made.setdefault(mute.id, mute)
    return list(made.values())[:BENIGN_MAX]


def new(
    *, entity: str, detector: str, key: str, site: str, created_ns: int, expires_ns: int, reason: str, author: str,
    incident: str = "",
) -> Mute:  # fmt: skip
    """Make a suppression; the same scope until the same time is the same suppression."""
    return Mute(
        id=identify("MUTE", entity, detector, key, site, expires_ns), entity=entity, detector=detector, key=key,
        site=site, created=rfc3339(created_ns), expires=rfc3339(expires_ns), reason=reason, author=author,
        incident=incident,
    )  # fmt: skip


class Mutes:
    """The suppressions in force, found by entity, by detector or by key, so that many cost no more than one.

    Attributes:
        hidden: Evidence hidden since the last commit, by suppression and evidence.
        dropped: How many of it were forgotten for room; they are counted all the same.
    """

    def __init__(self) -> None:
        self._by_scope: dict[str, list[Mute]] = {}
        self._known: tuple[Mute, ...] = ()
        self.hidden: dict[tuple[str, str], Muted] = {}
        self.dropped = 0

    def replace(self, mutes: Sequence[Mute]) -> list[Mute]:
        """Take the suppressions that hold now; return those that are new."""
        before = {one.id for one in self._known}
        self._known = tuple(sorted(mutes, key=lambda one: one.id))
        self._by_scope = {}
        for one in self._known:
            self._by_scope.setdefault(_scope(one), []).append(one)
        return [one for one in self._known if one.id not in before]

    def of(self, evidence: Evidence) -> Mute | None:
        """Return the suppression that hides an evidence, None where none does."""
        if not self._known:
            return None
        scopes = [
            f"entity:{evidence.entity.id}", *(f"key:{key.partition(':')[2]}" for key in evidence.keys),
            f"detector:{evidence.detector}", f"site:{evidence.site}",
        ]  # fmt: skip
        return first_hiding((mute for scope in scopes for mute in self._by_scope.get(scope, ())), evidence)

    def hide(self, mute: Mute, evidence: Evidence) -> None:
        """Note what a suppression hid."""
        self.hidden[mute.id, evidence.id] = record(mute, evidence)
        if len(self.hidden) > HIDDEN_MAX:
            del self.hidden[next(iter(self.hidden))]
            self.dropped += 1

    @property
    def known(self) -> tuple[Mute, ...]:
        """The suppressions that were applied to what is open."""
        return self._known


def _scope(mute: Mute) -> str:
    """Return the narrowest part of a scope, under which it is looked for."""
    if mute.entity:
        return f"entity:{mute.entity}"
    if mute.key:
        kind, colon, value = mute.key.partition(":")
        return f"key:{value if colon and kind in _KINDS else mute.key}"
    return f"detector:{mute.detector}" if mute.detector else f"site:{mute.site}"


_KINDS = frozenset({"address", "session", "device", "message", "source", "destination", "account", "object", "query"})
"""Kinds of keys: an IPv6 address has colons of its own."""
