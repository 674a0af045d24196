"""Entities, baselines and incidents of one process, and what one tick does to them."""

import hashlib
import logging
import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from baselines.parts import part_of
from sensor import registry
from sensor.config import Config
from sensor.detectors.disk import Disk
from sensor.detectors.unusual import Unusual
from sensor.detectors.visible import Seen
from sensor.detectors.volumes import Volumes
from sensor.entities import inventory
from sensor.entities.changes import Changes, Listed, listed
from sensor.entities.entities import Entities
from sensor.entities.proposals import proposals
from sensor.incidents import link
from sensor.incidents.investigate import answered
from sensor.incidents.link import Closing
from sensor.incidents.scanners import Scanners
from sensor.metrics import StageTimes
from sensor.model.device import Device
from sensor.model.event import Event
from sensor.model.evidence import Evidence, Finding
from sensor.model.fleet import META
from sensor.model.flow import ENDINGS
from sensor.model.incident import Incident, urgency
from sensor.model.report import AnyReport, Health, Verdict
from sensor.model.result import Coverage, InputResult
from sensor.model.tick import Detector, Tick
from sensor.model.times import DAY_NS, rfc3339
from sensor.pipeline.crew import Crew, Elsewhere, beginning
from sensor.pipeline.fleet import Fleet
from sensor.pipeline.fleet_ends import Forwards, Gives
from sensor.pipeline.taking import Taking
from sensor.store.archive import Archive, Gone
from sensor.store.archive_reader import ArchiveReader
from sensor.store.room import Room
from sensor.store.sorting import Step
from sensor.store.state import Left, State

REPLAY_SECRET = 0x5370616E6C696E65
"""The documented key of `replay` ("Spanline"): results repeat. A sensor that faces the net makes its own."""
STEP_FLOWS = 1 << 18
"""Flows a step: a busier tick is taken in several."""
OPEN_FLOWS_MAX = 1 << 18
"""Flows that go on and were reported at an interval, remembered until they end."""
UNUSUAL_ROWS = 15
UNUSUAL_OF_EACH = 2
"""Rows of one device and one kind of judgement."""
SNAPSHOT_VERSION = "2"
_READABLE = ("1", SNAPSHOT_VERSION)
_INTERVAL = ENDINGS.index("interval")
_COUNTERS = ("orig_bytes", "resp_bytes", "missed_bytes", "orig_pkts", "orig_ip_bytes", "resp_pkts", "resp_ip_bytes")
_LOG = logging.getLogger(__name__)


def secret_of(path: Path | None) -> int:
    """Return the hash key from a secret file, or the documented one."""
    if path is None:
        return REPLAY_SECRET
    return int.from_bytes(hashlib.blake2b(path.read_bytes(), digest_size=8).digest(), "little")


class Core:
    """Entities, baselines and incidents of one process: the single writer.

    Attributes:
        clock_ns: Event time up to which the state had learned when it was opened.
        open_flows: Counters at their last report of flows that go on.
        event_counts: Events of this run by (site number, source, kind).
        mfa_counts: Sign-ins of this run by (source, what became of the second factor).
        fleet: What is known of each site: when it was last heard, to the tick.
        stages: Where time is counted; whoever shows it may put another in its place.
        held: What the state holds of records that were read and not stepped; dropped by whoever takes it.
        secret: Key of its hashes.
        unsent: What the state holds of what was gathered for a hub; dropped by whoever takes it.
        ungiven: The same of what sites are given.
        giver: Gives back to sites, at a hub.
        forwarder: Gathers for a hub, where there is one.
        taking: What the hub gives this site.
        recognise: What is done to a site's report first: names under pseudonyms that are known here.
        room: The state's disk, where the archive gives way to it.
        gone_bytes: Of the archive that gave way.
    """

    def __init__(
        self, config: Config, state: State, secret: int = REPLAY_SECRET, learn_until_ns: int = 0, workers: int = 1
    ) -> None:
        """Restore a state; `workers` processes, this one of them. Raises ValueError: its snapshot cannot be read."""
        self.config, self.state = config, state
        domains = {name: tenant.domains for name, tenant in config.tenants.items()}
        self.entities = Entities(config.networks(), secret, config.egresses(), domains, config.timezone)
        self.volumes = Volumes(self.entities, secret)
        self.unusual = Unusual(self.entities, secret)
        self.detectors = self._all_detectors(secret)
        per_1000 = config.budget.incidents_per_day_per_1000
        self.incidents = link.Incidents(self.entities, per_1000, self._site_devices, config.sequences)
        self._obey(state.meta("scanners"))
        self.open_flows: dict[bytes, list[int]] = {}
        self.held: dict[str, NDArray[Any]] = {}
        self.unsent: dict[str, NDArray[Any]] = {}
        self.ungiven: dict[str, NDArray[Any]] = {}
        self.forwarder: Forwards | None = None
        self.taking = Taking()
        self.giver: Gives | None = None
        self.recognise: Callable[[AnyReport], AnyReport] | None = None
        self._listed: tuple[Device, ...] | None = None
        self.room: Room | None = None
        self.gone_bytes = 0
        self._disk = Disk(config.site)
        self.clock_ns = 0
        self.event_counts: dict[tuple[int, str, str], int] = {}
        self.mfa_counts: dict[tuple[str, str], int] = {}
        self.secret, self.seen = secret, Seen(secret)
        self.learn_until_ns = learn_until_ns
        self.stages = StageTimes()
        self.fleet = Fleet()
        self.fleet.load(state.metas(META))
        self.fleet.expect(config.sites)
        self._restore()
        self._written = Changes(self.entities)
        self._archive = Archive(state, self.entities, self.clock_ns, enabled=config.archive.enabled)
        self.crew = self._hire(workers) if workers > 1 else None

    def _all_detectors(self, secret: int) -> tuple[Detector, ...]:
        """Return every detector there is, in the order of their names."""
        found: dict[str, Detector] = {"volumes": self.volumes, "unusual": self.unusual}
        for name in registry.names("sensor.detectors"):
            make = getattr(registry.load("sensor.detectors", name), "detector", None)
            if make is not None and name not in found:
                found[name] = make(self.entities, secret)
        return tuple(found[name] for name in sorted(found))

    def _hire(self, workers: int) -> Crew:
        """Have other processes take over some detectors, with the state they have."""
        begin = beginning(self.config, self.secret)
        crew = Crew(self.entities, self.detectors, begin, workers, restored=bool(self.clock_ns))
        self.detectors = crew.stand_in(self.detectors)
        return crew

    def close(self) -> None:
        """End the workers, where there are any."""
        if self.crew is not None:
            self.crew.close()

    def step(self, step: Step, sites: NDArray[np.int32]) -> None:
        """Take one tick: resolve, score, link, learn.

        Args:
            step: Its records; flows are changed in place where a flow was reported before.
            sites: Site number by input number.
        """
        self._listed = None
        end_ns, flows = step.end_ns, step.flows
        begin = time.perf_counter()
        fresh = self._increments(flows)
        learn = end_ns > self.clock_ns
        reports = step.reports if self.recognise is None else [self.recognise(one) for one in step.reports]
        told = [*self.taking.due(), *reports]
        if self.crew is not None:
            self.crew.take(step, told, sites, fresh, learn=learn)
        tick = self.entities.resolve(
            end_ns, flows, sites[flows["input"]], step.arp, sites[step.arp_input], step.arp_input, step.messages,
            [int(sites[message.input]) for message in step.messages], fresh=fresh, learn=learn, events=step.events,
            event_site=[int(sites[event.input]) for event in step.events], reports=told,
        )  # fmt: skip
        self._count_events(step.events, sites)
        self._hear_of(step, sites)
        self.state.add_signins(seen.row for seen in tick.signins)
        self._archive.take(tick)
        self.seen.observe(tick)
        begin = self._spent("resolve", begin)
        findings = [one for one in self._score(tick) if not self._is_left_out(one)]
        findings = self.scanners.excuse([*findings, *self._hear_reports(reports)])
        findings = [] if end_ns <= self.learn_until_ns else sorted(findings, key=_opening_first)
        begin = self._spent("score", begin)
        self.incidents.follow(tick.merged)
        self.incidents.expire(end_ns)
        self.incidents.take(findings, end_ns)
        begin = self._spent("link", begin)
        flagged = self.incidents.flagged(findings, self.entities.count())
        tick.frozen_accounts = self.incidents.frozen(findings, self.entities.account_count())
        if self.crew is not None:
            self.crew.learn(flagged, tick.frozen_accounts)
        for detector in self.detectors:
            if learn or detector is self.unusual:
                detector.learn(tick, flagged)
        self._spent("learn", begin)
        if self.forwarder is not None:
            self.forwarder.after(end_ns)

    def _score(self, tick: Tick) -> list[Finding]:
        """Return what all detectors find, in their order; those that run elsewhere are waited for last."""
        found = {
            one.name: one.score(tick) for one in sorted(self.detectors, key=lambda one: isinstance(one, Elsewhere))
        }
        return [finding for detector in self.detectors for finding in found[detector.name]]

    def _count_events(self, events: Sequence[Event], sites: NDArray[np.int32]) -> None:
        for event in events:
            key = (int(sites[event.input]), event.source, event.kind)
            self.event_counts[key] = self.event_counts.get(key, 0) + 1
            if event.kind == "signin" and event.mfa is not None:
                asked = (event.source, event.mfa)
                self.mfa_counts[asked] = self.mfa_counts.get(asked, 0) + 1

    def _hear_of(self, step: Step, sites: NDArray[np.int32]) -> None:
        """Note of which sites a step has records."""
        counted = np.bincount(step.flows["input"], minlength=len(sites)) + np.bincount(
            step.arp_input, minlength=len(sites)
        )
        said = {one.input for one in (*step.messages, *step.events)}
        for number in {*np.nonzero(counted)[0].tolist(), *said}:
            self.fleet.hear(self.entities.site_name(int(sites[number])), step.end_ns)

    def _hear_reports(self, reports: Sequence[AnyReport]) -> list[Finding]:
        """Take in what sites say of themselves and what was closed there; return what they found."""
        for one in reports:
            self.fleet.hear(one.site, one.ts, one.health if isinstance(one, Health) else None)
            if isinstance(one, Verdict):
                self.incidents.close_told(Closing(one.incident, one.evidence, one.verdict, one.reason))
        if self.giver is not None:
            self.giver.hear(reports)
        if reports:
            self.incidents.serve_fleet({one.site for one in reports})
        return self.entities.findings(reports)

    def use(self, config: Config) -> None:
        """Go on under another configuration of the same tenants and sequences, and networks of the sites known."""
        for name in config.sites.keys() - self.config.sites.keys():
            site = config.sites[name]
            self.entities.expect(name, site.local_networks, site.egress)
        self.config = config
        self.fleet.expect(config.sites)
        self.incidents.set_budget(config.budget.incidents_per_day_per_1000)
        self._obey(self.scanners.save())

    def _obey(self, seen: str | None) -> None:
        """Take over what the configuration says of detection; `seen`: scans by scanners of the site."""
        told = self.config.detection
        self.scanners = Scanners(told.scanners, lambda row: inventory.addresses_of(self.entities, row), seen)
        self._left_out = frozenset(told.without)
        self.volumes.judge.without = self._left_out

    def _is_left_out(self, finding: Finding) -> bool:
        """Tell whether a detector, or a channel of it, is left out: it learns, and judges nothing."""
        return not self._left_out.isdisjoint((finding.evidence.detector, finding.evidence.channel))

    def begin(self, clock_ns: int | None = None) -> None:
        """Start another run on the same state: what is counted a run starts at nothing.

        Args:
            clock_ns: Event time up to which nothing more is learned; up to the last tick where None.
        """
        self._hear()
        self.clock_ns = max(self.clock_ns, self.entities.now_ns) if clock_ns is None else clock_ns
        self.seen = Seen(self.secret)
        self.event_counts.clear()
        self.mfa_counts.clear()
        self.incidents.begin()

    def commit(
        self, inputs: Sequence[InputResult], positions: Mapping[str, str] | None = None,
        held: Mapping[str, NDArray[Any]] | None = None,
    ) -> None:  # fmt: skip
        """Make everything durable.

        Args:
            inputs: What became of each input's records.
            positions: How far the sources that go on were read.
            held: What was read of them and not stepped yet.
        """
        begin = time.perf_counter()
        self._hear()
        kept = self.config.archive
        now_ns, lacking = max(self.clock_ns, self.entities.now_ns), self.room.lacking() if self.room is not None else 0
        self._tell_gone(self._archive.prepare(now_ns, kept.keep_days, kept.limit_bytes, lacking))
        self._forget()
        self.incidents.hear_hub(self.taking.judged())
        given = self.giver.due(self.entities.now_ns) if self.giver is not None else ()
        packets = self.forwarder.packets() if self.forwarder is not None else ()
        cases = self.incidents.cases
        columns = self._columns(held or {})
        written = self._written.take(self.volumes.progresses(self.entities.count()), self.incidents.risk("device"))
        changed = [self.incidents.render(cases[key]) for key in sorted(self.incidents.changed & cases.keys())]
        self.state.commit(
            columns=columns, incidents=changed, devices=written.devices,
            accounts=written.accounts, inputs=inputs,
            left=None if written.whole else Left(written.gone_devices, written.gone_accounts),
            meta={**self._facts(), **{f"position:{name}": text for name, text in (positions or {}).items()}},
            hidden=list(self.incidents.mutes.hidden.values()), packets=packets,
            given=given,
        )  # fmt: skip
        self.fleet.committed()
        self._written.committed()
        self._archive.committed()
        self.state.settle()
        self._investigate()
        self.incidents.changed.clear()
        self.incidents.mutes.hidden.clear()
        self._spent("commit", begin)

    def _columns(self, held: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        """Return everything that a restart needs; `held`: what was read and not stepped yet."""
        if self.crew is not None:
            self.crew.checkpoint()
        parts = {"entities": self.entities.save(), **{one.name: one.save() for one in self.detectors}}
        parts |= {"incidents": self.incidents.save(), "held": dict(held), "taking": self.taking.save()}
        if self.forwarder is not None:
            parts["unsent"] = self.forwarder.save()
        if self.giver is not None:
            parts["giving"] = self.giver.save()
        columns = {f"{part}/{name}": column for part, kept in parts.items() for name, column in kept.items()}
        columns["open_flows"] = np.frombuffer(
            msgspec.json.encode([[uid.hex(), counters] for uid, counters in self.open_flows.items()]), np.uint8
        )
        return columns

    def _forget(self) -> None:
        """Delete sign-ins and incidents that are kept no longer; durable with the commit."""
        kept, now_ns = self.config.archive, self.entities.now_ns
        self.state.forget_signins(rfc3339(now_ns - kept.keep_days * DAY_NS))
        if kept.incidents_keep_days:
            self.state.forget_incidents(rfc3339(now_ns - kept.incidents_keep_days * DAY_NS))

    def give_way(self) -> None:
        """Have the oldest of the archive go now, where the disk has no room for a commit."""
        if self.room is not None:
            self._tell_gone(self._archive.give_way(self.room.lacking()))

    def _facts(self) -> dict[str, str]:
        """Return what readers of the state want to know of the process that wrote it."""
        ratios = [
            {"statistic": name, "alpha": alpha, "ratio": ratio}
            for (name, alpha), ratio in self.calibration().items() if math.isfinite(ratio)
        ]  # fmt: skip
        return {
            "version": SNAPSHOT_VERSION, "clock_ns": str(max(self.clock_ns, self.entities.now_ns)),
            "timezone": self.config.timezone, "budget_per_1000": repr(self.config.budget.incidents_per_day_per_1000),
            "calibration": msgspec.json.encode(ratios).decode(), "scanners": self.scanners.save(),
            "proposals": msgspec.json.encode(list(proposals(self.entities, self.config.egresses()))).decode(),
            **self.fleet.changed(),
        }  # fmt: skip

    def link(self, findings: Sequence[Finding]) -> None:
        """Let the incidents take what was found in older records, in the order given, at event time as it stands."""
        self._listed = None
        self.incidents.take(findings, max(self.clock_ns, self.entities.now_ns))

    def devices(self) -> Iterator[Device]:
        """Write the inventory; once for all who ask between two steps, for it is a second's work for 10,000 devices."""
        if self._listed is None:
            found = inventory.devices(self.entities, self.volumes.progress, self.incidents.risk("device"))
            self._listed = tuple(found)
        return iter(self._listed)

    def inventory(self) -> Iterable[Listed]:
        """Return what is counted over all devices, as last committed; after a restart, as they were found."""
        return self._written.listed.values() or map(listed, self.devices())

    def coverage(self) -> tuple[Coverage, ...]:
        """Say which detectors could judge."""
        return tuple(detector.coverage() for detector in self.detectors if detector is not self.unusual)

    def unusual_rows(self) -> tuple[Evidence, ...]:
        """Return what is most unusual here, whether or not it is an incident: judged context first, then ranks."""
        context = sorted(self.incidents.context.values(), key=lambda one: (-one.db, one.id))
        ranked = self.unusual.listed(UNUSUAL_ROWS)
        rows: list[Evidence] = []
        shown: dict[tuple[str, str], int] = {}
        for one in sorted([*context, *ranked], key=lambda one: -one.db):
            key = (one.entity.id, one.model)
            shown[key] = shown.get(key, 0) + 1
            if shown[key] <= UNUSUAL_OF_EACH or one.detector == self.unusual.name:
                rows.append(one)
        return tuple(rows[:UNUSUAL_ROWS])

    def shown(self) -> list[Incident]:
        """Return every incident that this run touched or found open, most urgent first."""
        return sorted((self.incidents.render(case) for case in self.incidents.cases.values()), key=urgency)

    def saturation(self) -> dict[str, float]:
        """Return the share of each bounded table in use."""
        tables = {"devices": self.entities.devices.table.saturation, "addresses": self.entities.devices.map.saturation}
        tables |= self.entities.identity.corroboration.saturation
        for detector in self.detectors:
            tables |= getattr(detector, "saturation", {})
        return tables

    def calibration(self) -> dict[tuple[str, float], float]:
        """Return how often p fell below alpha over how often they should have, by (statistic, alpha); NaN = unknown."""
        ratios: dict[tuple[str, float], float] = {}
        for detector in self.detectors:
            ratios |= getattr(detector, "calibration", {})
        return ratios

    def _restore(self) -> None:
        columns = self.state.load_snapshot()
        if not columns:
            return
        if self.state.meta("version") not in _READABLE:
            raise ValueError(
                f"state of version {self.state.meta('version')}; this release reads {' and '.join(_READABLE)}"
            )
        self.entities.load(part_of(columns, "entities"))
        self.held = part_of(columns, "held")
        self.unsent = part_of(columns, "unsent")
        self.ungiven = part_of(columns, "giving")
        self.taking.load(part_of(columns, "taking"))
        if self.entities.reported.any:
            self.incidents.serve_fleet(self.entities.site_name(one) for one in self.entities.reported.sites())
        for detector in self.detectors:
            detector.load(part_of(columns, detector.name))
        self.open_flows = {
            bytes.fromhex(uid): held for uid, held in msgspec.json.decode(columns["open_flows"].tobytes())
        }
        self.clock_ns = int(self.state.meta("clock_ns") or 0)
        known = self.entities.devices
        rows = {identity: known.kept(row) for row, identity in enumerate(known.ids)}
        held = part_of(columns, "incidents")
        if held:  # a state of the first releases kept incidents only as they are shown
            self.incidents.load(held, rows)
        else:
            self.incidents.adopt(self.state.incidents(digest=True, states=("open",)), rows)
        self._hear()

    def _tell_gone(self, gone: Gone) -> None:
        if gone.rows:
            self.gone_bytes += gone.size_bytes
            now_ns = max(self.clock_ns, self.entities.now_ns)
            self.link([self._disk.gave_way(gone.size_bytes, gone.rows, gone.until_ns, now_ns)])

    def _investigate(self) -> None:
        """Ask the archive, as it is committed, about incidents that changed."""
        if not self.config.archive.enabled or not self.incidents.unasked():
            return
        known = self.entities.devices
        rows = {identity: known.kept(row) for row, identity in enumerate(known.ids)}
        begin = time.perf_counter()
        with ArchiveReader(self.state, self.state.folder) as archive:
            asked = self.incidents.investigate(archive, rows)
        told, every = answered(one for case in asked for one in case.answers)
        _LOG.info(
            "investigated incidents=%d answered=%d asked=%d took_s=%.3f", len(asked), told, every,
            time.perf_counter() - begin,
        )  # fmt: skip
        self.state.amend([self.incidents.render(case) for case in asked])

    def _hear(self) -> None:
        """Take in what people decided beside this process."""
        self._listed = None
        judgements = self.state.judgements
        self.incidents.judge(judgements.verdicts(self.incidents.verdicts_read), judgements.mutes())

    def _increments(self, flows: NDArray[np.void]) -> NDArray[np.bool_]:
        """Turn repeated reports of a flow that goes on into what came since the last; return which rows are first."""
        fresh = np.ones(len(flows), np.bool_)
        going_on = flows["why"] == _INTERVAL
        if not self.open_flows and not going_on.any():
            return fresh
        known = (
            np.isin(flows["uid"], np.array(list(self.open_flows), "S24")) if self.open_flows else np.zeros_like(fresh)
        )
        for i in np.nonzero(going_on | known | np.isin(flows["uid"], flows["uid"][going_on]))[0].tolist():
            uid = bytes(flows["uid"][i])
            now = [int(flows[name][i]) for name in _COUNTERS]
            before = self.open_flows.pop(uid, None)
            if before is not None:
                fresh[i] = False
                for name, new, old in zip(_COUNTERS, now, before, strict=True):
                    flows[name][i] = new - old if new >= old >= 0 else new
            if going_on[i] and uid and len(self.open_flows) < OPEN_FLOWS_MAX:
                self.open_flows[uid] = now
        return fresh

    def _site_devices(self, site: str) -> int:
        return self.entities.site_devices(self.entities.site_number(site))

    def _spent(self, stage: str, begin: float) -> float:
        now = time.perf_counter()
        self.stages.observe(stage, now - begin)
        return now


def _opening_first(finding: Finding) -> tuple[bool, str]:
    return not finding.opens, finding.evidence.id
