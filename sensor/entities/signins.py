"""Sign-ins: every record of one sign-in, from whatever logs, becomes one row.

An identity provider writes several rows for one sign-in (a prompt for a second factor, then the success), and several
products tell of it: Entra's log and Microsoft 365's audit carry one correlation id. Rows are one sign-in where that id
agrees within JOIN_NS, or, between different products, where account, address and application agree within NEAR_NS. The
last decisive row is the result: an interrupt only asks for more. The verdict of the network is not found here
(`corroboration`): a sign-in that nobody has judged yet is `unknown`, and each later verdict is kept beside the last.
"""

import hashlib
from collections import OrderedDict
from collections.abc import Iterable

import msgspec

from sensor.model.account import Revision, SignIn, SignInSeen
from sensor.model.event import Event
from sensor.model.times import MINUTE_NS, rfc3339

JOIN_NS = 15 * MINUTE_NS
"""A user has this long to answer a prompt: Entra's flow times out after 10 minutes."""
NEAR_NS = MINUTE_NS
"""How far apart two products' times of one sign-in are: seconds in the real records at hand."""
OPEN_MAX = 200_000
"""Sign-ins that later rows may still join; beyond it the oldest are final early."""
NOT_JUDGED = "not checked against the network yet"
REVISIONS_MAX = 8
"""Revisions kept of one sign-in, the last ones."""


class Held(msgspec.Struct):
    """A sign-in that rows may still join, or that waits for a verdict."""

    row: SignIn
    ts: int
    last_ns: int
    account: int
    device: int
    site: int
    told: bool = False
    judged: bool = False
    counted: tuple[str, str, str] | None = None
    """Source, result and verdict under which it was counted."""


class SignIns:
    """Sign-ins of the last minutes, and what changed.

    Attributes:
        count: Sign-ins begun in this run.
    """

    def __init__(self) -> None:
        self._open: OrderedDict[str, Held] = OrderedDict()
        self._by_correlation: dict[str, str] = {}
        self._by_place: dict[tuple[str, str | None], str] = {}
        self._changed: dict[str, Held] = {}
        self._revised: dict[str, Held] = {}
        self.count = 0

    def take(
        self, event: Event, account: str, device: str | None, site: str | None, *, account_row: int = -1,
        device_row: int = -1, site_number: int = 0,
    ) -> tuple[Held, bool]:  # fmt: skip
        """Take one event of kind signin in, in order of time.

        Args:
            event: The event.
            account: Name of its account.
            device: Id of the device it came from, where one is known.
            site: Site whose egress its address is.
            account_row: Row of the account, −1 none.
            device_row: Row of the device, −1 none.
            site_number: Number of the site whose log the event is from.

        Returns:
            The sign-in, and whether it begins with this event.
        """
        self._close(event.ts)
        key = self._find(event, account)
        begins = key is None
        if key is None:
            key = _identity(event)
            row = _begin(event, key, account, device, site)
            self._open[key] = Held(row, event.ts, event.ts, account_row, device_row, site_number)
            self.count += 1
        else:
            held = self._open[key]
            held.row = _joined(held.row, event, device, newer=event.ts >= held.last_ns)
            held.last_ns = max(held.last_ns, event.ts)
            held.device = device_row if held.device < 0 else held.device
        if event.correlation_id:
            self._by_correlation[event.correlation_id] = key
        held = self._changed[key] = self._open[key]
        self._by_place[account, held.row.ip] = key
        return held, begins

    def judge(self, held: Held, verdict: str, because: str, ts: int) -> None:
        """Give a sign-in a verdict.

        The first one stands alone; a later one that differs is a revision. Before anybody saw the sign-in it is part
        of it, and makes nothing new to tell.
        """
        row = held.row
        if (verdict, because) == (row.corroboration, row.because):
            held.judged = True
            return
        if not held.told and not held.judged:
            msgspec.structs.force_setattr(row, "corroboration", verdict)
            msgspec.structs.force_setattr(row, "because", because)
            held.judged = True
            return
        revisions = row.revisions
        if held.judged and verdict != row.corroboration:
            revision = Revision(ts=rfc3339(ts), from_=row.corroboration, to=verdict, because=because)
            revisions = (*revisions, revision)[-REVISIONS_MAX:]
        held.row = msgspec.structs.replace(row, corroboration=verdict, because=because, revisions=revisions)
        held.judged = True
        if held.row.id not in self._changed:
            self._revised[held.row.id] = held

    def drain(self) -> list[SignInSeen]:
        """Return every sign-in that began or changed since the last time, in order of time."""
        if not self._changed and not self._revised:
            return []
        changed = [(held, False) for held in self._changed.values()]
        changed += [(held, True) for key, held in self._revised.items() if key not in self._changed]
        changed.sort(key=lambda one: (one[0].ts, one[0].row.id))
        self._changed, self._revised = {}, {}
        seen = [
            SignInSeen(
                row=held.row, account=held.account, device=held.device, site=held.site, ts=held.ts, begun=not held.told,
                revised=revised,
            )
            for held, revised in changed
        ]  # fmt: skip
        for held, _ in changed:
            held.told = True
        return seen

    def open(self) -> list[Held]:
        """Return the sign-ins that later rows may join."""
        return list(self._open.values())

    def reopen(self, held: Iterable[Held]) -> None:
        """Let rows join sign-ins again, in their order: after a restart."""
        for one in held:
            self._open[one.row.id] = one
            if one.row.correlation_id:
                self._by_correlation[one.row.correlation_id] = one.row.id
            self._by_place[one.row.account, one.row.ip] = one.row.id

    def _find(self, event: Event, account: str) -> str | None:
        """Find the sign-in that a row belongs to."""
        key = self._by_correlation.get(event.correlation_id or "")
        if key is not None and key in self._open and self._open[key].row.account == account:
            return key
        key = self._by_place.get((account, event.ip))
        held = self._open.get(key) if key is not None else None
        if held is None or event.ts - held.ts > NEAR_NS or event.source in held.row.sources:
            return None
        both = event.correlation_id and held.row.correlation_id
        return None if both or not _agree(event.app, held.row.app) else key

    def _close(self, now_ns: int) -> None:
        """Forget what no later row can join."""
        while self._open:
            key, held = next(iter(self._open.items()))
            if held.ts >= now_ns - JOIN_NS and len(self._open) < OPEN_MAX:
                return
            del self._open[key]
            correlation = held.row.correlation_id
            if correlation and self._by_correlation.get(correlation) == key:
                del self._by_correlation[correlation]
            place = (held.row.account, held.row.ip)
            if self._by_place.get(place) == key:
                del self._by_place[place]


def _identity(event: Event) -> str:
    text = f"{event.source}\0{event.raw_id or ''}\0{event.ts}\0{event.account}\0{event.ip}\0{event.correlation_id}"
    return "SI-" + hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=8).hexdigest()


def _begin(event: Event, key: str, account: str, device: str | None, site: str | None) -> SignIn:
    category = event.detail.get("event_category")
    return SignIn(
        ts=rfc3339(event.ts), account=account, source=event.source, ip=event.ip, country=event.country, asn=event.asn,
        app=event.app, result=_result(event), reason_code=event.reason_code, reason=event.reason,
        mfa=event.mfa or "unknown", device=device, because=NOT_JUDGED, raw_id=event.raw_id, id=key,
        sources=(event.source,), raw_ids=(event.raw_id,) if event.raw_id else (), site=site, city=event.city,
        user_agent=event.user_agent, correlation_id=event.correlation_id, session_id=event.session_id,
        category=str(category) if category else None,
    )  # fmt: skip


def _joined(row: SignIn, event: Event, device: str | None, *, newer: bool) -> SignIn:
    """Add a row: what was missing is filled in, and a later decisive result replaces the one before."""
    decisive = newer and _result(event) != "interrupt" and not (row.result == "success" and event.outcome != "success")
    mfa = event.mfa if event.mfa not in {None, "unknown"} and (decisive or row.mfa == "unknown") else row.mfa
    return msgspec.structs.replace(
        row, ip=row.ip or event.ip, country=row.country or event.country, asn=row.asn or event.asn,
        app=row.app or event.app, device=row.device or device, city=row.city or event.city,
        user_agent=row.user_agent or event.user_agent, session_id=row.session_id or event.session_id,
        correlation_id=row.correlation_id or event.correlation_id,
        result=_result(event) if decisive or row.result == "interrupt" else row.result,
        reason_code=event.reason_code if decisive else row.reason_code,
        reason=event.reason if decisive else row.reason, mfa=mfa or "unknown",
        sources=row.sources if event.source in row.sources else (*row.sources, event.source),
        raw_ids=row.raw_ids if not event.raw_id or event.raw_id in row.raw_ids else (*row.raw_ids, event.raw_id)[:32],
    )  # fmt: skip


def _result(event: Event) -> str:
    return event.outcome if event.outcome in {"success", "failure", "interrupt"} else "interrupt"


def _agree(one: str | None, other: str | None) -> bool:
    return one is None or other is None or one.lower() == other.lower()
