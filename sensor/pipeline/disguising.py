"""Reports to a hub under pseudonyms, and at a hub that shares the key, accounts of its own known again.

Nothing real leaves but what is not asked to be replaced: device ids are the site's own, what is hashed is hashed. Names
of the state's entities are known as the core has them. Not here: which kinds are replaced (`[privacy]`).
"""

import re
from collections.abc import Callable
from itertools import islice
from pathlib import Path

import msgspec

from sensor.config import Config
from sensor.model.evidence import Finding
from sensor.model.pseudonyms import Pseudonyms
from sensor.model.report import AnyReport, Became, Lease, Linked, Ordered, Sighting, Told, Verdict
from sensor.model.times import MINUTE_NS
from sensor.pipeline.core import Core
from sensor.pipeline.privacy import pseudonyms_of

_STANDS = re.compile(r"(account|host)-[0-9a-f]{16}(?![0-9a-f])")
ALL_AGAIN_NS = 10 * MINUTE_NS
"""Event time between two looks at all names; those of new rows are known at once."""


def disguise_of(config: Config, folder: Path, core: Core) -> Callable[[AnyReport], AnyReport] | None:
    """Return what is done to a report before it leaves; None where names leave as they are. Raises ConfigError."""
    made = pseudonyms_of(config, folder)
    return None if made is None else Disguise(made, core).report


def recognised_of(config: Config, folder: Path, core: Core) -> Callable[[AnyReport], AnyReport] | None:
    """Return what is done to sites' reports where there is a key that they share. Raises ConfigError."""
    made = pseudonyms_of(config, folder) if config.privacy.key is not None else None
    if made is None:
        return None
    core.entities.identity.accounts.alias = made.account
    return Recognised(made, core).report


class Disguise:
    """One site's reports."""

    def __init__(self, pseudonyms: Pseudonyms, core: Core) -> None:
        self._names, self._core = pseudonyms, core
        self._accounts, self._hosts, self._all_ns = 0, 0, 0

    def report(self, one: AnyReport) -> AnyReport:
        """Return a report as it is told outside."""
        names, replaced = self._names, msgspec.structs.replace
        self._learn()
        if isinstance(one, Sighting):
            names.know((), (host for host, _ in one.names))
            return replaced(
                one, macs=tuple(map(names.column_mac, one.macs)),
                addresses=tuple(map(names.column_address, one.addresses)),
                names=tuple((names.host(host), who) for host, who in one.names),
                agents={source: names.text(given) for source, given in one.agents.items()},
                shared=None if one.shared is None else names.said(one.shared, "many"),
            )  # fmt: skip
        if isinstance(one, Linked):
            names.know((one.account, *one.forms))
            return replaced(
                one, account=names.account(one.account), address=names.column_address(one.address),
                forms=tuple(map(names.account, one.forms)), ids=tuple(map(names.account, one.ids)),
            )  # fmt: skip
        if isinstance(one, Lease):
            return replaced(
                one, account=names.account(one.account), public=names.column_address(one.public),
                assigned=names.column_address(one.assigned),
            )  # fmt: skip
        if isinstance(one, Told):
            return replaced(one, finding=self._finding(one), account=names.account(one.account))
        if isinstance(one, Became):
            return replaced(one, outcome=replaced(one.outcome, detail=names.said(one.outcome.detail, "")))
        if isinstance(one, Ordered):  # none is made where names are disguised: nobody could carry it out
            hidden = replaced(
                one.wanted, target=names.said(one.wanted.target, ""), names=(), addresses=(),
                reason=names.said(one.wanted.reason, ""), by=names.said(one.wanted.by, ""),
            )  # fmt: skip
            return replaced(one, wanted=hidden)
        return replaced(one, reason=names.said(one.reason, "")) if isinstance(one, Verdict) else one

    def _finding(self, one: Told) -> Finding:
        names, finding = self._names, one.finding
        kind = finding.evidence.entity.kind
        names.know((finding.name,) if kind == "account" else (), (finding.name,) if kind == "device" else ())
        return msgspec.structs.replace(
            finding, evidence=names.evidence(finding.evidence), name=names.named(kind, finding.name),
            peers=tuple(
                msgspec.structs.replace(
                    peer, id=names.entity(peer.kind, peer.id), name=names.named(peer.kind, peer.name)
                )
                for peer in finding.peers
            ),
            counter=tuple(names.said(text, "") for text in finding.counter), check=names.said(finding.check, ""),
        )  # fmt: skip

    def _learn(self) -> None:
        """Know the names of rows that are new, and of all each while: a row may get another."""
        entities = self._core.entities
        accounts, hosts = entities.identity.accounts.rows, entities.devices.naming.names
        again = entities.now_ns >= self._all_ns + ALL_AGAIN_NS
        if again:
            self._accounts = self._hosts = 0
            self._all_ns = entities.now_ns
        if again or len(accounts) > self._accounts or len(hosts) > self._hosts:
            self._names.know(
                (form for row in islice(accounts, self._accounts, None) for form in (row.name, *row.forms)),
                islice(hosts.values(), self._hosts, None),
            )
            self._accounts, self._hosts = len(accounts), len(hosts)


class Recognised:
    """At a hub that has the sites' key: reports in which accounts and hosts that it knows bear their names again."""

    def __init__(self, pseudonyms: Pseudonyms, core: Core) -> None:
        self._names, self._core = pseudonyms, core
        self._real: dict[str, str] = {}
        self._seen, self._hosts = 0, 0

    def report(self, one: AnyReport) -> AnyReport:
        """Return a report with the names that are known here."""
        replaced = msgspec.structs.replace
        if isinstance(one, Sighting):
            return replaced(one, names=tuple((self._named(host), who) for host, who in one.names))
        if isinstance(one, Linked):
            return replaced(one, account=self._named(one.account), forms=tuple(map(self._named, one.forms)))
        if isinstance(one, Lease) and one.account:
            return replaced(one, account=self._named(one.account))
        if isinstance(one, Told):
            return replaced(one, account=self._named(one.account), finding=self._finding(one.finding))
        return one

    def _finding(self, one: Finding) -> Finding:
        replaced, held, told = msgspec.structs.replace, one.evidence, self._named
        evidence = replaced(
            held, text=told(held.text), entity=replaced(held.entity, id=told(held.entity.id)),
            keys=tuple(map(told, held.keys)),
        )  # fmt: skip
        peers = tuple(replaced(peer, id=told(peer.id), name=told(peer.name)) for peer in one.peers)
        return replaced(
            one, evidence=evidence, name=told(one.name), peers=peers, counter=tuple(map(told, one.counter)),
            check=told(one.check),
        )  # fmt: skip

    def _named(self, text: str) -> str:
        """Return a name or a sentence with names that are known for what stands for them."""
        rows = self._core.entities.identity.accounts.rows
        for row in islice(rows, self._seen, None):
            for form in (row.name, *row.forms):
                local = form.rpartition("@")[0] if "@" in form else form
                self._real.setdefault(self._names.account(local).rstrip("$"), local.rstrip("$"))
        hosts = self._core.entities.devices.naming.names
        for host in islice(hosts.values(), self._hosts, None):
            label = host.partition(".")[0]
            self._real.setdefault(self._names.host(label), label)
        self._seen, self._hosts = len(rows), len(hosts)
        return _STANDS.sub(lambda found: self._real.get(found.group(), found.group()), text)
