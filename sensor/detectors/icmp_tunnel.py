"""ICMP tunnels: echo that carries what no ping carries.

An echo reply returns the data of its request (RFC 792; RFC 4443 §4.2), and a ping has one size: on public benign
captures all 24 echo pairs that were answered returned as many bytes as were asked with, of at most 76. Told of are
pairs of hosts, by day, whose

- replies return another size than their requests (tools that carry a shell or a connection in the replies);
- hosts both ask each other with more than a ping's bytes (backdoors that answer by a request of their own);
- messages of one side are large and of many sizes: of more than two, as an ordinary ping and a large one to the same
  host are one flow of two, and of more packets than a path's MTU is found with. Replies that answer no request count
  too: where a tunnel's other end has a second address, they are all that there is of it.

Where an SSH connection begins in the data (`sensor.packets.carried`), that is evidence by itself, whatever the sizes.

A reply that was lost is no other size: where replies are fewer, what is missing must be more than a packet can carry.

No rate of these was ever measured above zero, so the rates are assumed and named so. Large pings of one size, as a
path's MTU is tried with, open nothing: they are listed.

Not here: what else the payload says; other ICMP messages.
"""

from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from baselines.distinct import values_of
from baselines.evidence import decibans
from baselines.keyed import KeyedTable
from sensor.detectors.archived import device_flows, other_side
from sensor.detectors.first_contacts import WALK_ECHO, contacts
from sensor.detectors.parties import flow_records, keys_of, party, seen_as
from sensor.model import addresses
from sensor.model.archive import Archive
from sensor.model.evidence import Entity, Evidence, Finding, Record
from sensor.model.flow import ICMP, ICMPV6
from sensor.model.ids import identify
from sensor.model.metadata import Ssh
from sensor.model.result import Coverage
from sensor.model.tick import Names, Tick
from sensor.model.times import DAY_NS, parse, rfc3339

PAIRS_MAX = 1 << 18
"""(device, other side) pairs of about 120 bytes; the half unused longest goes first."""
STEP_MAX = PAIRS_MAX // 8
"""Echo flows of a step that are judged; further ones are only counted."""
PING_BYTES = 128
"""No ping program sends as much by itself: 32 (Windows), 56 (BSD, Linux), up to 76 in the benign captures."""
UNLIKE_BYTES = 8
"""Difference of mean sizes that counts: a header, below which padding may be."""
SEARCHED = 32
"""Large requests that trying sizes by hand explains: an MTU between 1280 and 1500 is found by halving in 8 steps, and
Windows sends 4 echoes a step."""
PACKET_MAX = 9_216
"""Bytes of the largest packet that switches pass: a jumbo frame's."""
RUNS_MAX = 1 << 16
"""Packets of a flow up to which its sizes are told apart; a longer flow of pings is monitoring or a flood."""
RATES = {"unlike": 1e-3, "mutual": 1e-3, "sizes": 1e-3, "large": 5e-2}
"""Assumed: device-days that show it without a tunnel. Zero of 33 echo pairs on public benign captures showed the first
three, which bounds them only by .09; `large` is what trying an MTU looks like."""
SSH_RATE = 1e-4
"""Assumed: no ping's data are an SSH identification, and no echo of the public benign captures held one."""
SSH_MAX = 1 << 14
"""(device, other side, day) with SSH that are remembered; the oldest goes."""
_ECHO_REPLY, _ECHO_REPLY_V6 = 0, 129
"""RFC 792; RFC 4443 §4.2."""
_COLUMNS = (
    *("pkts", "bytes", "reply_pkts", "reply_bytes", "in_pkts", "in_bytes"),
    *("unlike", "sizes", "day", "large", "answers"),
)


def detector(names: Names, secret: int) -> "IcmpTunnel":
    """Make the detector of this module."""
    return IcmpTunnel(names, secret)


class IcmpTunnel:
    """Echo by (device, other side) and day."""

    name = "icmp_tunnel"
    family = "tunnel"
    techniques: tuple[str, ...] = ("T1095",)
    needs = "nothing"
    unit = "bytes of echo payload a day"
    citation = "RFC 792, echo: the data received must be returned"

    def __init__(self, names: Names, secret: int) -> None:
        self._names = names
        self._pairs = KeyedTable(dict.fromkeys(_COLUMNS, (np.int64, (), 0)), PAIRS_MAX, secret)
        self._seen = 0
        self._ssh: dict[str, None] = {}
        self.uncounted = 0

    @property
    def saturation(self) -> dict[str, float]:
        """Share of the cap in use."""
        return {"icmp_pairs": self._pairs.saturation}

    def score(self, tick: Tick) -> list[Finding]:
        """Count the tick's echo and judge the pairs that it touched."""
        if tick.merged:
            self._pairs.rename(dict(tick.merged))
        return [*self._carried(tick), *self._counted(tick)]

    def _counted(self, tick: Tick) -> list[Finding]:
        flows = tick.flows
        on = (contacts(tick).walk == WALK_ECHO) | _answers_nothing(flows)
        on &= (flows["orig_bytes"] > 0) | (flows["resp_bytes"] > 0)
        at = np.nonzero(on)[0]
        self.uncounted += max(0, len(at) - STEP_MAX)
        at = at[:STEP_MAX]
        self._seen += len(at)
        if len(at) == 0:
            return []
        asked = at[tick.orig_device[at] >= 0]
        heard = at[tick.resp_device[at] >= 0]
        self._pairs.reserve(len(asked) + len(heard))
        out = self._rows(tick, asked, tick.orig_device, "resp")
        into = self._rows(tick, heard, tick.resp_device, "orig")
        self._count(flows[asked], out, incoming=False)
        self._count(flows[heard], into, incoming=True)
        found = []
        for row in values_of(np.concatenate([out, into])).tolist():
            of = np.union1d(asked[out == row], heard[into == row])
            if (finding := self._judge(tick, row, of)) is not None:
                found.append(finding)
        return found

    def learn(self, tick: Tick, flagged: NDArray[np.bool_]) -> None:
        """Do nothing: the day's counts are a judgement, there is no habit."""

    def coverage(self) -> Coverage:
        """Say whether echo was seen."""
        if not self._seen:
            return Coverage(detector=self.name, state="no_input", why="no ICMP echo of a local device with a payload")
        more = f"; {self.uncounted:,} over {STEP_MAX:,} at once only counted" if self.uncounted else ""
        return Coverage(detector=self.name, state="judged", why=f"{self._seen:,} echo flows of local devices{more}")

    def save(self) -> dict[str, NDArray[Any]]:
        """Return its state as named arrays."""
        state = {f"pairs/{name}": column for name, column in self._pairs.save().items()}
        ssh = np.frombuffer(msgspec.json.encode(list(self._ssh)), np.uint8)
        return state | {"seen": np.array([self._seen, self.uncounted], np.int64), "ssh": ssh}

    def load(self, state: dict[str, NDArray[Any]]) -> None:
        """Restore what `save` returned. Raises ValueError for a version it cannot read."""
        if not state:
            return
        self._pairs.load({name[6:]: column for name, column in state.items() if name.startswith("pairs/")})
        self._seen, self.uncounted = (int(value) for value in state["seen"])
        if "ssh" in state:
            self._ssh = dict.fromkeys(msgspec.json.decode(state["ssh"].tobytes(), type=list[str]))

    def _carried(self, tick: Tick) -> list[Finding]:
        """Tell of SSH that begins in echo, once a day and pair; of two devices the one that opened the flow."""
        found = []
        for message, device, site in zip(tick.messages, tick.message_device.tolist(), tick.message_site, strict=True):
            if not isinstance(message, Ssh) or message.proto not in (ICMP, ICMPV6):
                continue
            row = device if device >= 0 else self._names.locate(site, message.resp_h)
            other = message.resp_h if device >= 0 else message.orig_h
            key = f"{row} {other} {message.ts // DAY_NS}"
            if row < 0 or key in self._ssh:
                continue
            self._ssh[key] = None
            if len(self._ssh) > SSH_MAX:
                del self._ssh[next(iter(self._ssh))]
            found.append(self._ssh_finding(tick, message, row, site, other))
        return found

    def _ssh_finding(self, tick: Tick, message: Ssh, row: int, site: int, other: str) -> Finding:
        names, day = self._names, message.ts // DAY_NS
        whom = party(names, names.locate(site, other), *addresses.parse(other))
        name, at, identity = names.device_name(row), names.device_site(row), names.device_id(row)
        text = (
            f"{name} and {whom.name} speak SSH inside ICMP echo: {message.client or message.server}. A ping's data are "
            f"a pattern or a time; assumed, not measured: one in {1 / SSH_RATE:,.0f} device-days."
        )
        record = Record(input=names.input_path(message.input), uid=message.uid or None, offset=message.offset)
        evidence = Evidence(
            id=identify("EV", at, identity, self.name, "ssh", other, day), ts=rfc3339(tick.end_ns), site=at,
            entity=Entity(kind="device", id=identity), detector=self.name, family=self.family, source="network",
            observed=1.0, expected=0.0, range=None, reference="analytic", reference_n=0, p=SSH_RATE,
            db=decibans(SSH_RATE), text=text, records=(record,), model="icmp_tunnel.ssh/1",
            basis={"day": float(day), "rate_ssh": SSH_RATE}, keys=keys_of([whom]),
        )  # fmt: skip
        return Finding(
            evidence=evidence, device=row, name=name, techniques=(*self.techniques, "T1572"), peers=(whom,), opens=True,
            check=f"Which program on {name} sends ICMP echo? A raw-socket process that is no ping is the tunnel's end.",
        )  # fmt: skip

    def _rows(self, tick: Tick, at: NDArray[np.int64], device: NDArray[np.int32], other: str) -> NDArray[np.int32]:
        """Return the row of each flow's pair; a pair of another day begins anew."""
        hi, lo = tick.flows[f"{other}_hi"][at], tick.flows[f"{other}_lo"][at]
        rows = self._pairs.insert(device[at].astype(np.uint64), hi.copy(), lo.copy())
        columns, day = self._pairs.columns, (tick.end_ns - 1) // DAY_NS
        stale = values_of(rows[columns["day"][rows] != day])
        for name in _COLUMNS:
            columns[name][stale] = 0
        columns["day"][rows] = day
        columns["last"][rows] = tick.end_ns
        return rows

    def _count(self, flows: NDArray[np.void], rows: NDArray[np.int32], *, incoming: bool) -> None:
        columns = self._pairs.columns
        sent, back = np.maximum(flows["orig_bytes"], 0), np.maximum(flows["resp_bytes"], 0)
        sent_n, back_n = np.maximum(flows["orig_pkts"], 0), np.maximum(flows["resp_pkts"], 0)
        large, answers = sent > PING_BYTES * np.maximum(sent_n, 1), _answers_nothing(flows)
        # A late reply to a large ping is no request of the other side.
        np.add.at(columns["answers"], rows, np.where(large & answers, sent_n, 0))
        if incoming:
            np.add.at(columns["in_pkts"], rows, np.where(large & ~answers, sent_n, 0))
            np.add.at(columns["in_bytes"], rows, np.where(large, sent, 0))
        else:
            for name, value in (("pkts", sent_n), ("bytes", sent), ("reply_pkts", back_n), ("reply_bytes", back)):
                np.add.at(columns[name], rows, value)
            np.add.at(columns["large"], rows, np.where(large & ~answers, sent_n, 0))
        varied = [at for at in np.nonzero(large)[0].tolist() if _has_many_sizes(flows[at])]
        np.add.at(columns["sizes"], rows[varied], 1)
        np.add.at(columns["unlike"], rows, np.where(_differs(sent, sent_n, back, back_n), back_n, 0))

    def _judge(self, tick: Tick, row: int, of: NDArray[np.int64]) -> Finding | None:
        held = {name: int(self._pairs.columns[name][row]) for name in _COLUMNS}
        flow = tick.flows[of[-1]]
        device = int(self._pairs.columns["keys"][row, 0])
        told = [name for name in RATES if self._shows(name, held)]
        told = [name for name in told if name != "large" or len(told) == 1]  # the others say more than it
        outgoing = int(tick.orig_device[of[-1]]) == device
        other = int(tick.resp_device[of[-1]] if outgoing else tick.orig_device[of[-1]])
        if not told or (other >= 0 and (held["bytes"], device) < (held["in_bytes"], other)):
            return None  # of two devices the one that asks with more is told of
        return self._finding(tick, flow, device, other, outgoing, held, told, flow_records(self._names, tick.flows[of]))

    @staticmethod
    def _shows(what: str, held: dict[str, int]) -> bool:
        return {
            "unlike": held["unlike"] >= 2,
            "mutual": held["in_pkts"] > 0 and held["large"] > 0,
            "sizes": held["sizes"] > 0 and _most(held) > SEARCHED,
            "large": held["large"] >= 4,
        }[what]

    def _finding(
        self, tick: Tick, flow: np.void, device: int, other: int, outgoing: bool, held: dict[str, int],
        told: list[str], records: tuple[Any, ...],
    ) -> Finding:  # fmt: skip
        names, day = self._names, (tick.end_ns - 1) // DAY_NS
        side = "resp" if outgoing else "orig"
        whom = party(names, other, int(flow[f"{side}_hi"]), int(flow[f"{side}_lo"]))
        address = addresses.text(flow[f"{side}_hi"], flow[f"{side}_lo"])
        near = "orig" if outgoing else "resp"
        own = addresses.text(flow[f"{near}_hi"], flow[f"{near}_lo"])
        name, site, identity = names.device_name(device), names.device_site(device), names.device_id(device)
        basis: dict[str, float] = {"day": day, **{f"rate_{what}": RATES[what] for what in told}}
        basis |= {what: float(value) for what, value in held.items() if what != "day"}
        p = _p(basis)
        total = held["bytes"] + held["reply_bytes"] + held["in_bytes"]
        text = (
            f"{seen_as(names, device, own)} exchanged {total:,} bytes in ICMP echo with {whom.name}: "
            f"{_why(told, held)}. A reply returns the "
            f"data of its request, and pings carry {PING_BYTES} bytes or less; assumed, not measured: one in "
            f"{1 / p:,.0f} device-days."
        )
        evidence = Evidence(
            id=identify("EV", site, identity, self.name, address, day), ts=rfc3339(tick.end_ns), site=site,
            entity=Entity(kind="device", id=identity), detector=self.name, family=self.family, source="network",
            observed=float(total), expected=0.0, range=(0.0, 4.0 * PING_BYTES), reference="analytic", reference_n=0,
            p=p, db=decibans(p), text=text, records=records, model="icmp_tunnel.echo/1", basis=basis,
            keys=keys_of([whom]),
        )  # fmt: skip
        return Finding(
            evidence=evidence, device=device, name=name, techniques=self.techniques, peers=(whom,),
            opens=told != ["large"], digest=False,
            check=f"Which program on {name} sends ICMP echo? A raw-socket process that is no ping is the tunnel's end.",
        )  # fmt: skip


def _answers_nothing(flows: NDArray[np.void]) -> NDArray[np.bool_]:
    """Tell which flows begin with an echo reply; bool, shape (n,)."""
    first = flows["orig_p"]
    reply = (flows["proto"] == ICMP) & (first == _ECHO_REPLY) | (flows["proto"] == ICMPV6) & (first == _ECHO_REPLY_V6)
    return np.asarray(reply, np.bool_)


def _most(held: dict[str, int]) -> int:
    return max(held["large"], held["in_pkts"], held["answers"])


def _differs(
    sent: NDArray[np.int64], sent_n: NDArray[np.int64], back: NDArray[np.int64], back_n: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """Tell which flows' replies are no copies of their requests, lost ones allowed for."""
    both = (sent_n > 0) & (back_n > 0)
    apart = np.abs(sent / np.maximum(sent_n, 1) - back / np.maximum(back_n, 1)) >= UNLIKE_BYTES
    spare = (sent - back) / np.maximum(1, sent_n - back_n)  # what each of the missing replies would have carried
    return np.asarray(both & apart & ((sent_n <= back_n) | (spare < 0) | (spare > PACKET_MAX)), np.bool_)


def _has_many_sizes(flow: np.void) -> bool:
    """Tell whether a flow's packets have more than two sizes, from their number, sum and sum of squares alone.

    Two sizes a and a + d, of which n₂ packets are the larger, make n a + n₂ d the sum and n₁ n₂ d² / n the squared
    deviations: whole numbers fit that only for few n₂, and by chance about once in 2 d flows.
    """
    n = int(flow["orig_pkts"] + flow["resp_pkts"])
    if not (flow["size_sq"] >= 0 and 2 < n <= RUNS_MAX):  # NaN: a log does not tell
        return False
    total, squares = int(flow["orig_ip_bytes"] + flow["resp_ip_bytes"]), int(flow["size_sq"])
    deviations = n * squares - total**2
    if deviations <= (n * UNLIKE_BYTES) ** 2:
        return False
    larger = np.arange(1, n, dtype=np.int64)
    apart = np.rint(np.sqrt(float(deviations) / (larger * (n - larger)))).astype(np.int64)
    fits = (total - larger * apart) % n == 0
    exact = [
        n2 * (n - n2) * d * d == deviations for n2, d in zip(larger[fits].tolist(), apart[fits].tolist(), strict=True)
    ]
    return not any(exact)


def _p(basis: dict[str, float]) -> float:
    """Return the union over what is shown: the least rate, times how many there are."""
    rates = [value for name, value in basis.items() if name.startswith("rate_")]
    return min(1.0, min(rates) * len(rates))


def _why(told: list[str], held: dict[str, int]) -> str:
    parts = {
        "unlike": f"{held['unlike']:,} replies carried another size than their requests",
        "mutual": f"both sides asked with over {PING_BYTES} bytes ({held['large']:,} and {held['in_pkts']:,} times)",
        "sizes": f"{_most(held):,} messages over {PING_BYTES} bytes were of many sizes",
        "large": f"{held['large']:,} requests were larger than {PING_BYTES} bytes",
    }
    return "; ".join(parts[what] for what in told)


def recount(evidence: Evidence, archive: Archive) -> float | None:
    """Sum the payload of the pair's echo on that day again."""
    begin, device = int(evidence.basis["day"]) * DAY_NS, evidence.entity.id
    if evidence.model == "icmp_tunnel.ssh/1":
        return _recount_ssh(evidence, archive, begin)
    rows = device_flows(archive, evidence, begin, begin + DAY_NS)
    if rows is None:
        return None
    peers, total = {key.partition(":")[2] for key in evidence.keys}, 0
    for row in rows:
        if row.proto != "icmp" or not peers & set(other_side(row, device)):
            continue
        sent, back = max(0, row.orig_bytes or 0), max(0, row.resp_bytes or 0)
        if row.orig_device == device:
            total += sent + back
        elif sent > PING_BYTES * max(1, row.orig_pkts or 0):
            total += sent
    return float(total)


def _recount_ssh(evidence: Evidence, archive: Archive, begin: int) -> float | None:
    """Return 1 where the pair's echo still says that it is SSH."""
    if archive.since_ns > begin:
        return None
    rows = archive.rows(
        "SELECT count(*) FROM messages WHERE kind = 'ssh' AND ip_proto IN (1, 58) AND uid = ? AND tick > ? "
        "AND tick <= ?",
        (evidence.records[0].uid, begin, parse(evidence.ts)),
    )
    return min(1.0, float(rows[0][0]))


def again(evidence: Evidence) -> float | None:
    """Return p again from the rates in the basis."""
    rates = sorted(value for name, value in evidence.basis.items() if name.startswith("rate_"))
    return min(1.0, len(rates) * rates[0]) if rates else None
