"""Real host-days as templates for simulated devices: their flows, and whom each pair of them was with.

M57's first day (an office, both directions seen) and the taidoor capture's day without its command and control. The
latter was taken in one direction: its times and pairs are used, and the counts and states of M57's flows to the same
port in place of its own. What the zat logs hold is four minutes, too little for a day, and is not used.
"""

import ipaddress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sensor.model import addresses
from sensor.model.flow import FLOW
from sensor.model.metadata import Dns
from sensor.sources.zeek import ZeekSource

DAY_NS = 86_400 * 10**9
HOST_FLOWS_MIN = 300
"""A host with fewer flows in its day is no template."""
C2 = "104.248.234.238"
RESOLVER, SERVER, BROADCAST, OUTSIDE = range(4)
"""What the other side of a pair is."""
_BORROWED = (
    *("duration", "conn_state", "orig_bytes", "resp_bytes", "missed_bytes", "orig_pkts", "orig_ip_bytes", "resp_pkts"),
    *("resp_ip_bytes", "history", "service"),
)


@dataclass(frozen=True)
class HostDay:
    """One real host on one real day. `pair` is each flow's pair; `kinds` and `names` are by pair."""

    origin: str
    flows: np.ndarray
    pair: np.ndarray
    kinds: tuple
    names: tuple


def read(data):
    """Return every host-day of the real days in a data folder, those of M57 first."""
    m57 = _day(Path(data) / "network" / "m57-day1-zeek")
    taidoor = _day(Path(data) / "network" / "c2-taidoor-zeek")
    lent = m57[0]
    return [*_hosts("m57", *m57), *_hosts("taidoor", _two_way(taidoor[0], lent), taidoor[1])]


def _day(folder):
    """Return (flows, name by address words) of a folder of Zeek logs."""
    parts, names = [], {}
    for log in ("conn", "dns"):
        for path in (folder / f"{log}.log", folder / f"{log}.log.gz"):
            if not path.exists():
                continue
            for batch in ZeekSource(path, "real", 0).batches():
                parts.append(batch.flows.copy())
                for message in batch.messages:
                    if isinstance(message, Dns) and message.query:
                        names |= dict.fromkeys(message.addresses, message.query)
    flows = np.concatenate([part for part in parts if len(part)])
    return flows[flows["orig_lo"] != addresses.parse(C2)[1]], names


def _two_way(flows, lent):
    """Give flows of a one-way capture what both-way flows to the same port and protocol look like."""
    rng = np.random.default_rng(57)
    flows = flows[flows["resp_lo"] != addresses.parse(C2)[1]].copy()
    known = lent["resp_p"].astype(np.int64) << 8 | lent["proto"]
    wanted = flows["resp_p"].astype(np.int64) << 8 | flows["proto"]
    keep = np.isin(wanted, known)
    flows, wanted = flows[keep], wanted[keep]
    for key in np.unique(wanted).tolist():
        here, there = np.nonzero(wanted == key)[0], np.nonzero(known == key)[0]
        like = lent[rng.choice(there, len(here))]
        for name in _BORROWED:
            column = flows[name]
            column[here] = like[name]
    return flows


def _hosts(origin, flows, names):
    local = np.array([ipaddress.ip_address(_text(row)).is_private for row in flows], bool)
    flows = flows[local & (flows["orig_hi"] == 0)]
    found = []
    for lo in np.unique(flows["orig_lo"]).tolist():
        own = flows[flows["orig_lo"] == lo]
        if len(own) >= HOST_FLOWS_MIN:
            found.append(_template(f"{origin} {addresses.text(0, lo)}", own, names))
    return found


def _template(origin, own, names):
    own = own[np.argsort(own["ts"], kind="stable")].copy()
    own["ts"] %= DAY_NS
    own = own[np.argsort(own["ts"], kind="stable")]
    keys = [(int(row["resp_lo"]), int(row["resp_p"]), int(row["proto"])) for row in own]
    known = {key: number for number, key in enumerate(dict.fromkeys(keys))}
    kinds, called = [], []
    for lo, port, _ in known:
        address = addresses.text(0, lo)
        kinds.append(_kind(address, port))
        called.append(names.get(address, ""))
    own["local_orig"], own["local_resp"] = -1, -1
    return HostDay(origin, own.astype(FLOW), np.array([known[key] for key in keys]), tuple(kinds), tuple(called))


def _kind(address, port):
    place = ipaddress.ip_address(address)
    if port == 53:
        return RESOLVER
    if place.is_multicast or address.endswith(".255"):
        return BROADCAST
    return SERVER if place.is_private else OUTSIDE


def _text(row):
    return addresses.text(row["orig_hi"], row["orig_lo"])
