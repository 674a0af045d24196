"""Phishing by mail: a link of a malicious message that was opened, the message that lay there, and who sends such.

Products tell of one message and one recipient in several records: that it came, that its verdict changed after it was
delivered, that a link of it was opened. They are joined here by message and recipient, in whatever order they come: a
link that was opened hours before anybody called the message phishing is told when somebody does, with the time at
which it was opened. *Opened*: a first step of a takeover, at an assumed rate. *Lay in the mailbox*, or was opened and
blocked: context, which tells the story and weighs nothing. *Sent*: an account of the tenant whose own mail is found
malicious.

Opens no incident alone: a click weighs less than triage, and adds to what the account does next. What was stopped
before delivery is nothing, and spam is none. Whether a message is malicious is the product's word; nothing here reads
mail, and mail that no product looked at is not judged.
"""

from collections import OrderedDict
from collections.abc import Iterator
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from sensor.detectors.acts import Case, Who, by_kind, multiply_again, rate_of, recount_records, told
from sensor.model.archive import Archive
from sensor.model.event import Event
from sensor.model.evidence import Evidence, Finding, Record
from sensor.model.result import Coverage
from sensor.model.tick import Names, Tick
from sensor.model.times import DAY_NS, rfc3339

CLICK_RATE = 1 / 1000
"""Account-days on which somebody opens a link of a message that turns out to be phishing. Assumed: about 3 % of those
who get one do (Verizon DBIR 2023 and 2024, median of exercises), and about one a month comes through."""
REACHED_RATE = 1 / 30
SENT_RATE = 1 / 2000
"""Account-days on which an account of the tenant sends what its own product calls malicious: assumed, rarer than a
click, for it takes an account that is taken over, or an exercise."""
MAILS_MAX = 16_384
"""(message, recipient) pairs that are malicious or were clicked; the one that changed longest ago goes."""
RECORDS_KEPT = 4
_THREATS = ("phish", "malware", "malicious")
"""Parts of what products call a threat (Defender: Phish, HighConfPhish, Malware); spam, bulk and spoof are none."""
_REACHED = frozenset({"delivered", "junked", "released", "replaced", "deleted"})
_AFTER = ("zap", "remediation", "tiemaildatazap")
"""Parts of actions on a message that was delivered before."""


class Mail(msgspec.Struct):
    """One message to one recipient, as far as it matters."""

    message: str
    recipient: str
    site: int
    ts: int
    threat: str = ""
    product: str = ""
    sender: str = ""
    subject: str = ""
    internet_id: str = ""
    reached: bool = False
    blocked: bool = False
    clicked_ns: int = 0
    url: str = ""
    records: tuple[Record, ...] = ()
    told: str = ""


def detector(names: Names, secret: int) -> "Phishing":  # noqa: ARG001 - a detector's signature
    """Make the detector of this module."""
    return Phishing(names)


def recount(evidence: Evidence, archive: Archive) -> float | None:
    """Return how many of the records behind it the archive holds."""
    return recount_records(evidence, archive)


def again(evidence: Evidence) -> float | None:
    """Return the rate again."""
    return multiply_again(evidence)


class Phishing:
    """Malicious mail by message and recipient."""

    name = "phishing"
    family = "phishing"
    techniques: tuple[str, ...] = ("T1566.002",)
    needs = "nothing"
    unit = "records of the message"
    citation = "assumed rates; Verizon DBIR 2023, 2024"

    def __init__(self, names: Names) -> None:
        self._names = names
        self._mails: OrderedDict[tuple[str, str], Mail] = OrderedDict()
        self._ids: OrderedDict[str, str] = OrderedDict()
        self._seen = 0

    @property
    def saturation(self) -> dict[str, float]:
        """Share of the cap in use, by table."""
        return {"phishing_mails": len(self._mails) / MAILS_MAX}

    def score(self, tick: Tick) -> list[Finding]:
        """Join the tick's records of mail; tell of malicious messages that reached somebody."""
        found: dict[str, Finding] = {}
        for i in by_kind(tick, "email"):
            event = tick.events[i]
            self._seen += 1
            site = tick.event_site[i] if i < len(tick.event_site) else 0
            for mail in self._join(event, site):
                finding = self._judge(mail)
                if finding is not None:
                    found[finding.evidence.id] = finding
            sent = self._sent(event, site)
            if sent is not None:
                found[sent.evidence.id] = sent
        return list(found.values())

    def learn(self, tick: Tick, flagged: NDArray[np.bool_]) -> None:
        """Learn nothing: messages are joined as they are judged."""

    def coverage(self) -> Coverage:
        """Say whether mail was logged."""
        if not self._seen:
            return Coverage(detector=self.name, state="no_input", why="no record of mail")
        return Coverage(detector=self.name, state="judged", why=f"{self._seen:,} records of mail")

    def save(self) -> dict[str, NDArray[Any]]:
        """Return its state as named arrays."""
        held = _Saved(list(self._mails.values()), list(self._ids.items()))
        return {"held": np.frombuffer(msgspec.json.encode(held), np.uint8)}

    def load(self, state: dict[str, NDArray[Any]]) -> None:
        """Restore what `save` returned; a state of before has none of it."""
        if "held" in state:
            held = msgspec.json.decode(state["held"].tobytes(), type=_Saved)
            self._mails = OrderedDict(((one.message, one.recipient), one) for one in held.mails)
            self._ids = OrderedDict(held.ids)

    def _join(self, event: Event, site: int) -> Iterator[Mail]:
        """Give each pair of message and recipient that a record changed, where it is malicious or was clicked."""
        message = self._message(event)
        threat, click = threat_of(event), is_click(event)
        if not message:
            return
        for recipient in _recipients(event):
            mail = self._mails.get((message, recipient))
            if mail is None and not threat and not click:
                continue  # ordinary mail, of which there is any amount
            mail = mail or Mail(message, recipient, site, event.ts)
            if self._take(mail, event, threat, click=click):
                self._mails[message, recipient] = mail
                self._mails.move_to_end((message, recipient))
                yield mail
        while len(self._mails) > MAILS_MAX:
            self._mails.popitem(last=False)

    def _message(self, event: Event) -> str:
        """Return a message's id: the mail system's own, by the internet's where only that is named."""
        own, internet = (str(event.detail.get(name) or "") for name in ("network_message_id", "message_id"))
        if own and internet:
            self._ids[internet] = own
            self._ids.move_to_end(internet)
            while len(self._ids) > MAILS_MAX:
                self._ids.popitem(last=False)
        return own or self._ids.get(internet, internet)

    def _take(self, mail: Mail, event: Event, threat: str, *, click: bool) -> bool:
        """Take a record in; return whether it says anything new."""
        detail = event.detail
        before = (mail.threat, mail.reached, mail.clicked_ns, mail.blocked)
        if threat and not mail.threat:
            mail.threat, mail.product = threat, event.source
        mail.reached |= reached(event) or click
        if click and event.outcome == "failure" and detail.get("clicked") is not True:  # nor past the warning
            mail.blocked = True
        elif click:
            mail.clicked_ns = min(event.ts, mail.clicked_ns or event.ts)
            mail.url = mail.url or str(detail.get("url") or "")
        mail.ts = min(mail.ts, event.ts)
        mail.sender = mail.sender or str(detail.get("sender") or "")
        mail.subject = mail.subject or str(detail.get("subject") or "")
        mail.internet_id = mail.internet_id or str(detail.get("message_id") or "")
        if before == (mail.threat, mail.reached, mail.clicked_ns, mail.blocked):
            return False
        if len(mail.records) < RECORDS_KEPT:
            record = Record(input=self._names.input_path(event.input), uid=event.raw_id, row=event.row)
            mail.records = (*mail.records, record)
        return True

    def _judge(self, mail: Mail) -> Finding | None:
        if not mail.threat or not mail.reached:
            return None
        row = self._names.account_row(mail.recipient)
        who = Who(row, self._names.account_name(row) if row >= 0 else mail.recipient, mail.site)
        clicked = mail.clicked_ns > 0
        rate, said = rate_of(0, 0, CLICK_RATE if clicked else REACHED_RATE)
        subject = f' "{mail.subject[:60]}"' if mail.subject else ""
        sender = f" from {mail.sender}" if mail.sender else ""
        what = f"the message{subject}{sender} that {mail.product} calls {mail.threat}"
        if clicked:
            link = f" ({mail.url[:80]})" if mail.url else ""
            text = f"{who.name} opened a link{link} at {rfc3339(mail.clicked_ns)[:16]}Z in {what}"
        elif mail.blocked:
            text = f"{who.name} opened a link, which was blocked, in {what}"
        else:
            text = f"{who.name} had {what} in the mailbox from {rfc3339(mail.ts)[:16]}Z"
        case = Case(
            ts=mail.clicked_ns or mail.ts, target=("click" if clicked else "lay", mail.message), p=rate,
            text=f"{text} ({said}).", observed=float(len(mail.records)), basis={"rate": rate},
            stage="entry" if clicked else "", techniques=("T1566.002", "T1204.001") if clicked else ("T1566.002",),
            keys=_keys(mail.message, mail.internet_id), marks=("clicked",) if clicked else ("context",),
            check=f"Ask {who.name} what they typed into the page that opened; change the password." if clicked else "",
        )  # fmt: skip
        return self._told(who, case, mail.records)

    def _sent(self, event: Event, site: int) -> Finding | None:
        """Tell of an account of ours whose mail is malicious."""
        sender, threat = str(event.detail.get("sender") or ""), threat_of(event)
        if not threat or is_click(event) or str(event.detail.get("direction") or "") not in _OUTWARD:
            return None
        row = self._names.account_row(sender) if sender else -1
        if row < 0:
            return None
        who = Who(row, self._names.account_name(row), site)
        rate, said = rate_of(0, 0, SENT_RATE)
        first = next(iter(_recipients(event)), "somebody")
        case = Case(
            ts=event.ts, target=("sent", event.ts // DAY_NS), p=rate,
            text=f"{who.name} sent mail to {first} that {event.source} calls {threat} ({said}).", observed=1.0,
            basis={"rate": rate}, stage="act", techniques=("T1534",),
            keys=_keys(self._message(event), str(event.detail.get("message_id") or "")),
            check=f"See what else {who.name} sent since, and to whom.",
        )  # fmt: skip
        path = self._names.input_path(event.input)
        return self._told(who, case, (Record(input=path, uid=event.raw_id, row=event.row),))

    def _told(self, who: Who, case: Case, records: tuple[Record, ...]) -> Finding:
        finding = told(self, self._names, who, case)
        evidence = msgspec.structs.replace(finding.evidence, source="email", records=records)
        return msgspec.structs.replace(finding, evidence=evidence)


class _Saved(msgspec.Struct):
    mails: list[Mail]
    ids: list[tuple[str, str]]


_OUTWARD = frozenset({"outbound", "intra-org", "intraorg", "intra_org", "originating"})


def threat_of(event: Event) -> str:
    """Return what a record of mail calls its message, empty where that is no threat."""
    found = [str(one) for one in event.detail.get("threats", ())]
    found += [event.action.removesuffix(" ZAP")] if "zap" in event.action.lower() else []
    return next((one for one in found if any(part in one.lower() for part in _THREATS)), "")


def is_click(event: Event) -> bool:
    """Tell whether a record is of a link that somebody opened, or tried to."""
    return event.detail.get("clicked") is not None or event.action.lower().startswith("click")


def reached(event: Event) -> bool:
    """Tell whether a record shows that the message was in the mailbox."""
    action = event.action.lower()
    return event.detail.get("delivery") in _REACHED or any(part in action for part in _AFTER)


def _recipients(event: Event) -> list[str]:
    """Return whose copies a record is of: who clicked, else its recipients."""
    if is_click(event):
        return [event.account] if event.account else []
    return [str(one).lower() for one in event.detail.get("recipients", ())]


def _keys(message: str, internet_id: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(f"message:{one}" for one in (message, internet_id) if one))
