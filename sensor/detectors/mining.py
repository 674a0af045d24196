"""Cryptomining: connections that live and talk as a miner's with its pool do, on a pool's port, or that say so.

A miner keeps one TCP connection for hours: jobs every half a minute, shares now and then, some bytes a second each way
and small packets. On ports that pools publish this is evidence by itself. So is what Stratum says in the clear, on any
port (`sensor.packets.stratum`), and a miner's own name as HTTP agent; a pool's name that is asked for or named to a
server is shown, and joins. The rates are assumed and named so, until the site has its own device-days.

Not here: a miner's talk inside TLS on another port, which is like that of much else.
"""

from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from baselines.distinct import values_of
from baselines.evidence import decibans
from baselines.keyed import KeyedTable
from baselines.table import Table
from sensor.detectors.device_days import COLUMNS, SITES_MAX, count_days, shrunk
from sensor.detectors.registered import registered
from sensor.entities.flow_states import sides
from sensor.model import addresses
from sensor.model.archive import Archive
from sensor.model.evidence import Entity, Evidence, Finding, Peer, Record
from sensor.model.flow import TCP
from sensor.model.ids import identify
from sensor.model.metadata import Dns, Http, Tls
from sensor.model.protocols import Stratum
from sensor.model.result import Coverage
from sensor.model.tick import Names, Tick
from sensor.model.times import DAY_NS, MINUTE_NS, SECOND_NS, parse, rfc3339, span

PORTS = (
    1111, 1314, 2222, 3032, 3333, 3334, 3335, 3353, 4444, 5555, 7777, 8008, 8118, 9200, 9999, 10128, 10300, 10343,
    13333, 13531, 14433, 14444, 17777, 18081, 19999, 20535, 20580, 45560, 45700,
)  # fmt: skip
"""Published by pools (XMRig's, nanopool's, 2miners', f2pool's, MoneroOcean's, HashVault's and NiceHash's pages)."""
POOLS = frozenset(
    {
        "2miners.com", "antpool.com", "braiins.com", "c3pool.com", "c3pool.org", "coinhive.com", "coin-hive.com",
        "crypto-loot.com", "cryptonight.net", "dwarfpool.com", "ethermine.org", "f2pool.com", "flexpool.io",
        "hashvault.pro", "herominers.com", "hiveon.net", "kryptex.network", "minergate.com", "minexmr.com",
        "moneroocean.stream", "monerohash.com", "nanopool.org", "nicehash.com", "poolin.com", "prohashing.com",
        "rplant.xyz", "skypool.org", "slushpool.com", "supportxmr.com", "unmineable.com", "viabtc.com",
        "woolypooly.com", "xmrpool.eu", "zergpool.com", "zpool.ca",
    }
)  # fmt: skip
"""By the same pages, and of browser miners (NoCoin's list)."""
AGENTS = (
    "xmrig",
    "cgminer",
    "bfgminer",
    "sgminer",
    "cpuminer",
    "minerd",
    "ethminer",
    "nbminer",
    "lolminer",
    "xmr-stak",
    "claymore",
)
"""Beginnings of agents, by the programs' own documentation."""
LIVES_NS = 10 * MINUTE_NS
SLOW, FAST = 0.5, 500.0
"""Payload bytes a second each way, of a connection: a job is some 300 to 1,500 bytes, every 10 to 60 s."""
PACKET_BYTES = 700.0
"""Mean payload a packet that carries a miner's messages stays below; a download's is above 1,000."""
BACK_MIN = 0.2
"""Of the pool's bytes in the miner's, and the other way round by its inverse: both talk."""
RATE = 0.017
"""None of about 30 benign device-days at hand; counted as a half."""
SAID_RATE = 1e-3
"""Assumed: device-days on which somebody speaks Stratum who is to: as little as a tunnel in echo."""
PAIRS_MAX = 1 << 14
NOTED_MAX = 4096

_COUNTER = ("long quiet connections on such ports may be a game's, a chat's or a tool's",)
_IS_POOLS = np.zeros(1 << 16, np.bool_)
_IS_POOLS[list(PORTS)] = True

_PAIR: dict[str, Any] = {
    "day": (np.int64, (), -1), "lives": (np.int64, (), 0), "sent": (np.float64, (), 0.0), "got": (np.float64, (), 0.0),
    "packets": (np.float64, (), 0.0), "told": (np.uint8, (), 0),
}  # fmt: skip
_SITE: dict[str, Any] = {**COLUMNS, "uses": (np.int64, (), 0)}


def detector(names: Names, secret: int) -> "Mining":
    """Make the detector of this module."""
    return Mining(names, secret)


class Mining:
    """Long talks with outside addresses on pools' ports; pools' and miners' names."""

    name = "mining"
    family = "tunnel"
    techniques: tuple[str, ...] = ("T1496",)
    needs = "nothing"
    unit = "seconds of a connection with a pool"
    citation = "the pools' pages; Stratum V1 (braiins.com/stratum-v1)"

    def __init__(self, names: Names, secret: int) -> None:
        self._names = names
        self._pairs = KeyedTable(_PAIR, PAIRS_MAX, secret)
        self._noted: dict[str, None] = {}
        self._sites = Table(_SITE, SITES_MAX)
        self._told: dict[int, int] = {}
        self._day = -1
        self._seen = 0

    @property
    def saturation(self) -> dict[str, float]:
        """Share of the cap in use, by table."""
        return {"mining_pairs": self._pairs.saturation}

    def score(self, tick: Tick) -> list[Finding]:
        """Judge the tick's connections on pools' ports, and the names it shows."""
        if tick.merged:
            self._pairs.rename(dict(tick.merged))
        self._seen += len(tick.flows)
        return [*self._talks(tick), *self._names_shown(tick)]

    def learn(self, tick: Tick, flagged: NDArray[np.bool_]) -> None:
        """Count device-days, and those that showed a miner which nobody minds."""
        count_days(self._sites, self._names, tick)
        day = (tick.end_ns - 1) // DAY_NS
        if day == self._day:
            return
        self._day = day
        for device, site in self._told.items():
            if device < len(flagged) and not flagged[device]:
                self._sites.columns["uses"][site] += 1
        self._told.clear()

    def coverage(self) -> Coverage:
        """Say whether flows were seen."""
        state, why = ("judged", f"{self._seen:,} flows") if self._seen else ("no_input", "no flow")
        return Coverage(detector=self.name, state=state, why=why)

    def save(self) -> dict[str, NDArray[Any]]:
        """Return its state as named arrays."""
        state = {f"pairs/{name}": column for name, column in self._pairs.save().items()}
        noted = np.frombuffer(msgspec.json.encode(list(self._noted)), np.uint8)
        state |= {f"sites/{name}": column for name, column in self._sites.save().items()}
        told = np.frombuffer(msgspec.json.encode(list(self._told.items())), np.uint8)
        return state | {"noted": noted, "told": told, "seen": np.array([self._seen, self._day], np.int64)}

    def load(self, state: dict[str, NDArray[Any]]) -> None:
        """Restore what `save` returned. Raises ValueError for a version it cannot read."""
        self._pairs.load({name[6:]: column for name, column in state.items() if name.startswith("pairs/")})
        self._noted = dict.fromkeys(msgspec.json.decode(state["noted"].tobytes(), type=list[str]))
        self._seen = int(state["seen"][0])
        if "told" in state:
            self._sites.load({name[6:]: column for name, column in state.items() if name.startswith("sites/")})
            self._told = dict(msgspec.json.decode(state["told"].tobytes(), type=list[tuple[int, int]]))
            self._day = int(state["seen"][1])

    def _talks(self, tick: Tick) -> list[Finding]:
        flows = tick.flows
        on = (tick.orig_device >= 0) & ~tick.resp_local & (flows["proto"] == TCP) & _IS_POOLS[flows["resp_p"]]
        if not on.any():
            return []
        at = np.nonzero(on & sides(tick).resp_single)[0][: PAIRS_MAX // 4]
        if len(at) == 0:
            return []
        device = tick.orig_device[at].astype(np.uint64)
        port = flows["resp_p"][at].astype(np.uint64)
        rows = self._pairs.insert(device, flows["resp_hi"][at] ^ (port << np.uint64(48)), flows["resp_lo"][at].copy())
        columns, day = self._pairs.columns, (tick.end_ns - 1) // DAY_NS
        columns["last"][rows] = tick.end_ns
        over = values_of(rows[columns["day"][rows] != day])
        for name in ("lives", "sent", "got", "packets", "told"):
            columns[name][over] = 0
        columns["day"][over] = day
        np.maximum.at(columns["lives"], rows, flows["duration"][at])
        np.add.at(columns["sent"], rows, np.maximum(flows["orig_bytes"][at], 0))
        np.add.at(columns["got"], rows, np.maximum(flows["resp_bytes"][at], 0))
        np.add.at(
            columns["packets"], rows, np.maximum(flows["orig_pkts"][at], 0) + np.maximum(flows["resp_pkts"][at], 0)
        )
        touched, first = np.unique(rows[::-1], return_index=True)
        last = at[len(at) - 1 - first]
        return [
            self._talk(tick, int(row), int(i)) for row, i in zip(touched, last, strict=True) if self._is_miner(int(row))
        ]

    def _is_miner(self, row: int) -> bool:
        """Tell whether a day's talk lives as long, and is as thin and as mutual, as a miner's."""
        columns = self._pairs.columns
        lives, sent, got, packets = (float(columns[name][row]) for name in ("lives", "sent", "got", "packets"))
        if lives < LIVES_NS or not packets or not sent or not got:
            return False
        per_s = [size / (lives / SECOND_NS) for size in (sent, got)]
        thin = (sent + got) / packets <= PACKET_BYTES and all(SLOW <= rate <= FAST for rate in per_s)
        return thin and BACK_MIN / 4 <= sent / got <= 4 / BACK_MIN

    def _talk(self, tick: Tick, row: int, i: int) -> Finding:
        flow, columns, device = tick.flows[i], self._pairs.columns, int(tick.orig_device[i])
        lives, sent, got = (float(columns[name][row]) for name in ("lives", "sent", "got"))
        address, port = addresses.text(flow["resp_hi"], flow["resp_lo"]), int(flow["resp_p"])
        named = self._names.address_name(flow["resp_hi"], flow["resp_lo"])
        name = self._names.device_name(device)
        far = f"{named} ({address})" if named else address
        text = (
            f"{name} kept a connection with {far}, port {port} (a mining pool's), "
            f"for {span(int(lives))}, {sent:,.0f} bytes out and {got:,.0f} back in small packets, as a miner does."
        )
        place = {"row" if np.isnan(flow["size_sq"]) else "offset": int(flow["offset"])}
        record = Record(
            input=self._names.input_path(int(flow["input"])),
            uid=flow["uid"].decode("ascii", "replace") or None,
            **place,
        )
        basis = {"lives_s": lives / SECOND_NS, "sent": sent, "got": got, "port": float(port)}
        return self._finding(
            tick, device, "talk", f"{address}:{port}", text, lives / SECOND_NS, basis, record, int(tick.site[i]),
            opens=True,
        )  # fmt: skip

    def _names_shown(self, tick: Tick) -> list[Finding]:
        found = []
        for message, device, site in zip(tick.messages, tick.message_device.tolist(), tick.message_site, strict=True):
            if device < 0 or not isinstance(message, Dns | Tls | Http | Stratum):
                continue
            opens, what = shows(message)
            key = f"{device} {what} {message.ts // DAY_NS}"
            if not what or key in self._noted:
                continue
            if len(self._noted) >= NOTED_MAX:
                del self._noted[next(iter(self._noted))]
            self._noted[key] = None
            if isinstance(message, Stratum):
                found.append(self._stratum(tick, device, site, message))
                continue
            said = f'calls itself "{what}", a miner' if opens else f"asked for {what}, a mining pool"
            text = f"{self._names.device_name(device)} {said}. None of about 30 benign device-days did."
            record = Record(input=self._names.input_path(message.input), uid=message.uid or None, row=message.offset)
            found.append(
                self._finding(
                    tick, device, "agent" if opens else "pool", what, text, 1.0, {}, record, site, opens=opens
                )
            )
        return found

    def _stratum(self, tick: Tick, device: int, site: int, message: Stratum) -> Finding:
        who = "".join(f', {what} "{text}"' for what, text in (("as", message.agent), ("for", message.worker)) if text)
        text = (
            f"{self._names.device_name(device)} speaks Stratum, the language of miners and their pools, with "
            f"{message.resp_h}, port {message.resp_p}: {message.method}{who}."
        )
        record = Record(input=self._names.input_path(message.input), uid=message.uid or None, offset=message.offset)
        return self._finding(
            tick, device, "stratum", f"{message.resp_h}:{message.resp_p}", text, 1.0, {"port": float(message.resp_p)},
            record, site, opens=True, assumed=SAID_RATE,
        )  # fmt: skip

    def _finding(
        self, tick: Tick, device: int, kind: str, place: str, text: str, observed: float, basis: dict[str, float],
        record: Record, number: int, *, opens: bool, assumed: float = RATE,
    ) -> Finding:  # fmt: skip
        site, identity, name = (
            f(device) for f in (self._names.device_site, self._names.device_id, self._names.device_name)
        )
        day = (tick.end_ns - 1) // DAY_NS
        self._sites.cover(number + 1)
        days, uses = (int(self._sites.columns[name][number]) for name in ("device_days", "uses"))
        p = shrunk(assumed, uses, days)
        basis |= {"rate": assumed, "uses": float(uses), "device_days": float(days), "day": float(day)}
        text += f" About one in {1 / p:,.0f} device-days" + (
            f", {days:,} of the site counted." if days else ", assumed."
        )
        if opens:
            self._told[device] = number
        evidence = Evidence(
            id=identify("EV", site, identity, self.name, kind, place, day), ts=rfc3339(tick.end_ns), site=site,
            entity=Entity(kind="device", id=identity), detector=self.name, family=self.family, source="network",
            observed=observed, expected=0.0, range=None,
            reference="analytic" if kind == "stratum" else "reference tail", reference_n=30 + days, p=p,
            db=decibans(p), text=text, records=(record,), model=f"mining.{kind}/1", basis=basis,
            keys=(f"destination:{place}", f"device:{identity}"),
        )  # fmt: skip
        return Finding(
            evidence=evidence, device=device, name=name, techniques=self.techniques, opens=opens, digest=True,
            peers=(Peer(kind="address" if kind in ("talk", "stratum") else "domain", id=place, name=place),),
            counter=() if kind == "stratum" else _COUNTER,
            check=f"What uses the processor of {name} now?",
        )  # fmt: skip


def shows(message: Dns | Tls | Http | Stratum) -> tuple[bool, str]:
    """Return whether a miner says so itself, and its agent or the pool's name; the empty text where none is shown."""
    if isinstance(message, Stratum):
        return True, f"{message.resp_h}:{message.resp_p}"
    if isinstance(message, Http):
        agent = (message.user_agent or "").lower()
        return True, agent[:40] if agent.startswith(AGENTS) else ""
    domain = registered(message.query if isinstance(message, Dns) else message.server_name)
    return False, domain if domain in POOLS and domain is not None else ""


def again(evidence: Evidence) -> float:
    """Return p again from the assumed rate and the site's own days."""
    basis = evidence.basis
    return shrunk(basis["rate"], int(basis.get("uses", 0)), int(basis.get("device_days", 0)))


def recount(evidence: Evidence, archive: Archive) -> float | None:
    """Return the seconds of the day's longest connection with that pool again; 1 for a name that was shown."""
    day = int(evidence.basis["day"]) * DAY_NS
    if archive.since_ns > day:
        return None
    if evidence.model not in ("mining.talk/1", "mining.stratum/1"):
        return 1.0 if evidence.records else None
    place = next(key.partition(":")[2] for key in evidence.keys if key.startswith("destination:"))
    address, _, port = place.rpartition(":")
    if evidence.model == "mining.stratum/1":
        rows = archive.rows(
            "SELECT count(*) FROM messages WHERE kind = 'stratum' AND device = ? AND resp_h = ? AND resp_p = ? "
            "AND tick > ? AND tick <= ?", (evidence.entity.id, address, int(port), day, parse(evidence.ts)),
        )  # fmt: skip
        return min(1.0, float(rows[0][0]))
    rows = archive.rows(
        "SELECT max(duration) FROM flows WHERE orig_device = ? AND resp_h = ? AND resp_p = ? AND tick > ? "
        "AND tick <= ?",
        (evidence.entity.id, address, int(port), day, parse(evidence.ts)),
    )
    return float(rows[0][0] or 0) / SECOND_NS
