"""The wiring: inputs in event-time order through entities, detectors and incidents into the state, tick by tick.

A tick is 10 s of event time. In each: resolve who is who, let every detector score, link what they found, then let them
learn, except from what was flagged. No clock is read in between, so a replay gives what the live sensor gave. An input
that fails is reported and the others go on: this module holds the only broad except.
"""

import hashlib
import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from baselines.keyed import KeyedTable
from sensor.config import Config
from sensor.detectors.first_contacts import WALK_NONE, contacts
from sensor.detectors.inbound import Inbound
from sensor.detectors.new_peer import NewPeer
from sensor.detectors.scan import Scan
from sensor.detectors.unusual import Unusual
from sensor.detectors.volumes import Volumes
from sensor.entities.entities import Entities
from sensor.errors import Malformed
from sensor.incidents import link
from sensor.incidents.verify import Check, verify
from sensor.metrics import RANKS, Metrics
from sensor.model import addresses
from sensor.model.capture import ARP
from sensor.model.device import Account, Device, Learning
from sensor.model.evidence import Evidence
from sensor.model.flow import ENDINGS, FLOW
from sensor.model.incident import Incident, urgency
from sensor.model.metadata import AnyMessage
from sensor.model.result import Coverage, InputResult, ReplayResult, Visible
from sensor.model.source import Source
from sensor.model.tick import Detector
from sensor.model.times import DAY_NS, TICK_NS, rfc3339, span
from sensor.store.sorting import EventOrder
from sensor.store.state import State

REPLAY_SECRET = 0x5370616E6C696E65
"""The documented key of `replay` ("Spanline"): results repeat. A sensor that faces the net makes its own."""
STEP_FLOWS = 1 << 18
"""Flows a step: a busier tick is taken in several."""
OPEN_FLOWS_MAX = 1 << 18
"""Flows that go on and were reported at an interval, remembered until they end."""
OUTSIDE_MAX = 1 << 20
"""Outside addresses counted."""
UNUSUAL_ROWS = 15
SNAPSHOT_VERSION = "1"
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
    """

    def __init__(self, config: Config, state: State, secret: int = REPLAY_SECRET, learn_until_ns: int = 0) -> None:
        """Restore a state. Raises ValueError where its snapshot cannot be read."""
        self.config, self.state = config, state
        self.entities = Entities(config.networks(), secret)
        self.volumes = Volumes(self.entities, secret)
        self.unusual = Unusual(self.entities, secret)
        self.detectors: tuple[Detector, ...] = (
            Scan(self.entities, secret), Inbound(self.entities, secret), self.volumes, NewPeer(self.entities, secret),
            self.unusual,
        )  # fmt: skip
        self.incidents = link.Incidents(self.entities, config.budget.incidents_per_day_per_1000, self._site_devices)
        self.open_flows: dict[bytes, list[int]] = {}
        self.clock_ns = 0
        self.seen = _Seen(secret)
        self.learn_until_ns = learn_until_ns
        self.stage_s = dict.fromkeys(("resolve", "score", "learn", "link", "commit"), 0.0)
        self._restore()

    def step(
        self, end_ns: int, flows: NDArray[np.void], messages: list[AnyMessage], arp: NDArray[np.void],
        arp_input: NDArray[np.int32], sites: NDArray[np.int32],
    ) -> None:  # fmt: skip
        """Take one tick: resolve, score, link, learn.

        Args:
            end_ns: End of the tick, ns.
            flows: dtype FLOW, in order of completion; changed in place where a flow was reported before.
            messages: In order of time, with the number of their input.
            arp: dtype ARP, in order of time; `arp_input` the numbers of their inputs.
            sites: Site number by input number.
        """
        begin = time.perf_counter()
        fresh = self._increments(flows)
        learn = end_ns > self.clock_ns
        tick = self.entities.resolve(
            end_ns, flows, sites[flows["input"]], arp, sites[arp_input], arp_input, messages,
            [int(sites[message.input]) for message in messages], fresh=fresh, learn=learn,
        )  # fmt: skip
        self.seen.observe(tick)
        begin = self._spent("resolve", begin)
        findings = [finding for detector in self.detectors for finding in detector.score(tick)]
        if end_ns <= self.learn_until_ns:
            findings = []
        begin = self._spent("score", begin)
        self.incidents.expire(end_ns)
        self.incidents.take(findings, end_ns)
        begin = self._spent("link", begin)
        flagged = self.incidents.flagged(findings, self.entities.count())
        for detector in self.detectors:
            if learn or detector is self.unusual:
                detector.learn(tick, flagged)
        self._spent("learn", begin)

    def commit(self, inputs: Sequence[InputResult]) -> None:
        """Make everything durable."""
        begin = time.perf_counter()
        columns = {f"entities/{name}": column for name, column in self.entities.save().items()}
        for detector in self.detectors:
            columns |= {f"{detector.name}/{name}": column for name, column in detector.save().items()}
        columns["open_flows"] = np.frombuffer(
            msgspec.json.encode([[uid.hex(), held] for uid, held in self.open_flows.items()]), np.uint8
        )
        changed = [self.incidents.render(self.incidents.cases[key]) for key in sorted(self.incidents.changed)]
        self.state.commit(
            columns=columns, incidents=changed, devices=self.devices(), accounts=self.accounts(), inputs=inputs,
            meta={"version": SNAPSHOT_VERSION, "clock_ns": str(max(self.clock_ns, self.entities.now_ns))},
        )  # fmt: skip
        self.incidents.changed.clear()
        self._spent("commit", begin)

    def devices(self) -> Iterator[Device]:
        """Write the inventory."""
        columns = self.entities.devices.table.columns
        held: dict[int, list[str]] = {}
        for name, seen in self.entities.accounts.by_name.items():
            for row in seen.devices:
                held.setdefault(row, []).append(name)
        risk = {case.subject.id: link.rank.score_db(case.evidence.values())
                for case in self.incidents.cases.values() if case.state == "open" and case.tier != "digest"}  # fmt: skip
        for row in range(self.entities.count()):
            site, identity = self.entities.device_site(row), self.entities.device_id(row)
            progress = self.volumes.progress(row)
            first = int(columns["first"][row])
            mac = int(columns["mac"][row])
            yield Device(
                id=identity, site=site, sites=(site,), name=self.entities.device_name(row),
                macs=(addresses.mac(mac),) if mac else (),
                addresses=tuple(addresses.text(hi, lo) for hi, lo, *_ in self.entities.devices.addresses_of(row)),
                location="on_prem", vendor=None, role="router" if columns["router"][row] else None,
                accounts=tuple(sorted(held.get(row, ()))), first_seen=rfc3339(first),
                last_seen=rfc3339(int(columns["last"][row])), flows=int(columns["flows"][row]),
                learning=Learning(
                    state="ready" if progress >= 1.0 else "learning", progress=round(progress, 4),
                    ready_at=None if progress >= 1.0 else rfc3339(first + DAY_NS),
                ),
                risk_db=round(risk.get(identity, 0.0), 3), confirmed=bool(columns["confirmed"][row]),
            )  # fmt: skip

    def accounts(self) -> Iterator[Account]:
        """Write the accounts."""
        for name, seen in sorted(self.entities.accounts.by_name.items()):
            yield Account(
                name=name, devices=tuple(self.entities.device_id(row) for row in sorted(seen.devices)),
                first_seen=rfc3339(seen.first_ns), last_seen=rfc3339(seen.last_ns), sightings=seen.sightings,
            )  # fmt: skip

    def coverage(self) -> tuple[Coverage, ...]:
        """Say which detectors could judge."""
        return tuple(detector.coverage() for detector in self.detectors if detector is not self.unusual)

    def unusual_rows(self) -> tuple[Evidence, ...]:
        """Return what is most unusual here, whether or not it is an incident: judged context first, then ranks."""
        context = sorted(self.incidents.context.values(), key=lambda one: (-one.db, one.id))
        ranked = self.unusual.listed(UNUSUAL_ROWS)
        return tuple(sorted([*context, *ranked], key=lambda one: -one.db)[:UNUSUAL_ROWS])

    def shown(self) -> list[Incident]:
        """Return every incident that this run touched or found open, most urgent first."""
        return sorted((self.incidents.render(case) for case in self.incidents.cases.values()), key=urgency)

    def saturation(self) -> dict[str, float]:
        """Return the share of each bounded table in use."""
        tables = {"devices": self.entities.devices.table.saturation, "addresses": self.entities.devices.map.saturation}
        for detector in self.detectors:
            tables |= getattr(detector, "saturation", {})
        return tables

    def _restore(self) -> None:
        columns = self.state.load_snapshot()
        if not columns:
            return
        if self.state.meta("version") != SNAPSHOT_VERSION:
            raise ValueError(f"state of version {self.state.meta('version')}; this release reads {SNAPSHOT_VERSION}")
        self.entities.load(_part(columns, "entities"))
        for detector in self.detectors:
            detector.load(_part(columns, detector.name))
        self.open_flows = {
            bytes.fromhex(uid): held for uid, held in msgspec.json.decode(columns["open_flows"].tobytes())
        }
        self.clock_ns = int(self.state.meta("clock_ns") or 0)
        rows = {identity: row for row, identity in enumerate(self.entities.devices.ids)}
        self.incidents.restore(self.state.incidents(digest=True, states=("open",)), rows)

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
        self.stage_s[stage] += now - begin
        return now


class _Seen:
    """What could be seen at all."""

    def __init__(self, secret: int) -> None:
        self.flows = self.two_way = self.judged = 0
        self.first_ns: int | None = None
        self.last_ns: int | None = None
        self.outside = KeyedTable({}, OUTSIDE_MAX, secret)
        self.by_site: dict[int, int] = {}

    def observe(self, tick: Any) -> None:
        flows = tick.flows
        self.flows += len(flows)
        self.first_ns = self.first_ns if self.first_ns is not None else tick.end_ns - TICK_NS
        self.last_ns = tick.end_ns
        as_contacts = contacts(tick)
        counted = (as_contacts.walk != WALK_NONE) & ((tick.orig_device >= 0) | (tick.resp_device >= 0))
        self.judged += int(counted.sum())
        self.two_way += int(as_contacts.two_way[counted].sum())
        for site, count in zip(*np.unique(tick.site, return_counts=True), strict=True):
            self.by_site[int(site)] = self.by_site.get(int(site), 0) + int(count)
        for end, local in (("orig", tick.orig_local), ("resp", tick.resp_local)):
            hi, lo = flows[f"{end}_hi"][~local], flows[f"{end}_lo"][~local]
            if len(hi) and len(self.outside) + len(hi) < OUTSIDE_MAX // 2:
                self.outside.insert(np.zeros(len(hi), np.uint64), hi, lo)


def _part(columns: Mapping[str, NDArray[Any]], part: str) -> dict[str, NDArray[Any]]:
    cut = len(part) + 1
    return {name[cut:]: column for name, column in columns.items() if name.startswith(part + "/")}


class Run:
    """One replay: sources read to their end, put in order, stepped through, committed."""

    def __init__(self, core: Core, sources: Sequence[Source]) -> None:
        self.core, self.sources = core, sources
        self.errors: dict[int, str] = {}
        self._begin = time.monotonic()

    def go(self) -> None:
        """Read everything, in order of event time, and commit."""
        entities = self.core.entities
        entities.inputs = [source.account.path for source in self.sources]
        sites = np.array([entities.site_number(source.account.site) for source in self.sources], np.int32)
        with EventOrder(FLOW, ARP) as order:
            for number, source in enumerate(self.sources):
                self._read(number, source, order)
            for end_ns, flows, messages, arp, arp_input in order.ticks(TICK_NS, STEP_FLOWS):
                if end_ns <= self.core.clock_ns:
                    self._count_late(flows, messages, arp_input)
                self.core.step(end_ns, flows, messages, arp, arp_input, sites)
        self.core.commit([self._input(number) for number in range(len(self.sources))])

    def result(self) -> ReplayResult:
        """Write what came of it."""
        core = self.core
        inputs = tuple(self._input(number) for number in range(len(self.sources)))
        shown = core.shown()
        return ReplayResult(
            version=1, inputs=inputs, packets=sum(one.records for one in inputs if one.format.startswith("pcap")),
            flows=core.seen.flows, events=0, signins=0,
            first_ts=None if core.seen.first_ns is None else rfc3339(core.seen.first_ns),
            last_ts=None if core.seen.last_ns is None else rfc3339(core.seen.last_ns),
            devices=core.entities.count(), accounts=len(core.entities.accounts.by_name),
            incidents=tuple(one for one in shown if one.tier != "digest"),
            digest=tuple(one for one in shown if one.tier == "digest"), unusual=core.unusual_rows(),
            coverage=core.coverage(), elapsed_s=round(time.monotonic() - self._begin, 3), visible=self._visible(inputs),
        )  # fmt: skip

    def _read(self, number: int, source: Source, order: EventOrder) -> None:
        """Supervise one source: what it got before it failed is kept."""
        try:
            for batch in source.batches():
                order.add(number, batch.flows, batch.messages, batch.arp)
        except (Malformed, OSError) as error:
            self.errors[number] = str(error)
            _LOG.error("input unreadable path=%s: %s", source.account.path, error)
        except Exception as error:
            self.errors[number] = f"internal error: {error!r}"
            _LOG.exception("input failed path=%s", source.account.path)

    def _count_late(self, flows: NDArray[np.void], messages: list[AnyMessage], arp_input: NDArray[np.int32]) -> None:
        said = np.array([message.input for message in messages], np.int64)
        late = np.bincount(
            np.concatenate([flows["input"], said, arp_input]).astype(np.int64), minlength=len(self.sources)
        )
        for source, count in zip(self.sources, late.tolist(), strict=True):
            source.account.late = min(source.account.late + count, source.account.accepted)

    def _input(self, number: int) -> InputResult:
        account = self.sources[number].account
        return InputResult(
            path=account.path, site=account.site, format=account.format, records=account.records, bytes=account.bytes,
            accepted=account.accepted, late=account.late, duplicates=account.duplicates,
            rejected=dict(sorted(account.rejected.items())), error=self.errors.get(number),
        )  # fmt: skip

    def _visible(self, inputs: Sequence[InputResult]) -> Visible:
        seen, entities = self.core.seen, self.core.entities
        share = seen.two_way / seen.judged if seen.judged else 0.0
        both = share >= 0.05
        older = any(one.late for one in inputs)
        duration = (seen.last_ns or 0) - (seen.first_ns or 0)
        if seen.flows or entities.count():
            parts = [
                f"{'both directions' if both else 'one direction only'} ({share:.0%} of flows two-way)",
                "DNS" if entities.address_names.dns_seen else "no DNS",
                f"{entities.count()} local hosts and {len(seen.outside)} outside addresses",
                f"{seen.flows:,} flows over {span(duration)}",
            ]
            text = "Visible: " + ", ".join(parts) + "."
        elif any(one.duplicates for one in inputs):
            text = "Nothing new: everything in these inputs is already in the state."
        else:
            text = "Nothing was visible: no flow could be read from these inputs."
        if older:
            text += " These records are older than the state: scored against it, not learned."
        if seen.flows and not entities.count():
            text += " No address is local: name yours as local_networks in a configuration (--config)."
        return Visible(
            both_directions=both, two_way_share=round(share, 4), dns=entities.address_names.dns_seen,
            local_hosts=entities.count(), outside_hosts=len(seen.outside), span_s=duration / 1e9,
            older_than_state=older, text=text,
        )  # fmt: skip


def fill_metrics(metrics: Metrics, core: Core, run: Run) -> None:
    """Set every metric from what a run came to; call once a run."""
    for number in range(len(run.sources)):
        one = run._input(number)  # noqa: SLF001 - the same module
        kind = one.format.partition("-")[0] or "unknown"
        metrics.records.labels(one.site, kind).inc(one.records)
        metrics.bytes.labels(one.site, kind).inc(one.bytes)
        metrics.packets.labels(one.site, kind).inc(one.records if kind.startswith("pcap") else 0)
        metrics.source_up.labels(one.site, kind).set(0 if one.error else 1)
        metrics.source_lag.labels(one.site, kind).set(0)
        for reason, count in one.rejected.items():
            metrics.dropped.labels(one.site, kind, reason).inc(count)
    for site, flows in core.seen.by_site.items():
        metrics.flows.labels(core.entities.site_name(site)).inc(flows)
        metrics.last_heard.labels(core.entities.site_name(site)).set((core.seen.last_ns or 0) / 1e9)
    for (site, tier), count in core.incidents.opened.items():
        metrics.incidents.labels(site, tier).inc(count)
    for (site, detector), count in core.incidents.evidence_counts.items():
        metrics.evidence.labels(site, detector).inc(count)
    core.incidents.opened.clear()
    core.incidents.evidence_counts.clear()
    open_now: dict[tuple[str, str], int] = {}
    for incident in core.shown():
        if incident.state == "open":
            key = (incident.sites[0], incident.tier)
            open_now[key] = open_now.get(key, 0) + 1
    for (site, tier), count in open_now.items():
        metrics.incidents_open.labels(site, tier).set(count)
    by_site: dict[str, list[float]] = {}
    for device in core.devices():
        metrics.devices.labels(device.site, device.location, device.learning.state).inc()
        by_site.setdefault(device.site, []).append(device.risk_db)
    for site, risks in by_site.items():
        for rank, risk in enumerate(sorted(risks, reverse=True)[:RANKS], start=1):
            metrics.risk.labels(site, str(rank)).set(risk)
    metrics.accounts.labels("learning").set(len(core.entities.accounts.by_name))
    for table, share in core.saturation().items():
        metrics.saturation.labels(table).set(share)
    for stage, seconds in core.stage_s.items():
        metrics.stage.labels(stage).observe(seconds)


def verify_incident(incident: Incident, numbers: Mapping[str, tuple[float, float, float]]) -> list[Check]:
    """Recompute every evidence of an incident; one that the state's table lacks is a difference."""
    checks: list[Check] = []
    for evidence in incident.evidence:
        held = numbers.get(evidence.id, (float("nan"),) * 3)
        checks += verify(evidence, *held)
    return checks
