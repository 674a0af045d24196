"""What one device costs a hub: memory, commit, inventory, reports and their packing, measured on the real code.

Each figure is a slope between two sizes, in CPU seconds of this process, so that what is fixed falls out. The day of a
device is counted from real and made logs (`Day`); what is reported of it is written with the program's own encoder.
"""

import resource
import sqlite3
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np
import zstandard

from baselines.table import Table
from sensor import __version__, config
from sensor.entities import presence
from sensor.entities.thinned import thin
from sensor.metrics import Metrics
from sensor.model import addresses, report
from sensor.model.capture import ARP
from sensor.model.fleet import SiteHealth, SourceHealth
from sensor.model.flow import CONN_STATES, FLOW
from sensor.model.site_packet import Envelope
from sensor.pipeline.core import Core
from sensor.store import snapshot
from sensor.store.sorting import Step
from sensor.store.state import State
from sensor.wire import site_envelope
from tests.scenes import START, S, office, scan
from tests.scenes import flows as in_order

SIZES = (2_000, 8_000)
LEVEL = 3
"""Of zstandard, its own default."""


TOGETHER = 255
"""Devices of one report of presence, at most."""
_COLUMNS = ("who", "after", "names", "flags", "total", "share", "peer")


class Day(NamedTuple):
    """What one device has to tell in a day."""

    slots: float
    """Slots of five minutes in which it was there: 51 of 288 in the office day of m57 (13 devices, 20 device-days),
    138 in the days of c2-taidoor (hosts that talk all day)."""
    contacts: float
    """Slots with a contact to an identity provider: 1.8 in the demo's story (151 device-days)."""
    sightings: float = 2.8
    """Once a day, and where something of it changed: a lease, a name. 419 in the story's 151 device-days."""
    links: float = 4.5
    """677 in the story: each told again every six hours in which it is used."""


OFFICE, BUSY = Day(51, 1.8), Day(138, 1.8)


class Costs(NamedTuple):
    """Figures a device, unless said."""

    presence_bytes: int
    entity_bytes: float
    """Without presence, as columns."""
    sensor_bytes: float
    """Resident memory at a site: with every detector's baselines."""
    step_s: float
    """CPU of one tick in which it had one flow, all detectors: a site's price, not the hub's."""
    inventory_s: float
    commit_s: float
    """Of a device that changed since the last."""
    database_bytes: float
    page_s: float
    """CPU of reading it for a page that lists every device."""
    snapshot_s: float
    """CPU of its columns alone in a commit, every slot of presence in use."""
    snapshot_bytes: float
    """Of the file, likewise."""
    fixed_s: float
    """CPU of a commit with nobody in it."""
    standing_s: float
    """CPU of a device in a commit that did not change since the last."""


class Told(NamedTuple):
    """Bytes that a kind of report takes, packed in the packets of a site, each for one row of it."""

    present: float
    contact: float
    sighting: float
    link: float
    finding: float
    health: float
    packet: float
    """Of one that says nothing but that the site was seen: its envelope, its minutes."""
    decode_s: float
    """CPU of unpacking and reading one row of `Present`."""


class Applied(NamedTuple):
    """CPU seconds in which a hub's core takes one row of each kind in, and what it holds of a device."""

    present_s: float
    contact_s: float
    sighting_s: float
    link_s: float
    hub_bytes: float
    """Resident memory a device, presence and all."""


def costs() -> Costs:
    """Measure; about half a minute."""
    small, large = (_core(size) for size in SIZES)
    per = {name: (large[name] - small[name]) / (SIZES[1] - SIZES[0]) for name in small}
    row = sum(np.dtype(dtype).itemsize * int(np.prod(shape)) for dtype, shape, _ in presence.SPEC.values())
    return Costs(
        row, per["entity"] - row, per["resident"], per["step"], per["inventory"], per["commit"], per["database"],
        per["page"], *_snapshot(SIZES[1]), max(0.0, small["commit"] - SIZES[0] * per["commit"]),
        per["standing"],
    )  # fmt: skip


def flows_of(devices: int, at_ns: int) -> np.ndarray:
    """One flow to the outside of each device, dtype FLOW, shape (devices,)."""
    rows, number = np.zeros(devices, FLOW), np.arange(devices)
    rows["ts"], rows["duration"] = at_ns + number % 1000 * 1_000_000, S
    rows["uid"] = np.char.add(f"C{at_ns // S % 10**6}x", number.astype("U")).astype("S24")
    rows["orig_hi"], low = addresses.parse("10.0.0.0")
    rows["orig_lo"] = low + number.astype(np.uint64) + 1
    rows["resp_hi"], rows["resp_lo"] = addresses.parse("198.51.100.7")
    rows["orig_p"], rows["resp_p"], rows["proto"] = 40_000, 443, 6
    rows["conn_state"], rows["history"] = CONN_STATES.index("SF"), b"ShADadFf"
    rows["local_orig"], rows["local_resp"] = 1, 0
    rows["orig_bytes"], rows["resp_bytes"], rows["orig_pkts"], rows["resp_pkts"] = 100, 200, 3, 3
    rows["orig_ip_bytes"] = rows["resp_ip_bytes"] = 300
    rows["orig_l2"], rows["resp_l2"] = 0x00AABB000000 + number, 0x00AABBFFFFFF
    rows["size_sq"] = rows["gap_sq"] = np.nan
    return rows


def _core(devices: int) -> dict[str, float]:
    """Run a site of so many devices for a minute and commit."""
    with tempfile.TemporaryDirectory() as folder, State(Path(folder), exclusive=True) as state:
        core, sites = Core(config.default(), state), np.zeros(1, np.int32)
        core.entities.inputs = ["given"]
        core.entities.site_number("local")
        before, last = _resident(), 0.0
        for tick in range(6):
            rows, begin = flows_of(devices, START + tick * 10 * S), time.process_time()
            core.step(step_of(START + (tick + 1) * 10 * S, rows), sites)
            last = time.process_time() - begin
        resident = _resident() - before
        held = sum(column.nbytes for column in core.entities.save().values())
        begin = time.process_time()
        list(core.devices())
        inventory = time.process_time() - begin
        core._listed = None
        begin = time.process_time()
        core.commit([])
        commit = time.process_time() - begin
        core.step(step_of(START + 70 * S, flows_of(0, START)), sites)
        begin = time.process_time()
        core.commit([])
        standing = time.process_time() - begin
        with sqlite3.connect(Path(folder) / "state.sqlite") as opened:
            ((size,),) = opened.execute("SELECT sum(length(body)) FROM devices")
        state.devices()  # the first makes the decoder
        begin = time.process_time()
        state.devices()
        page = time.process_time() - begin
    return {
        "entity": held, "resident": resident, "step": last, "inventory": inventory, "commit": commit, "database": size,
        "page": page, "standing": standing,
    }  # fmt: skip


def _snapshot(devices: int) -> tuple[float, float]:
    """Write the columns of so many devices that were there all day: CPU seconds and bytes a device."""
    rng, held = np.random.default_rng(0), Table(presence.SPEC, devices)
    for _ in range(devices):
        held.add()
    columns = held.columns
    columns["cells"]["names"] = rng.integers(0, 1 << 63, columns["cells"].shape)
    columns["cells"]["total"] = rng.lognormal(9, 3, columns["cells"].shape)
    columns["cells"]["peer"] = rng.integers(0, 1 << 32, columns["cells"].shape)
    columns["cells"]["slot"] = np.arange(presence.RING)
    columns["on"][:] = rng.integers(0, 256, columns["on"].shape)
    columns["counts"][:] = rng.poisson(20, columns["counts"].shape)
    with tempfile.TemporaryDirectory() as folder:
        begin = time.process_time()
        snapshot.write(Path(folder) / "s.npz", held.save())
        return (time.process_time() - begin) / devices, (Path(folder) / "s.npz").stat().st_size / devices


def step_of(end_ns: int, rows: np.ndarray) -> Step:
    """Return a tick of flows alone."""
    none = np.empty(0, np.int32)
    return Step(end_ns=end_ns, flows=rows, messages=[], arp=np.empty(0, ARP), arp_input=none, events=[])


def _resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


def told(devices: int = 5_000, every_slots: int = 1) -> Told:
    """Write what a site's devices say, pack it as it goes out, and count.

    Args:
        devices: Of the site, all there.
        every_slots: How many slots one report of presence holds.
    """
    rng, pack = np.random.default_rng(0), zstandard.ZstdCompressor(level=LEVEL)
    names = tuple(f"dev-{value:012x}" for value in rng.integers(0, 1 << 48, devices).tolist())
    rows, bodies = _present(names, every_slots, rng)
    begin = time.process_time()
    packed = [pack.compress(body) for body in bodies]
    sent = time.process_time()
    for one in packed:
        report.decode(zstandard.ZstdDecompressor().decompress(one), "SYD")
    decode_s = (time.process_time() - sent) / rows
    assert sent >= begin
    return Told(
        sum(map(len, packed)) / rows, _packed(_contact(names, rng)) / devices,
        _packed([_sighting(name, at, rng) for at, name in enumerate(names)]) / devices,
        _packed([_link(name, at) for at, name in enumerate(names)]) / devices, _finding(), _packed([_health()]),
        _packet(), decode_s,
    )  # fmt: skip


def _packed(reports: list[report.AnyReport]) -> int:
    return len(zstandard.ZstdCompressor(level=LEVEL).compress(report.encode(reports)))


def _present(names: tuple[str, ...], every_slots: int, rng: np.random.Generator) -> tuple[int, list[bytes]]:
    """Return rows, and the packets of an hour in which a third of the devices is there at a time."""
    rows, bodies = 0, []
    for first in range(1, 13, every_slots):
        made: list[report.AnyReport] = []
        for at in range(0, len(names), TOGETHER):
            some = names[at : at + TOGETHER]
            who, after = np.nonzero(rng.random((len(some), every_slots)) < 1 / 3)
            if len(who):
                seen, place = np.unique(who, return_inverse=True)
                made.append(
                    thin(START, [some[one] for one in seen.tolist()], place, first + after, _cells(len(who), rng))
                )
                rows += len(who)
        assert [] == [one for one in made if report.problem(one, "SYD")]
        bodies.append(report.encode(made))
    return rows, bodies


def _cells(count: int, rng: np.random.Generator) -> np.ndarray:
    """Slots as presence holds them: some tens of addresses, megabytes, in a half of them a peer with a large share."""
    cells = np.zeros(count, presence.CELL)
    bits = rng.random((count, 64)) < np.minimum(rng.geometric(0.1, count), 50)[:, None] / 64
    cells["names"] = bits @ (np.uint64(1) << np.arange(64, dtype=np.uint64))
    cells["total"] = rng.lognormal(12, 3, count)
    cells["weight"] = cells["total"] * np.where(rng.random(count) < 0.5, rng.random(count), 0)
    cells["peer"], cells["site"] = rng.integers(0, 1 << 32, count), 1
    return cells


def _packet() -> float:
    minutes = report.Covered(ts=START, minute=START // (60 * S), flows=b"", names=b"", whole=5)
    empty = report.Present(ts=START, devices=b"", slot=1, **dict.fromkeys(_COLUMNS, b""))
    body = zstandard.ZstdCompressor(level=LEVEL).compress(report.encode([minutes, empty]))
    sent = Envelope(
        site="SYD", epoch=1 << 60, sequence=1 << 20, began=1, previous=(1 << 20) - 1, kind="signals", first_ns=START,
        last_ns=START, raw_bytes=100, body=body,
    )  # fmt: skip
    return float(len(site_envelope.encode(sent)))


def _contact(names: tuple[str, ...], rng: np.random.Generator) -> list[report.AnyReport]:
    n = len(names)
    return [
        report.Contact(
            ts=START, provider="login.microsoftonline.com", devices=report.written_ids(names),
            who=np.arange(n).astype("<u2").tobytes(),
            before=rng.integers(0, 3000, n).astype("<u4").tobytes(),
        )
    ]  # fmt: skip


def _sighting(name: str, at: int, rng: np.random.Generator) -> report.AnyReport:
    mac = ":".join(f"{byte:02x}" for byte in (0x3C, 0x52, 0x82, *rng.integers(0, 256, 3).tolist()))
    return report.Sighting(
        ts=START, device=name, macs=(mac,), addresses=(f"10.{at >> 16 & 255}.{at >> 8 & 255}.{at & 255}",),
        names=((f"SYD-LT-{at:04d}", "dhcp"),), role="workstation", first_ns=START - at * S,
        last_ns=START + int(rng.integers(0, 600 * S)), flows=int(rng.integers(1, 10**6)), progress=1.0,
    )  # fmt: skip


def _link(name: str, at: int) -> report.AnyReport:
    return report.Linked(
        ts=START, account=f"user{at}@example.com.au", of="user", kind="kerberos", device=name, first_ns=START,
        last_ns=START + at * S, count=at % 90, days=at % 20,
    )  # fmt: skip


def _finding() -> float:
    """Return the packed bytes of a finding: those of a scan in an office, with their evidence."""
    with tempfile.TemporaryDirectory() as folder, State(Path(folder), exclusive=True) as state:
        core, rows = Core(config.default(), state), in_order(*office(), *scan())
        core.entities.inputs = ["given"]
        core.entities.site_number("local")
        findings = []
        for detector in core.detectors:
            score = detector.score
            detector.score = lambda tick, score=score: findings.extend(found := score(tick)) or found  # type: ignore[method-assign]
        for end_ns in range(START + 10 * S, START + 1800 * S, 10 * S):
            at = (rows["ts"] + rows["duration"] >= end_ns - 10 * S) & (rows["ts"] + rows["duration"] < end_ns)
            core.step(step_of(end_ns, rows[at].copy()), np.zeros(1, np.int32))
    heavy = [one for one in findings if one.opens] or findings
    return float(np.mean([_packed([report.Told(ts=START, finding=one, device="dev-0cc6978e6c37")]) for one in heavy]))


def _health() -> report.AnyReport:
    sources = tuple(SourceHealth(source=name, up=True, records=10**6) for name in ("span", "zeek", "entra", "syslog"))
    counts = {"learning": 120, "ready": 9_000, "stale": 12}
    health = SiteHealth(
        version=__version__, sources=sources, devices=counts, accounts=counts, incidents={"digest": 9, "triage": 2},
        risks=tuple(40.0 / rank for rank in range(1, 51)), budget={"page": 0.0, "triage": 0.2},
    )  # fmt: skip
    return report.Health(ts=START, health=health)


def applied(devices: int = 1 << 14) -> Applied:
    """Step a hub's core through what a site says, each kind in a tick of its own; the second tick of each counts.

    Args:
        devices: A power of two, as tables grow: of one more, presence would take twice as much.
    """
    rng = np.random.default_rng(0)
    names = tuple(f"dev-{value:012x}" for value in rng.integers(0, 1 << 48, devices).tolist())
    rows, bodies = _present(names, 6, rng)
    present = [one for body in bodies for one in report.decode(body, "SYD")]
    kinds = {
        "sighting_s": ([_sighting(name, at, rng) for at, name in enumerate(names)], devices),
        "link_s": ([_link(name, at) for at, name in enumerate(names)], devices),
        "present_s": (present, rows), "contact_s": (_contact(names, rng), devices),
    }  # fmt: skip
    spent = {}
    with tempfile.TemporaryDirectory() as folder, State(Path(folder), exclusive=True) as state:
        core, end_ns = Core(config.default(), state), START
        core.entities.inputs = ["given"]
        core.entities.site_number("SYD")
        before = _resident()
        for name, (reports, count) in kinds.items():
            for _ in range(2):
                end_ns += 10 * S
                said = [msgspec.structs.replace(one, ts=end_ns - S, site="SYD") for one in reports]
                step = msgspec.structs.replace(step_of(end_ns, np.empty(0, FLOW)), reports=said)
                begin = time.process_time()
                core.step(step, np.zeros(1, np.int32))
                spent[name] = (time.process_time() - begin) / count
        del said, step
        return Applied(**spent, hub_bytes=(_resident() - before) / devices)


def metrics_of(sites: int) -> tuple[int, float]:
    """Return bytes and CPU seconds of one scrape of a hub with so many sites and what each always has."""
    made = Metrics(__version__)
    made.expect([f"S{number}" for number in range(sites)], [], [f"d{number}" for number in range(45)], [], [])
    begin = time.process_time()
    text = made.plain()
    return len(text), time.process_time() - begin


def fleet_rows(sites: int) -> tuple[int, float]:
    """Return bytes and CPU seconds of what the state keeps of so many sites, written whole."""
    health = _health()
    begin = time.process_time()
    size = sum(len(msgspec.json.encode(health)) for _ in range(sites))
    return size, time.process_time() - begin
