"""The wiring: inputs in event-time order through entities, detectors and incidents into the state, tick by tick.

A tick is 10 s of event time. In each: resolve who is who, let every detector score, link what they found, then let them
learn, except from what was flagged. No clock is read in between, so a replay gives what the live sensor gave. An input
that fails is reported and the others go on: this module holds the only broad except.
"""

import contextlib
import hashlib
import inspect
import logging
import os
import secrets
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import msgspec
import numpy as np
from numpy.typing import NDArray

import sensor
from sensor import registry
from sensor.config import Config
from sensor.detectors.unusual import Unusual
from sensor.detectors.visible import Seen
from sensor.detectors.volumes import Volumes
from sensor.entities import inventory
from sensor.entities.entities import Entities
from sensor.errors import Malformed
from sensor.incidents import link
from sensor.incidents.rank import score_db
from sensor.incidents.verify import Check, verify
from sensor.metrics import Metrics
from sensor.model.capture import ARP, DROP_REASONS
from sensor.model.device import Device
from sensor.model.evidence import Evidence, Finding
from sensor.model.flow import ENDINGS, FLOW
from sensor.model.incident import Incident, urgency
from sensor.model.metadata import AnyMessage
from sensor.model.result import Coverage, InputResult, ReplayResult
from sensor.model.source import Account as SourceAccount
from sensor.model.source import Batch, Ledger, Source
from sensor.model.tick import Detector
from sensor.model.times import TICK_NS, rfc3339
from sensor.sources.detect import detect
from sensor.store.sorting import EventOrder
from sensor.store.state import State
from sensor.wire.inputs import find_inputs, match_pattern

if TYPE_CHECKING:
    from sensor.flows.parquet import ParquetFile

REPLAY_SECRET = 0x5370616E6C696E65
"""The documented key of `replay` ("Spanline"): results repeat. A sensor that faces the net makes its own."""
STEP_FLOWS = 1 << 18
"""Flows a step: a busier tick is taken in several."""
OPEN_FLOWS_MAX = 1 << 18
"""Flows that go on and were reported at an interval, remembered until they end."""
UNUSUAL_ROWS = 15
UNUSUAL_OF_EACH = 2
"""Rows of one device and one kind of judgement."""
SNAPSHOT_VERSION = "1"
_INTERVAL = ENDINGS.index("interval")
_COUNTERS = ("orig_bytes", "resp_bytes", "missed_bytes", "orig_pkts", "orig_ip_bytes", "resp_pkts", "resp_ip_bytes")
_LOG = logging.getLogger(__name__)

__all__ = [
    "Core",
    "Options",
    "Run",
    "Sensor",
    "find_inputs",
    "metrics_of",
    "open_sources",
    "secret_of",
    "verify_incident",
]


def secret_of(path: Path | None) -> int:
    """Return the hash key from a secret file, or the documented one."""
    if path is None:
        return REPLAY_SECRET
    return int.from_bytes(hashlib.blake2b(path.read_bytes(), digest_size=8).digest(), "little")


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """How inputs are read."""

    format: str | None = None
    """Name of a source; None: by content."""
    ignore_checksums: bool = False
    threads: int = 1


class Unread:
    """An input that no source reads."""

    def __init__(self, path: str, site: str, why: str) -> None:
        self.account = SourceAccount(path=path, site=site, format="unknown")
        self._why = why

    def batches(self) -> Iterator[Batch]:
        """Raise Malformed: there is nothing to read."""
        raise Malformed(self._why)


def open_sources(
    inputs: Sequence[tuple[str, str]], ledger: Ledger, options: Options, networks: Mapping[str, tuple[str, ...]]
) -> list[Source]:
    """Make a source of each (path, site); one that cannot be recognised becomes an Unread."""
    return [
        _open_source(path, site, number, ledger, options, networks.get(site))
        for number, (path, site) in enumerate(inputs)
    ]


def _open_source(
    path: str, site: str, number: int, ledger: Ledger, options: Options, networks: tuple[str, ...] | None
) -> Source:
    try:
        kind = options.format or detect(path)
    except (OSError, Malformed) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        return Unread(path, site, f"{path}: cannot be read: {why}")
    if kind is None:
        return Unread(path, site, f"{path}: not recognised: neither a capture nor a log that this release reads")
    module = registry.load("sensor.sources", kind)
    make = getattr(module, f"{kind.capitalize()}Source")
    known = inspect.signature(make).parameters
    wanted = {"ignore_checksums": options.ignore_checksums, "threads": options.threads, "local_networks": networks}
    chosen = {key: value for key, value in wanted.items() if key in known}
    return cast("Source", make(path, site, number, ledger, **chosen))


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
        found: dict[str, Detector] = {"volumes": self.volumes, "unusual": self.unusual}
        for name in registry.names("sensor.detectors"):
            make = getattr(registry.load("sensor.detectors", name), "detector", None)
            if make is not None and name not in found:
                found[name] = make(self.entities, secret)
        self.detectors = tuple(found[name] for name in sorted(found))
        self.incidents = link.Incidents(self.entities, config.budget.incidents_per_day_per_1000, self._site_devices)
        self.open_flows: dict[bytes, list[int]] = {}
        self.clock_ns = 0
        self._secret = secret
        self.seen = Seen(secret)
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
        findings = [] if end_ns <= self.learn_until_ns else sorted(findings, key=_opening_first)
        begin = self._spent("score", begin)
        self.incidents.expire(end_ns)
        self.incidents.take(findings, end_ns)
        begin = self._spent("link", begin)
        flagged = self.incidents.flagged(findings, self.entities.count())
        for detector in self.detectors:
            if learn or detector is self.unusual:
                detector.learn(tick, flagged)
        self._spent("learn", begin)

    def begin(self) -> None:
        """Start another run on the same state: what is counted a run starts at nothing."""
        self.clock_ns = max(self.clock_ns, self.entities.now_ns)
        self.seen = Seen(self._secret)
        self.incidents.opened.clear()
        self.incidents.evidence_counts.clear()
        self.stage_s = dict.fromkeys(self.stage_s, 0.0)

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
            columns=columns, incidents=changed, devices=self.devices(), accounts=inventory.accounts(self.entities),
            inputs=inputs,
            meta={"version": SNAPSHOT_VERSION, "clock_ns": str(max(self.clock_ns, self.entities.now_ns))},
        )  # fmt: skip
        self.incidents.changed.clear()
        self._spent("commit", begin)

    def devices(self) -> Iterator[Device]:
        """Write the inventory."""
        risk = {
            case.subject.id: score_db(case.evidence.values())
            for case in self.incidents.cases.values()
            if case.state == "open" and case.tier != "digest"
        }
        return inventory.devices(self.entities, self.volumes.progress, risk)

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


def _opening_first(finding: Finding) -> tuple[bool, str]:
    return not finding.opens, finding.evidence.id


def _part(columns: Mapping[str, NDArray[Any]], part: str) -> dict[str, NDArray[Any]]:
    cut = len(part) + 1
    return {name[cut:]: column for name, column in columns.items() if name.startswith(part + "/")}


class Run:
    """One replay: sources read to their end, put in order, stepped through, committed."""

    def __init__(self, core: Core, sources: Sequence[Source], *, flows_out: Path | None = None) -> None:
        """Take sources whose input numbers are their places; `flows_out` is a Parquet file for every flow."""
        self.core, self.sources, self._flows_out = core, sources, flows_out
        self.errors: dict[int, str] = {}
        self._begin = time.monotonic()

    def go(self) -> None:
        """Read everything, in order of event time, and commit."""
        entities = self.core.entities
        entities.inputs = [source.account.path for source in self.sources]
        sites = np.array([entities.site_number(source.account.site) for source in self.sources], np.int32)
        with EventOrder(FLOW, ARP) as order, _flow_table(self._flows_out) as table:
            for number, source in enumerate(self.sources):
                self._read(number, source, order)
            for end_ns, flows, messages, arp, arp_input in order.ticks(TICK_NS, STEP_FLOWS):
                if table is not None:
                    table.write(flows.copy())
                if end_ns <= self.core.clock_ns:
                    self._count_late(flows, messages, arp_input)
                self.core.step(end_ns, flows, messages, arp, arp_input, sites)
        self.core.commit(self.inputs())

    def inputs(self) -> tuple[InputResult, ...]:
        """Return every input's account so far."""
        return tuple(self._input(number) for number in range(len(self.sources)))

    def result(self) -> ReplayResult:
        """Write what came of it."""
        core = self.core
        inputs = self.inputs()
        shown = core.shown()
        return ReplayResult(
            version=1, inputs=inputs, packets=sum(one.records for one in inputs if one.format.startswith("pcap")),
            flows=core.seen.flows, events=0, signins=0,
            first_ts=None if core.seen.first_ns is None else rfc3339(core.seen.first_ns),
            last_ts=None if core.seen.last_ns is None else rfc3339(core.seen.last_ns),
            devices=core.entities.count(), accounts=len(core.entities.accounts.by_name),
            incidents=tuple(one for one in shown if one.tier != "digest"),
            digest=tuple(one for one in shown if one.tier == "digest"), unusual=core.unusual_rows(),
            coverage=core.coverage(), elapsed_s=round(time.monotonic() - self._begin, 3), visible=core.seen.visible(
                core.entities.count(), dns=core.entities.address_names.dns_seen, late=any(one.late for one in inputs),
                duplicates=any(one.duplicates for one in inputs), bad_checksums=_bad_checksums(inputs),
            ),
        )  # fmt: skip

    def _read(self, number: int, source: Source, order: EventOrder) -> None:
        """Supervise one source: what it got before it failed is kept."""
        try:
            for batch in source.batches():
                order.add(number, batch.flows, batch.messages, batch.arp)
        except (Malformed, OSError) as error:
            self.errors[number] = str(error)
            _LOG.warning("input unreadable path=%s: %s", source.account.path, error)
        except Exception as error:
            self.errors[number] = f"internal error: {type(error).__name__}: {str(error)[:200]}"
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
            warnings=tuple(getattr(self.sources[number], "warnings", ())),
        )  # fmt: skip


def _bad_checksums(inputs: Sequence[InputResult]) -> float:
    bad = sum(one.rejected.get("bad_checksum", 0) + one.rejected.get("bad_ip_checksum", 0) for one in inputs)
    return bad / max(1, sum(one.records for one in inputs))


@contextlib.contextmanager
def _flow_table(path: Path | None) -> Iterator["ParquetFile | None"]:
    if path is None:
        yield None
        return
    from sensor.flows.parquet import ParquetFile

    with path.open("wb") as out:
        table = ParquetFile(out, "conn")
        yield table
        table.close()


def metrics_of(core: Core, run: Run, answer: ReplayResult, metrics: Metrics | None = None) -> Metrics:
    """Set every metric from what a run came to; call once a run."""
    metrics = metrics or Metrics(sensor.__version__)
    kinds = {(one.site, one.format.partition("-")[0] or "unknown") for one in run.inputs()}
    sites = [core.config.site, *core.config.sites, *(site for site in core.entities.sites)]
    metrics.expect(
        dict.fromkeys(sites), sorted(kinds), [one.name for one in core.detectors], core.saturation(), DROP_REASONS
    )
    flows = {core.entities.site_name(site): count for site, count in core.seen.by_site.items()}
    metrics.take_run(
        answer, core.devices(), flows, core.incidents.evidence_counts, core.incidents.opened, core.saturation(),
        core.stage_s,
    )  # fmt: skip
    return metrics


class Sensor:
    """The long-running process: configured files are read to their end, the metrics are served."""

    def __init__(self, config: Config, state: State, secret_file: Path) -> None:
        """Open everything; the secret of the installation is made at first. Raises ConfigError, ValueError."""
        self.config, self.state = config, state
        self.metrics = Metrics(sensor.__version__)
        self._core = Core(config, state, _own_secret(secret_file))
        kinds = [(str(one.options.get("site", config.site)), one.type) for one in config.sources.values()]
        self.metrics.expect(
            [config.site, *config.sites], kinds, [one.name for one in self._core.detectors], self._core.saturation(),
            DROP_REASONS,
        )  # fmt: skip

    @contextlib.contextmanager
    def serve(self, host: str, port: int) -> Iterator[str]:
        """Serve /metrics on a thread of its own; yields `address:port`."""
        from prometheus_client import start_http_server

        server, thread = start_http_server(port, addr=host, registry=self.metrics.registry)
        try:
            yield f"{host}:{server.server_port}"
        finally:
            server.shutdown()
            server.server_close()
            thread.join()

    def read_all(self, stopped: Callable[[], bool]) -> None:
        """Read every source's files, one source after the other, until told to stop; commits after each."""
        for name, one in self.config.sources.items():
            if stopped():
                return
            pattern, site = str(one.options["path"]), str(one.options.get("site", self.config.site))
            inputs = match_pattern(pattern, site)
            if not inputs:
                _LOG.warning("source has no file source=%s path=%s", name, pattern)
                self.metrics.source_up.labels(site, one.type).set(0)
                continue
            options = Options(
                format=one.type, ignore_checksums=bool(one.options.get("ignore_checksums", False)),
                threads=int(str(one.options.get("threads", 1))),
            )  # fmt: skip
            run = Run(self._core, open_sources(inputs, self.state.ledger, options, self.config.networks()))
            run.go()
            metrics_of(self._core, run, run.result(), self.metrics)
            self._core.begin()


def _own_secret(path: Path) -> int:
    """Return the installation's key, making it where there is none; readable by its owner only."""
    if not path.exists():
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(secrets.token_bytes(32))
    return secret_of(path)


def verify_incident(incident: Incident, numbers: Mapping[str, tuple[float, float, float]]) -> list[Check]:
    """Recompute every evidence of an incident; one that the state's table lacks is a difference."""
    checks: list[Check] = []
    for evidence in incident.evidence:
        held = numbers.get(evidence.id, (float("nan"),) * 3)
        checks += verify(evidence, *held)
    return checks
