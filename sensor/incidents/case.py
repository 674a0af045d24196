"""An incident while it is worked on: what it holds, whom it is about, and by what more may be tied to it.

All of it is plain values, so that a restart gets back exactly what there was. Nodes are written `kind:id`.
"""

from collections.abc import Iterable

import msgspec

from sensor.incidents import rank
from sensor.model.evidence import Evidence, Finding, Peer
from sensor.model.given import Judged
from sensor.model.incident import Answer, Moment, Party
from sensor.model.times import DAY_NS, rfc3339

EVIDENCE_MAX = 256
"""Evidence rows an incident; the weakest beyond it are context."""
CONTEXT_MAX = 64
MUTED_MAX = 64
KEYS_MAX = 512
NOTES_MAX = 64
PEERS_MAX = 32
NODES_MAX = 200
"""Nodes of an incident's graph: the method in force."""
ACCOUNT_DAYS_NS = 14 * DAY_NS
OTHER_DAYS_NS = 3 * DAY_NS
"""How long an incident stays open after its last evidence."""


class Case(msgspec.Struct):
    """One incident.

    Attributes:
        since: When each evidence was taken in, ns, by its id.
        begun: When each evidence or context was first seen, ns, by its id.
        members: Whom its evidence is about, by node; the subject is one of them.
        keys: What ties more evidence to it, with when it was last seen, ns.
        held_back: It would have been an incident, but the day's budget was spent.
        worst_p: Smallest p of network evidence on `worst_day`.
        asked: What the answers rest on (`investigate.signature`).
        dropped: Lines and context forgotten for room.
    """

    id: str
    site: str
    tier: str
    subject: Party
    family: str
    opened_ns: int
    last_ns: int
    state: str = "open"
    verdict: str | None = None
    reason: str | None = None
    evidence: dict[str, Evidence] = msgspec.field(default_factory=dict)
    since: dict[str, int] = msgspec.field(default_factory=dict)
    begun: dict[str, int] = msgspec.field(default_factory=dict)
    context: dict[str, Evidence] = msgspec.field(default_factory=dict)
    muted: dict[str, Evidence] = msgspec.field(default_factory=dict)
    counter: dict[str, tuple[str, ...]] = msgspec.field(default_factory=dict)
    checks: dict[str, str] = msgspec.field(default_factory=dict)
    peers: dict[str, Party] = msgspec.field(default_factory=dict)
    techniques: dict[str, int] = msgspec.field(default_factory=dict)
    members: dict[str, Party] = msgspec.field(default_factory=dict)
    keys: dict[str, int] = msgspec.field(default_factory=dict)
    notes: list[Moment] = msgspec.field(default_factory=list)
    merged: list[str] = msgspec.field(default_factory=list)
    answers: tuple[Answer, ...] = ()
    asked: str = ""
    held_back: bool = False
    worst_p: float = 1.0
    worst_day: int = -1
    dropped: int = 0

    @property
    def is_open(self) -> bool:
        """Tell whether it may still grow."""
        return self.state == "open"

    @property
    def is_incident(self) -> bool:
        """Tell whether it is more than a row of the digest."""
        return self.tier != "digest"

    @property
    def deadline_ns(self) -> int:
        """Event time after which it expires."""
        of_account = any(party.kind == "account" for party in self.members.values())
        return self.last_ns + (ACCOUNT_DAYS_NS if of_account else OTHER_DAYS_NS)

    def shares(self, evidence: Evidence) -> bool:
        """Tell whether an evidence comes from an address, session, device or source that is in it already.

        That what a device does is done by this device ties nothing.
        """
        own = f"device:{evidence.entity.id}"
        return any(key in self.keys and key != own for key in evidence.keys)

    def repeats(self, evidence: Evidence) -> bool:
        """Tell whether an evidence says again what one of the same family said: the same value, an incident once."""
        if "repeated" not in evidence.marks:
            return False
        return any(
            one.family == evidence.family and one.entity == evidence.entity and set(one.keys) & set(evidence.keys)
            for one in self.evidence.values()
            if one.id != evidence.id
        )

    def _is_habit(self, evidence: Evidence) -> bool:
        """Tell whether an account does again what it did on an earlier day, from where it did it.

        While an incident is open nothing is learned, so each day's work is as new as the first's: in 17 weeks of a made
        tenant a helpdesk's resets kept an incident of theirs open for 15 of them.
        """
        if not rank.is_act(evidence) or not evidence.keys:
            return False
        return any(
            one.id != evidence.id and one.model == evidence.model and one.entity == evidence.entity
            and one.ts[:10] < evidence.ts[:10] and _where(evidence) & _where(one)
            for one in self.evidence.values()
        )  # fmt: skip

    def take(self, finding: Finding, end_ns: int, *, weighs: bool) -> None:
        """Take a finding in, as evidence or as context, or let it replace its earlier state."""
        evidence = finding.evidence
        self.begun.setdefault(evidence.id, end_ns)
        known = self.evidence.get(evidence.id)
        held = known or self.context.get(evidence.id)
        if held is not None and "repeated" in evidence.marks:
            self._again(held, evidence, end_ns)
            return
        if not weighs:
            self._keep_context(evidence)
            return
        if known is not None and not (evidence.db >= known.db or evidence.observed > known.observed):
            return
        self.context.pop(evidence.id, None)
        self.evidence[evidence.id] = evidence
        self.since.setdefault(evidence.id, end_ns)
        self._remember(finding, end_ns)
        if "repeated" not in evidence.marks and not self._is_habit(evidence):
            self.last_ns = max(self.last_ns, end_ns)
        # A site is no entity of the fleet: a surge is told, it pages nobody.
        if not rank.is_act(evidence) and evidence.source == "network" and evidence.entity.kind != "site":
            day = end_ns // DAY_NS
            self.worst_p = min(evidence.p, self.worst_p if day == self.worst_day else 1.0)
            self.worst_day = day
        if len(self.evidence) > EVIDENCE_MAX:
            weakest = min(self.evidence.values(), key=lambda one: (one.db, one.id))
            del self.evidence[weakest.id]
            self._keep_context(weakest)

    def take_back(self, withdrawal: Evidence, end_ns: int) -> Evidence | None:
        """Let an evidence weigh nothing from now on, visibly; return what it was, None where it was not held."""
        held = self.evidence.pop(withdrawal.id, None) or self.context.get(withdrawal.id)
        if held is None or "taken_back" in held.marks:
            return None
        for said in (self.counter, self.checks):
            said.pop(held.id, None)
        self._keep_context(msgspec.structs.replace(held, marks=("context", "taken_back")))
        text = f"taken back: {held.detector} of {held.ts[:16]}Z ({held.db:+.0f} dB), for {withdrawal.text}"
        self._tell(Moment(ts=rfc3339(end_ns), kind="taken back", who=held.entity.id, text=text))
        return held

    def note(self, ts_ns: int, kind: str, text: str) -> None:
        """Write what happened to the incident itself into its timeline."""
        self._tell(Moment(ts=rfc3339(ts_ns), kind=kind, who="spanline", text=text))

    def hear_hub(self, judged: Judged) -> None:
        """Write what the hub says of a sign-in into its timeline, once."""
        by = f" by site {judged.by}" if judged.by else ""
        moment = Moment(ts=rfc3339(judged.ts), kind="hub", who="hub", text=f"hub: {judged.verdict}{by}. {judged.text}")
        if moment not in self.notes:
            self._tell(moment)

    def absorb(self, other: "Case", end_ns: int) -> None:
        """Take in everything of a case that turned out to be this one; nothing of it is lost."""
        self.since, self.begun = {**other.since, **self.since}, {**other.begun, **self.begun}
        self.counter, self.checks = {**other.counter, **self.counter}, {**other.checks, **self.checks}
        self.members = {
            **self.members,
            **{node: one for node, one in other.members.items() if node not in self.members},
        }
        self.techniques = {**other.techniques, **self.techniques}
        for one in other.evidence.values():
            if one.id not in self.evidence or one.db > self.evidence[one.id].db:
                self.evidence[one.id] = one
        for one in other.context.values():
            if one.id not in self.evidence:
                self._keep_context(one)
        self.muted |= other.muted
        self._join_keys(other.keys)
        for key, party in other.peers.items():
            if len(self.peers) < PEERS_MAX:
                self.peers.setdefault(key, party)
        self.merged += [other.id, *other.merged]
        self.notes = sorted([*self.notes, *other.notes], key=lambda one: one.ts)[:NOTES_MAX]
        self.last_ns = max(self.last_ns, other.last_ns)
        if other.worst_day == self.worst_day:
            self.worst_p = min(self.worst_p, other.worst_p)
        elif other.worst_day > self.worst_day:
            self.worst_p, self.worst_day = other.worst_p, other.worst_day
        self.note(end_ns, "joined", f"{other.id} turned out to be this incident")

    def is_full_for(self, other: "Case") -> bool:
        """Tell whether both together would have more nodes than an incident may."""
        return len({**self.members, **other.members, **self.peers, **other.peers}) > NODES_MAX

    def _remember(self, finding: Finding, end_ns: int) -> None:
        evidence = finding.evidence
        self.counter[evidence.id] = finding.counter
        self.checks[evidence.id] = finding.check
        for technique in finding.techniques:
            self.techniques.setdefault(technique, end_ns)
        node = node_of(evidence.entity.kind, evidence.entity.id)
        if node not in self.members and len(self.members) < NODES_MAX:
            self.members[node] = Party(
                kind=evidence.entity.kind, site=evidence.site, id=evidence.entity.id, name=finding.name, role="subject"
            )
        self._join_keys(dict.fromkeys(evidence.keys, end_ns))
        for peer in finding.peers:
            self._link(peer)

    def _link(self, peer: Peer) -> None:
        node = node_of(peer.kind, peer.id)
        if node not in self.peers and len(self.peers) < PEERS_MAX and node not in self.members:
            self.peers[node] = Party(kind=peer.kind, site=peer.site, id=peer.id, name=peer.name, role="peer")

    def _again(self, known: Evidence, evidence: Evidence, end_ns: int) -> None:
        """Tell of a value that came again, from elsewhere perhaps; what it was at first stays as it was."""
        if evidence.keys != known.keys and set(evidence.keys) - set(self.keys):
            self._tell(
                Moment(ts=evidence.ts, kind="context", who=evidence.entity.id, text=evidence.text, db=evidence.db)
            )
        self._join_keys(dict.fromkeys(evidence.keys, end_ns))

    def _tell(self, moment: Moment) -> None:
        if len(self.notes) < NOTES_MAX:
            self.notes.append(moment)
        else:
            self.dropped += 1

    def _join_keys(self, keys: dict[str, int]) -> None:
        for key, ts in keys.items():
            if key in self.keys or len(self.keys) < KEYS_MAX:
                self.keys[key] = max(ts, self.keys.get(key, 0))

    def _keep_context(self, evidence: Evidence) -> None:
        known = self.context.get(evidence.id)
        if known is None or evidence.db >= known.db:
            self.context[evidence.id] = evidence
        if len(self.context) > CONTEXT_MAX:
            weakest = min(self.context.values(), key=lambda one: (one.db, one.id))
            del self.context[weakest.id]
            self.dropped += 1


def node_of(kind: str, identity: str) -> str:
    """Write an entity as a node."""
    return f"{kind}:{identity}"


def oldest(cases: Iterable[Case]) -> Case:
    """Return the case that keeps its id where several turn out to be one: incidents first, then the oldest."""
    return min(cases, key=lambda one: (not one.is_incident, one.opened_ns, one.id))


def _where(evidence: Evidence) -> set[str]:
    return {key for key in evidence.keys if key.startswith(("address:", "source:"))}
