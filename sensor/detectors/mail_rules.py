"""Rules on mail: made, changed or switched on, and what they do with mail that is not seen for it.

A rule is made about once in 200 account-days (assumed); each property is a factor: it hides (moves to a folder that
nobody opens, or anywhere and marks as read), deletes, sends on to a domain that is not the tenant's, has a name of
signs or none, takes the mail of one colleague, looks for words. The factors are orders of magnitude, said so in the
text. Inbox rules, rules of Outlook's own, transport rules, forwarding of a whole mailbox, Google's forwarding.

A rule that does none of these things is told only of an account that is suspected already. Nothing is read into words.
"""

import re
from typing import Any

import numpy as np
from numpy.typing import NDArray

from baselines.table import Table
from sensor.detectors.acts import (
    Case,
    Who,
    by_kind,
    day_of,
    keys_of,
    multiply_again,
    rate_of,
    recount_records,
    teaches,
    told,
    who_of,
)  # fmt: skip
from sensor.detectors.habits import TENANTS_MAX, shared
from sensor.model.archive import Archive
from sensor.model.event import Event
from sensor.model.evidence import FORWARDING, Evidence, Finding
from sensor.model.result import Coverage
from sensor.model.tick import Names, Tick

RULE_RATE = 1 / 200
"""A rule made or changed an account-day: assumed; METHOD in force."""
FACTORS = {
    "hides": 0.1, "deletes": 0.1, "forwards out": 0.05, "forwards inside": 0.5, "odd name": 0.05,
    "one colleague": 0.2, "words": 0.5, "whole tenant": 0.5,
}  # fmt: skip
"""Share of benign rules that have a property: assumed, orders of magnitude."""
_HIDDEN = re.compile(
    r"(?i)(rss|archiv|deleted|trash|junk|spam|conversation history|notes|drafts|sync issues|outbox|recoverable"
    r"|gelöscht|papierkorb|supprim|corbeille|elimin)"
)
"""Folders of every mailbox that are seldom opened; in a few languages, since Exchange localises them."""
_ODD = re.compile(r"[\W_]*$")
P_OPENS = 1e-3
"""A rule with at least one unusual property has a rate that may open an incident; a plain one has not."""
_HIDING = frozenset({"hides", "deletes"})
_REMOVING = ("remove-", "disable-")
_PARTS = re.compile(r"[^@\s]+@([^@\s]+)$")


def detector(names: Names, secret: int) -> "MailRules":
    """Make the detector of this module."""
    return MailRules(names, secret)


def recount(evidence: Evidence, archive: Archive) -> float | None:
    """Return how many of the records behind it the archive holds."""
    return recount_records(evidence, archive)


def again(evidence: Evidence) -> float | None:
    """Return the rate times its factors again."""
    return multiply_again(evidence)


class MailRules:
    """What rules on mail do, by account."""

    name = "mail_rules"
    family = "hides"
    techniques: tuple[str, ...] = ("T1564.008",)
    needs = "nothing"
    unit = "rules on mail with unusual properties"
    citation = "METHOD in force, Identity"

    def __init__(self, names: Names, secret: int) -> None:
        self._names = names
        self._habits = shared(names, secret)
        self._tenants = Table({"rules": (np.int64, (), 0)}, TENANTS_MAX)
        self._seen = 0

    def score(self, tick: Tick) -> list[Finding]:
        """Judge each rule that was made, changed or switched on."""
        found = []
        for i in by_kind(tick, "mail_rule"):
            self._seen += 1
            event = tick.events[i]
            if event.outcome != "failure" and not _ends(event):
                found += self._judge(tick, i)
        return found

    def learn(self, tick: Tick, flagged: NDArray[np.bool_]) -> None:
        """Count the rules of each tenant, but those of frozen accounts."""
        for i in by_kind(tick, "mail_rule"):
            account = int(tick.event_account[i])
            if account < 0 or not teaches(tick, i, flagged):
                continue
            tenant = self._habits.tenant_of(account)
            self._tenants.cover(tenant + 1)
            self._tenants.columns["rules"][tenant] += 1

    def coverage(self) -> Coverage:
        """Say whether mail rules were logged."""
        if not self._seen:
            return Coverage(detector=self.name, state="no_input", why="no rule on mail was made or changed")
        return Coverage(detector=self.name, state="judged", why=f"{self._seen:,} records of rules on mail")

    def save(self) -> dict[str, NDArray[Any]]:
        """Return its state as named arrays."""
        return self._tenants.save()

    def load(self, state: dict[str, NDArray[Any]]) -> None:
        """Restore what `save` returned. Raises ValueError for a version it cannot read."""
        if state:
            self._tenants.load(state)

    def _judge(self, tick: Tick, i: int) -> list[Finding]:
        """Return the evidence of one rule: of hiding, of sending on, or of both."""
        event, who = tick.events[i], who_of(self._names, tick, i)
        hides, other = self._properties(event, who)
        sends = {name: words for name, words in other.items() if name.startswith("forwards")}
        shared_by_both = {name: words for name, words in other.items() if name not in sends}
        rate, said = self._rate(who.account)
        found = []
        told_anyway = "odd name" in other or self._habits.is_suspected(who.account, event.ts)
        if hides or ("forwards out" not in sends and told_anyway):
            found.append(self._told(event, who, "hides", hides | shared_by_both, rate, said))
        if "forwards out" in sends:
            found.append(self._told(event, who, "forwards", sends | shared_by_both, rate, said))
        return found

    def _properties(self, event: Event, who: Who) -> tuple[dict[str, str], dict[str, str]]:
        """Return what a rule does that hides, and its other properties; each with words for it."""
        detail = event.detail
        hides: dict[str, str] = {}
        other: dict[str, str] = {}
        folder, read = str(detail.get("moves_to") or ""), detail.get("marks_read") is True
        if folder and (read or _HIDDEN.search(folder)):
            hides["hides"] = f'moves mail to "{folder[-60:]}"' + (" and marks it as read" if read else "")
        elif read and detail.get("stops") is True:
            hides["hides"] = "marks mail as read"
        if detail.get("deletes") is True:
            hides["deletes"] = "deletes mail"
        out = self._outside(event, who)
        sent = [*detail.get("forwards_to", ()), *detail.get("redirects_to", ())]
        if out:
            other["forwards out"] = f"sends mail on to {out[0]}" + (f" and {len(out) - 1} more" if len(out) > 1 else "")
        elif sent:
            other["forwards inside"] = f"sends mail on to {sent[0]}"
        rule = detail.get("rule")
        whole = _is_whole(event)
        nameless = event.action.lower() == "new-inboxrule" and not rule
        if not whole and (nameless or (rule is not None and _ODD.match(str(rule)))):
            # Outlook's own records may lack a rule's name although it has one.
            other["odd name"] = "has no name" if nameless else "has a name of signs alone"
        senders = [str(one) for one in detail.get("senders", ())]
        if len(senders) == 1 and self._is_colleague(senders[0], who):
            other["one colleague"] = f"takes the mail of one colleague, {senders[0]}"
        if detail.get("words"):
            other["words"] = "looks for words"
        if "transport" in event.action.lower():
            other["whole tenant"] = "holds for the whole tenant's mail"
        return hides, other

    def _outside(self, event: Event, who: Who) -> list[str]:
        """Return the addresses that mail is sent on to and whose domain is not the tenant's."""
        if "out_of_domain" in event.action.lower():
            return [str(one) for one in event.detail.get("forwards_to", ())] or ["an address outside"]
        own = {_domain(text) for text in (who.name, str(event.detail.get("mailbox") or ""))} - {""}
        found = []
        for address in (*event.detail.get("forwards_to", ()), *event.detail.get("redirects_to", ())):
            domain = _domain(str(address))
            if domain and not any(domain == one or domain.endswith("." + one) for one in own):
                if not self._habits.is_own_domain(domain, who.account):
                    found.append(str(address))
        return found

    def _is_colleague(self, sender: str, who: Who) -> bool:
        """Tell whether a rule's sender is one of the tenant: by domain, else by a name without one."""
        domain = _domain(sender)
        if not domain:
            return "." not in sender and "@" not in sender
        own = _domain(who.name)
        return domain == own or domain.endswith("." + own) or self._habits.is_own_domain(domain, who.account)

    def _told(self, event: Event, who: Who, family: str, properties: dict[str, str], rate: float, said: str) -> Finding:
        p, basis = rate, {"rate": rate}
        for name in properties:
            p *= FACTORS[name]
            basis[f"factor {name}"] = FACTORS[name]
        rule = event.detail.get("rule")
        named = f'the rule "{str(rule)[:80]}"' if rule is not None else "a rule without a name"
        if _is_whole(event):
            named = "forwarding of a whole mailbox"
        mailbox = event.detail.get("mailbox")
        whose = f" in the mailbox {mailbox}" if mailbox and mailbox != who.name else ""
        case = Case(
            ts=event.ts, target=(family, str(rule), str(mailbox), day_of(event.ts)), p=p,
            text=f"{who.name} made {named}{whose} from {event.ip or 'an unknown address'}: it "
            f"{', '.join(properties.values()) or 'does nothing unusual'}. A rule is {said}, and such properties are "
            f"assumed to be one in {round(rate / p):,}; p = {p:.2g}.",
            observed=1.0, basis=basis, stage="act", techniques=_techniques(family), keys=_keys(event, who),
            marks=(family,) if family == "forwards" or _HIDING & properties.keys() else (), events=(event,),
            opens=p < P_OPENS, family=family,
            check=f"Open the mailbox of {who.name} and see what the rule took; remove it.",
        )  # fmt: skip
        return told(self, self._names, who, case)

    def _rate(self, account: int) -> tuple[float, str]:
        tenant = self._habits.tenant_of(account)
        events = int(self._tenants.columns["rules"][tenant]) if tenant < self._tenants.rows else 0
        return rate_of(events, self._habits.tenant_days(tenant), RULE_RATE)


def _ends(event: Event) -> bool:
    """Tell whether a record is of a rule that is removed or switched off."""
    if event.action.lower().startswith(_REMOVING) or event.detail.get("enabled") is False:
        return True
    return str(event.detail.get("operation") or "").lower().startswith("remove")


def _techniques(family: str) -> tuple[str, ...]:
    return ("T1114.003",) if family == "forwards" else ("T1564.008",)


def _is_whole(event: Event) -> bool:
    """Tell whether a record is of a mailbox's own forwarding, which is no rule."""
    return event.action.lower().endswith("-mailbox") or event.source == "google"


def _keys(event: Event, who: Who) -> tuple[str, ...]:
    """Return its ties, the rule, and the mailbox where that is another's."""
    rule = FORWARDING if _is_whole(event) else event.detail.get("rule")
    mailbox = str(event.detail.get("mailbox") or "").lower()
    own = (f"rule:{rule}",) if rule else ()
    return keys_of(event) + own + ((f"mailbox:{mailbox}",) if "@" in mailbox and mailbox != who.name else ())


def _domain(address: str) -> str:
    found = _PARTS.match(address.strip().strip("<>").lower())
    return found[1] if found else ""
